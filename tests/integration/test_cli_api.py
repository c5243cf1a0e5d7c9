"""The commands that ask and administrate, held to the HTTP contract by a server that plays the gateway."""

import contextlib
import json
import os
import pty
import re
import socket
import subprocess
import threading
import time

import pytest

from harness import PATIENCE
from harness.fake import FakeGateway
from harness.gateway import environment, program, run_parley

OK, FAILED, USAGE, UNAVAILABLE, TRY_AGAIN, PROTOCOL, REFUSED = 0, 1, 2, 69, 75, 76, 77
SECRET = "s3cret-canary.~_-"

AGENT = {
    "agent_id": "timmy",
    "agentId": "timmy",
    "name": "Timmy",
    "role": "guide",
    "type": "pi",
    "dialect": "world",
    "status": "online",
    "capabilities": {"chat": True, "streaming": False, "tools": ["search"], "modes": [], "custom": {"gpu": 1, "no": False}},
    "connected_at": time.time(),
    "client_id": "c-abcdefghijklm",
    "world": "main",
}


def client(number=0, **members):
    now = int(time.time() * 1000)
    return {
        "id": f"c-client{number:07}",
        "dialect": "world",
        "authenticated": True,
        "userId": "kitchen",
        "agentId": "timmy",
        "sessions": ["world:main", "world:attic"],
        "connectedAt": now - 1000,
        "lastActivityAt": now - 65_000,
        "ip": "127.0.0.1",
        "userAgent": "pytest",
        "dropped": 3,
    } | members


@pytest.fixture
def fake():
    with FakeGateway() as server:
        yield server


@pytest.fixture
def secret_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(SECRET + "\nsecond line\n")
    return path


def expect(code, *arguments, url=None, **options):
    done = run_parley(*arguments, url=url, **options)
    assert done.returncode == code, (arguments, done)
    assert "\x1b" not in done.stdout + done.stderr, "a control character reached the output"
    assert SECRET not in done.stdout + done.stderr
    return done


def columns(line):
    return re.split(r" {2,}", line.strip())


# --- what is sent ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words, target",
    [
        (["agents"], "/api/gateway/agents?limit=1000"),
        (
            ["agents", "--capability", "tools:a b&c", "--type", "pi", "--status", "all"],
            "/api/gateway/agents?limit=1000&capability=tools:a%20b%26c&type=pi&status=all",
        ),
        (["clients"], "/api/gateway/clients?limit=1000"),
        (["clients", "c-abcdefghijklm"], "/api/gateway/clients/c-abcdefghijklm"),
        (["clients", "a:b@c"], "/api/gateway/clients/a:b@c"),
        (["sessions"], "/api/gateway/sessions?limit=1000"),
        (["status"], "/api/gateway/status"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_asked(fake, words, target):
    fake.answer(200, {"agents": [], "clients": [], "sessions": []})
    expect(OK, *words, url=fake.url)
    assert (fake.last.method, fake.last.target) == ("GET", target)
    assert "authorization" not in fake.last.fields


@pytest.mark.parametrize(
    "words, target, sent, status, answer",
    [
        (["kick", "timmy"], "clients/timmy/kick", {}, 200, {"kicked": "c-a"}),
        (["kick", "timmy", 'too "loud"'], "clients/timmy/kick", {"reason": 'too "loud"'}, 200, {"kicked": "c-a"}),
        (["drain"], "drain", {}, 202, {"status": "draining"}),
        (["ticket"], "tickets", {}, 201, {"ticket": "abc", "expires_at": 1}),
        (
            ["ticket", "--publish", "bark|scene_*", "--sessions=world:main", "--act-as", "t*", "--agent-id", "timmy"],
            "tickets",
            {"publish": "bark|scene_*", "sessions": "world:main", "act_as": "t*", "agent_id": "timmy"},
            201,
            {"ticket": "abc", "expires_at": 1},
        ),
        (
            ["ticket", "--broadcast", "--admin", "--ttl", "1500ms"],
            "tickets",
            {"broadcast": True, "admin": True, "ttl_ms": 1500},
            201,
            {"ticket": "abc", "expires_at": 1},
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_done(fake, words, target, sent, status, answer):
    fake.answer(status, answer)
    done = expect(OK, *words, url=fake.url)
    assert (fake.last.method, fake.last.target) == ("POST", f"/api/gateway/{target}")
    assert fake.last.json == sent
    assert done.stderr.startswith("parley: ")
    assert done.stdout == ("abc\n" if words[0] == "ticket" else "")


@pytest.mark.parametrize("expires_at", [1_700_000_000.5, 1_700_000_000_500])
def test_until_when_a_ticket_is_good(fake, expires_at):
    fake.answer(201, {"ticket": "abc", "expires_at": expires_at})
    clock = time.strftime("%H:%M:%S", time.localtime(1_700_000_000))
    assert f"until {clock}" in expect(OK, "ticket", url=fake.url).stderr


@pytest.mark.parametrize(
    "words",
    [
        ["kick"],
        ["kick", "a/b"],
        ["kick", "a", "b", "c"],
        ["clients", "a?b"],
        ["clients", "a", "b"],
        ["clients", "x" * 129],
        ["agents", "extra"],
        ["sessions", "extra"],
        ["drain", "extra"],
        ["ticket", "extra"],
        ["ticket", "--ttl", "61s"],
        ["ticket", "--ttl", "60"],
        ["ticket", "--ttl", "0s"],
    ],
    ids=lambda words: " ".join(words)[:30],
)
def test_wrong_use(fake, words):
    done = expect(USAGE, *words, url=fake.url)
    assert done.stdout == "" and done.stderr.startswith("parley: ")
    assert fake.requests == []


@pytest.mark.parametrize("fields", ["Connection: close", f"Content-Length: {1 << 40}", "Transfer-Encoding: chunked"])
def test_an_answer_without_an_end(fields):
    """It is not read on for longer than any that is expected."""
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    stopped = threading.Event()

    def answer_for_ever(server):
        with contextlib.suppress(OSError), server.accept()[0] as peer:
            peer.recv(4096)
            peer.sendall(f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode())
            while not stopped.is_set():
                peer.sendall(chunk)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer_for_ever, args=(server,), daemon=True)
        thread.start()
        try:
            done = run_parley("agents", url=f"http://127.0.0.1:{server.getsockname()[1]}")
        finally:
            stopped.set()
            thread.join(PATIENCE)
    assert done.returncode == PROTOCOL and "larger than any that is expected" in done.stderr, done


def test_over_a_unix_socket(tmp_path):
    with FakeGateway(unix=tmp_path / "parley.sock") as fake:
        fake.answer(200, {"sessions": []})
        expect(OK, "sessions", "--url", fake.url)
        assert fake.last.target == "/api/gateway/sessions?limit=1000"


# --- credentials -----------------------------------------------------------------------------

ASKING = [["agents"], ["clients"], ["sessions"], ["status"], ["kick", "a"], ["drain"], ["ticket"]]


@pytest.mark.parametrize("words", ASKING, ids=" ".join)
def test_the_token_is_sent(fake, secret_file, words):
    fake.answer(200, {"agents": [], "clients": [], "sessions": [], "ticket": "abc"})
    expect(OK, *words, "--token-file", str(secret_file), url=fake.url)
    expect(OK, *words, "--token-file", "-", url=fake.url, stdin=f"{SECRET}\r\n")
    done = subprocess.run(
        [program(), *words], env=environment(PARLEY_URL=fake.url, PARLEY_TOKEN=SECRET), timeout=PATIENCE, check=True,
        capture_output=True, text=True,
    )
    assert "warning" not in done.stderr, "loopback is no network"
    assert [request.fields["authorization"] for request in fake.requests] == [f"Bearer {SECRET}"] * 3


def test_the_file_comes_before_the_environment(fake, secret_file):
    fake.answer(200, {"sessions": []})
    subprocess.run(
        [program(), "sessions", "--token-file", str(secret_file)],
        env=environment(PARLEY_URL=fake.url, PARLEY_TOKEN="other"), timeout=PATIENCE, check=True, capture_output=True,
    )
    assert fake.last.fields["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize("words", [["tail"], ["send", "bark"]], ids=" ".join)
def test_the_token_is_sent_with_the_handshake(fake, secret_file, words):
    fake.refuse(403, "FORBIDDEN", "this token may not enter the world main")
    done = expect(REFUSED, *words, "--token-file", str(secret_file), url=fake.url)
    assert fake.last.fields["authorization"] == f"Bearer {SECRET}"
    assert "may not enter the world main" in done.stderr


@pytest.mark.parametrize("content", [b"", b"\nsecond\n", b"a\0b\n", b"a\x1b[1mb\n", b"x" * 5000], ids=repr)
def test_what_is_no_token(fake, tmp_path, content):
    path = tmp_path / "token"
    path.write_bytes(content)
    done = expect(USAGE, "sessions", "--token-file", str(path), url=fake.url)
    assert str(path) in done.stderr and "no token" in done.stderr
    assert fake.requests == []


def test_no_token_file(fake, tmp_path):
    done = expect(USAGE, "sessions", "--token-file", str(tmp_path / "none"), url=fake.url)
    assert "No such file" in done.stderr


@pytest.mark.parametrize("words", [["--token", SECRET], [f"--token={SECRET}"], ["--password", SECRET]], ids=["two", "one", "password"])
@pytest.mark.parametrize("command", ["serve", "status", "tail", "send", "kick", "protocol", "version", "completion"])
def test_a_secret_is_no_flag(command, words):
    done = expect(USAGE, command, *words)
    assert "--token-file" in done.stderr


def test_a_token_on_a_network_is_warned_about(secret_file):
    """Nobody listens at that address; the warning comes before the attempt."""
    done = expect(UNAVAILABLE, "sessions", "--token-file", str(secret_file), "--url", "http://parley.invalid:1")
    assert "warning" in done.stderr and "unencrypted" in done.stderr
    done = expect(UNAVAILABLE, "sessions", "--url", "http://parley.invalid:1")
    assert "warning" not in done.stderr


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status, code, exits",
    [
        (400, "INVALID_MESSAGE", FAILED),
        (401, "AUTH_REQUIRED", REFUSED),
        (403, "FORBIDDEN", REFUSED),
        (404, "TARGET_NOT_FOUND", FAILED),
        (409, "CONFLICT", FAILED),
        (413, "MESSAGE_TOO_LARGE", FAILED),
        (415, "UNSUPPORTED_MEDIA_TYPE", FAILED),
        (421, "FORBIDDEN", REFUSED),
        (429, "RATE_LIMITED", TRY_AGAIN),
        (503, "SHUTTING_DOWN", TRY_AGAIN),
    ],
)
@pytest.mark.parametrize("words", [["status"], ["kick", "a"]], ids=" ".join)
def test_refusals(fake, status, code, exits, words):
    fake.refuse(status, code, "the gateway's own sentence\x1b[31m")
    done = expect(exits, *words, url=fake.url)
    assert done.stdout == ""
    assert f"{code}: the gateway's own sentence\\x1b[31m" in done.stderr
    assert ("--token-file" in done.stderr) == (status == 401)


def test_how_long_to_wait(fake):
    fake.refuse(429, "RATE_LIMITED", "too many failures", retry_after_ms=61_001)
    for words in (["sessions"], ["send", "bark"]):
        assert "try again in 1m 2s" in expect(TRY_AGAIN, *words, url=fake.url).stderr


@pytest.mark.parametrize(
    "status, body",
    [(200, b"<html>"), (200, b"[]"), (200, b"{}"), (404, b"<html>"), (500, b'{"error":"x"}'), (404, b'{"error":{"code":1}}'), (302, b"")],
)
def test_not_a_gateway(fake, status, body):
    fake.answer(status, body)
    assert "Parley gateway?" in expect(PROTOCOL, "agents", url=fake.url).stderr
    if status != 200:
        assert "Parley gateway?" in expect(PROTOCOL, "tail", url=fake.url).stderr


def test_no_world_there(fake):
    fake.refuse(404, "NOT_FOUND", "nothing is served at /ws/matrix")
    assert "no WebSocket is served there" in expect(PROTOCOL, "send", "bark", url=fake.url).stderr


# --- what is shown ---------------------------------------------------------------------------


def test_agents(fake):
    plain = dict.fromkeys(AGENT) | {"agent_id": "b", "capabilities": ["x", "y"], "connected_at": 86400}
    fake.answer(200, {"agents": [AGENT, plain], "total": 2})
    head, timmy, other = expect(OK, "agents", url=fake.url).stdout.splitlines()
    assert columns(head) == ["AGENT", "ROLE", "TYPE", "STATUS", "WORLD", "SINCE", "CLIENT", "CAPABILITIES"]
    since = time.strftime("%H:%M:%S", time.localtime(AGENT["connected_at"]))
    assert columns(timmy) == [
        "timmy", "guide", "pi", "online", "main", since, "c-abcdefghijklm", "chat tools:search custom:gpu"
    ]
    assert columns(other) == ["b", "-", "-", "-", "-", "1970-01-02", "-", "x y"]
    assert head.index("CLIENT") == timmy.index("c-abc")


def test_agents_as_json(fake):
    fake.answer(200, {"agents": [AGENT, AGENT | {"agent_id": "b"}], "total": 2})
    lines = expect(OK, "agents", "--json", url=fake.url).stdout.splitlines()
    assert [json.loads(line) for line in lines] == [AGENT, AGENT | {"agent_id": "b"}]


def test_status(fake):
    status = {"status": "ok", "version": "1", "uptime_seconds": 61, "connections": 7, "sessions": 1, "total": 5}
    fake.answer(200, status | {"messages": {"received": 1, "delivered": 2, "dropped": 3}, "agents": [AGENT]})
    lines = expect(OK, "status", url=fake.url).stdout.splitlines()
    assert lines[0] == "parley 1   ok   up 1m 1s" and lines[2].split() == ["clients", "7"]
    assert columns(lines[-2])[0] == "timmy" and lines[-1].strip() == "and 4 more"


@pytest.mark.parametrize("json_flag", [[], ["--json"]], ids=["table", "json"])
def test_pages(fake, json_flag, secret_file):
    """A list that is longer than a page is asked for to its end, with the one token that stdin gave."""
    fake.answer(200, {"clients": [client(0)], "total": 3, "next": "c-client0000000"})
    fake.then(200, {"clients": [client(1)], "total": 3, "next": "a b"})
    fake.then(200, {"clients": [client(2)], "total": 3})
    done = expect(OK, "clients", "--token-file", "-", *json_flag, url=fake.url, stdin=SECRET)
    assert re.findall(r"c-client\d+", done.stdout) == [f"c-client{number:07}" for number in range(3)]
    first = "/api/gateway/clients?limit=1000"
    assert [request.target for request in fake.requests] == [first, f"{first}&after=c-client0000000", f"{first}&after=a%20b"]
    assert {request.fields["authorization"] for request in fake.requests} == {f"Bearer {SECRET}"}


def test_pages_without_end(fake):
    fake.answer(200, {"clients": [], "next": "x"})
    assert "nothing more in it" in expect(PROTOCOL, "clients", url=fake.url).stderr
    fake.answer(200, {"clients": [client()], "next": "x"}).then(404, {"error": {"code": "NOT_FOUND", "message": "it is gone"}})
    done = expect(FAILED, "clients", url=fake.url)
    assert "it is gone" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("command", ["agents", "clients", "sessions"])
def test_nobody(fake, command):
    fake.answer(200, {command: [], "total": 0})
    assert expect(OK, command, url=fake.url).stdout == f"  no {command}\n"
    assert expect(OK, command, "--json", url=fake.url).stdout == ""


def test_clients(fake):
    fake.answer(200, {"clients": [client(), client(1, agentId=None, userId="", ip="::1", dropped=0)], "total": 2})
    head, first, second = expect(OK, "clients", url=fake.url).stdout.splitlines()
    assert columns(head) == ["CLIENT", "AGENT", "USER", "ADDRESS", "SINCE", "IDLE", "DROPPED"]
    cells = columns(first)
    assert cells[:4] == ["c-client0000000", "timmy", "kitchen", "127.0.0.1"] and cells[6] == "3"
    assert re.fullmatch(r"1m \d+s", cells[5])
    assert columns(second)[:4] == ["c-client0000001", "-", "-", "::1"]


def test_one_client(fake):
    fake.answer(200, client())
    shown = dict(columns(line) for line in expect(OK, "clients", "timmy", url=fake.url).stdout.splitlines() if line[2] != " ")
    assert shown["client"] == "c-client0000000" and shown["program"] == "pytest" and shown["sessions"] == "world:main"
    text = expect(OK, "clients", "timmy", url=fake.url).stdout
    assert text.rstrip().endswith("world:attic")
    (line,) = expect(OK, "clients", "timmy", "--json", url=fake.url).stdout.splitlines()
    assert json.loads(line)["id"] == "c-client0000000"


def test_many_and_wide(fake):
    """A thousand rows in line, and one whose id is as long as ids can be moves nobody else's."""
    rows = [client(number) for number in range(999)] + [client(999, agentId="x" * 128)]
    fake.answer(200, {"clients": rows, "total": 1000})
    lines = expect(OK, "clients", url=fake.url).stdout.splitlines()
    assert len(lines) == 1001
    place = lines[0].index("USER")
    assert all(line[place:].startswith("kitchen") for line in lines[1:1000])
    assert columns(lines[1000])[1:3] == ["x" * 128, "kitchen"]
    assert not any(line.endswith(" ") for line in lines)


def test_what_others_sent_is_escaped(fake):
    evil = "\x1b]0;owned\x07\n\t\u202e\u009b2J"
    fake.answer(200, {"sessions": [{"name": evil, "members": 1, "agents": 0}]})
    head, row = expect(OK, "sessions", url=fake.url).stdout.splitlines()
    assert "\\x1b]0;owned" in row and columns(row)[-2:] == ["1", "0"]
    fake.answer(200, client(userAgent=evil, sessions=[evil]))
    assert evil[0] not in expect(OK, "clients", "a", url=fake.url).stdout


def on_a_terminal(fake, **more):
    """What a terminal gets."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [program(), "sessions"], stdin=slave, stdout=slave, stderr=slave,
        env=environment(PARLEY_URL=fake.url, **({"TERM": "xterm"} | more)),
    )
    os.close(slave)
    text = b""
    try:
        while part := os.read(master, 4096):
            text += part
    except OSError:
        pass  # how a terminal says that nobody is left
    os.close(master)
    assert process.wait(PATIENCE) == OK
    return text.decode()


def test_colour(fake):
    fake.answer(200, {"sessions": [{"name": "world:main", "members": 1, "agents": 0}]})
    assert on_a_terminal(fake, NO_COLOR="").startswith("\x1b[1m  SESSION")
    assert "\x1b" not in on_a_terminal(fake, NO_COLOR="1")
    assert "\x1b" not in on_a_terminal(fake, NO_COLOR="", TERM="dumb")
