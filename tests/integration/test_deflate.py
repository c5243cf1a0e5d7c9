"""permessage-deflate (RFC 7692), with frames by hand and with clients that others wrote."""

import asyncio
import functools
import itertools
import json
import os
import shutil
import subprocess
import zlib

import pytest
import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from harness import PATIENCE, secure
from harness.access import SHARED, bearer, write_secret
from harness.gateway import is_sanitized
from harness.raw import BINARY, CONTINUATION, PING, PONG, TEXT, Frames, close_code, frame, read_response, upgrade_head
from test_node_ws import HERE, NODE, WS

OFFER = "Sec-WebSocket-Extensions: permessage-deflate"
ON = {"compression": "on"}


@pytest.fixture
def echo(start, threads):
    return start("--echo", "/echo", threads=threads, settings=ON)


@pytest.fixture
def hub(start, threads):
    return start(threads=threads, settings=ON)


@pytest.fixture(params=["plain", "tls"])
def wrapped(request, start, tmp_path):
    """Starts a gateway with compression, with TLS or without."""
    if request.param == "plain":
        return functools.partial(start, settings=ON)
    pair = secure.make_pair(tmp_path)
    return functools.partial(start, settings=ON | secure.settings_for(pair), tls=secure.context_for(pair[0]))


@pytest.fixture
def any_echo(wrapped, threads):
    return wrapped("--echo", "/echo", threads=threads)


@pytest.fixture
def any_hub(wrapped, threads):
    return wrapped(threads=threads)


def compress(data, bits=15):
    z = zlib.compressobj(9, zlib.DEFLATED, -bits)
    return (z.compress(data) + z.flush(zlib.Z_SYNC_FLUSH))[:-4]


def inflate(data):
    return zlib.decompressobj(-15).decompress(data + b"\0\0\xff\xff")


class Packed(Frames):
    """Frames whose RSV1 is taken: next() gives (opcode, payload, whether it was compressed)."""

    def next(self):
        if len(self.buffer) < 1:
            first = self._take(1)
            if first is None:
                return None
            self.buffer = first + self.buffer
        packed = bool(self.buffer[0] & 0x40)
        self.buffer = bytes([self.buffer[0] & ~0x40]) + self.buffer[1:]
        found = super().next()
        return found and (found[0], inflate(found[1]) if packed else found[1], packed)


def resident(gateway, line="VmRSS"):
    """In KiB."""
    with open(f"/proc/{gateway.process.pid}/status", encoding="ascii") as status:
        return next(int(words.split()[1]) for words in status if words.startswith(line))


def opened(gateway, path, offer=OFFER, kind=Packed, fields=()):
    return kind(gateway.open_socket(), gateway.host, path, fields=[*([offer] if offer else []), *fields])


def said(peer):
    return peer.fields.get("sec-websocket-extensions")


# --- what is agreed --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "offer, answer",
    [
        ("permessage-deflate", "permessage-deflate; server_no_context_takeover"),
        (
            "permessage-deflate; client_no_context_takeover; client_max_window_bits=10; server_max_window_bits=11",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11; "
            "client_max_window_bits=10",
        ),
        ("x-webkit-deflate-frame, permessage-deflate", "permessage-deflate; server_no_context_takeover"),
        ("permessage-deflate; server_max_window_bits=7", None),
        ("permessage-deflate; what", None),
    ],
)
def test_the_answer(echo, offer, answer):
    peer = opened(echo, "/echo", "Sec-WebSocket-Extensions: " + offer)
    assert said(peer) == answer


def test_not_with_frames_before_the_answer(echo):
    """Who sends them cannot know what is agreed; and so what is read at once is never much."""
    s = echo.open_socket()
    s.sendall(upgrade_head(echo.host, "/echo", [OFFER]) + frame(TEXT, "early"))
    status, fields, _body, rest = read_response(s)
    assert status == 101 and "sec-websocket-extensions" not in fields


def test_off_by_default(tcp_gateway):
    peer = opened(tcp_gateway, "/ws/matrix")
    assert said(peer) is None
    peer.next()
    peer.send(frame(TEXT, compress(b"{}"), rsv=4))
    assert close_code([found[:2] for found in peer.until_end()]) == 1002


def test_not_before_authentication(start, threads, tmp_path):
    """Who gives the credential with the handshake may compress; who gives it later may not, then neither."""
    gateway = start("--token-file", write_secret(tmp_path / "secret"), threads=threads, settings=ON)
    assert said(opened(gateway, "/ws/matrix")) is None
    assert said(opened(gateway, "/ws/matrix", fields=[": ".join(bearer(SHARED))])) is not None
    stranger = opened(gateway, "/ws/matrix")
    stranger.send(frame(TEXT, compress(b'{"type":"agent_register"}'), rsv=4))
    assert close_code([found[:2] for found in stranger.until_end()]) == 1002


# --- messages by hand ------------------------------------------------------------------------------


def test_every_split(echo):
    peer = opened(echo, "/echo")
    text = "grüße, grüße, grüße ".encode() * 12
    packed = compress(text)
    for cut in range(len(packed) + 1):
        peer.send(
            frame(TEXT, packed[:cut], fin=False, rsv=4) + frame(PING, "?") + frame(CONTINUATION, packed[cut:])
        )
        assert peer.next()[:2] == (PONG, b"?")
        assert peer.next() == (TEXT, text, True)


def test_context_is_kept(echo):
    """The second message refers to the first one; a plain one between them changes nothing."""
    peer = opened(echo, "/echo")
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    noise = bytes(range(256)) * 4
    for data in (noise, noise, b"end"):
        payload = (z.compress(data) + z.flush(zlib.Z_SYNC_FLUSH))[:-4]
        peer.send(frame(BINARY, payload, rsv=4) + frame(TEXT, "plain"))
        assert peer.next()[:2] == (BINARY, data)
        assert peer.next() == (TEXT, b"plain", False)


def test_no_context_is_kept(echo):
    peer = opened(echo, "/echo", OFFER + "; client_no_context_takeover")
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = b"something that is said twice"
    first = (z.compress(data) + z.flush(zlib.Z_SYNC_FLUSH))[:-4]
    second = (z.compress(data) + z.flush(zlib.Z_SYNC_FLUSH))[:-4]
    peer.send(frame(TEXT, first, rsv=4))
    assert peer.next()[:2] == (TEXT, data)
    peer.send(frame(TEXT, second, rsv=4))
    assert close_code([found[:2] for found in peer.until_end()]) == 1007


def test_by_tls_each_message_is_compressed_alone(start, tmp_path):
    """So the length of one says nothing of what is in others."""
    pair = secure.make_pair(tmp_path)
    settings = ON | secure.settings_for(pair)
    gateway = start("--echo", "/echo", settings=settings, tls=secure.context_for(pair[0]))
    for offer in (OFFER, OFFER + "; client_max_window_bits"):
        peer = opened(gateway, "/echo", offer)
        assert said(peer) == "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        data = b"something that is said twice"
        z = zlib.compressobj(9, zlib.DEFLATED, -15)
        for _number in range(2):
            peer.send(frame(TEXT, (z.compress(data) + z.flush(zlib.Z_FULL_FLUSH))[:-4], rsv=4))
            assert peer.next()[:2] == (TEXT, data)


def test_a_smaller_window_is_sent_plain(echo):
    peer = opened(echo, "/echo", OFFER + "; server_max_window_bits=9")
    data = b"x" * 5000
    peer.send(frame(TEXT, compress(data), rsv=4))
    assert peer.next() == (TEXT, data, False)


BROKEN = {
    "no deflate": (frame(TEXT, b"\xff" * 20, rsv=4), 1007),
    "cut off": (frame(TEXT, compress(b"hello " * 20)[:-3], rsv=4), 1007),
    "nothing": (frame(TEXT, b"", rsv=4), 1007),
    "no UTF-8": (frame(TEXT, compress(b"good \xed\xa0\x80"), rsv=4), 1007),
    "no UTF-8 yet": (frame(TEXT, compress(b"bad \xff ") + b"\0" * 50, rsv=4, length=5000)[:40], 1007),
    "ends inside a character": (frame(TEXT, compress("ü".encode()[:1]), rsv=4), 1007),
    "RSV1 on a continuation": (frame(TEXT, b"\0", fin=False, rsv=4) + frame(CONTINUATION, b"\0", rsv=4), 1002),
    "RSV1 on a ping": (frame(PING, b"", rsv=4), 1002),
    "RSV2": (frame(TEXT, b"\0", rsv=2), 1002),
    "RSV1 and RSV3": (frame(TEXT, b"\0", rsv=5), 1002),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken(any_echo, name):
    data, code = BROKEN[name]
    peer = opened(any_echo, "/echo")
    peer.send(data)
    assert close_code([found[:2] for found in peer.until_end()]) == code


def test_a_bomb(any_hub):
    """A thousand to one: closed with 1009 as soon as it is over limits.message_bytes, and nobody is disturbed."""
    bomb = compress(b'"' + b" " * (512 * 1024 * 1024 // 16) + b'"')
    other = any_hub.client()
    for _number in range(5):
        peer = opened(any_hub, "/ws/matrix")
        peer.send(frame(TEXT, bomb, rsv=4))
        assert close_code([found[:2] for found in peer.until_end()]) == 1009
    other.barrier()
    exact = json.dumps({"type": "note", "data": {"x": ""}})
    exact = exact.replace('""', '"' + "x" * (1024 * 1024 - len(exact)) + '"').encode()
    peer = opened(any_hub, "/ws/matrix")
    peer.next()
    peer.send(frame(TEXT, compress(exact), rsv=4))
    assert other.take("note")["data"]["x"]


def test_many_bombs_in_one_read(wrapped):
    """Each is within the limit; they are read a few at a time, so together they do not fill the memory."""
    gateway = wrapped()
    text = b'{"type":"note","target_id":"nobody","data":"' + b" " * (1024 * 1024 - 60) + b'"}'
    bombs = frame(TEXT, compress(text), rsv=4) * 60
    before = resident(gateway)
    peer = opened(gateway, "/ws/matrix")
    peer.next()
    for _round in range(5):
        peer.send(bombs)
    for _answer in range(5 * 60):
        assert b"TARGET_NOT_FOUND" in peer.next()[1]
    # A sanitizer keeps what was freed.
    assert is_sanitized() or resident(gateway, "VmHWM") < before + 40 * 1024


# --- broadcasts ------------------------------------------------------------------------------------


def hear(peer, kind):
    while True:
        _opcode, payload, packed = peer.next()
        message = json.loads(payload)
        if message["type"] == kind:
            return message, packed


@pytest.mark.parametrize("count", [2, 30])
def test_a_broadcast_is_compressed_once(hub, count):
    """In small sessions and in those with a log, to members who asked for it and to others, in both dialects."""
    packed = [opened(hub, "/ws/matrix") for _number in range(count)]
    narrow = opened(hub, "/ws/matrix", OFFER + "; server_max_window_bits=10")
    plain = [hub.client() for _number in range(count)]
    speaker = hub.client()
    for number in range(20):
        data = {"text": "what is said again and again " * 10, "number": number}
        speaker.send({"type": "note", "data": data})
        for peer in packed:
            message, was_packed = hear(peer, "note")
            assert message["data"] == data and was_packed
        message, was_packed = hear(narrow, "note")
        assert message["data"] == data and not was_packed
        for client in plain:
            assert client.take("note")["data"] == data
    figures = hub.request("/metrics")[2].decode()
    assert "parley_compressed_messages_made_total 20\n" in figures
    # What is short is not compressed; who is sent compressed frames speaks without hearing itself.
    packed[0].send(frame(TEXT, '{"type":"hm"}'))
    for peer in packed[1:]:
        assert hear(peer, "hm")[1] is False
    packed[0].send(frame(TEXT, '{"type":"note","data":"%s"}' % ("y" * 500)))
    for peer in packed[1:]:
        assert hear(peer, "note")[1] is True
    speaker.send({"type": "last", "data": "z" * 200})
    heard = []
    while not heard or heard[-1] != "last":
        heard.append(json.loads(packed[0].next()[1])["type"])
    assert "note" not in heard and "hm" not in heard


def test_filters_hold(hub):
    """Types beyond those that are kept by name, too: each lane's log has its own."""
    loud = [opened(hub, "/ws/matrix") for _number in range(12)]
    plain = [hub.client() for _number in range(12)]
    for peer in loud[1:]:
        peer.send(frame(TEXT, '{"type":"subscribe","data":{"types":["a*"]}}'))
    speaker = hub.client()
    for client in plain:
        client.barrier()
    for peer in loud:
        peer.send(frame(PING, "now"))
        while peer.next()[0] != PONG:
            pass
    speaker.barrier()
    for number in range(30):
        kind = ("b" if number % 2 else "a") + "x" * (200 if number % 3 else 3) + str(number)
        speaker.send({"type": kind, "data": "y" * 300})
    speaker.send({"type": "a-last", "data": "y" * 300})
    kinds = []
    while not kinds or kinds[-1] != "a-last":
        kinds.append(json.loads(loud[1].next()[1])["type"])
    assert not [kind for kind in kinds if kind.startswith("bx")], kinds
    assert len([kind for kind in kinds if kind.startswith("ax")]) == 15, kinds


# --- clients that others wrote ---------------------------------------------------------------------

MATRIX = [
    {
        "server_no_context_takeover": server,
        "client_no_context_takeover": client,
        **({"server_max_window_bits": server_bits} if server_bits else {}),
        **({"client_max_window_bits": client_bits} if client_bits else {}),
    }
    for server, client, server_bits, client_bits in itertools.product(
        (False, True), (False, True), (None, 8, 12, 15), (None, True, 9, 15)
    )
]


async def talk(gateway, parameters):
    factory = ClientPerMessageDeflateFactory(**parameters)
    async with websockets.connect(gateway.ws_url("/echo"), ssl=gateway.tls, compression=None, extensions=[factory], max_size=None) as client:
        assert "permessage-deflate" in client.response_headers["Sec-WebSocket-Extensions"]
        for message in ("", "short", "x" * 100000, "grüße " * 2000, b"\0" * 70000, b"\0" * 70000, b""):
            await client.send(message)
            assert await asyncio.wait_for(client.recv(), PATIENCE) == message


def test_python_websockets(any_echo):
    for parameters in MATRIX:
        asyncio.run(talk(any_echo, parameters))


@pytest.mark.skipif(not NODE or not WS.exists(), reason="there is no node, or no ws")
def test_node_ws(any_echo, tmp_path):
    done = subprocess.run(
        [shutil.which("node"), str(HERE / "node" / "deflate.mjs"), any_echo.ws_url("/echo")],
        env=os.environ | {"NODE_EXTRA_CA_CERTS": str(tmp_path / "server.pem")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0 and done.stdout == "ok\n", done.stdout + done.stderr


def test_the_longest_message(any_echo):
    async def go():
        async with websockets.connect(any_echo.ws_url("/echo"), ssl=any_echo.tls, max_size=None) as client:
            message = bytes(range(256)) * (16 * 1024 * 4)
            await client.send(message)
            assert await client.recv() == message

    asyncio.run(go())
