"""The path that echoes, and RFC 6455 over it: the vectors of the parser, sent to a running gateway."""

import asyncio
import re
import socket
import struct

import pytest
import websockets

from harness.gateway import ROOT, run_parley
from harness.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frames, close_code, frame

LONGEST = 16 * 1024 * 1024
MASK = bytes.fromhex("37fa213d")
TOKEN = re.compile(r'(m?)(?:"([^"]*)"|((?:[0-9a-f]{2})+))(?:\*(\d+))?')


@pytest.fixture
def echo(start, threads):
    return start("--echo", "/echo", threads=threads)


def opened(gateway, **options):
    return Frames(gateway.open_socket(), gateway.host, "/echo", **options)


# --- vectors ---------------------------------------------------------------------------------------


def some_bytes(token):
    """What one token stands for, in the role of the server."""
    mark, text, digits, times = TOKEN.fullmatch(token).groups()
    found = text.encode() if digits is None else bytes.fromhex(digits)
    found *= int(times or 1)
    return found[:-1] + bytes([found[-1] | 0x80]) if mark else found


def bytes_in(line):
    out, payload = b"", None
    for token in re.findall(r'[{}!]|m?"[^"]*"(?:\*\d+)?|m?[0-9a-f]+(?:\*\d+)?', line):
        if token == "{":
            out, payload = out + MASK, b""
        elif token == "}":
            out += bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))
            payload = None
        elif token != "!" and payload is not None:
            payload += some_bytes(token)
        elif token != "!":
            out += some_bytes(token)
    return out


def events_of(lines):
    for line in lines:
        words = line.split(None, 2 if line.startswith(("close", "fail")) else 1)
        if words[0] in ("close", "fail"):
            yield words[0], int(words[1])
        elif words[0] != "none":
            yield words[0], b"".join(some_bytes(t) for t in re.findall(r'"[^"]*"(?:\*\d+)?|[0-9a-f]+(?:\*\d+)?', line[len(words[0]) :]))


def read_vectors():
    """(name, bytes, events) of all that a server hears with the limit that the echo has."""
    for path in sorted((ROOT / "tests/conformance/ws").glob("*.txt")):
        for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
            lines = [line.partition(": ") for line in block.splitlines() if not line.startswith("#") and ": " in line]
            fields = {name: value for name, _colon, value in lines}
            if "vector" not in fields or fields["role"] == "client" or "max" in fields:
                continue
            data = bytes_in(" ".join(value for name, _colon, value in lines if name == "in"))
            yield f"{path.stem}-{fields['vector']}", data, list(
                events_of(value for name, _colon, value in lines if name == "out")
            )


VECTORS = list(read_vectors())


def check(frames, events):
    """Messages come back, in order; pings are answered, the last one always; the end is as it has to be."""
    ends = [code for kind, code in events if kind in ("close", "fail")]
    said = [(kind, data) for kind, data in events if kind in ("text", "binary")]
    assert [(("text" if op == TEXT else "binary"), data) for op, data in frames if op in (TEXT, BINARY)] == said
    pings = [data for kind, data in events if kind == "ping"]
    pongs = [data for op, data in frames if op == PONG]
    assert pongs[-1:] == pings[-1:]
    rest = iter(pings)
    assert all(pong in rest for pong in pongs), "only what was asked for, in its order"
    if ends:
        assert close_code(frames) == (1000 if ends[0] == 1005 else ends[0])
    else:
        assert all(op != CLOSE for op, _data in frames)


def hear(gateway, data, step):
    peer = opened(gateway)
    peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at in range(0, len(data), step):
        peer.send(data[at : at + step])
    try:
        peer.socket.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # it has ended already
    frames = peer.until_end()
    peer.close()
    return frames


def test_there_are_vectors():
    assert len(VECTORS) > 200
    assert len({name for name, _data, _events in VECTORS}) == len(VECTORS)


def test_every_vector(echo):
    for name, data, events in VECTORS:
        try:
            check(hear(echo, data, max(len(data), 1)), events)
            if len(data) < 200:
                check(hear(echo, data, 1), events)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


# --- sizes, fragments, control frames --------------------------------------------------------------


def test_the_longest_message(echo):
    text = ("grüße " * (LONGEST // 8 + 1)).encode()[: LONGEST - 2] + b"ok"
    text = text.decode(errors="ignore").encode()
    data = bytes(range(256)) * (LONGEST // 256)

    async def talk():
        async with websockets.connect(echo.ws_url("/echo"), max_size=None, compression=None) as client:
            for message in (text.decode(), data):
                await client.send(message)
                assert await client.recv() == message

    asyncio.run(talk())
    peer = opened(echo)
    peer.send(frame(BINARY, length=LONGEST + 1))
    assert close_code(peer.until_end()) == 1009


def test_65536_fragments(echo):
    peer = opened(echo)
    peer.send(frame(TEXT, "a", fin=False) + frame(CONTINUATION, "b", fin=False) * 65534 + frame(CONTINUATION, "c"))
    assert peer.next() == (TEXT, b"a" + b"b" * 65534 + b"c")


def test_fragments_beyond_the_limit(echo):
    peer = opened(echo)
    piece = frame(CONTINUATION, bytes(1024 * 1024), fin=False)
    peer.send(frame(BINARY, b"", fin=False) + piece * 16 + frame(CONTINUATION, b"x", fin=False))
    assert close_code(peer.until_end()) == 1009


def test_control_frames_between_fragments(echo):
    peer = opened(echo)
    for number in range(100):
        peer.send(frame(CONTINUATION if number else TEXT, "x", fin=False) + frame(PING, str(number)))
        assert peer.next() == (PONG, str(number).encode())
    peer.send(frame(PONG, "unasked") + frame(CONTINUATION, "y"))
    assert peer.next() == (TEXT, b"x" * 100 + b"y")


def test_text_is_checked_as_it_comes(echo):
    """The frame is never whole, and yet it is refused."""
    peer = opened(echo)
    peer.send(frame(TEXT, b"good \xed\xa0\x80", length=1000)[:20])
    assert close_code(peer.until_end()) == 1007


def test_who_does_not_read_is_not_read_from(echo):
    """What is kept for it does not grow, and all of it comes when it reads."""
    s = echo.open_socket(receive_buffer=4096)
    peer = Frames(s, echo.host, "/echo")
    message = frame(BINARY, bytes(1024 * 1024))
    s.setblocking(False)
    sent, refused = 0, 0
    while refused < 200 and sent < 64 * len(message):
        try:
            sent += s.send(message[sent % len(message) :])
            refused = 0
        except BlockingIOError:
            refused += 1
            echo.request("/health")  # a turn of the loop
    assert sent < 64 * len(message)
    s.settimeout(20)
    for _number in range(sent // len(message)):
        assert peer.next() == (BINARY, bytes(1024 * 1024))


# --- closing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1011, 1012, 3000, 4999])
def test_the_close_code_comes_back(echo, code):
    peer = opened(echo)
    peer.send(frame(TEXT, "before") + frame(CLOSE, struct.pack("!H", code) + b"why") + frame(TEXT, "behind"))
    assert peer.until_end() == [(TEXT, b"before"), (CLOSE, struct.pack("!H", code))]


def test_the_gateway_stops(echo):
    peer = opened(echo)
    peer.send(frame(TEXT, "half", fin=False))
    echo.terminate()
    assert close_code(peer.until_end()) == 1001


# --- what it is ------------------------------------------------------------------------------------


def test_it_is_said(echo):
    assert echo.wait_event("ready")["echo"] == "/echo"
    assert "development" in echo.wait_event("config_warning")["text"]


def test_it_is_nobody(echo):
    """It is no client: neither counted nor told of others."""
    peer = opened(echo)
    other = echo.client()
    other.barrier()
    assert echo.status()["connections"] == 1
    peer.send(frame(TEXT, "still alone"))
    assert peer.next() == (TEXT, b"still alone")


def test_there_is_none_by_default(tcp_gateway):
    peer = Frames(tcp_gateway.open_socket(), tcp_gateway.host, "/echo", may_fail=True)
    assert peer.status == 404


def test_not_beside_authentication(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cret-enough-for-this\n", encoding="utf-8")
    secret.chmod(0o600)
    done = run_parley("serve", "--port", "0", "--echo", "/echo", "--token-file", str(secret))
    assert done.returncode == 78 and "listen.echo_path" in done.stderr and "auth.mode" in done.stderr, done.stderr


def test_pages_of_other_sites_have_no_use_of_it(echo):
    peer = opened(echo, fields=["Origin: https://elsewhere.example"], may_fail=True)
    assert peer.status == 403
