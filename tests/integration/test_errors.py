"""docs/errors.md keeps its word: every code is provoked, with the status and the members of `details` that its table says."""

import hashlib
import json
import time
import tomllib

import jwt
import pytest

from harness.gateway import ROOT
from harness import requests
from harness.library import Driver
from harness.raw import exchange, receive_all, split_response, upgrade_head

with open(ROOT / "schema" / "errors.toml", "rb") as file:
    TABLE = {entry["code"]: entry for entry in tomllib.load(file)["error"]}

OPS, STAGE = "token-of-the-operators", "token-of-the-stage"
JSON = "Content-Type: application/json"
UPGRADE = [
    "Upgrade: websocket", "Connection: upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
]


def bearer(token):
    return f"Authorization: Bearer {token}"


class Provoker:
    """What was heard of each code: the HTTP status (None for a message) and the names in `details`."""

    def __init__(self, start, folder):
        def line(token, grants):
            return f"sha256:{hashlib.sha256(token.encode()).hexdigest()} {token} {grants}\n"

        (folder / "tokens").write_text(line(OPS, "publish=* sessions=* admin") + line(STAGE, "publish=bark sessions=world:main"))
        (folder / "tokens").chmod(0o600)
        self.start, self.folder = start, folder
        self.closed = start(
            "--token-file", str(folder / "tokens"), settings={"world.validation": "known", "limits.message_bytes": "4KiB"}
        )
        self.open = start(settings={"limits.rate": "1000"})
        self.heard = {code: set() for code in TABLE}

    def note(self, error, status=None):
        self.heard[error["code"]].add((status, frozenset(error["details"])))

    def say(self, client, *messages):
        for message in messages:
            client.send(message)
            self.note(client.take("error")["data"])

    def ask(self, gateway, path, method="GET", headers=(), body=b""):
        if method == "POST":
            headers = [*headers, f"Content-Length: {len(body)}"]
        status, found, text = gateway.request(path, method, headers, body)
        assert status >= 400, (path, status, text)
        self.note(json.loads(text)["error"], status)
        return found

    def post(self, path, body, *headers):
        self.ask(self.closed, f"/api/gateway/{path}", "POST", [JSON, bearer(OPS), *headers], json.dumps(body).encode())

    def publish(self, body, *headers, status=202):
        text = json.dumps(body).encode()
        fields = [JSON, bearer(OPS), f"Content-Length: {len(text)}", *headers]
        assert self.closed.request("/api/gateway/publish", "POST", fields, text)[0] == status

    # --- what is done wrong ------------------------------------------------------------------

    def messages(self):
        client = self.closed.client(headers=[("Authorization", f"Bearer {OPS}")])
        self.say(
            client, '{"type":"x"', {"type": 7}, {"type": "subscribe", "types": [7]}, '{"type":"x","agent_id":"a","agentId":"b"}',
            {"type": "bark", "data": {"text": 7}}, {"type": "bark", "agent_id": "lamp", "data": {"text": ""}},
            {"type": "chat_message", "data": {"text": "x" * 5000}}, {"type": "pong"},
            {"type": "subscribe", "types": ["x"] * 65}, {"type": "x", "target_id": "window"}, {"type": "x", "target_id": "a b"},
        )
        client.register("lamp")
        stage = self.closed.client(headers=[("Authorization", f"Bearer {STAGE}")])
        self.say(stage, {"type": "scene_clear"}, {"type": "agent_register", "agentId": "lamp"})
        stranger = self.closed.client(world="attic")
        self.say(
            stranger, {"type": "bark"}, {"type": "agent_register", "agentId": "x", "token": "wrong"},
            {"type": "agent_register", "agentId": "x", "token": STAGE},
        )
        self.fast()
        self.slow()

    def fast(self):
        client = self.open.client()
        for _ in range(2500):
            client.send({"type": "ping"})
        while (message := client.next())["type"] != "error":
            pass
        self.note(message["data"])

    def slow(self):
        gateway = self.start(settings={"limits.send_queue_bytes": "64KiB"})
        slow, speaker = gateway.client(receive_buffer=4096), gateway.client()
        for _ in range(3000):
            speaker.send({"type": "x", "data": {"x": "x" * 1000}})
        speaker.barrier()
        while (message := slow.next())["type"] != "error":
            pass
        self.note(message["data"])

    def handshakes(self):
        wrong = self.ask(self.closed, "/ws/matrix", headers=[*UPGRADE, bearer("wrong")])
        assert wrong["www-authenticate"] == "Bearer", "RFC 9110, section 15.5.2"
        self.ask(self.closed, "/ws/matrix?world=attic", headers=[*UPGRADE, bearer(STAGE)])
        self.ask(self.open, "/ws/matrix?world=a/b", headers=UPGRADE)
        self.ask(self.open, "/ws/world", headers=UPGRADE)
        self.ask(self.open, "/ws/matrix", headers=[field.replace("13", "12") for field in UPGRADE])
        full = self.start(settings={"limits.clients": "1"})
        full.client()
        self.ask(full, "/ws/matrix", headers=UPGRADE)
        self.stopping()

    def stopping(self):
        """One that began before the gateway was told to stop."""
        gateway = self.start(settings={"drain": "2s"})
        gateway.client()
        head = upgrade_head(gateway.host)
        with gateway.open_socket() as s:
            s.sendall(head[:-2])
            gateway.request("/health")
            gateway.terminate()
            gateway.wait_event("draining")
            s.sendall(head[-2:])
            status, _, body, *_ = split_response(receive_all(s))
        self.note(json.loads(body)["error"], status)

    def requests(self):
        for path in ("/nothing", "/ws/matrix"):
            self.ask(self.open, path)
        self.ask(self.open, "/health", "DELETE")
        self.ask(self.open, "/api/gateway/drain", "POST")
        self.ask(self.open, "/health", headers=["Origin: https://app.example.org"])
        self.ask(self.open, "/api/gateway/agents?limit=0")
        self.ask(self.open, "/api/gateway/clients?after=timmy")
        answer = exchange(self.open.open_socket(), b"GET /health HTTP/1.1\r\n\r\n")
        status, _, body, *_ = split_response(answer)
        self.note(json.loads(body)["error"], status)
        self.ask(self.closed, "/api/gateway/agents")
        self.ask(self.closed, "/api/gateway/clients", headers=[bearer(STAGE)])
        self.ask(self.closed, "/api/gateway/agents", headers=[bearer("wrong")])

    def posts(self):
        bark = {"type": "bark", "data": {"text": "hello"}}
        self.ask(self.closed, "/api/gateway/drain", "POST", [JSON, bearer(OPS)], b"{")
        self.post("tickets", {"act_as": ["lamp"]})
        self.post("clients/window/kick", {})
        self.post("clients/window/kick", {"reason": 7})
        self.post("clients/window/kick", {"reason": "x" * 20_000})
        self.post("publish", {"world": "attic", "message": bark})
        self.post("publish", {"target": "window", "message": bark})
        self.post("publish", {"world": "main", "message": {"type": "agent_left"}})
        self.post("publish", {"world": "main", "message": {"type": "bark", "data": {"text": 7}}})
        self.post("publish", {"world": "main", "message": {"type": "bark", "agent_id": "lamp", "data": {"text": ""}}})
        self.post("publish", {"world": "main", "message": {"type": "x", "data": {"x": "x" * 5000}}})
        self.post("publish", {"world": "main", "message": bark}, "Idempotency-Key: a b")
        self.publish({"world": "main", "message": bark}, "Idempotency-Key: a")
        self.post("publish", {"target": "x", "message": bark}, "Idempotency-Key: a")

    def dialect(self):
        for provoke in (
            requests.no_session, requests.no_session_id, requests.session_full, requests.not_a_member,
            requests.target_not_a_member, requests.no_route, requests.no_agent, requests.offline, requests.offline_target,
            requests.agent_gone, requests.timeout, requests.cancelled, requests.queue_full,
        ):
            gateway = self.start(settings={"gateway.max_clients_per_session": 2, "agents.max_queue": 0})
            self.note(provoke(gateway))
        requests.offline(gateway)
        body = json.dumps({"target": "painter", "message": {"type": "bark", "data": {"text": "hi"}}}).encode()
        self.ask(gateway, "/api/gateway/publish", "POST", [JSON], body)

    def signed(self):
        secret = "a secret that is long enough for HMAC"
        (self.folder / "key").write_text(secret + "\n")
        (self.folder / "key").chmod(0o600)
        keys = {"auth.jwt.keys": f"HS256 {self.folder}/key", "auth.jwt.issuer": "me"}
        gateway = self.start(settings={"auth.mode": "jwt", **keys})
        claims = {"iss": "me", "sub": "a", "exp": int(time.time()) - 57, "parley": {"sessions": "*"}}
        token = jwt.encode(claims, secret, algorithm="HS256")
        self.note(gateway.control(headers=[("Authorization", f"Bearer {token}")]).error("AUTH_EXPIRING"))

    def embedded(self):
        """Of a program that the gateway is part of, and that handles a type itself."""
        with Driver() as driver:
            client = driver.control()
            driver.call("handle", "gateway", "health", "fail")
            client.say("health", {})
            self.note(client.error("HANDLER_ERROR"))

    def lock_out(self):
        wrong = ["X-Forwarded-For: 203.0.113.9", bearer("wrong")]
        for _ in range(11):
            found = self.ask(self.closed, "/api/gateway/agents", headers=wrong)
        assert found["retry-after"] == "300"
        self.ask(self.closed, "/ws/matrix", headers=[*UPGRADE, *wrong])


@pytest.fixture
def provoked(start, tmp_path):
    provoker = Provoker(start, tmp_path)
    for step in (provoker.messages, provoker.handshakes, provoker.requests, provoker.posts, provoker.dialect,
                 provoker.signed, provoker.embedded, provoker.lock_out):
        step()
    return provoker.heard


def test_every_code(provoked):
    for code, entry in TABLE.items():
        heard = provoked[code]
        assert heard, f"{code} was not provoked"
        shown = {frozenset(json.loads(text)) for text in entry["details"]}
        names = {names for _, names in heard}
        assert names == shown, f"{code}: only in the table {shown - names}, only heard {names - shown}"
        statuses = {status for status, _ in heard}
        assert statuses - {None} <= {entry["http"], 421}, code
        assert (None in statuses) == ("message" in entry["met"]), code
        assert bool(statuses - {None}) == bool({"answer", "handshake"} & set(entry["met"])), code
