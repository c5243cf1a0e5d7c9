"""The program as a person meets it: commands, exit codes, what is said where, the end of the daemon."""

import contextlib
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess

import pytest

from harness import PATIENCE
from harness.gateway import environment, parse_line, program, run_parley
from harness.raw import Frames, read_response
from harness.tail import Tail

OK, FAILED, USAGE, UNAVAILABLE, REFUSED, CONFIGURATION = 0, 1, 2, 69, 77, 78


def expect(code, *arguments, **options):
    done = run_parley(*arguments, **options)
    assert done.returncode == code, (arguments, done)
    assert "\x1b" not in done.stdout + done.stderr, "colour without a terminal"
    return done


@pytest.fixture
def nowhere():
    """A URL that nobody answers at."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{s.getsockname()[1]}"


# --- help and mistakes -----------------------------------------------------------------------


def test_version():
    done = expect(OK, "version")
    assert re.match(r"parley \d+\.\d+\.\d+", done.stdout), done
    assert done.stderr == ""
    assert expect(OK, "--version").stdout.split()[:2] == done.stdout.split()[:2]


@pytest.mark.parametrize("words", [["help"], ["--help"], ["-h"]])
def test_help(words):
    done = expect(OK, *words)
    assert done.stderr == ""
    for command in ("serve", "status", "tail", "send", "token", "password", "version"):
        assert re.search(rf"^\s+(parley )?{command}\b", done.stdout, re.M), command


@pytest.mark.parametrize("command", ["serve", "status", "tail", "send", "token", "password", "version"])
def test_help_of_a_command(command):
    texts = {expect(OK, command, "--help").stdout, expect(OK, command, "-h").stdout}
    texts.add(expect(OK, "help", command).stdout)
    (text,) = texts
    assert f"parley {command}" in text


def test_no_command():
    assert "serve" in expect(USAGE).stderr


@pytest.mark.parametrize(
    "words, meant",
    [(["stauts"], "status"), (["tial"], "tail"), (["serv"], "serve"), (["status", "--jsn"], "--json")],
)
def test_did_you_mean(words, meant):
    done = expect(USAGE, *words)
    assert "did you mean" in done.stderr.lower() and meant in done.stderr, done
    assert done.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        ["sta"],
        ["status", "extra"],
        ["send"],
        ["send", "bark", "not json"],
        ["send", "bark", "{}", "extra"],
        ["send", ""],
        ["explain"],
        ["explain", "bark", "[]"],
        ["explain", "bark", "{}", "extra"],
        ["tail", "--type"],
        ["tail", "--type", ""],
        ["tail", "--type", "x" * 129],
        ["serve", "extra"],
        ["status", "--url", "ftp://x"],
    ],
    ids=" ".join,
)
def test_wrong_use(words, nowhere):
    done = expect(USAGE, *words, url=nowhere)
    assert done.stdout == "" and done.stderr.startswith("parley"), done


# --- configuration ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, says",
    [
        (["--set", "heartbeat.intervall=30s"], "heartbeat.interval"),
        (["--set", "nothing.like.it=1"], "nothing.like.it"),
        (["--set", "heartbeat.interval=soon"], "heartbeat.interval"),
        (["--set", "limits.message_bytes=-1"], "limits.message_bytes"),
        (["--set", "limits.message_bytes=1XB"], "limits.message_bytes"),
        (["--set", "slow_client=perhaps"], "drop"),
        (["--set", "threads=0"], "threads"),
        (["--threads", "many"], "threads"),
        (["--port", "65536"], "port"),
        (["--port", "-1"], "port"),
        (["--set", "drain"], "drain"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_bad_setting(options, says):
    done = expect(CONFIGURATION, "serve", *options)
    assert says in done.stderr, done


@pytest.mark.parametrize("bind", ["all", "0.0.0.0", "::", "192.0.2.1"])
def test_a_bind_for_others_without_authentication(bind):
    done = expect(CONFIGURATION, "serve", "--port", "0", "--bind", bind)
    assert "token" in done.stderr, "the way out is named"


def test_the_port_is_taken(start):
    gateway = start()
    done = expect(CONFIGURATION, "serve", "--port", str(gateway.port))
    assert str(gateway.port) in done.stderr, done
    assert gateway.status()["status"]


def test_sizes_and_durations(start):
    gateway = start(settings={"limits.message_bytes": "2KiB", "heartbeat.interval": "45s", "heartbeat.timeout": "2m"})
    client = gateway.client()
    assert client.greeting["data"]["heartbeat_seconds"] == 45
    client.send({"type": "bark", "x": "y" * 2048})
    assert 2048 in client.error("MESSAGE_TOO_LARGE")["details"].values()


# --- asking a gateway ------------------------------------------------------------------------


def test_status_for_people(gateway):
    gateway.agent("timmy", role="guide")
    done = expect(OK, "status", url=gateway.url)
    assert "timmy" in done.stdout and "guide" in done.stdout


def test_status_as_json(gateway):
    gateway.agent("timmy")
    done = expect(OK, "status", "--json", "--url", gateway.url)
    (line,) = done.stdout.splitlines()
    status = json.loads(line)
    assert status["connections"] == 1
    assert [agent["agent_id"] for agent in status["agents"]] == ["timmy"]


@pytest.mark.parametrize("words", [["status"], ["status", "--json"], ["send", "bark", "{}"]], ids=" ".join)
def test_nobody_there(words, nowhere):
    done = expect(UNAVAILABLE, *words, url=nowhere)
    assert done.stdout == "" and nowhere.removeprefix("http://") in done.stderr


def test_send(gateway):
    hearer, timmy = gateway.client(), gateway.agent("timmy")
    hearer.take("agent_joined")
    expect(OK, "send", "bark", '{"text":"hi","n":0.10}', url=gateway.url)
    for client in (hearer, timmy):
        text = client.text()
        assert json.loads(text)["type"] == "bark" and '"n":0.10' in text, text
        assert json.loads(text)["data"]["text"] == "hi"
    expect(OK, "send", "--to", "timmy", "thought", url=gateway.url)
    assert timmy.take("thought")["target_id"] == "timmy"
    hearer.heard_nothing()


def test_explain(gateway):
    hearer, timmy = gateway.client(), gateway.agent("timmy")
    hearer.take("agent_joined")
    said = expect(OK, "explain", "bark", '{"text":"hi"}', url=gateway.url).stdout.split()
    assert said == ["verdict", "delivered", "receivers", "2", "session", "world:main"], said
    told = json.loads(expect(OK, "explain", "--json", "--as", "timmy", "bark", url=gateway.url).stdout)
    assert told == {"verdict": "delivered", "receivers": 1, "session": "world:main", "details": {}}
    told = json.loads(expect(OK, "explain", "--json", "--to", "timmy", "bark", url=gateway.url).stdout)
    assert told == {"verdict": "delivered", "receivers": 1, "target": "timmy", "details": {}}
    told = json.loads(expect(FAILED, "explain", "--json", "--to", "nobody", "bark", url=gateway.url).stdout)
    assert told["verdict"] == "TARGET_NOT_FOUND" and told["details"] == {"target_id": "nobody"}, told
    assert "gateway_types" in expect(FAILED, "explain", "agent_joined", url=gateway.url).stdout
    hearer.heard_nothing()
    timmy.heard_nothing()


def test_send_that_is_refused(tcp_gateway):
    done = run_parley("send", "--to", "nobody", "bark", "{}", url=tcp_gateway.url)
    assert done.returncode in (FAILED, UNAVAILABLE, REFUSED) and "TARGET_NOT_FOUND" in done.stderr, done
    done = run_parley("send", "subscribe", '{"types":7}', url=tcp_gateway.url)
    assert done.returncode == FAILED and "(data.types: expected an array" in done.stderr, done
    done = run_parley("send", "agent_joined", "{}", url=tcp_gateway.url)
    assert done.returncode in (FAILED, REFUSED) and "FORBIDDEN" in done.stderr, done


def speaker_for(gateway):
    """A client, and the tail is connected: what it says from now on, tail hears."""
    speaker = gateway.client()
    gateway.wait_status(lambda status: status["connections"] >= 2)
    speaker.barrier()
    return speaker


def test_tail(tcp_gateway):
    with Tail(tcp_gateway.url, "--json") as tail:
        speaker = speaker_for(tcp_gateway)
        speaker.send('{"type":"bark","agent_id":"t","data":{"text":"hi","n":0.10}}')
        line = tail.line()
        assert '"n":0.10' in line
        assert json.loads(line)["data"]["text"] == "hi"
        speaker.register("timmy")
        assert json.loads(tail.line())["type"] == "agent_joined"


def test_tail_for_people(tcp_gateway):
    with Tail(tcp_gateway.url) as tail:
        speaker = speaker_for(tcp_gateway)
        speaker.send({"type": "bark", "agent_id": "timmy", "data": {"text": "hi\x1b[31m there\n"}})
        line = tail.line()
        assert "bark" in line and "timmy" in line and "hi" in line
        assert "\x1b" not in line, "what a peer says reaches no terminal raw"


def test_tail_filters(tcp_gateway):
    with Tail(tcp_gateway.url, "--json", "--type", "bark", "--from", "timmy") as tail:
        speaker = speaker_for(tcp_gateway)
        for kind, sender in [("bark", "other"), ("thought", "timmy"), ("bark", "timmy")]:
            speaker.send({"type": kind, "agent_id": sender, "data": {}})
        first = json.loads(tail.line())
        assert (first["type"], first["agent_id"]) == ("bark", "timmy")


def test_tail_without_a_credential(start, tmp_path):
    """It does not seem to watch what it does not hear."""
    secret = tmp_path / "secret"
    secret.write_text("a-secret-for-the-tests\n")
    secret.chmod(0o600)
    gateway = start("--token-file", str(secret))
    done = expect(REFUSED, "tail", url=gateway.url)
    assert "asks for a credential" in done.stderr and "--token-file" in done.stderr
    assert "watching" not in done.stderr and done.stdout == ""


def test_tail_that_cannot_write(tcp_gateway):
    with open("/dev/full", "wb") as full:
        command = [program(), "tail", "--url", tcp_gateway.url]
        with subprocess.Popen(command, stdout=full, stderr=subprocess.PIPE, env=environment()) as tail:
            speaker_for(tcp_gateway).send({"type": "bark", "data": {}})
            _, talk = tail.communicate(timeout=PATIENCE)
    assert (tail.returncode, talk.splitlines()[1:]) == (FAILED, [b"parley: what is said could not be written to stdout"])


def test_tail_survives_a_restart(start):
    first = start()
    port = first.port
    with Tail(first.url, "--json") as tail:
        speaker_for(first)
        first.drop_clients()
        first.stop()
        second = start(port=port)
        speaker = second.client()
        second.wait_status(lambda status: status["connections"] == 2)
        speaker.send({"type": "bark", "n": 2})
        while json.loads(tail.line()).get("n") != 2:
            pass


# --- a terminal, the log, the end --------------------------------------------------------------


def test_on_a_terminal():
    """A person is told where it is and what to type next, and no more."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [program(), "serve", "--port", "0"], stdin=slave, stdout=slave, stderr=slave, env=environment()
    )
    os.close(slave)
    try:
        text = b""
        while b"ready in" not in text:
            assert select.select([master], [], [], PATIENCE)[0], text
            text += os.read(master, 4096)
        said = re.sub(r"\x1b\[[0-9;]*m", "", text.decode()).replace("\r", "")
        assert said.startswith("parley ")
        assert "loopback only, no authentication" in said
        assert re.search(r"World\s+ws://127\.0\.0\.1:\d+/ws/matrix", said)
        assert re.search(r"Status\s+http://127\.0\.0\.1:\d+/api/gateway/status", said)
        for command in re.findall(r"^\s+\S*parley ([a-z]+)", said, re.M):
            expect(OK, command, "--help")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_the_log_is_key_value(start):
    gateway = start()
    gateway.agent("timmy").close()
    gateway.wait_status(lambda status: status["connections"] == 0)
    gateway.stop()
    for line in gateway.lines:
        fields = parse_line(line)
        assert fields.get("event"), line


@pytest.mark.threads
def test_drain(start, threads):
    """SIGTERM: not ready, everyone is told 1001 and no leaves, what was said is heard, exit 0."""
    gateway = start(threads=threads, settings={"drain": "1s"})
    with gateway.open_socket() as standing:
        request = f"GET /readyz HTTP/1.1\r\nHost: {gateway.host}\r\n\r\n".encode()
        standing.sendall(request)
        assert read_response(standing)[0] == 200
        clients = [gateway.agent(f"a{number}") for number in range(30)]
        for client in clients:
            client.barrier()
        clients[0].send({"type": "bark", "n": 1})
        clients[0].barrier()
        gateway.terminate()
        gateway.wait_event("draining")
        with contextlib.suppress(ConnectionError):
            standing.sendall(request)
            assert read_response(standing)[0] == 503
    for number, client in enumerate(clients):
        reason, messages = client.wait_closed(1001)
        assert reason
        assert [m["type"] for m in messages] == (["bark"] if number else [])
    gateway.stop()


def test_drain_does_not_wait_for_those_who_do_not_answer(start):
    gateway = start(settings={"drain": "300ms"})
    frozen = [Frames(gateway.open_socket(receive_buffer=4096), gateway.host) for _ in range(5)]
    gateway.stop()
    for connection in frozen:
        connection.close()


def test_a_stopping_gateway_lets_the_port_go(start):
    gateway = start()
    port = gateway.port
    client = gateway.client()
    gateway.terminate()
    client.wait_closed(1001)
    gateway.stop()
    assert start(port=port).client().greeting


def test_the_unix_socket_is_taken_and_given_back(start, tmp_path):
    path = tmp_path / "parley.sock"
    gateway = start(unix=path)
    assert gateway.client().greeting
    assert (os.stat(path).st_mode & 0o077) == 0, "for its owner alone"
    done = expect(CONFIGURATION, "serve", "--port", "0", "--set", f"listen.unix={path}")
    assert str(path) in done.stderr
    gateway.stop()
    assert not path.exists()
    # One that a crash has left behind is no obstacle.
    crashed = start(unix=path)
    crashed.kill()
    assert path.exists()
    assert start(unix=path).client().greeting
