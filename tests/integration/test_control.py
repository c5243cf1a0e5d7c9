"""The gateway dialect as clients that others wrote speak it, alone and beside the world's.

`websockets` with asyncio plays a client of the original gateway; Node's `ws` speaks both dialects at once. What each
row of the dialect does is in the scenario files, which are played live as well.
"""

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import websockets

from harness.access import PASSWORD, ask, bearer, new_ticket, password_settings, token_of, write_tokens
from harness.raw import wait_until

HERE = Path(__file__).resolve().parent
NODE = shutil.which("node")
WS = HERE.parent / "node_modules" / "ws"
HEAD = ["type", "id", "sessionId", "payload", "timestamp"]
BEHIND = {"replyTo", "source", "deadline"}


def assert_frame(text):
    """What holds of every frame: its members and their order. Returns it decoded."""
    message = json.loads(text)
    names = list(message)
    head = [name for name in HEAD if name != "sessionId" or "sessionId" in message]
    assert names[: len(head)] == head, names
    assert set(names[len(head) :]) <= BEHIND, names
    assert isinstance(message["timestamp"], (int, float)), message
    assert None not in message.values() and None not in message["payload"].values(), "what is not there is left out"
    return message


class Original:
    """Speaks as a client of the original gateway does: ids with a counter and the time, five members."""

    def __init__(self, socket):
        self.socket = socket
        self.sent = 0

    async def send(self, kind, payload, session=None):
        self.sent += 1
        message = {"type": kind, "id": f"msg-{self.sent}-1700000000000", "payload": payload, "timestamp": 1700000000000}
        if session:
            message["sessionId"] = session
        await self.socket.send(json.dumps(message))
        return message["id"]

    async def hear(self, kind):
        message = assert_frame(await asyncio.wait_for(self.socket.recv(), 20))
        assert message["type"] == kind, message
        return message

    async def ask(self, kind, payload, answer):
        asked = await self.send(kind, payload)
        message = await self.hear(answer)
        assert message["replyTo"] == asked
        assert re.fullmatch(r"msg-\d+-\d{13}", message["id"]), message
        return message


async def come(url, device, role="control"):
    client = Original(await websockets.connect(url, max_size=None))
    greeting = await client.hear("session_info")
    client.id = greeting["payload"]["sessionId"]
    assert greeting["payload"] == {"sessionId": client.id, "status": "connected", "authRequired": False}
    hello = await client.ask("connect", {"deviceId": device, "role": role, "protocolVersion": 1}, "hello_ok")
    assert hello["payload"]["paired"] is True and hello["payload"]["authRequired"] is False
    success = await client.ask("auth", {"token": "whatever", "clientId": device, "clientType": "cli"}, "auth_success")
    assert success["payload"] == {"clientId": client.id, "userId": device}
    return client


def test_a_client_of_the_original(start, threads):
    """connect, auth, a session of two, a chat with tools in it, leave: as its clients have always done."""

    async def meet(url):
        one, two = await come(url, "desk"), await come(url, "phone", "webchat")
        info = await one.ask("session_create", {"name": "Talk", "metadata": {"topic": "lamps"}}, "session_info")
        session = info["payload"]["sessionId"]
        assert (info["sessionId"], info["payload"]["status"]) == (session, "created")
        joined = await two.ask("session_join", {"sessionId": session}, "session_info")
        assert joined["payload"]["status"] == "joined" and joined["payload"]["metadata"] == {"topic": "lamps"}
        assert joined["payload"]["members"] == [one.id, two.id]
        online = await one.hear("presence")
        assert online["payload"] == {"deviceId": "phone", "status": "online", "sessionKey": session}
        conversation = [
            ("chat", {"message": "turn it on", "stream": True}),
            ("tool_start", {"tool": "lamp", "toolCallId": "1", "args": {"on": True}}),
            ("tool_update", {"tool": "lamp", "toolCallId": "1", "progress": 50}),
            ("tool_result", {"tool": "lamp", "toolCallId": "1", "result": {"success": True}}),
            ("chat_stream", {"content": "it is", "done": False, "index": 0}),
            ("chat_complete", {"content": "it is on"}),
        ]
        for kind, payload in conversation:
            sent = await one.send(kind, payload, session)
            heard = await two.hear(kind)
            assert (heard["id"], heard["sessionId"], heard["payload"]) == (sent, session, payload)
            assert (heard["timestamp"], heard["source"]) == (1700000000000, one.id)
        left = await two.ask("session_leave", {"sessionId": session}, "session_info")
        assert left["payload"] == {"sessionId": session, "status": "left"}
        assert (await one.hear("presence"))["payload"]["status"] == "offline"
        pong = await one.ask("ping", {}, "pong")
        assert pong["payload"] == {"clientId": one.id}
        await one.socket.close()
        await two.socket.close()

    asyncio.run(meet(start(threads=threads).ws_url("/ws")))


def test_both_dialects_at_once(start, threads):
    """Twelve of each in one world, so that both have logs; all hear all in order, and nobody itself."""
    gateway = start(threads=threads)
    world = [gateway.client() for _ in range(12)]
    control = [gateway.control() for _ in range(12)]
    for client in control:
        client.join("world:main")
    everybody = world + control
    for client in everybody:
        client.barrier()
    for n in range(100):
        for client in world:
            client.send({"type": "bark", "agent_id": client.id, "data": {"n": n}})
        for client in control:
            client.say("bark", {"n": n}, sessionId="world:main")
    # When all have had their pong, all has been dealt with; a second one ends what each has heard.
    heard = {client: client.barrier_texts() for client in everybody}
    for client in everybody:
        numbers = {other.id: [] for other in everybody if other is not client}
        for message in map(json.loads, heard[client] + client.barrier_texts()):
            said = message.get("payload", message)
            numbers[message.get("source") or message["agent_id"]].append(said.get("data", said)["n"])
        for sender, found in numbers.items():
            assert found == list(range(100)), f"{client.id} heard {found} of {sender}"


def test_large_messages(start, threads):
    gateway = start(threads=threads)
    one, two, eye = gateway.control(), gateway.control(), gateway.client()
    for client in (one, two):
        client.join("world:main")
    one.take("presence")
    text = "x" * 900_000
    one.say("note", {"text": text}, sessionId="world:main")
    assert two.take("note")["payload"]["text"] == eye.take("note")["data"]["text"] == text
    eye.send({"type": "note", "data": {"text": text}})
    for client in (one, two):
        assert client.take("note")["payload"]["data"]["text"] == text
    one.say("note", {"text": text + text}, sessionId="world:main")
    assert one.error("MESSAGE_TOO_LARGE")["details"]["limit"]
    two.heard_nothing()
    eye.heard_nothing()


# --- credentials ---------------------------------------------------------------------------------


@pytest.fixture
def with_tokens(start, tmp_path):
    grants = {"kit": "publish=* sessions=*", "boss": "publish=* sessions=* broadcast admin"}
    return start(settings={"auth.mode": "token", "auth.token_file": write_tokens(tmp_path / "tokens", grants)})


def test_ways_to_come_in(with_tokens):
    gateway, token = with_tokens, token_of("kit")
    ways = [
        gateway.control(headers=[bearer(token)]),
        gateway.control(f"/ws?token={token}"),
        gateway.control(f"/ws?ticket={new_ticket(gateway, token_of('boss'))}"),
        gateway.control(subprotocols=["parley", f"parley.bearer.{token}"]),
    ]
    for client in ways:
        assert client.greeting["payload"]["authRequired"] is False
        assert client.ask("session_list")["type"] == "session_info"
    assert gateway.control(headers=[bearer("wrong")]).response.status_code == 401
    stranger = gateway.control()
    assert stranger.greeting["payload"]["authRequired"] is True
    success = stranger.ask("auth", {"token": token})
    assert success["payload"] == {"clientId": stranger.id, "userId": "kit"}
    stranger.create("den")


def test_a_password(start):
    gateway = start(settings=password_settings())
    client = gateway.control()
    asked = client.say("auth", {"password": "not this one"})
    client.say("ping")
    assert client.next()["replyTo"] == asked, "what was sent behind a password waits for it"
    client.take("pong")
    assert client.ask("auth", {"password": PASSWORD})["payload"]["userId"] == "password"


def test_strangers_say_little(with_tokens):
    client = with_tokens.control()
    client.say("connect", {"deviceId": "x" * 17_000, "role": "node", "protocolVersion": 2})
    client.wait_closed(1009)


# --- what HTTP says of it ------------------------------------------------------------------------


def test_seen_from_outside(start, threads):
    gateway = start(threads=threads)
    one, two = gateway.control(), gateway.control()
    one.create("den")
    two.join("den")
    _, _, client = ask(gateway, f"/api/gateway/clients/{one.id}")
    assert (client["dialect"], client["sessions"]) == ("gateway", ["den"])
    _, _, listed = ask(gateway, "/api/gateway/sessions")
    assert {session["name"]: session["members"] for session in listed["sessions"]} == {"world:main": 0, "den": 2}
    metrics = gateway.request("/metrics")[2].decode()
    assert 'parley_clients{dialect="gateway"} 2\n' in metrics
    two.abort()
    assert one.take("presence")["payload"]["status"] == "online"
    assert one.take("presence")["payload"]["status"] == "offline"
    wait_until(lambda: gateway.status()["connections"] == 1, "the lost client to be gone")


# --- Node ----------------------------------------------------------------------------------------


@pytest.mark.skipif(not NODE, reason="there is no node")
@pytest.mark.skipif(not WS.exists(), reason="the npm packages of tests/package.json are not installed")
def test_node(tcp_gateway):
    script = str(HERE / "node" / "control.mjs")
    done = subprocess.run(
        [NODE, script, tcp_gateway.ws_url("/ws"), tcp_gateway.ws_url()], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and done.stdout == "ok\n", done.stdout + done.stderr
