"""A credential that was read must be nowhere: not in answers, not in the log, not in memory."""

import pytest

from harness.canary import writable_memory
from harness.client import Client
from harness.gateway import is_sanitized
from harness.raw import TEXT, exchange, frame, read_response, split_response, upgrade_head, wait_until

searches_memory = pytest.mark.skipif(is_sanitized(), reason="a sanitizer's shadow is terabytes to search")

SECRET = "q7Zcanary4Uq7Zcanary4U"

REQUESTS = {
    "token": ("/health?a=b&token={}", ()),
    "ticket": ("/health?ticket={}", ()),
    "bearer": ("/health", ("Authorization: Bearer {}",)),
    "another scheme": ("/health", ("Authorization: Basic {}",)),
    "unknown path": ("/nowhere?token={}", ("Authorization: Bearer {}",)),
    "not a token": ("/health?token={}/", ()),
    "subprotocol": ("/health", ("Sec-WebSocket-Protocol: parley.bearer.{}",)),
}


def memory_has(pid, needle):
    """The address of the needle in the writable memory of a process, or None."""
    for address, region, data in writable_memory(pid):
        found = data.find(needle)
        if found >= 0:
            return f"{address + found:x} {region}"
    return None


def expect_nowhere(gateway):
    # An end is dealt with in a turn of its own, which may come after the answer to somebody else.
    wait_until(lambda: memory_has(gateway.process.pid, SECRET.encode()) is None, "it is wiped")
    assert not any(SECRET in line for line in gateway.lines)


@searches_memory
def test_the_search_finds(tcp_gateway):
    """What the gateway is meant to keep is seen."""
    tcp_gateway.agent(SECRET)
    assert memory_has(tcp_gateway.process.pid, SECRET.encode()) is not None


@searches_memory
@pytest.mark.parametrize("name", REQUESTS)
def test_http(tcp_gateway, name):
    path, fields = REQUESTS[name]
    request = [f"GET {path.format(SECRET)} HTTP/1.1", f"Host: {tcp_gateway.host}", "Connection: close"]
    request += [field.format(SECRET) for field in fields]
    request = ("\r\n".join(request) + "\r\n\r\n").encode()
    for cut in range(0, len(request), 7):
        with tcp_gateway.open_socket() as s:
            s.sendall(request[:cut])
            s.sendall(request[cut:])
            answer = exchange(s, b"")
        assert split_response(answer)[0] in (200, 400, 404)
        assert SECRET.encode() not in answer
    expect_nowhere(tcp_gateway)


@searches_memory
def test_handshake(tcp_gateway):
    """Every place at once; the token does not come back, "parley" is selected."""
    extra = [f"Authorization: Bearer {SECRET}", f"Sec-WebSocket-Protocol: parley.bearer.{SECRET}, parley"]
    head = upgrade_head(tcp_gateway.host, path=f"/ws/matrix?token={SECRET}&ticket={SECRET}", extra=extra)
    with tcp_gateway.open_socket() as s:
        s.sendall(head + frame(TEXT, '{"type":"ping"}'))
        status, headers, _, _ = read_response(s)
        assert status == 101
        assert headers["sec-websocket-protocol"] == "parley"
        expect_nowhere(tcp_gateway)
    client = Client(tcp_gateway.open_socket(), tcp_gateway.host, f"/ws/matrix?token={SECRET}")
    tcp_gateway.clients.append(client)
    client.open()
    expect_nowhere(tcp_gateway)


@searches_memory
def test_half_a_head(tcp_gateway):
    """Its sender goes before it is whole."""
    with tcp_gateway.open_socket() as s:
        s.sendall(f"GET /health?token={SECRET} HTTP/1.1\r\nAuthorization: Bearer {SECRET}\r\n".encode())
    expect_nowhere(tcp_gateway)


@pytest.mark.parametrize(
    "fields, says",
    [
        (("Authorization: Bearer",), "token or password"),
        (("Authorization: Bearer a", "Authorization: Bearer a"), "two lines"),
        (("Authorization: Bearer " + "x" * 8193,), "8 KiB"),
    ],
)
def test_broken_credentials(tcp_gateway, fields, says):
    status, _, body = tcp_gateway.request("/health", headers=fields)
    assert status == 400 and says in body.decode()


def test_a_proxy_that_nobody_trusts(tcp_gateway):
    """Whatever it says, it is neither believed nor refused."""
    for field in ("X-Forwarded-For: nonsense, ,", "Forwarded: for=", "X-Forwarded-Host: evil.example"):
        assert tcp_gateway.request("/health", headers=[field])[0] == 200
