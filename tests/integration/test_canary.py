"""A secret in every field that may hold one, and then nowhere: not in a log, an answer, a page, or memory."""

import json
import random
import string
import subprocess

import pytest

from harness import PATIENCE
from harness.access import PASSWORD_HASH, ask, bearer, token_line
from harness.canary import Canary, find_in_memory, nothing_in_memory
from harness.gateway import environment, program
from harness.raw import CONTINUATION, TEXT, Frames, exchange, frame, upgrade_head

CONFIG_REFUSED = 78
# A password is this behind "right "; its hash is as cheap as can be.
RIGHT = "QNqc3QKJVHOaWbGcMIyVXdWuOJw5DUv0Tm1HpqDi"
RIGHT_HASH = (
    "$argon2id$v=19$m=64,t=1,p=1$YSBzYWx0IG9mIHNpeHRlZQ$JCIQGRTl+LHYJWAE2CV4dxH29tMYDkh+cNn5pFvDU/g"
)


class Canaries(dict):
    """canaries["where"]: the text of the one that goes there, made on first need, the same in each run."""

    def __missing__(self, where):
        dice = random.Random(where)
        self[where] = Canary("".join(dice.choice(string.ascii_letters + string.digits) for _ in range(40)))
        return self[where]

    def text(self, where):
        return self[where].text

    def absent_from(self, what, data):
        data = data.encode() if isinstance(data, str) else data
        for where, canary in self.items():
            assert (found := canary.found_in(data)) is None, f"{where} in {what}: {found!r}"


@pytest.fixture
def canaries():
    return Canaries()


def start_with_tokens(start, canaries, tmp_path, **settings):
    """The secret that is right is a token's; its line is all that the gateway knows."""
    path = tmp_path / "tokens"
    lines = [
        token_line("right", "sessions=* publish=* act_as=*", canaries.text("right")),
        token_line("boss", "sessions=* publish=* act_as=* admin", canaries.text("boss")),
    ]
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)
    return start(
        settings={"auth.mode": "token", "auth.token_file": str(path), "log.level": "debug", "drain": "0s", **settings},
    )


def whole_log(gateway):
    """All that it has said, to its end."""
    gateway.drop_clients()
    gateway.stop()
    return "\n".join(gateway.lines)


# --- giving it everywhere ------------------------------------------------------------------------------


class Giver:
    """Gives canaries to a gateway, and keeps every byte that it answers."""

    def __init__(self, gateway, canaries):
        self.gateway, self.canaries = gateway, canaries
        self.answers = b""

    def exchange(self, data):
        self.answers += exchange(self.gateway.open_socket(), data)

    def heads(self):
        """Requests and handshakes, whole ones and broken ones, by place of the credential."""
        c, host = self.canaries.text, self.gateway.host
        places = {
            "bearer": ("", "Authorization: Bearer {}"),
            "basic": ("", "Authorization: Basic {}"),
            "scheme": ("", "Authorization: {}"),
            "twice": ("", "Authorization: Bearer {0}\r\nAuthorization: Bearer {0}"),
            "subprotocol": ("", "Sec-WebSocket-Protocol: parley.bearer.{}, parley"),
            "query token": ("?token={}", "X: y"),
            "query ticket": ("?world=main&ticket={}", "X: y"),
            "query twice": ("?token={0}&ticket={0}&token={0}", "X: y"),
            "bad query": ("?token={}%41", "X: y"),
        }
        for name, (query, line) in places.items():
            for method, path, version, more in (
                ("GET", "/ws/matrix", "1.1", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"),
                ("GET", "/api/gateway/status", "1.1", ""),
                ("GET", "/nowhere", "1.1", ""),
                ("PUT", "/health", "1.1", ""),
                ("POST", "/api/gateway/tickets", "1.1", "Content-Type: text/plain\r\nContent-Length: 0\r\n"),
                ("GET", "/health", "9.9", ""),
                ("GET", "/health", "1.1", "no colon\r\n"),
                ("GET", "/health", "1.1", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
                ("GET", "/health", "1.1", "X: " + "x" * 17000 + "\r\n"),
            ):
                where = f"{name} {path} {len(more)} {version}"
                head = f"{method} {path}{query.format(c(where))} HTTP/{version}\r\nHost: {host}\r\nConnection: close\r\n"
                if "Upgrade" in more:
                    head = head.replace("Connection: close\r\n", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
                self.give_head((head + line.format(c(where)) + "\r\n" + more + "\r\n").encode(), "Upgrade" in more)

    def give_head(self, data, upgrades):
        """Whole, and in two pieces; a handshake is followed by a close, in case it is let in."""
        data += frame(8) if upgrades else b""
        self.exchange(data)
        with self.gateway.open_socket() as s:
            s.sendall(data[: len(data) // 2])
            self.answers += exchange(s, data[len(data) // 2 :])

    def half_heads(self):
        """Their senders go before they are whole."""
        for name in ("bearer", "query"):
            secret = self.canaries.text(f"half a head, {name}")
            with self.gateway.open_socket() as s:
                s.sendall(f"GET /health?token={secret} HTTP/1.1\r\nAuthorization: Bearer {secret}".encode())

    def handshake(self, path="/ws/matrix", fields=()):
        connection = Frames(self.gateway.open_socket(), self.gateway.host, path, fields)
        self.answers += connection.next()[1]
        return connection

    def say(self, connection, data):
        """Sends and hears all until the pong or the end."""
        connection.send(data + frame(TEXT, '{"type":"ping"}'))
        while (heard := connection.next()) is not None:
            self.answers += heard[1]
            if heard[1] == b'{"type":"pong"}':
                return

    def messages(self, fields=()):
        """What may be said to authenticate, in all the ways in which it can go wrong; as a stranger or not."""
        about = "let in" if fields else "stranger"

        def c(where):
            return self.canaries.text(f"{about}: {where}")

        def text(where, before="", after="", member="token"):
            return (before + '{"type":"agent_register","agentId":"a","%s":"%s"}' % (member, c(where)) + after).encode()

        wholes = {
            "token": frame(TEXT, text("token")),
            "password": frame(TEXT, text("password", member="password")),
            "in data": frame(TEXT, '{"type":"agent_register","agentId":"b","data":{"token":"%s"}}' % c("in data")),
            "a number behind": frame(TEXT, text("a number behind", after="7")),
            "cut": frame(TEXT, text("cut")[:-1]),
            "twice": frame(TEXT, '{"type":"agent_register","agentId":"b","token":"%s","token":"x"}' % c("twice")),
            "binary": frame(2, text("binary")),
            "escaped": frame(TEXT, '{"type":"agent_register","token":"\\u0041%s","agentId":7}' % c("escaped")),
            "another type": frame(TEXT, '{"type":"auth","token":"%s"}' % c("another type")) if not fields else b"",
            "long": frame(TEXT, text("long", after=" " * 12000)),
            "in pieces": self.in_pieces(text("in pieces"), 9),
            "in pieces, long": self.in_pieces(text("in pieces, long", before=" " * 9000), 700),
        }
        for data in wholes.values():
            connection = self.handshake(fields=fields)
            self.say(connection, data)
            connection.close()
        ends = {
            "not UTF-8": frame(TEXT, text("not UTF-8", after="\0").replace(b"\0", b"\xff")),
            "too long": frame(TEXT, text("too long", after=" " * 20000)),
            "unmasked": frame(TEXT, text("unmasked"), mask=False),
            "reserved": frame(TEXT, text("reserved"), rsv=4),
            "in a close": frame(8, b"\x03\xe8" + c("in a close").encode()),
            "half": frame(TEXT, text("half"))[:-9],
            "half a piece": frame(TEXT, text("half a piece"), fin=False),
        }
        for data in ends.values():
            connection = self.handshake(fields=fields)
            connection.send(data)
            connection.socket.shutdown(1)
            for heard in connection.until_end():
                self.answers += heard[1]
            connection.close()
        single = self.handshake(fields=fields)
        for byte in frame(TEXT, text("byte by byte")):
            single.send(bytes([byte]))
        self.say(single, b"")
        single.close()

    @staticmethod
    def in_pieces(data, size):
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        return b"".join(
            frame(CONTINUATION if at else TEXT, piece, fin=at == len(pieces) - 1) for at, piece in enumerate(pieces)
        )

    def right(self):
        """What lets in, at each place, and members of somebody who is in already."""
        secret = self.canaries.text("right")
        for path, fields in (
            ("/ws/matrix", (f"Authorization: Bearer {secret}",)),
            ("/ws/matrix", (f"Sec-WebSocket-Protocol: parley.bearer.{secret}, parley",)),
            (f"/ws/matrix?token={secret}", ()),
        ):
            connection = self.handshake(path, fields)
            self.say(connection, frame(TEXT, '{"type":"agent_register","agentId":"r"}'))
            connection.close()
        connection = self.handshake()
        self.say(connection, frame(TEXT, '{"type":"agent_register","agentId":"r","token":"%s"}' % secret))
        return connection


def look_at_pages(gateway, headers):
    """All that may be read about a gateway, as bytes."""
    pages = ["/", "/health", "/readyz", "/metrics"]
    pages += [f"/api/gateway/{name}" for name in ("status", "agents", "sessions", "clients")]
    return b"".join(gateway.request(page, headers=[": ".join(header) for header in headers])[2] for page in pages)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_gateway_with_tokens(start, canaries, tmp_path, log_format):
    gateway = start_with_tokens(start, canaries, tmp_path, **{"log.format": log_format})
    giver = Giver(gateway, canaries)
    kept = giver.right()
    giver.heads()
    giver.half_heads()
    giver.messages()
    giver.messages([f"Authorization: Bearer {canaries.text('right')}"])
    boss = [bearer(canaries.text("boss"))]
    canaries.absent_from("what was answered", giver.answers)
    canaries.absent_from("a page", look_at_pages(gateway, boss))
    gateway.wait_status(lambda status: status["connections"] == 1)
    nothing_in_memory(gateway.process.pid, canaries)
    with open(f"/proc/{gateway.process.pid}/cmdline", "rb") as arguments:
        canaries.absent_from("the arguments", arguments.read())
    kept.close()
    canaries.absent_from("the log", whole_log(gateway))


def test_the_search_finds(start, canaries, tmp_path):
    """Eight bytes of what the gateway is meant to keep are seen: in memory, the log and a page."""
    gateway = start_with_tokens(start, canaries, tmp_path, **{"log.level": "debug"})
    kept = Canary("q7ZcanaryXu3")
    agent = gateway.client(headers=[bearer(canaries.text("right"))])
    agent.register(f"..{kept.text}")
    assert [name for name, *_ in find_in_memory(gateway.process.pid, {"kept": kept})]
    assert kept.found_in(look_at_pages(gateway, [bearer(canaries.text("boss"))]))
    assert kept.found_in(whole_log(gateway).encode())
    for encoded in (kept.text.encode().hex().upper(), "x" + "".join(f"%{ord(c):02X}" for c in kept.text)):
        assert kept.found_in(encoded.encode())


# --- secrets that the gateway reads itself -------------------------------------------------------------


@pytest.mark.parametrize("shape", ["{}\n", "# a comment\n\n{}", "{}\r\n"])
def test_a_shared_secret(start, canaries, tmp_path, shape):
    """It comes from a file, at the start and at each reload, and it lets in."""
    path = tmp_path / "secret"
    path.write_text(shape.format(canaries.text("shared")))
    path.chmod(0o600)
    gateway = start("--token-file", str(path), settings={"log.level": "debug", "drain": "0s"})
    nothing_in_memory(gateway.process.pid, canaries)
    headers = [bearer(canaries.text("shared"))]
    client = gateway.client(headers=headers)
    path.write_text(shape.format(canaries.text("the next one")))
    gateway.process.send_signal(1)
    client.wait_closed(4401)
    client = gateway.client(headers=[bearer(canaries.text("the next one"))])
    client.barrier()
    canaries.absent_from("a page", look_at_pages(gateway, [bearer(canaries.text("the next one"))]))
    nothing_in_memory(gateway.process.pid, canaries)
    canaries.absent_from("the log", whole_log(gateway))


def test_a_ticket(start, canaries, tmp_path):
    """Its text is known to whom it was given, and to nobody else, before it is used and after."""
    gateway = start_with_tokens(start, canaries, tmp_path)
    status, _, answer = ask(
        gateway, "/api/gateway/tickets", method="POST", headers=[bearer(canaries.text("boss"))], body={}
    )
    assert status == 201
    ticket = answer["ticket"]
    canaries["ticket"] = Canary(ticket)
    nothing_in_memory(gateway.process.pid, canaries)
    client = gateway.client(f"/ws/matrix?ticket={ticket}")
    client.barrier()
    nothing_in_memory(gateway.process.pid, canaries)
    canaries.absent_from("a page", look_at_pages(gateway, [bearer(canaries.text("boss"))]))
    canaries.absent_from("the log", whole_log(gateway))


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_gateway_with_a_password(start, canaries, threads, log_format):
    """It is handed to a thread that checks it, while what comes behind it waits."""
    canaries["right"] = Canary(RIGHT)
    right = f"right {RIGHT}"
    gateway = start(
        threads=threads,
        settings={
            "auth.mode": "password",
            "auth.password_hash": RIGHT_HASH,
            "log.level": "debug",
            "drain": "0s",
            "log.format": log_format,
            "trusted_proxies": "127.0.0.1",
        },
    )
    answers = b""
    for number, members in enumerate([{"password": right}, {"password": canaries.text("wrong")}, {"token": right}]):
        client = gateway.client(headers=[("X-Forwarded-For", f"192.0.2.{number}")])
        client.send({"type": "agent_register", "agentId": f"a{number}", **members})
        client.send({"type": "agent_register", "agentId": f"b{number}", "password": canaries.text("behind it")})
        answers += json.dumps(client.barrier()).encode()
    for where in ("bearer", "bearer, wrong"):
        secret = right if where == "bearer" else canaries.text(where)
        answers += gateway.request("/api/gateway/status", headers=[f"Authorization: Bearer {secret}"])[2]
        client = gateway.client(headers=[bearer(secret)])
        answers += client.response.body or b""
    with gateway.open_socket() as s:  # it goes while its password is checked
        s.sendall(upgrade_head(gateway.host, extra=[f"Authorization: Bearer {canaries.text('gone')}"]))
    canaries.absent_from("what was answered", answers)
    canaries.absent_from("a page", look_at_pages(gateway, [bearer(right)]))
    nothing_in_memory(gateway.process.pid, canaries)
    canaries.absent_from("the log", whole_log(gateway))


# --- the program ---------------------------------------------------------------------------------------

COMMANDS = [
    ["status"],
    ["status", "--json"],
    ["agents"],
    ["clients"],
    ["sessions"],
    ["send", "bark", "{}"],
    ["kick", "c-aaaaaaaaaaaaa", "--reason", "none"],
    ["ticket"],
    ["doctor"],
    ["doctor", "--json"],
]


def run_with(arguments, stdin="", **variables):
    """A command with these variables: (code, all that it said)."""
    done = subprocess.run(
        [program(), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=environment(**variables),
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_with_a_token(start, canaries, tmp_path, arguments):
    gateway = start_with_tokens(start, canaries, tmp_path)
    path = tmp_path / "token"
    for where in ("boss", "wrong", "not a token"):
        secret = canaries.text(where) + (" ,!" if where == "not a token" else "")
        code, said = run_with(arguments, PARLEY_URL=gateway.url, PARLEY_TOKEN=secret)
        canaries.absent_from(f"{arguments} by PARLEY_TOKEN ({code})", said)
        path.write_text(secret)
        path.chmod(0o600)
        for file, stdin in ((str(path), ""), ("-", secret + "\n")):
            code, said = run_with([*arguments, "--token-file", file], stdin, PARLEY_URL=gateway.url)
            canaries.absent_from(f"{arguments} by --token-file {file} ({code})", said)
    nothing_in_memory(gateway.process.pid, canaries)
    canaries.absent_from("the log", whole_log(gateway))


def test_a_command_that_goes_on(start, canaries, tmp_path):
    """Neither the arguments of a process nor what it says has the token."""
    gateway = start_with_tokens(start, canaries, tmp_path)
    tail = subprocess.Popen(
        [program(), "tail"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(PARLEY_URL=gateway.url, PARLEY_TOKEN=canaries.text("right")),
    )
    try:
        gateway.wait_status(lambda status: status["connections"] == 1)
        with open(f"/proc/{tail.pid}/cmdline", "rb") as arguments:
            canaries.absent_from("the arguments", arguments.read())
        speaker = gateway.client(headers=[bearer(canaries.text("right"))])
        speaker.send({"type": "bark", "data": {"text": "hello"}})
        said = ""
        while "hello" not in said:
            line = tail.stdout.readline()
            assert line, said
            said += line
    finally:
        tail.terminate()
        tail.wait()
    canaries.absent_from("what tail said", said)


def mistakes(canaries, tmp_path):
    """Ways to put a secret where none belongs: arguments and variables, and the file."""
    c = canaries.text
    token_file = tmp_path / "bad-tokens"
    token_file.write_text(f"sha256:{'0' * 64} good\n{c('a line')}\n")
    half = tmp_path / "half-line"
    half.write_text(f"sha256:{c('half a line')} kitchen\n")
    hash_like = PASSWORD_HASH[: -len(c("hash")) - 1] + "!" + c("hash")
    yield ["--token", c("--token")], {}, None
    yield ["--token=" + c("--token=")], {}, None
    yield ["--password", c("--password")], {}, None
    yield [], {}, f"token: {c('key')}\n"
    yield [], {}, f"auth:\n  token: {c('auth key')}\n"
    yield [], {}, f"auth:\n  mode: password\n  password: {c('password key')}\n"
    yield [], {}, f"auth:\n  tokens: [{c('listed')}]\n  mode: token\n"
    yield [], {}, f"auth:\n  tokens: {{a: {c('mapped')}}}\n"
    yield [], {}, f"auth:\n  password_hash: {c('no hash')}\n  mode: password\n"
    yield [], {}, f"auth:\n  password_hash: {hash_like}\n  mode: password\n"
    yield [], {}, f"auth: {c('auth')}\n"
    yield ["--set", f"auth.tokens={c('--set')}", "--set", "auth.mode=token"], {}, None
    yield ["--set", f"auth.token={c('--set token')}"], {}, None
    yield ["--set", f"auth.password_hash={c('--set hash')}", "--set", "auth.mode=password"], {}, None
    yield ["--set", f"authPassword={c('authPassword')}"], {}, None
    yield [], {"PARLEY_AUTH__TOKENS": c("environment"), "PARLEY_AUTH__MODE": "token"}, None
    yield [], {"PARLEY_AUTH__TOKEN": c("unknown variable")}, None
    yield [], {"PARLEY_AUTH__PASSWORD": c("password variable")}, None
    yield [], {"PARLEY_AUTH__PASSWORD_HASH": c("hash variable"), "PARLEY_AUTH__MODE": "password"}, None
    yield ["--token-file", str(token_file)], {}, None
    yield ["--token-file", str(half)], {}, None


def test_a_secret_where_none_belongs(canaries, tmp_path):
    """It is refused, and not repeated."""
    for number, (arguments, variables, text) in enumerate(mistakes(canaries, tmp_path)):
        config = tmp_path / f"{number}.yaml"
        config.write_text(text or "{}\n")
        for command in (["serve", "--port", "0"], ["config", "check"], ["config", "show"], ["config", "show", "--origin"], ["doctor"]):
            is_serve = command[0] == "serve"
            if arguments and not is_serve and not arguments[0] == "--set":
                continue
            code, said = run_with([*command, "--config", str(config), *arguments], **variables)
            canaries.absent_from(f"{command} {arguments} {variables} {text!r}:\n{said}", said)
            assert code in (1, 2, CONFIG_REFUSED) if is_serve else code is not None, said


def test_the_configuration_that_is_shown(canaries, tmp_path):
    """Neither who knows the configuration nor who sees it shown has more than digests."""
    config = tmp_path / "parley.yaml"
    config.write_text(
        "auth:\n  mode: token\n  tokens:\n"
        f"    - {token_line('kitchen', 'publish=*', canaries.text('kitchen'))}\n  password_hash: {PASSWORD_HASH}\n"
    )
    for arguments in (["config", "show"], ["config", "show", "--origin"], ["config", "check"], ["doctor"]):
        code, said = run_with([*arguments, "--config", str(config)])
        canaries.absent_from(" ".join(arguments), said)
    for arguments in (["token", "hash", "kitchen"], ["password", "hash"]):
        code, said = run_with(arguments, stdin=canaries.text("standard input") + "\n")
        assert code == 0
        canaries.absent_from(" ".join(arguments), said)
