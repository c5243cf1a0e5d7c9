"""What the world dialect refuses: each error has its code, the connection lives, nobody else hears of it."""

import json

import pytest

MIB = 1 << 20


def deep(levels):
    """A message whose arrays and objects are nested this deep, the outermost counted."""
    return '{"type":"bark","data":' + "[" * (levels - 1) + "]" * (levels - 1) + "}"


def wide(members):
    return "{" + ",".join(['"type":"bark"'] + [f'"m{n}":{n}' for n in range(members - 1)]) + "}"


BAD = {
    "empty": ("", "PARSE_ERROR"),
    "a word": ("hello", "PARSE_ERROR"),
    "cut": ('{"type":"bark"', "PARSE_ERROR"),
    "a comma too many": ('{"type":"bark",}', "PARSE_ERROR"),
    "text behind": ('{"type":"bark"}x', "PARSE_ERROR"),
    "two texts": ('{"type":"bark"}{"type":"bark"}', "PARSE_ERROR"),
    "single quotes": ("{'type':'bark'}", "PARSE_ERROR"),
    "a leading zero": ('{"type":"bark","n":01}', "PARSE_ERROR"),
    "NaN": ('{"type":"bark","n":NaN}', "PARSE_ERROR"),
    "a control character": ('{"type":"bark","n":"\n"}', "PARSE_ERROR"),
    "65 deep": (deep(65), "PARSE_ERROR"),
    "binary that is not UTF-8": (b'{"type":"bark","n":"\xff"}', "PARSE_ERROR"),
    "an array": ('[{"type":"bark"}]', "INVALID_MESSAGE"),
    "a string": ('"bark"', "INVALID_MESSAGE"),
    "null": ("null", "INVALID_MESSAGE"),
    "no type": ('{"data":{}}', "INVALID_MESSAGE"),
    "a number as type": ('{"type":1}', "INVALID_MESSAGE"),
    "null as type": ('{"type":null}', "INVALID_MESSAGE"),
    "an empty type": ('{"type":""}', "INVALID_MESSAGE"),
    "type twice": ('{"type":"bark","type":"bark"}', "INVALID_MESSAGE"),
    "type twice, once escaped": ('{"type":"bark","t\\u0079pe":"bark"}', "INVALID_MESSAGE"),
    "two spellings, two values": ('{"type":"bark","agent_id":"a","agentId":"b"}', "INVALID_MESSAGE"),
    "two targets": ('{"type":"bark","target_id":"a","targetId":"b"}', "INVALID_MESSAGE"),
    "a number as target": ('{"type":"bark","target_id":7}', "INVALID_MESSAGE"),
    "1025 members": (wide(1025), "INVALID_MESSAGE"),
    "no id to register": ('{"type":"agent_register"}', "INVALID_MESSAGE"),
    "a number to register": ('{"type":"agent_register","agentId":7}', "INVALID_MESSAGE"),
    "an empty id": ('{"type":"agent_register","agentId":""}', "INVALID_MESSAGE"),
    "an id with a space": ('{"type":"agent_register","agentId":"a b"}', "INVALID_MESSAGE"),
    "an id with a slash": ('{"type":"agent_register","agentId":"a/b"}', "INVALID_MESSAGE"),
    "an id of 129": (json.dumps({"type": "agent_register", "agentId": "a" * 129}), "INVALID_MESSAGE"),
    "an id that is not ASCII": ('{"type":"agent_register","agentId":"é"}', "INVALID_MESSAGE"),
    "a number as role": ('{"type":"agent_register","agentId":"a","role":7}', "INVALID_MESSAGE"),
}
BAD |= {
    f"a client's {kind}": (json.dumps({"type": kind, "data": {}}), "FORBIDDEN")
    for kind in [
        "connection_ack",
        "agent_joined",
        "agent_left",
        "hello_ok",
        "auth_success",
        "auth_error",
        "session_info",
        "agent_info",
        "pong",
        "error",
    ]
}


def test_bad_input_is_answered_and_the_connection_lives(gateway):
    sender, other = gateway.client(), gateway.client()
    wrong = {}
    for name, (message, code) in BAD.items():
        sender.send(message)
        answers = sender.barrier()
        got = [a["data"]["code"] if a["type"] == "error" else a for a in answers]
        if got != [code]:
            wrong[name] = (message[:80], code, got)
    assert wrong == {}
    assert other.barrier() == []


@pytest.mark.parametrize("name", ["a word", "null", "a number as type", "a client's pong", "an id with a space"])
def test_an_error_names_its_rule(tcp_gateway, name):
    client = tcp_gateway.client()
    message, code = BAD[name]
    client.send(message)
    data = client.error(code)
    if code == "PARSE_ERROR":
        assert data["details"]["position"] == 0
    elif code == "INVALID_MESSAGE" and name != "null":
        assert data["details"]["path"], data


def test_the_position_of_a_parse_error(tcp_gateway):
    client = tcp_gateway.client()
    client.send('{"type":"bark",,}')
    assert client.error("PARSE_ERROR")["details"]["position"] == 15


def test_errors_take_their_place_in_the_order(gateway):
    client = gateway.client()
    for _ in range(50):
        client.send("nonsense")
        client.send('{"type":"ping"}')
        client.send('{"type":"bark","target_id":"nobody"}')
    codes = []
    for _ in range(150):
        message = client.next()
        codes.append(message["data"]["code"] if message["type"] == "error" else message["type"])
    assert codes == ["PARSE_ERROR", "pong", "TARGET_NOT_FOUND"] * 50


@pytest.mark.parametrize("text", [deep(64), wide(1024)], ids=["64 deep", "1024 members"])
def test_at_the_limit_it_passes(tcp_gateway, text):
    sender, other = tcp_gateway.client(), tcp_gateway.client()
    sender.send(text)
    assert other.text() == text
    sender.heard_nothing()


@pytest.mark.parametrize("agent_id", ["gateway", "system"])
def test_reserved_ids(tcp_gateway, agent_id):
    client, other = tcp_gateway.client(), tcp_gateway.client()
    client.send({"type": "agent_register", "agentId": agent_id})
    assert client.take("error")["data"]["code"] in ("INVALID_MESSAGE", "FORBIDDEN", "AGENT_ID_TAKEN")
    other.heard_nothing()


def test_a_live_client_id_is_no_agent_id(tcp_gateway):
    client, other = tcp_gateway.client(), tcp_gateway.client()
    client.send({"type": "agent_register", "agentId": other.greeting["data"]["client_id"]})
    assert client.take("error")["data"]["code"] in ("INVALID_MESSAGE", "FORBIDDEN", "AGENT_ID_TAKEN")
    other.heard_nothing()


def test_a_refused_registration_changes_nothing(tcp_gateway):
    client, other = tcp_gateway.agent("timmy"), tcp_gateway.client()
    client.send({"type": "agent_register", "agentId": "a b"})
    client.error("INVALID_MESSAGE")
    other.send({"type": "bark", "target_id": "timmy"})
    assert client.next()["type"] == "bark"
    other.heard_nothing()


def test_a_registration_has_a_limit(tcp_gateway):
    client, other = tcp_gateway.client(), tcp_gateway.client()
    client.send({"type": "agent_register", "agentId": "big", "notes": "x" * 17000})
    assert client.take("error")["data"]["code"] in ("LIMIT_REACHED", "MESSAGE_TOO_LARGE")
    client.register("big", notes="x" * 16000)
    assert len(other.take("agent_joined")["data"]["notes"]) == 16000
    other.heard_nothing()


def message_of(size):
    frame = '{"type":"bark","data":"%s"}'
    return frame % ("x" * (size - len(frame) + 2))


def test_message_size(gateway):
    sender, other = gateway.client(), gateway.client()
    largest = message_of(MIB)
    sender.send(largest)
    assert other.text() == largest
    sender.send(message_of(MIB + 1))
    details = sender.error("MESSAGE_TOO_LARGE")["details"]
    assert MIB in details.values(), details
    sender.send(message_of(9 * MIB).encode())
    sender.error("MESSAGE_TOO_LARGE")
    sender.send('{"type":"bark","n":1}')
    sender.barrier()
    assert other.barrier_texts() == ['{"type":"bark","n":1}']


def test_a_frame_over_ten_mib_is_closed(gateway):
    sender, other = gateway.client(), gateway.client()
    sender.send(message_of(10 * MIB + 1))
    sender.wait_closed(1009)
    other.heard_nothing()


def test_worlds_have_names_like_agents(tcp_gateway):
    for name in ("a%20b", "a%2Fb", "x" * 129, "%00"):
        client = tcp_gateway.client(f"/ws/matrix?world={name}")
        assert client.response.status_code == 400, name
    assert tcp_gateway.client(f"/ws/matrix?world=A.b-c_%64:e@{'9' * 100}").response.status_code == 101
