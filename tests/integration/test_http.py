"""HTTP as curl and hand-made bytes see it: routes, statuses, hostile heads, keep-alive."""

import json
import socket
import subprocess

import pytest

from harness import PATIENCE
from harness.raw import TEXT, exchange, frame, read_response, receive_all, split_response, upgrade_head

WORLD_PATHS = ["/ws/matrix", "/ws/agents", "/ws/world-state", "/api/world/ws"]
GET_PATHS = [
    "/", "/health", "/healthz", "/readyz", "/metrics", "/web/parley.css", "/web/parley.js", "/web/icon.svg",
    "/api/gateway/status", "/api/gateway/agents", "/api/gateway/sessions", "/api/gateway/clients",
]
POST_PATHS = [
    "/api/gateway/drain", "/api/gateway/publish", "/api/gateway/tickets", "/api/gateway/clients/c-a/kick",
    "/api/gateway/explain",
]


def error_of(answer):
    """(status, headers, code) of an error response, whose body must be the JSON error."""
    status, headers, body, _ = split_response(answer)
    assert headers["content-type"].startswith("application/json"), headers
    error = json.loads(body)["error"]
    assert set(error) == {"code", "message", "details"} and error["message"], error
    return status, headers, error["code"]


def ask(gateway, text):
    """Sends a head written with LF for CRLF and `{host}` for the gateway's; reads to the end."""
    head = text.replace("{host}", gateway.host).replace("\n", "\r\n")
    return exchange(gateway.open_socket(), head.encode("latin-1"))


def get(gateway, path, *lines, method="GET"):
    return ask(gateway, "\n".join([f"{method} {path} HTTP/1.1", "Host: {host}", "Connection: close", *lines, "", ""]))


def curl(gateway, path, *options):
    transport = ["--unix-socket", gateway.unix] if gateway.unix else []
    done = subprocess.run(
        ["curl", "-sS", "-i", "--max-time", str(PATIENCE), *transport, *options, gateway.url + path],
        capture_output=True,
        check=True,
    )
    return split_response(done.stdout, head_only="-I" in options)


# --- routes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/health", "/healthz"])
def test_health(gateway, path):
    gateway.agent("timmy")
    status, headers, body, _ = curl(gateway, path)
    assert status == 200 and headers["content-type"].startswith("application/json")
    health = json.loads(body)
    assert health["status"] == "ok" and health["service"] == "parley"
    assert health["timestamp"]
    assert health["clients"] == 1 and health["sessions"] >= 1


def test_readyz(gateway):
    assert curl(gateway, "/readyz")[0] == 200


def test_status_knows_who_is_there(gateway):
    timmy = gateway.agent("timmy", role="guide", capabilities=["chat"])
    gateway.client()
    gateway.client(world="attic")
    status, _, body, _ = curl(gateway, "/api/gateway/status")
    assert status == 200
    found = json.loads(body)
    assert found["version"] and found["uptime_seconds"] >= 0 and found["started_at"]
    assert found["connections"] == 3
    assert set(found["messages"]) >= {"received", "delivered", "dropped"}
    assert found["limits"]
    (agent,) = found["agents"]
    assert agent["agent_id"] == agent["agentId"] == "timmy"
    assert agent["role"] == "guide" and agent["dialect"] == "world"
    assert agent["status"] == "online"
    assert agent["client_id"] == timmy.greeting["data"]["client_id"]
    assert agent["connected_at"]


def test_status_counts_messages(gateway):
    speaker, hearers = gateway.client(), [gateway.client() for _ in range(3)]
    before = gateway.status()["messages"]
    for number in range(10):
        speaker.send({"type": "bark", "n": number})
    speaker.barrier()
    for hearer in hearers:
        assert len(hearer.barrier()) == 10
    after = gateway.wait_status(lambda s: s["messages"]["delivered"] >= before["delivered"] + 30)["messages"]
    assert after["received"] - before["received"] == 14, "ten barks and four pings"
    assert after["dropped"] == before["dropped"]


def test_head_has_no_body(gateway):
    for path in GET_PATHS:
        status, headers, _, rest = curl(gateway, path, "-I")
        assert status == 200 and int(headers["content-length"]) > 0 and rest == b"", path


def test_unknown_paths(gateway):
    for path in ("/nothing", "/health/", "/healthx", "/api/gateway/nothing", "/api/gateway/clients/", "/api/gateway/clients/a/b",
                 "/web/", "/web/index.html", "/ws/matrixx", "//health", "/%68ealth?x"):
        status, _, _ = error_of(get(gateway, path))
        assert status == 404, path


def test_a_query_does_not_hide_a_route(gateway):
    assert curl(gateway, "/health?a=b&c")[0] == 200


def test_wrong_methods(gateway):
    for path in GET_PATHS:
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get", "BREW"):
            status, headers, _ = error_of(get(gateway, path, "Content-Length: 0", method=method))
            assert status == 405, (method, path, status)
            allowed = {word.strip() for word in headers["allow"].split(",")}
            assert allowed == {"GET", "HEAD"}, allowed
    for path in POST_PATHS:
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            if method == "HEAD":
                assert curl(gateway, path, "-I")[0] == 405
            else:
                status, headers, _ = error_of(get(gateway, path, "Content-Length: 0", method=method))
                assert status == 405 and headers["allow"] == "POST", (method, path, status)


# --- upgrades --------------------------------------------------------------------------------


def test_a_plain_get_on_a_websocket_path(gateway):
    for path in WORLD_PATHS:
        status, headers, _ = error_of(get(gateway, path))
        assert status == 426 and headers["upgrade"].lower() == "websocket", path


@pytest.mark.parametrize("version", ["8", "14", "0", "99"])
def test_a_wrong_websocket_version(tcp_gateway, version):
    status, headers, _ = error_of(
        exchange(tcp_gateway.open_socket(), upgrade_head(tcp_gateway.host, version=version, extra=["Connection: close"]))
    )
    assert status == 426 and headers["sec-websocket-version"] == "13"
    assert headers["upgrade"] == "websocket"


@pytest.mark.parametrize("path", ["/nothing", "/health", "/wss", "/"])
def test_an_upgrade_elsewhere(tcp_gateway, path):
    client = tcp_gateway.client(path)
    assert client.response.status_code == 404


@pytest.mark.parametrize("key", ["", "short", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZXM=", "!!!!!!!!!!!!!!!!!!!!!!=="])
def test_a_bad_websocket_key(tcp_gateway, key):
    status, _, _ = error_of(exchange(tcp_gateway.open_socket(), upgrade_head(tcp_gateway.host, key=key)))
    assert status == 400


def test_an_upgrade_with_the_wrong_method(tcp_gateway):
    head = upgrade_head(tcp_gateway.host).replace(b"GET", b"POST", 1)
    status, headers, _ = error_of(exchange(tcp_gateway.open_socket(), head))
    assert status == 405 and headers["allow"]


def test_a_body_on_an_upgrade(tcp_gateway):
    head = upgrade_head(tcp_gateway.host, extra=["Content-Length: 4"])
    status, _, _ = error_of(exchange(tcp_gateway.open_socket(), head + b"body"))
    assert status == 400


def test_the_answer_to_an_upgrade(gateway):
    client = gateway.client(subprotocols=["parley", "other"])
    assert client.response.status_code == 101
    assert client.engine.subprotocol == "parley"
    assert "Sec-WebSocket-Extensions" not in client.response.headers
    plain = gateway.client()
    assert plain.engine.subprotocol is None


def test_frames_right_behind_the_upgrade(tcp_gateway):
    """A client that does not wait for the 101 has its first words heard all the same."""
    hearer = tcp_gateway.client()
    with tcp_gateway.open_socket() as s:
        s.sendall(upgrade_head(tcp_gateway.host) + frame(TEXT, '{"type":"bark","n":1}'))
        assert hearer.text() == '{"type":"bark","n":1}'
        assert read_response(s)[0] == 101


# --- who may -----------------------------------------------------------------------------------

FOREIGN_HOSTS = ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1"]
OUR_HOSTS = ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]", "127.0.0.1:9"]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_foreign_host(tcp_gateway, host):
    head = f"GET /health HTTP/1.1\nHost: {host}\nConnection: close\n\n"
    assert error_of(ask(tcp_gateway, head))[0] == 421
    assert error_of(exchange(tcp_gateway.open_socket(), upgrade_head(host)))[0] == 421


@pytest.mark.parametrize("host", OUR_HOSTS)
def test_our_own_hosts(tcp_gateway, host):
    head = f"GET /health HTTP/1.1\nHost: {host}\nConnection: close\n\n"
    assert split_response(ask(tcp_gateway, head))[0] == 200


FOREIGN_ORIGINS = [
    "http://evil.example",
    "https://localhost:8080",
    "http://localhost",
    "http://localhost:8080.evil.com",
    "http://localhost.evil.com:3000",
    "http://localhost:",
    "http://localhost:80x",
    "http://user@localhost:80",
    "http://localhost:80/",
    "null",
    "localhost:80",
    "",
]
OUR_ORIGINS = ["http://localhost:3000", "HTTP://LocalHost:1", "http://127.0.0.1:80", "http://[::1]:8080"]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_foreign_origin(tcp_gateway, origin):
    assert error_of(get(tcp_gateway, "/health", f"Origin: {origin}"))[0] == 403
    head = upgrade_head(tcp_gateway.host, extra=[f"Origin: {origin}"])
    assert error_of(exchange(tcp_gateway.open_socket(), head))[0] == 403


@pytest.mark.parametrize("origin", OUR_ORIGINS)
def test_our_own_origins(tcp_gateway, origin):
    assert split_response(get(tcp_gateway, "/health", f"Origin: {origin}"))[0] == 200
    client = tcp_gateway.client(headers=[("Origin", origin)])
    assert client.response.status_code == 101


def test_origin_is_judged_before_the_route(tcp_gateway):
    assert error_of(get(tcp_gateway, "/nothing", "Origin: http://evil.example"))[0] == 403


# --- hostile heads -------------------------------------------------------------------------------

HOSTILE = {
    "LF only": (b"GET /health HTTP/1.1\nHost: H\n\n", 400),
    "LF at one line": (b"GET /health HTTP/1.1\r\nHost: H\nX: y\r\n\r\n", 400),
    "CR alone": (b"GET /health HTTP/1.1\rHost: H\r\r", 400),
    "no colon": (b"GET /health HTTP/1.1\r\nHost: H\r\nnocolon\r\n\r\n", 400),
    "space before the colon": (b"GET /health HTTP/1.1\r\nHost : H\r\n\r\n", 400),
    "a folded line": (b"GET /health HTTP/1.1\r\nHost: H\r\nX: a\r\n b\r\n\r\n", 400),
    "no name": (b"GET /health HTTP/1.1\r\nHost: H\r\n: x\r\n\r\n", 400),
    "two Hosts": (b"GET /health HTTP/1.1\r\nHost: H\r\nHost: H\r\n\r\n", 400),
    "no Host": (b"GET /health HTTP/1.1\r\nX: y\r\n\r\n", 400),
    "an empty Host": (b"GET /health HTTP/1.1\r\nHost:\r\n\r\n", 400),
    "HTTP/1.2": (b"GET /health HTTP/1.2\r\nHost: H\r\n\r\n", 505),
    "HTTP/2.0": (b"GET /health HTTP/2.0\r\nHost: H\r\n\r\n", 505),
    "no version": (b"GET /health\r\nHost: H\r\n\r\n", 400),
    "lower case version": (b"GET /health http/1.1\r\nHost: H\r\n\r\n", 400),
    "two spaces": (b"GET  /health HTTP/1.1\r\nHost: H\r\n\r\n", 400),
    "length and coding": (
        b"POST /health HTTP/1.1\r\nHost: H\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "two lengths": (b"POST /health HTTP/1.1\r\nHost: H\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
    "a signed length": (b"POST /health HTTP/1.1\r\nHost: H\r\nContent-Length: +5\r\n\r\nhello", 400),
    "a list of lengths": (b"POST /health HTTP/1.1\r\nHost: H\r\nContent-Length: 5, 5\r\n\r\nhello", 400),
    "a coding without an end": (b"POST /health HTTP/1.1\r\nHost: H\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
    "an unknown coding": (b"POST /health HTTP/1.1\r\nHost: H\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    "absolute form": (b"GET http://H/health HTTP/1.1\r\nHost: H\r\n\r\n", 400),
    "authority form": (b"CONNECT H:80 HTTP/1.1\r\nHost: H\r\n\r\n", 400),
    "asterisk form": (b"OPTIONS * HTTP/1.1\r\nHost: H\r\n\r\n", 400),
    "NUL in a value": (b"GET /health HTTP/1.1\r\nHost: H\r\nX: a\0b\r\n\r\n", 400),
    "NUL in the target": (b"GET /hea\0lth HTTP/1.1\r\nHost: H\r\n\r\n", 400),
    "a bare fragment": (b"GET /health#x HTTP/1.1\r\nHost: H\r\n\r\n", 400),
    "a broken escape": (b"GET /health%zz HTTP/1.1\r\nHost: H\r\n\r\n", 400),
    "binary noise": (bytes(range(128, 256)) * 4, 400),
    "a TLS hello": (bytes.fromhex("16030100c8010000c40303") + bytes(190), 400),
    "a long target": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: H\r\n\r\n", 414),
    "a long header": (b"GET /health HTTP/1.1\r\nHost: H\r\nX: " + b"a" * 17000 + b"\r\n\r\n", 431),
    "101 lines": (b"GET /health HTTP/1.1\r\nHost: H\r\n" + b"X: y\r\n" * 100 + b"\r\n", 431),
    "endless headers": (b"GET /health HTTP/1.1\r\nHost: H\r\n" + b"X: y\r\n" * 200_000, 431),
    "an endless method": (b"A" * 1_000_000, 501),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_head_is_refused_and_closed(tcp_gateway, name):
    request, expected = HOSTILE[name]
    answer = exchange(tcp_gateway.open_socket(), request.replace(b"H\r\n", tcp_gateway.host.encode() + b"\r\n"))
    status, headers, _, rest = split_response(answer)
    assert status == expected, answer[:300]
    assert "close" in headers["connection"].lower()
    assert rest == b"", "nothing is read after the violation"
    assert tcp_gateway.request("/health")[0] == 200


def test_a_hundred_lines_are_fine(tcp_gateway):
    lines = [f"X-{number}: y" for number in range(98)]
    assert split_response(get(tcp_gateway, "/health", *lines))[0] == 200


# --- connections that stay -------------------------------------------------------------------


def test_keep_alive(gateway):
    with gateway.open_socket() as s:
        rest = b""
        for path in GET_PATHS * 3:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: {gateway.host}\r\n\r\n".encode())
            status, headers, _, rest = read_response(s, rest)
            assert status == 200 and rest == b""
            assert headers.get("connection", "keep-alive").lower() != "close"
        s.sendall(f"GET /nothing HTTP/1.1\r\nHost: {gateway.host}\r\n\r\n".encode())
        assert read_response(s)[0] == 404
        s.sendall(f"GET /health HTTP/1.1\r\nHost: {gateway.host}\r\nConnection: close\r\n\r\n".encode())
        status, headers, _, _ = split_response(receive_all(s))
        assert status == 200 and headers["connection"].lower() == "close"


def test_http_1_0_is_closed(tcp_gateway):
    assert split_response(ask(tcp_gateway, "GET /health HTTP/1.0\nHost: {host}\n\n"))[0] == 200


def test_pipelined_requests_are_answered_in_order(gateway):
    paths = ["/health", "/nothing", "/metrics", "/ws/matrix", "/readyz"] * 10
    heads = [f"GET {path} HTTP/1.1\r\nHost: {gateway.host}\r\n\r\n" for path in paths]
    heads[-1] = heads[-1].replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
    rest = exchange(gateway.open_socket(), "".join(heads).encode())
    statuses = []
    while rest:
        status, _, _, rest = split_response(rest)
        statuses.append(status)
    assert statuses == [200, 404, 200, 426, 200] * 10


def test_a_violation_behind_a_good_request(tcp_gateway):
    """What was good is answered first, then the connection fails."""
    good = f"GET /health HTTP/1.1\r\nHost: {tcp_gateway.host}\r\n\r\n".encode()
    answer = exchange(tcp_gateway.open_socket(), good + good + b"nonsense\r\n\r\n" + good)
    statuses = []
    while answer:
        status, _, _, answer = split_response(answer)
        statuses.append(status)
    assert statuses == [200, 200, 400]


def test_one_byte_at_a_time(tcp_gateway):
    with tcp_gateway.open_socket() as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in f"GET /health HTTP/1.1\r\nHost: {tcp_gateway.host}\r\n\r\n".encode():
            s.sendall(bytes([byte]))
        assert read_response(s)[0] == 200


def test_an_upgrade_behind_a_request(tcp_gateway):
    with tcp_gateway.open_socket() as s:
        s.sendall(f"GET /health HTTP/1.1\r\nHost: {tcp_gateway.host}\r\n\r\n".encode())
        s.sendall(upgrade_head(tcp_gateway.host))
        status, _, _, rest = read_response(s)
        assert status == 200
        assert read_response(s, rest)[0] == 101
