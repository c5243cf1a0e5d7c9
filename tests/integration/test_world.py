"""The world dialect, rule by rule: registration, rosters, joins and leaves, who hears what."""

import asyncio
import json
import re
import time

import pytest
import websockets

from harness.world import bark, joined, left

ALIASES = ["/ws/matrix", "/ws/agents", "/ws/world-state", "/api/world/ws"]


def roster(client):
    """What the greeting says: {agent_id: role}."""
    return {agent["agent_id"]: agent["role"] for agent in client.greeting["data"]["agents"]}


# --- the greeting ----------------------------------------------------------------------------


def test_greeting(gateway):
    before = time.time()
    ack = gateway.client().greeting
    assert ack["agent_id"] == ack["agentId"] == "gateway"
    assert before - 2 <= ack["ts"] <= time.time() + 2
    data = ack["data"]
    assert re.fullmatch(r"c-[a-z2-7]{13}", data["client_id"]), data
    assert isinstance(data["server"], str) and data["server"]
    assert data["protocol"] == 1
    assert data["agents"] == []
    assert isinstance(data["limits"], dict) and data["limits"]
    assert data["heartbeat_seconds"] == 30


def test_client_ids_differ(gateway):
    ids = {gateway.client().greeting["data"]["client_id"] for _ in range(20)}
    assert len(ids) == 20


def test_aliases_are_the_same_world(gateway):
    clients = [gateway.client(path) for path in ALIASES]
    for number, speaker in enumerate(clients):
        speaker.send(bark(f"from {number}"))
        speaker.barrier()
        for other in clients:
            if other is not speaker:
                assert other.next()["data"]["text"] == f"from {number}"
    for client in clients:
        client.heard_nothing()


def test_roster_lists_who_is_there(gateway):
    gateway.agent("timmy")
    gateway.agent("door.1", role="device")
    gateway.agent("elsewhere", world="attic")
    assert roster(gateway.client()) == {"timmy": "agent", "door.1": "device"}
    assert roster(gateway.client(world="attic")) == {"elsewhere": "agent"}


# --- registration ----------------------------------------------------------------------------


def test_registration_is_acknowledged(gateway):
    client = gateway.client()
    ack = client.register("timmy")
    assert ack["agent_id"] == ack["agentId"] == "gateway"
    assert ack["data"]["agent_id"] == "timmy"
    assert ack["data"]["role"] == "agent"
    assert ack["data"]["client_id"] == client.greeting["data"]["client_id"]
    assert client.register("timmy", role="guide")["data"]["role"] == "guide"
    client.heard_nothing()


def test_registration_in_the_other_spelling(gateway):
    client = gateway.client()
    client.send({"type": "agent_register", "agent_id": "A-b.c_d:e@f9"})
    assert client.take("connection_ack")["data"]["agent_id"] == "A-b.c_d:e@f9"


def test_everyone_else_hears_of_a_join(gateway):
    watcher, other = gateway.client(), gateway.agent("other")
    joined(watcher, "other")
    stranger = gateway.client(world="attic")
    timmy = gateway.client()
    timmy.register("timmy", role="guide", token="very-secret", capabilities=["chat", "tools:x"], mood={"a": 1.50})
    for who in (watcher, other):
        text = who.text()
        assert "very-secret" not in text and "token" not in text
        assert '"mood":{"a":1.5' in text.replace(" ", "")
        who.heard.appendleft(text)
        data = joined(who, "timmy", "guide")
        assert data["capabilities"] == ["chat", "tools:x"]
        assert data["mood"] == {"a": 1.5}
        who.heard_nothing()
    timmy.heard_nothing()
    stranger.heard_nothing()


def test_an_update_is_told_again(gateway):
    watcher, timmy = gateway.client(), gateway.agent("timmy", mood="glad")
    assert joined(watcher, "timmy")["mood"] == "glad"
    timmy.register("timmy", role="guide", colour="red")
    data = joined(watcher, "timmy", "guide")
    assert data["colour"] == "red" and "mood" not in data
    watcher.heard_nothing()
    assert roster(gateway.client()) == {"timmy": "guide"}


def test_another_id_on_the_same_connection(gateway):
    watcher, client = gateway.client(), gateway.agent("first")
    joined(watcher, "first")
    client.register("second")
    left(watcher, "first")
    joined(watcher, "second")
    watcher.heard_nothing()
    client.heard_nothing()
    watcher.send(bark("?", target_id="first"))
    watcher.error("TARGET_NOT_FOUND")


def test_a_newer_connection_replaces(gateway):
    watcher, old = gateway.client(), gateway.agent("timmy")
    joined(watcher, "timmy")
    new = gateway.agent("timmy", role="newer")
    reason, messages = old.wait_closed(4409)
    assert messages == [] and reason
    joined(watcher, "timmy", "newer")
    watcher.send(bark("hello", target_id="timmy"))
    assert new.next()["data"]["text"] == "hello"
    watcher.heard_nothing()
    assert roster(gateway.client()) == {"timmy": "newer"}


def test_a_late_goodbye_of_the_replaced_removes_nobody(gateway):
    watcher, old = gateway.client(), gateway.agent("timmy")
    gateway.agent("timmy")
    old.wait_closed(4409)
    gateway.wait_status(lambda status: status["connections"] == 2)
    joined(watcher, "timmy")
    joined(watcher, "timmy")
    watcher.heard_nothing()
    assert roster(gateway.client()) == {"timmy": "agent"}


def test_replaced_again_and_again(gateway):
    watcher = gateway.client()
    chain = [gateway.agent("timmy", life=life) for life in range(10)]
    for client in chain[:-1]:
        client.wait_closed(4409)
    assert [joined(watcher, "timmy")["life"] for _ in chain] == list(range(10))
    assert chain[-1].close() == 1000
    left(watcher, "timmy")
    watcher.heard_nothing()


@pytest.mark.parametrize("how", ["close", "abort"])
def test_everyone_else_hears_of_a_leave_once(gateway, how):
    watcher, timmy, stranger = gateway.client(), gateway.agent("timmy"), gateway.client(world="attic")
    joined(watcher, "timmy")
    timmy.send(bark("last words"))
    timmy.barrier()
    getattr(timmy, how)()
    assert watcher.next()["data"]["text"] == "last words"
    left(watcher, "timmy")
    gateway.wait_status(lambda status: status["connections"] == 2)
    watcher.heard_nothing()
    stranger.heard_nothing()
    assert roster(gateway.client()) == {}


def test_an_unregistered_client_goes_unnoticed(gateway):
    watcher = gateway.client()
    gateway.client().abort()
    gateway.client().close()
    gateway.wait_status(lambda status: status["connections"] == 1)
    watcher.heard_nothing()


# --- who hears what --------------------------------------------------------------------------

ODD_TEXTS = [
    ' {"type" : "bark" ,\t"agent_id":"x", "data":{"text":"hi"} } ',
    '{"type":"scene_add","data":{"n":0.10,"e":1E2,"big":12345678901234567890,"neg":-0}}',
    '{"type":"bark","data":{"text":"\\u00e9\\ud83d\\ude00 é 😀 \\u0000 \\/"}}',
    '{"ty\\u0070e":"never_heard_of","deep":[[[[{"a":[]}]]]],"dup":1,"dup":2}',
    '{"type":"agent_state","agent_id":null,"data":{},"ts":1.5}',
    '{"agentId":"q","agent_id":"q","type":"q","data":null}',
]


@pytest.mark.parametrize("registered", [False, True], ids=["unregistered", "registered"])
def test_a_broadcast_is_not_rewritten(gateway, registered):
    speaker = gateway.agent("s") if registered else gateway.client()
    hearers = [gateway.client() for _ in range(3)]
    for text in ODD_TEXTS:
        speaker.send(text)
    assert speaker.barrier() == []
    for hearer in hearers:
        assert hearer.barrier_texts() == ODD_TEXTS
        assert hearer.binary_heard == 0


def test_binary_in_text_out(gateway):
    speaker, hearer = gateway.client(), gateway.client()
    for text in ODD_TEXTS:
        speaker.send(text.encode())
    speaker.barrier()
    assert hearer.barrier_texts() == ODD_TEXTS
    assert hearer.binary_heard == 0


def test_order_of_a_sender(gateway):
    speaker, hearers = gateway.client(), [gateway.client() for _ in range(4)]
    for number in range(2000):
        speaker.send(f'{{"type":"bark","n":{number}}}')
    assert speaker.barrier() == []
    for hearer in hearers:
        assert [message["n"] for message in hearer.barrier()] == list(range(2000))


def test_one_order_for_all(gateway):
    clients = [gateway.client() for _ in range(5)]
    witnesses = [gateway.client() for _ in range(2)]
    for number in range(200):
        for who, client in enumerate(clients):
            client.send(f'{{"type":"bark","who":{who},"n":{number}}}')
    own = [client.barrier() for client in clients]
    first, second = (witness.barrier() for witness in witnesses)
    assert first == second and len(first) == 1000
    for who, heard in enumerate(own):
        assert heard + clients[who].barrier() == [m for m in first if m["who"] != who]


def test_directed_to_one(gateway):
    sender, timmy, other = gateway.client(), gateway.agent("timmy"), gateway.agent("other")
    sender.barrier()
    timmy.barrier()
    texts = [
        '{"type":"bark","target_id":"timmy", "n":1.0}',
        '{"type":"bark","targetId":"timmy","n":2}',
        '{"type":"unheard_of","targetId":"timmy","target_id":"\\u0074immy"}',
        json.dumps({"type": "bark", "target_id": timmy.greeting["data"]["client_id"]}),
    ]
    for text in texts:
        sender.send(text)
    assert sender.barrier() == []
    assert timmy.barrier_texts() == texts
    other.heard_nothing()
    sender_id = sender.greeting["data"]["client_id"]
    timmy.send(bark("back", target_id=sender_id))
    assert sender.next()["data"]["text"] == "back"


def test_directed_into_another_world(gateway):
    sender, timmy = gateway.client(), gateway.agent("timmy", world="attic")
    bystander = gateway.client(world="attic")
    sender.send(bark("over there", target_id="timmy"))
    assert timmy.next()["data"]["text"] == "over there"
    bystander.heard_nothing()
    sender.heard_nothing()


def test_directed_and_broadcast_keep_their_order(gateway):
    sender, timmy = gateway.client(), gateway.agent("timmy")
    sender.barrier()
    for number in range(300):
        sender.send({"type": "bark", "n": number, **({"target_id": "timmy"} if number % 3 == 0 else {})})
    sender.barrier()
    assert [message["n"] for message in timmy.barrier()] == list(range(300))


def test_unknown_target(gateway):
    sender, other = gateway.client(), gateway.agent("other")
    sender.barrier()
    sender.send(bark("?", target_id="nobody"))
    assert "nobody" in json.dumps(sender.error("TARGET_NOT_FOUND"))
    gone = gateway.agent("gone")
    joined(sender, "gone")
    gone.close()
    left(sender, "gone")
    sender.send(bark("?", target_id="gone"))
    sender.error("TARGET_OFFLINE")
    assert [m["type"] for m in other.barrier()] == ["agent_joined", "agent_left"]


def test_worlds_are_apart(gateway):
    main, named, attic = gateway.client(), gateway.client(world="main"), gateway.client(world="attic")
    main.send(bark("main"))
    attic.send(bark("attic"))
    for client in (main, attic):
        assert client.barrier() == []
    assert named.next()["data"]["text"] == "main"
    for client in (named, attic):
        client.heard_nothing()


def test_ping_and_the_websocket_ping(gateway):
    client, other = gateway.client(), gateway.client()
    client.send({"type": "ping"})
    assert client.next()["type"] == "pong"
    pongs = []
    client._take = lambda event: pongs.append(bytes(event.data))
    client.engine.send_ping(b"are you there")
    client.wait(lambda: pongs, "a pong frame")
    assert pongs == [b"are you there"]
    other.heard_nothing()


# --- a client as people use it ---------------------------------------------------------------


def test_the_asyncio_client_of_websockets(tcp_gateway):
    async def meet():
        async with websockets.connect(tcp_gateway.ws_url()) as timmy, websockets.connect(
            tcp_gateway.ws_url("/ws/world-state")
        ) as watcher:
            for client in (timmy, watcher):
                assert json.loads(await client.recv())["type"] == "connection_ack"
            await timmy.send(json.dumps({"type": "agent_register", "agentId": "timmy"}))
            assert json.loads(await timmy.recv())["data"]["agent_id"] == "timmy"
            assert json.loads(await watcher.recv())["type"] == "agent_joined"
            await timmy.send('{"type":"bark",  "data":{"text":"hi"}}')
            assert await watcher.recv() == '{"type":"bark",  "data":{"text":"hi"}}'
            await (await timmy.ping())
            await timmy.close(1000)
            assert json.loads(await watcher.recv())["type"] == "agent_left"
            assert timmy.close_code == 1000

    asyncio.run(asyncio.wait_for(meet(), 20))
