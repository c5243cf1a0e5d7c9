"""Clients that have no business here, and gateways that ask who they are: everyone else is served."""

import contextlib
import json
import random
import string

import pytest

from harness.access import PASSWORD, SHARED, WRONG, bearer, password_settings, write_secret
from harness.gateway import is_sanitized
from harness.raw import (
    BINARY,
    CONTINUATION,
    PING,
    TEXT,
    Frames,
    close_code,
    exchange,
    frame,
    read_response,
    receive_all,
    split_response,
    upgrade_head,
    wait_until,
)
from harness.siege import SETTINGS, siege

HELLO = '{"type":"ping"}'
# Of PASSWORD, with a quarter of the work of a real one, so that checking it takes its time.
COSTLY_HASH = (
    "$argon2id$v=19$m=16384,t=1,p=1$YSBzYWx0IG9mIHNpeHRlZQ$5WVoRiooxtgVLcnM2KAg1+ZijF2V1dl1AwfNpfIqINo"
)


@pytest.fixture
def fort(start, threads, tmp_path):
    """fort(**settings) -> a gateway that asks for a secret, and a client of it that has come in."""

    def build(prefix=(), **settings):
        gateway = start(
            "--token-file",
            write_secret(tmp_path / "secret"),
            threads=threads,
            prefix=prefix,
            settings={**SETTINGS, **settings},
        )
        return gateway, gateway.client(headers=[bearer(SHARED)])

    return build


def by(address):
    return f"X-Forwarded-For: {address}"


def stranger(gateway, sockets, *fields, world="main", **options):
    """An upgraded connection without a credential, its greeting read."""
    s = gateway.open_socket(**options)
    sockets.append(s)
    frames = Frames(s, gateway.host, f"/ws/matrix?world={world}", fields)
    assert b'"auth_required":true' in frames.next()[1]
    return frames


def knock(gateway, *fields, path="/ws/matrix"):
    """The status and body of a handshake; one that is let in ends at once."""
    with gateway.open_socket() as s:
        frames = Frames(s, gateway.host, path, fields, may_fail=True)
        return frames.status, json.loads(frames.body or b"{}")


# --- floods ----------------------------------------------------------------------------------------


def test_a_flood_from_one_address(fort):
    """One address has its share of connections; the next address has its own."""
    gateway, client = fort(**{"limits.clients_per_address": 20})
    with siege(gateway, client) as sockets:
        for _ in range(20):
            stranger(gateway, sockets, by("198.51.100.7"))
        for credential in ("X: y", f"Authorization: Bearer {SHARED}"):
            for _ in range(30):
                status, answer = knock(gateway, by("198.51.100.7"), credential)
                assert status == 503 and answer["error"]["code"] == "LIMIT_REACHED"
                assert answer["error"]["details"] == {"limit": "clients_per_address"}
        assert knock(gateway, by("198.51.100.8"))[0] == 101
        assert knock(gateway, by("203.0.113.5, 198.51.100.7"))[0] == 503
        # IPv6: a network of 64 bits is one.
        for number in range(20):
            stranger(gateway, sockets, by(f"2001:db8::{number:x}"))
        assert knock(gateway, by("2001:db8::ffff"))[0] == 503
        assert knock(gateway, by("2001:db8:0:1::1"))[0] == 101
    wait_until(lambda: knock(gateway, by("198.51.100.7"))[0] == 101, "there is room again")


@pytest.mark.threads
@pytest.mark.parametrize("threads", [4])
def test_who_never_finishes(fort):
    """Silent connections, heads that do not end, and clients that never say who they are."""
    gateway, client = fort()
    with siege(gateway, client) as sockets:
        silent = [gateway.open_socket() for _ in range(150)]
        halves = [gateway.open_socket() for _ in range(50)]
        sockets += silent + halves
        for s in halves:
            s.sendall(upgrade_head(gateway.host)[:-2])
        strangers = [stranger(gateway, sockets) for _ in range(50)]
        talkers = [stranger(gateway, sockets) for _ in range(5)]
        for one in talkers:  # pings and half a message are no reason to stay
            one.send(frame(PING) + frame(TEXT, HELLO) + frame(TEXT, "x", fin=False))
        for one in strangers + talkers:
            frames = one.until_end()
            assert close_code(frames) == 4401
            assert b"not authenticated in time" in frames[-1][1]
        for s in halves:
            assert receive_all(s).startswith(b"HTTP/1.1 408 ")
        for s in silent:
            receive_all(s)


def begin_body(gateway, sockets, line, *fields, size=1 << 20):
    """Sends a head and all of a body but its last byte; what the gateway keeps of it is kept until it is whole."""
    s = gateway.open_socket()
    sockets.append(s)
    head = [f"{line} HTTP/1.1", f"Host: {gateway.host}", "Content-Type: application/json", *fields]
    s.sendall("\r\n".join([*head, "", ""]).encode())
    with contextlib.suppress(OSError):  # it may have been refused already
        s.sendall(b"x" * (size - 1))
    return s


def test_long_bodies_of_strangers(fort):
    """Of who shows no credential no more of a body is kept than of a message of his."""
    gateway, client = fort()
    long = f"Content-Length: {1 << 20}"
    with siege(gateway, client, rss_max=100 << 20) as sockets:
        for path in ("publish", "explain"):
            for fields in ((long,), ("Transfer-Encoding: chunked",)):
                for _ in range(40):
                    s = begin_body(gateway, sockets, f"POST /api/gateway/{path}", *fields)
                    status, headers, body = read_response(s)[:3]
                    assert status == 401 and headers["www-authenticate"] == "Bearer"
                    assert json.loads(body)["error"]["code"] == "AUTH_REQUIRED"
        # What is short may come whole, and is answered like any other.
        s = begin_body(gateway, sockets, "POST /api/gateway/publish", "Content-Length: 16384", size=16384)
        s.sendall(b"x")
        assert read_response(s)[0] == 401


def test_long_bodies_where_none_are_taken(fort):
    gateway, client = fort()
    with siege(gateway, client, rss_max=100 << 20) as sockets:
        for line in ("POST /api/gateway/drain", "GET /health", "POST /api/gateway/clients/c/kick"):
            for _ in range(40):
                s = begin_body(gateway, sockets, line, f"Content-Length: {1 << 20}")
                status, _, body = read_response(s)[:3]
                assert status == 413
                assert json.loads(body)["error"]["details"] == {"limit_bytes": 16384}


@pytest.mark.skipif(is_sanitized(), reason="what a sanitizer allocates is not counted, so memory is never short")
def test_long_bodies_with_a_wrong_credential(fort):
    """Nobody looks at it until the body is whole, so none is kept once memory is short."""
    gateway, client = fort()
    fields = (f"Content-Length: {1 << 20}", f"Authorization: Bearer {WRONG}")
    with siege(gateway, client) as sockets:
        posters = []
        while not any("memory_short" in line for line in gateway.lines):
            assert len(posters) < 1000, "a GiB is kept, and memory is not short"
            posters.append(begin_body(gateway, sockets, "POST /api/gateway/publish", *fields))
            assert gateway.request("/health")[0] == 200
        assert len(posters) > 10
        # The last may have come when there was room again.
        assert {read_response(s)[0] for s in posters[:-5]} == {503}


def test_writers_of_single_bytes(fort):
    gateway, client = fort()
    with siege(gateway, client) as sockets:
        writers = [stranger(gateway, sockets) for _ in range(20)]
        text = frame(TEXT, HELLO) * 3
        for at in range(len(text)):
            for one in writers:
                one.send(text[at : at + 1])
        for one in writers:
            assert [one.next() for _ in range(3)] == [(TEXT, b'{"type":"pong"}')] * 3
        head = upgrade_head(gateway.host)
        slow = [gateway.open_socket() for _ in range(20)]
        sockets += slow
        for at in range(len(head)):
            for s in slow:
                s.sendall(head[at : at + 1])
        for s in slow:
            assert read_response(s)[0] == 101


def test_floods_of_pings(fort):
    """From strangers who read nothing of what they are answered."""
    gateway, client = fort()
    floods = (frame(PING, b"x" * 125) * 500, frame(TEXT, HELLO) * 2000)
    with siege(gateway, client) as sockets:
        for flood in floods:
            for _ in range(5):
                one = stranger(gateway, sockets, receive_buffer=4096)
                one.socket.settimeout(0.1)
                with contextlib.suppress(OSError):
                    for _ in range(20):
                        one.socket.sendall(flood)


# --- who has yet to say who it is --------------------------------------------------------------------

LARGE = {
    "one frame": frame(TEXT, " " * (16 * 1024 + 1)),
    "binary": frame(BINARY, " " * (16 * 1024 + 1)),
    "announced": frame(TEXT, b"", length=16 * 1024 + 1),
    "announced, absurd": frame(TEXT, b"", length=1 << 62),
    "in pieces": frame(TEXT, " " * 16000, fin=False) + frame(CONTINUATION, " " * 385),
    "in many pieces": frame(TEXT, "x", fin=False) + frame(CONTINUATION, "x" * 100, fin=False) * 164,
}


@pytest.mark.parametrize("name", LARGE)
def test_a_stranger_who_sends_much(fort, name):
    """What came before is answered; nothing behind it is read."""
    gateway, client = fort()
    with siege(gateway, client) as sockets:
        for _ in range(10):
            one = stranger(gateway, sockets)
            one.send(frame(TEXT, HELLO) + LARGE[name] + frame(TEXT, HELLO))
            pong, *rest = one.until_end()
            assert pong == (TEXT, b'{"type":"pong"}') and close_code(rest) == 1009 and len(rest) == 1
        # 16 KiB are fine, and who has come in may say more.
        one = stranger(gateway, sockets, world="side")
        one.send(frame(TEXT, HELLO + " " * (16 * 1024 - len(HELLO))))
        assert one.next() == (TEXT, b'{"type":"pong"}')
        one.send(frame(TEXT, '{"type":"agent_register","agentId":"a","token":"%s"}' % SHARED))
        assert b'"connection_ack"' in one.next()[1]
        one.send(frame(TEXT, HELLO + " " * 100_000))
        assert one.next() == (TEXT, b'{"type":"pong"}')


def test_a_stranger_who_says_what_he_may_not(fort):
    """Five times; then he is shown out, and what he said behind it is not looked at."""
    gateway, client = fort()
    kinds = ['{"type":"bark"}', '{"type":"subscribe"}', "nonsense", '{"type":"agent_register","agentId":"a"}', "[]", "{}"]
    with siege(gateway, client) as sockets:
        for number in range(20):
            one = stranger(gateway, sockets)
            one.send(b"".join(frame(TEXT, kinds[(number + n) % len(kinds)]) for n in range(8)) + frame(TEXT, HELLO))
            *errors, _ = frames = one.until_end()
            assert close_code(frames) == 4401 and b"not authenticated" in frames[-1][1]
            assert [json.loads(text)["data"]["code"] for _, text in errors] == ["AUTH_REQUIRED"] * 5


def test_compressed_frames(fort):
    """None was agreed on, and nothing is inflated for strangers."""
    gateway, client = fort()
    with siege(gateway, client) as sockets:
        for data in (frame(TEXT, HELLO, rsv=4), frame(TEXT, b"\xaa\x56\x2a" * 5000, rsv=4), frame(PING, rsv=4)):
            for _ in range(10):
                one = stranger(gateway, sockets, "Sec-WebSocket-Extensions: permessage-deflate")
                one.send(frame(TEXT, HELLO) + data)
                pong, *rest = one.until_end()
                assert pong[0] == TEXT and close_code(rest) == 1002
        with gateway.open_socket() as s:
            frames = Frames(s, gateway.host, fields=["Sec-WebSocket-Extensions: permessage-deflate"])
            assert "sec-websocket-extensions" not in frames.fields


def test_strangers_hear_nothing(fort):
    """Not even when they read late: what is said in their world is not kept for them."""
    gateway, client = fort()
    with siege(gateway, client) as sockets:
        strangers = [stranger(gateway, sockets) for _ in range(10)]
        speaker = gateway.client("/ws/matrix?world=side", headers=[bearer(SHARED)])
        for number in range(100):
            speaker.send({"type": "bark", "n": number})
            speaker.send({"type": "bark", "target_id": "c-aaaaaaaaaaaaa"})
        speaker.barrier()
        speaker.close()
        for one in strangers:
            one.send(frame(TEXT, HELLO))
            assert one.next() == (TEXT, b'{"type":"pong"}')


# --- guessing --------------------------------------------------------------------------------------


def test_a_flood_of_wrong_tokens(fort):
    gateway, client = fort()
    with siege(gateway, client):
        found = [knock(gateway, by("198.51.100.7"), f"Authorization: Bearer {WRONG}{n}")[0] for n in range(200)]
        assert found == [401] * 10 + [429] * 190
        # From everywhere at once: each is refused, and nobody else.
        for number in range(200):
            assert knock(gateway, by(f"203.0.113.{number}"), f"Authorization: Bearer {WRONG}")[0] == 401
        assert knock(gateway, by("203.0.113.1"), f"Authorization: Bearer {SHARED}")[0] == 101
        # On one connection that stays, too.
        with gateway.open_socket() as s:
            request = f"GET /health?token=x HTTP/1.1\r\nHost: {gateway.host}\r\n\r\n".encode()
            s.sendall(request * 100)
            rest = b""
            for _ in range(100):
                status, _, _, rest = read_response(s, rest)
                assert status == 200


def test_guessing_tickets(fort):
    gateway, client = fort()
    dice = random.Random(7)
    letters = string.ascii_lowercase + "234567"
    with siege(gateway, client):
        for number in range(100):
            ticket = "".join(dice.choice(letters) for _ in range(26))
            status, answer = knock(gateway, by("198.51.100.7"), path=f"/ws/matrix?ticket={ticket}")
            assert status == (401 if number < 10 else 429)
            assert ticket not in json.dumps(answer)


@pytest.mark.parametrize("threads", [4])
def test_a_flood_of_passwords(start, threads):
    """So many are checked at a time; for more there is no place, and nobody waits for them but their senders."""
    gateway = start(
        threads=threads,
        settings={**SETTINGS, **password_settings(), "auth.password_hash": COSTLY_HASH},
    )
    client = gateway.client(headers=[bearer(PASSWORD)])
    with siege(gateway, client, rss_max=320 << 20) as sockets:
        for number in range(60):
            s = gateway.open_socket()
            sockets.append(s)
            s.sendall(upgrade_head(gateway.host, extra=[by(f"203.0.113.{number}"), f"Authorization: Bearer {WRONG}"]))
        answers = [read_response(s) for s in sockets]
        found = [status for status, *_ in answers]
        assert set(found) == {401, 429} and found.count(401) >= 32
        for status, _, body, _ in answers:
            details = json.loads(body)["error"]["details"]
            assert details == ({"retry_after_ms": 1000} if status == 429 else {})
        # Those for whom there was no place have not failed.
        assert wait_until(lambda: knock(gateway, by("203.0.113.59"), f"Authorization: Bearer {PASSWORD}")[0] == 101, "room")


# --- limits of the machine ---------------------------------------------------------------------------


def test_no_descriptors_left(fort):
    gateway, client = fort(prefix=["prlimit", "--nofile=80:80"])
    with siege(gateway, client) as sockets:
        for _ in range(200):
            s = gateway.open_socket()
            sockets.append(s)
            with contextlib.suppress(OSError):
                s.sendall(upgrade_head(gateway.host))
    wait_until(lambda: comes_in(gateway), "there is room again")


def comes_in(gateway):
    try:
        return knock(gateway, f"Authorization: Bearer {SHARED}")[0] == 101
    except (AssertionError, OSError):
        return False


# --- HTTP that is none -------------------------------------------------------------------------------

HEAD = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
UPGRADE = upgrade_head("localhost").decode()
BAD = {
    "lines that end in LF": (HEAD.replace("\r\n", "\n") + "\n", 400),
    "no colon": (HEAD + "nonsense\r\n\r\n", 400),
    "a space before the colon": (HEAD + "Authorization : Bearer x\r\n\r\n", 400),
    "two hosts": (HEAD + "Host: localhost\r\n\r\n", 400),
    "no host": ("GET /health HTTP/1.1\r\n\r\n", 400),
    "a version": (HEAD.replace("1.1", "3.0") + "\r\n", 505),
    "two lengths of a body": ("POST" + HEAD[3:] + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "a body on an upgrade": (UPGRADE[:-2] + "Content-Length: 3\r\n\r\nabc", 400),
    "absolute form": (HEAD.replace("/health", "http://localhost/health") + "\r\n", 400),
    "NUL": (HEAD + "X: a\0b\r\n\r\n", 400),
    "a long target": (HEAD.replace("/health", "/" + "x" * 9000) + "\r\n", 414),
    "a long head": (HEAD + "X: " + "x" * 17000 + "\r\n\r\n", 431),
    "many lines": (HEAD + "X: y\r\n" * 101 + "\r\n", 431),
    "an endless line": ("GET /" + "x" * 20000, 414),
    "a folded line": (HEAD + "X: a\r\n b\r\n\r\n", 400),
    "nonsense": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "x" * 200 + "\r\n\r\n", 400),
}


def test_http_that_is_none(fort):
    gateway, client = fort()
    with siege(gateway, client):
        found = {}
        for name, (text, _) in BAD.items():
            for secret in ("", f"Authorization: Bearer {SHARED}\r\n"):
                data = (text[:-2] + secret + "\r\n" if text.endswith("\r\n\r\n") else text).encode("latin-1")
                status, fields, body, rest = split_response(exchange(gateway.open_socket(), data))
                assert json.loads(body)["error"]["message"] and rest == b""
                assert found.setdefault(name, status) == status
        assert found == {name: status for name, (_, status) in BAD.items()}
