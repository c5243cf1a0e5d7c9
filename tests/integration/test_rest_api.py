"""The administrator's side of HTTP with a real gateway: lists, kick, publish, drain, and how each refuses."""

import json
import signal

import pytest

from harness.raw import exchange, split_response

JSON = "Content-Type: application/json"


def get(gateway, path, status=200):
    code, _, body = gateway.request(f"/api/gateway/{path}")
    assert code == status, body
    return json.loads(body)


def post(gateway, path, body=None, status=200, headers=(JSON,)):
    text = b"" if body is None else json.dumps(body).encode()
    code, found, answer = gateway.request(
        f"/api/gateway/{path}", "POST", [*headers, f"Content-Length: {len(text)}"], text
    )
    assert code == status, answer
    return json.loads(answer), found


def code_of(answer):
    assert set(answer["error"]) == {"code", "message", "details"}
    return answer["error"]["code"]


def test_clients(gateway):
    timmy = gateway.agent("timmy")
    visitor = gateway.client(world="attic", headers=[("User-Agent", "visitor/1.0")])
    found = get(gateway, "clients")
    assert found["total"] == 2 and "next" not in found
    agent, client = sorted(found["clients"], key=lambda each: each["sessions"], reverse=True)
    assert agent["id"] == timmy.greeting["data"]["client_id"] and agent["agentId"] == "timmy"
    assert client["id"] == visitor.greeting["data"]["client_id"] and "agentId" not in client
    assert client["sessions"] == ["world:attic"] and client["dropped"] == 0
    assert client["connectedAt"] <= client["lastActivityAt"]
    assert get(gateway, f"clients/{client['id']}")["sessions"] == ["world:attic"]
    assert get(gateway, "clients/timmy")["id"] == agent["id"]
    assert code_of(get(gateway, "clients/nobody", 404)) == "TARGET_NOT_FOUND"


def test_lists_in_parts(gateway):
    for number in range(7):
        gateway.agent(f"a{number}", world=f"w{number % 3}", capabilities=["odd" if number % 2 else "even"])
    for name, key, count in (("agents", "agent_id", 7), ("clients", "id", 7), ("sessions", "name", 4)):
        seen, query = [], "?limit=2"
        while query:
            part = get(gateway, name + query)
            assert part["total"] == count and len(part[name]) <= 2
            seen += [each[key] for each in part[name]]
            query = f"?limit=2&after={part['next']}" if "next" in part else ""
        assert len(seen) == len(set(seen)) == count, seen
    assert [each["agent_id"] for each in get(gateway, "agents?capability=odd")["agents"]] == ["a1", "a3", "a5"]
    assert code_of(get(gateway, "agents?limit=1001", 400)) == "INVALID_MESSAGE"
    assert code_of(get(gateway, "agents?capabilty=odd", 400)) == "INVALID_MESSAGE"


def test_kick(gateway):
    timmy, watcher = gateway.agent("timmy"), gateway.client()
    assert post(gateway, "clients/timmy/kick", {"reason": "that is enough"})[0] == {"kicked": "timmy"}
    assert timmy.wait_closed(4408)[0] == "that is enough"
    assert watcher.take("agent_left")["agent_id"] == "timmy"
    assert code_of(post(gateway, "clients/timmy/kick", status=404)[0]) == "TARGET_NOT_FOUND"


def test_publish(gateway):
    timmy, others = gateway.agent("timmy"), [gateway.client() for _ in range(2)]
    body = {"dialect": "world", "world": "main", "message": {"type": "bark", "data": {"text": "hear ye"}}}
    key = [JSON, "Idempotency-Key: morning"]
    answer, headers = post(gateway, "publish", body, 202, key)
    assert answer == {"delivered": 3} and "idempotency-replayed" not in headers
    again, headers = post(gateway, "publish", body, 202, key)
    assert again == answer and headers["idempotency-replayed"] == "true"
    assert code_of(post(gateway, "publish", body | {"world": "attic"}, 409, key)[0]) == "CONFLICT"
    assert post(gateway, "publish", {"target": "timmy", "message": {"type": "thought"}}, 202)[0] == {"delivered": 1}
    assert timmy.take("bark")["data"] == {"text": "hear ye"}
    assert timmy.take("thought")
    for other in others:
        assert other.take("bark") and other.barrier() == [], "once, and not what is for timmy"


def test_the_bytes_of_a_publication(gateway):
    hearer = gateway.client()
    message = b'{"type":"bark", "n":1.50, "u":"\\u00e9"}'
    body = b'{"world":"main","message":' + message + b"}"
    status, _, answer = gateway.request(
        "/api/gateway/publish", "POST", [JSON, f"Content-Length: {len(body)}"], body
    )
    assert status == 202, answer
    assert hearer.text().encode() == message


def test_explain(gateway):
    timmy, other = gateway.agent("timmy"), gateway.client()
    timmy_id = timmy.greeting["data"]["client_id"]
    bark = {"type": "bark", "data": {"text": "hi"}}
    for body, told in [
        ({}, {"verdict": "delivered", "receivers": 2, "session": "world:main", "details": {}}),
        ({"as": timmy_id}, {"verdict": "delivered", "receivers": 1, "session": "world:main", "details": {}}),
        ({"message": bark | {"target_id": timmy_id}},
         {"verdict": "delivered", "receivers": 1, "target": "timmy", "details": {}}),
        ({"as": "timmy", "message": {"type": "ping"}}, {"verdict": "answered", "receivers": 0, "details": {}}),
    ]:
        assert post(gateway, "explain", {"message": bark} | body, 200)[0] == told
    refused = post(gateway, "explain", {"message": {"type": "agent_left"}}, 200)[0]
    assert refused["verdict"] == "FORBIDDEN" and refused["details"]["rule"] == "gateway_types" and refused["message"]
    assert timmy.barrier() == [] and other.barrier() == [], "nothing was sent"


REFUSALS = [
    ("publish", {"message": {"type": "bark"}}, 400, "INVALID_MESSAGE"),
    ("publish", {"world": "main", "message": {"type": "bark"}, "x": 1}, 400, "INVALID_MESSAGE"),
    ("publish", {"dialect": "gateway", "world": "main", "message": {"type": "chat"}}, 400, "INVALID_MESSAGE"),
    ("publish", {"world": "main", "message": {"type": "agent_joined"}}, 403, "FORBIDDEN"),
    ("publish", {"target": "nobody", "message": {"type": "bark"}}, 404, "TARGET_NOT_FOUND"),
    ("explain", {"message": {"type": "bark"}, "as": "nobody"}, 404, "TARGET_NOT_FOUND"),
    ("explain", {"message": {"type": "chat"}, "dialect": "gateway"}, 400, "INVALID_MESSAGE"),
    ("clients/x/kick", {"reason": "x" * 124}, 400, "INVALID_MESSAGE"),
    ("clients/" + "x" * 129 + "/kick", {}, 400, "INVALID_MESSAGE"),
    ("clients/x/kick", {"reason": "x" * 20_000}, 413, "MESSAGE_TOO_LARGE"),
    ("drain", {"now": True}, 400, "INVALID_MESSAGE"),
    ("tickets", {"publsh": ["bark"]}, 400, "INVALID_MESSAGE"),
    ("nothing", {}, 404, "NOT_FOUND"),
    ("status", {}, 405, "METHOD_NOT_ALLOWED"),
]


@pytest.mark.parametrize("path, body, status, code", REFUSALS)
def test_refusals(gateway, path, body, status, code):
    assert code_of(post(gateway, path, body, status)[0]) == code


def test_only_json_is_posted(gateway):
    for headers in ([], ["Content-Type: text/plain"], ["Content-Type: application/x-www-form-urlencoded"]):
        assert code_of(post(gateway, "drain", {}, 415, headers)[0]) == "UNSUPPORTED_MEDIA_TYPE"
    assert gateway.request("/readyz")[0] == 200


def test_a_body_that_is_no_json(gateway):
    for body, code in ((b"{", "PARSE_ERROR"), (b"\xff", "PARSE_ERROR"), (b"[]", "INVALID_MESSAGE")):
        head = f"POST /api/gateway/drain HTTP/1.1\r\nHost: {gateway.host}\r\n{JSON}\r\nConnection: close\r\n"
        answer = exchange(gateway.open_socket(), f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert code_of(json.loads(split_response(answer)[2])) == code


def test_a_page_elsewhere_may_not(tcp_gateway):
    for path in ("clients/x/kick", "drain", "publish", "tickets"):
        body, _ = post(tcp_gateway, path, {}, 403, [JSON, "Origin: http://evil.example"])
        assert code_of(body) == "FORBIDDEN"
    assert tcp_gateway.request("/readyz")[0] == 200


@pytest.mark.parametrize("threads", [1, 2])
def test_drain(start, threads):
    gateway = start(threads=threads, settings={"drain": "1s"})
    client = gateway.client()
    assert post(gateway, "drain", status=202)[0] == {"status": "draining"}
    client.wait_closed(1001)
    assert gateway.wait_exit() == 0


@pytest.mark.parametrize("threads", [1, 2])
def test_a_signal_does_not_cut_a_drain_short(start, threads):
    """A service manager may stop what drains already: everybody is still told."""
    gateway = start(threads=threads, settings={"drain": "1s"})
    clients = [gateway.client() for _ in range(20)]
    post(gateway, "drain", status=202)
    gateway.process.send_signal(signal.SIGTERM)
    for client in clients:
        client.wait_closed(1001)
    assert gateway.wait_exit() == 0


# --- with authentication ---------------------------------------------------------------------------


@pytest.fixture
def guarded(start, tmp_path):
    """A gateway that asks for a token; "S3cret-of-the-test" may all."""
    path = tmp_path / "token"
    path.write_text("S3cret-of-the-test\n")
    path.chmod(0o600)
    return start("--token-file", str(path))


BEARER = "Authorization: Bearer S3cret-of-the-test"


def test_a_token_is_asked_for(guarded):
    status, headers, body = guarded.request("/api/gateway/agents")
    assert status == 401 and headers["www-authenticate"] == "Bearer" and code_of(json.loads(body)) == "AUTH_REQUIRED"
    assert guarded.request("/api/gateway/agents", headers=[BEARER])[0] == 200
    status, _, body = guarded.request("/api/gateway/agents", headers=[BEARER + "x"])
    assert status == 401 and code_of(json.loads(body)) == "AUTH_FAILED" and b"S3cret" not in body
    counts = json.loads(guarded.request("/api/gateway/status")[2])
    assert "agents" not in counts and counts["total"] == 0
    assert guarded.request("/metrics")[0] == 401
    for path in ("/", "/web/parley.js", "/health", "/readyz"):
        assert guarded.request(path)[0] == 200


def test_a_ticket_lets_in_once(guarded):
    answer, _ = post(guarded, "tickets", {"publish": ["bark"], "sessions": ["world:main"]}, 201, [JSON, BEARER])
    assert answer["expires_at"] > 1_700_000_000
    visitor = guarded.client(f"/ws/matrix?ticket={answer['ticket']}")
    visitor.send({"type": "thought"})
    assert visitor.error("FORBIDDEN")
    assert guarded.request(f"/api/gateway/agents?ticket={answer['ticket']}")[0] == 401, "it was used"
