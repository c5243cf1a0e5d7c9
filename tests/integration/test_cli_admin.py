"""The commands that ask and administrate, with the real gateway.

What they send and show is held to the contract by test_cli_api.py, with a server that plays the gateway; here both
sides of it are the program's own.
"""

import hashlib
import json
import subprocess

import pytest

from harness import PATIENCE
from harness.gateway import environment, program

OK, FAILED, REFUSED = 0, 1, 77

TOKENS = {
    "admin": "admin-token-0123456789abcdef",
    "guest": "guest-token-0123456789abcdef",
}


UPGRADE = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
]


def expect(gateway, code, *arguments, token=None):
    more = {"PARLEY_TOKEN": token} if token else {}
    done = subprocess.run(
        [program(), *arguments, "--url", gateway.url], capture_output=True, text=True, timeout=PATIENCE,
        env=environment(**more),
    )
    assert done.returncode == code, (arguments, done)
    return done


def objects(gateway, *arguments, **options):
    return [json.loads(line) for line in expect(gateway, OK, *arguments, "--json", **options).stdout.splitlines()]


@pytest.fixture
def guarded(start, tmp_path, threads):
    """A gateway that asks for a token, and knows an administrator's and a guest's."""
    grants = {"admin": "admin broadcast publish=* sessions=* act_as=*", "guest": "publish=bark sessions=world:main"}
    path = tmp_path / "tokens"
    path.write_text(
        "".join(f"sha256:{hashlib.sha256(TOKENS[name].encode()).hexdigest()} {name} {grants[name]}\n" for name in grants)
    )
    path.chmod(0o600)
    return start(threads=threads, settings={"auth.mode": "token", "auth.token_file": str(path)})


# --- who is there ----------------------------------------------------------------------------


def test_agents(tcp_gateway):
    tcp_gateway.agent("timmy", role="guide", capabilities={"chat": True, "tools": ["search"]})
    tcp_gateway.agent("door", role="device")
    assert {agent["agent_id"] for agent in objects(tcp_gateway, "agents")} == {"timmy", "door"}
    assert [agent["agent_id"] for agent in objects(tcp_gateway, "agents", "--capability", "chat")] == ["timmy"]
    assert objects(tcp_gateway, "agents", "--capability", "dance") == []
    text = expect(tcp_gateway, OK, "agents").stdout
    assert "guide" in text and "tools:search" in text


def test_clients(tcp_gateway):
    timmy = tcp_gateway.agent("timmy")
    nameless = tcp_gateway.client()
    ids = {client.greeting["data"]["client_id"] for client in (timmy, nameless)}
    assert {client["id"] for client in objects(tcp_gateway, "clients")} == ids
    (one,) = objects(tcp_gateway, "clients", "timmy")
    assert one["id"] == timmy.greeting["data"]["client_id"] and one["sessions"] == ["world:main"]
    assert "127.0.0.1" in expect(tcp_gateway, OK, "clients").stdout
    assert "TARGET_NOT_FOUND" in expect(tcp_gateway, FAILED, "clients", "nobody").stderr


def test_more_than_a_page(start):
    gateway = start()
    for _ in range(1005):
        gateway.client()
    assert len({client["id"] for client in objects(gateway, "clients")}) == 1005


def test_sessions(tcp_gateway):
    tcp_gateway.agent("timmy")
    tcp_gateway.client(world="attic")
    found = {session["name"]: session for session in objects(tcp_gateway, "sessions")}
    assert found["world:main"]["agents"] == 1 and found["world:attic"]["members"] == 1


# --- what is done ----------------------------------------------------------------------------


def test_kick(tcp_gateway):
    timmy, other = tcp_gateway.agent("timmy"), tcp_gateway.client()
    assert "timmy" in expect(tcp_gateway, OK, "kick", "timmy", "you talk too much").stderr
    reason, _ = timmy.wait_closed(4408)
    assert reason == "you talk too much"
    other.take("agent_left")
    assert "TARGET_NOT_FOUND" in expect(tcp_gateway, FAILED, "kick", "timmy").stderr


def test_drain(tcp_gateway):
    client = tcp_gateway.client()
    expect(tcp_gateway, OK, "drain")
    client.wait_closed(1001)
    assert tcp_gateway.wait_exit() == 0


def test_a_ticket_is_good_once(guarded):
    ticket = expect(guarded, OK, "ticket", "--publish", "bark", "--sessions", "world:main", token=TOKENS["admin"]).stdout.strip()
    client = guarded.client(f"/ws/matrix?ticket={ticket}")
    client.send({"type": "bark", "data": {"text": "hi"}})
    client.send({"type": "thought", "data": {"text": "hm"}})
    client.error("FORBIDDEN")
    assert guarded.request(f"/ws/matrix?ticket={ticket}", headers=UPGRADE)[0] == 401


# --- who may ---------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["clients"], ["clients", "a"], ["kick", "a"], ["drain"], ["ticket"]], ids=" ".join)
def test_administration_is_for_administrators(guarded, words):
    assert "AUTH_REQUIRED" in expect(guarded, REFUSED, *words).stderr
    assert "FORBIDDEN" in expect(guarded, REFUSED, *words, token=TOKENS["guest"]).stderr
    assert "AUTH_FAILED" in expect(guarded, REFUSED, *words, token="wrong").stderr


def test_a_guest_asks_and_speaks(guarded):
    expect(guarded, OK, "agents", token=TOKENS["guest"])
    expect(guarded, OK, "send", "bark", '{"text":"hi"}', token=TOKENS["guest"])
    assert "FORBIDDEN" in expect(guarded, FAILED, "send", "thought", "{}", token=TOKENS["guest"]).stderr
    assert "AUTH_FAILED" in expect(guarded, REFUSED, "send", "bark", "{}", token="wrong").stderr
    for words in (["agents"], ["sessions"]):
        assert "AUTH_REQUIRED" in expect(guarded, REFUSED, *words).stderr


def test_doctor(guarded):
    done = expect(guarded, OK, "doctor", "--set", "limits.clients=100", token=TOKENS["admin"])
    assert "fail" not in done.stdout
    done = expect(guarded, FAILED, "doctor", token="wrong")
    assert done.stdout.count("AUTH_FAILED") == 2
