"""Every place in which a credential can stand, and which of two counts."""

import json

import pytest

from harness.access import PASSWORD, WRONG, bearer, new_ticket, password_settings, token_of, write_tokens
from harness.gateway import Gateway
from harness.raw import TEXT, Frames, frame

ONE, TWO, BOSS = token_of("one"), token_of("two"), token_of("boss")


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    """Who registers as `one` has given the token `one`, and no other."""
    grants = {name: f"agent_id={name} sessions=* publish=*" for name in ("one", "two")}
    grants["boss"] = "sessions=* publish=* act_as=* admin"
    path = write_tokens(tmp_path_factory.mktemp("gate") / "tokens", grants)
    with Gateway(settings={"auth.mode": "token", "auth.token_file": path}) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def password_gate():
    with Gateway(settings=password_settings()) as gateway:
        yield gateway


def tell(frames, **message):
    frames.send(frame(TEXT, json.dumps(message)))
    return json.loads(frames.next()[1])


def who(gateway, path="/ws/matrix", fields=()):
    """Whose credential counts for a handshake like this: "one", "two", "stranger"; or the status of a refusal."""
    with gateway.open_socket() as s:
        frames = Frames(s, gateway.host, path, fields, may_fail=True)
        told = repr(frames.fields).encode() + frames.body
        assert not any(secret.encode() in told for secret in (ONE, TWO, WRONG, PASSWORD)), "it is not echoed"
        if frames.status != 101:
            return frames.status
        if json.loads(frames.next()[1])["data"].get("auth_required"):
            return "stranger"
        may = [n for n in ("one", "two") if tell(frames, type="agent_register", agentId=n)["type"] == "connection_ack"]
        return " ".join(may)


PLACES = {
    "Authorization": (f"Authorization: Bearer {ONE}",),
    "small": (f"authorization: bearer {ONE}",),
    "capitals": (f"AUTHORIZATION: BEARER {ONE}",),
    "spaces": (f"Authorization:   Bearer    {ONE}  ",),
    "tabs around": (f"Authorization:\tBearer {ONE}\t",),
    "no space": (f"Authorization:Bearer {ONE}",),
    "subprotocol": (f"Sec-WebSocket-Protocol: parley.bearer.{ONE}, parley",),
    "subprotocol last": (f"Sec-WebSocket-Protocol: parley, chat,parley.bearer.{ONE}",),
    "subprotocol alone": (f"Sec-WebSocket-Protocol: parley.bearer.{ONE}",),
    "subprotocol in two lines": ("Sec-WebSocket-Protocol: parley", f"Sec-WebSocket-Protocol: parley.bearer.{ONE}"),
}


@pytest.mark.parametrize("fields", PLACES.values(), ids=PLACES)
def test_a_place(gate, fields):
    assert who(gate, fields=fields) == "one"
    wrong = tuple(line.replace(ONE, WRONG) for line in fields)
    assert who(gate, fields=wrong) == 401


@pytest.mark.parametrize("query", ["token={}", "world=main&token={}", "token=&token={}", "x=1&token={}&y=%20"])
def test_in_the_query(gate, query):
    assert who(gate, "/ws/matrix?" + query.format(ONE)) == "one"
    assert who(gate, "/ws/matrix?" + query.format(WRONG)) == 401


@pytest.mark.parametrize(
    "path, fields, status",
    [
        ("/ws/matrix", ("Authorization: Bearer",), 400),
        ("/ws/matrix", (f"Authorization: Bearer\t{ONE}",), 400),
        ("/ws/matrix", (f"Authorization: Bearer {ONE}", f"Authorization: Bearer {ONE}"), 400),
        ("/ws/matrix", ("Sec-WebSocket-Protocol: parley.bearer., parley",), 400),
        ("/ws/matrix", ("Sec-WebSocket-Protocol: parley.bearer.a!b",), 400),
        ("/ws/matrix?token=%61bc", (), 400),
        ("/ws/matrix", (f"Authorization: Basic {ONE}",), "stranger"),
        ("/ws/matrix", (f"Authorization: Bearer{ONE}",), "stranger"),
        ("/ws/matrix", (f"X-Token: {ONE}",), "stranger"),
        ("/ws/matrix", (f"Cookie: token={ONE}",), "stranger"),
        ("/ws/matrix", (f"Sec-WebSocket-Protocol: bearer.{ONE}",), "stranger"),
        ("/ws/matrix?token=&ticket=", (), "stranger"),
        (f"/ws/matrix?Token={ONE}&password={ONE}", (), "stranger"),
    ],
)
def test_what_is_no_place(gate, path, fields, status):
    assert who(gate, path, fields) == status


def test_the_subprotocol_that_is_selected(gate):
    """`parley` where it is offered; never the one with the token in it."""
    for offer, selected in [
        (f"parley.bearer.{ONE}, parley", "parley"),
        (f"parley,parley.bearer.{ONE}", "parley"),
        (f"parley.bearer.{ONE}", None),
    ]:
        with gate.open_socket() as s:
            frames = Frames(s, gate.host, fields=[f"Sec-WebSocket-Protocol: {offer}"])
            assert frames.fields.get("sec-websocket-protocol") == selected


def ticket_for(gate, name):
    return new_ticket(gate, BOSS, agent_id=name, sessions=["*"])


# In the order in which they are looked at. Each gives (query, lines) for somebody's credential.
ORDER = {
    "Authorization": lambda gate, name: ("", [f"Authorization: Bearer {token_of(name)}"]),
    "subprotocol": lambda gate, name: ("", [f"Sec-WebSocket-Protocol: parley.bearer.{token_of(name)}"]),
    "ticket": lambda gate, name: ("ticket=" + ticket_for(gate, name), []),
    "token": lambda gate, name: ("token=" + token_of(name), []),
}
PAIRS = [(first, second) for at, first in enumerate(ORDER) for second in list(ORDER)[at + 1 :]]


@pytest.mark.parametrize("first, second", PAIRS)
def test_of_two_places(gate, first, second):
    """The first one counts, right or wrong, wherever it stands in the request."""
    for winner, loser in (("one", "two"), ("two", "one")):
        (query, lines), (other_query, other_lines) = ORDER[first](gate, winner), ORDER[second](gate, loser)
        for queries, fields in (
            ((query, other_query), lines + other_lines),
            ((other_query, query), other_lines + lines),
        ):
            path = "/ws/matrix?" + "&".join(filter(None, queries))
            assert who(gate, path, fields) == winner
            if "ticket" in (first, second):
                break  # it is used up
    query, lines = ORDER[first](gate, "one")
    other_query, other_lines = ORDER[second](gate, "two")
    spoilt = query.replace("=parley", "=wrong-parley") if "token" in query else query[:-1]
    lines = [line.replace("parley_test", "wrong") for line in lines]
    assert who(gate, "/ws/matrix?" + "&".join(filter(None, [spoilt, other_query])), lines + other_lines) == 401


def test_a_ticket_is_good_once(gate):
    ticket = ticket_for(gate, "one")
    assert who(gate, f"/ws/matrix?ticket={ticket}") == "one"
    assert who(gate, f"/ws/matrix?ticket={ticket}") == 401
    # It is a ticket nowhere else, and a token is none.
    ticket = ticket_for(gate, "one")
    assert who(gate, f"/ws/matrix?token={ticket}") == 401
    assert who(gate, fields=[f"Authorization: Bearer {ticket}"]) == 401
    assert who(gate, f"/ws/matrix?ticket={ONE}") == 401
    assert who(gate, f"/ws/matrix?ticket={ticket}") == "one"


# --- in the registration ----------------------------------------------------------------------------


def stranger(gateway):
    client = gateway.client()
    assert client.greeting["data"]["auth_required"] is True
    return client


def test_a_token_in_the_registration(gate):
    client = stranger(gate)
    client.register("one", token=ONE)
    assert client.registered["data"]["agent_id"] == "one"
    # It has come in; what it gives later changes nothing.
    client.send({"type": "agent_register", "agentId": "two", "token": TWO})
    assert client.error("FORBIDDEN")["details"]["rule"] == "grant:agent_id"
    assert gate.client(headers=[bearer(TWO)]).greeting["data"]["agents"][0]["agent_id"] == "one"


@pytest.mark.parametrize(
    "members, code",
    [
        ({"token": WRONG}, "AUTH_FAILED"),
        ({"token": WRONG, "password": ONE}, "AUTH_FAILED"),
        ({"password": ONE}, "AUTH_FAILED"),
        ({"token": ""}, "AUTH_REQUIRED"),
        ({"token": None}, "AUTH_REQUIRED"),
        ({"token": 7}, "AUTH_REQUIRED"),
        ({"token": [ONE]}, "AUTH_REQUIRED"),
        ({"Token": ONE}, "AUTH_REQUIRED"),
        ({"token": ONE * 50}, "AUTH_FAILED"),
    ],
)
def test_a_wrong_member(gate, members, code):
    client = stranger(gate)
    client.send({"type": "agent_register", "agentId": "one", **members})
    client.error(code)
    client.register("one", token=ONE)
    client.close()


def test_the_token_is_passed_on_to_nobody(gate):
    ear = gate.client(headers=[bearer(BOSS)])
    client = stranger(gate)
    client.register("one", token=ONE, password="p", mood="ok", data={"token": TWO, "password": "q", "hat": 1})
    joined = ear.take("agent_joined")
    assert joined["data"] == {"agent_id": "one", "agentId": "one", "role": "agent", "mood": "ok", "hat": 1}
    client.close()


def test_a_password(password_gate):
    """It may stand where a token may, and as a member of its own."""
    lines = [f"Authorization: Bearer {PASSWORD}"]
    assert who(password_gate, fields=lines) == "one two"
    for member in ("password", "token"):
        client = stranger(password_gate)
        client.register("one", **{member: PASSWORD})
        client.close()
    client = stranger(password_gate)
    client.send({"type": "agent_register", "agentId": "one", "password": PASSWORD + "."})
    client.error("AUTH_FAILED")
    ticket = new_ticket(password_gate, PASSWORD)
    assert who(password_gate, f"/ws/matrix?ticket={ticket}") == "one two"


def test_what_comes_behind_a_password_waits(password_gate):
    """In order, and only for the one who was right."""
    ear = password_gate.client(headers=[bearer(PASSWORD)])
    client = stranger(password_gate)
    client.send({"type": "agent_register", "agentId": "one", "password": PASSWORD})
    for number in range(3):
        client.send({"type": "bark", "data": {"text": str(number)}})
    client.take("connection_ack")
    client.barrier()
    ear.take("agent_joined")
    assert [ear.take("bark")["data"]["text"] for _ in range(3)] == ["0", "1", "2"]
    wrong = stranger(password_gate)
    wrong.send({"type": "agent_register", "agentId": "two", "password": WRONG})
    wrong.send({"type": "bark", "data": {"text": "never"}})
    wrong.error("AUTH_FAILED")
    wrong.error("AUTH_REQUIRED")
    ear.heard_nothing()
