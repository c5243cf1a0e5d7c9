"""Every principal tries every action; authorisation.toml has the verdicts, written by hand."""

import contextlib
import json
import signal
import tomllib
from pathlib import Path

import pytest

from harness.access import (
    PASSWORD,
    SHARED,
    ask,
    bearer,
    new_ticket,
    password_settings,
    refusal,
    token_of,
    write_secret,
    write_tokens,
)
from harness.gateway import Gateway

BOOK = tomllib.loads(Path(__file__).with_name("authorisation.toml").read_text(encoding="utf-8"))
PRINCIPALS = BOOK["principals"]


def read_table(text):
    """{principal: {action: verdict}}"""
    head, *rows = [line.split() for line in text.strip().splitlines()]
    table = {}
    for name, *verdicts in rows:
        assert name not in table and len(verdicts) == len(head), name
        table[name] = dict(zip(head, verdicts))
    assert set(table) == set(PRINCIPALS)
    return table


TABLES = {name: read_table(text) for name, text in BOOK["tables"].items()}

# --- the gateways --------------------------------------------------------------------------------


def gateway_of(kind, folder):
    if kind == "tokens":
        grants = {name: p["token"] for name, p in PRINCIPALS.items() if "token" in p}
        # Whoever is there already has a credential of its own.
        grants["cast"] = "publish=* sessions=* act_as=* broadcast admin"
        path = write_tokens(folder / "tokens", grants)
        return Gateway(settings={"auth.mode": "token", "auth.token_file": path})
    if kind == "shared":
        return Gateway("--token-file", write_secret(folder / "secret"))
    return Gateway(settings=password_settings() if kind == "password" else {})


@pytest.fixture(scope="module")
def gateways(tmp_path_factory):
    folder = tmp_path_factory.mktemp("access")
    with contextlib.ExitStack() as stack:
        yield {
            kind: stack.enter_context(gateway_of(kind, folder)) for kind in ("tokens", "shared", "password", "open")
        }


SECRETS = {"tokens": token_of("cast"), "shared": SHARED, "password": PASSWORD, "open": None}


class Principal:
    """Comes in, or asks, with what its entry says."""

    def __init__(self, name, gateway):
        self.name, self.entry, self.gateway = name, PRINCIPALS[name], gateway

    def credential(self):
        """(headers, query) that give it."""
        if "ticket" in self.entry:  # each is good once
            return [], "ticket=" + new_ticket(self.gateway, token_of("all"), **self.entry["ticket"])
        if "ticket_text" in self.entry:
            return [], "ticket=" + self.entry["ticket_text"]
        if self.name == "far":
            return [("X-Forwarded-For", "192.0.2.1")], ""
        secret = self.entry.get("secret")
        if "token" in self.entry:
            secret = token_of(self.name)
        elif self.name in ("shared", "password"):
            secret = SECRETS[self.name]
        return ([bearer(secret)] if secret else []), ""

    def connect(self, world="main"):
        headers, query = self.credential()
        return self.gateway.client(f"/ws/matrix?world={world}&{query}", headers=headers)

    def control(self):
        headers, query = self.credential()
        return self.gateway.control(f"/ws?{query}", headers=headers)

    def ask(self, path, **options):
        headers, query = self.credential()
        return ask(self.gateway, f"{path}?{query}" if query else path, headers=headers, **options)


class Cast:
    """Who is there already: an agent that hears in each of the two worlds, and a stranger in `main`."""

    def __init__(self, gateway, kind):
        self.gateway = gateway
        self.secret = SECRETS[kind]
        self.ears = {world: self.come(world) for world in ("main", "side")}
        for world, ear in self.ears.items():
            ear.register(f"ear-{world}")
        # It has ten seconds to authenticate, so it is asked for what it heard within one test.
        self.stranger = gateway.client() if self.secret else None

    def come(self, world="main"):
        return self.gateway.client(f"/ws/matrix?world={world}", headers=[bearer(self.secret)] if self.secret else [])

    def peer(self):
        return self.gateway.control(headers=[bearer(self.secret)] if self.secret else [])

    def heard(self, client):
        """What the worlds heard of what this client has said: {world: texts}."""
        client.send('{"type":"ping"}')
        client.answers = []
        while (text := client.text()) != '{"type":"pong"}':
            client.answers.append(json.loads(text))
        return {world: ear.barrier_texts() for world, ear in self.ears.items()}

    def leave(self):
        for ear in self.ears.values():
            ear.close()
        if self.stranger:
            assert self.stranger.barrier_texts() == [], "a stranger hears nothing"
            self.stranger.close()


@pytest.fixture(params=PRINCIPALS)
def meeting(request, gateways):
    kind = PRINCIPALS[request.param]["gateway"]
    cast = Cast(gateways[kind], kind)
    yield Principal(request.param, gateways[kind]), cast
    cast.leave()
    gateways[kind].drop_clients()


def compare(table, principal, find):
    expected = TABLES[table][principal.name]
    found = {action: find(action) for action in expected}
    assert found == expected


# --- verdicts ------------------------------------------------------------------------------------

CODES = {
    "AUTH_REQUIRED": "auth",
    "SENDER_MISMATCH": "mismatch",
    "TARGET_NOT_FOUND": "absent",
    "SESSION_NOT_FOUND": "unknown",
    "AGENT_ID_TAKEN": "taken",
}


def verdict_of(code, rule):
    if code == "FORBIDDEN":
        return {"gateway_types": "types", "ticket:within": "within"}.get(rule, rule.removeprefix("grant:"))
    return CODES[code]


def verdict_of_error(message):
    assert message["type"] == "error", message
    said = message.get("payload") or message["data"]
    return verdict_of(said["code"], said["details"].get("rule"))


def verdict_of_refusal(status, content):
    code, rule = refusal(content)
    assert status == {"AUTH_REQUIRED": 401, "AUTH_FAILED": 401, "FORBIDDEN": 403}[code]
    return "wrong" if code == "AUTH_FAILED" else verdict_of(code, rule)


def opened(client):
    """The verdict on coming in."""
    if client.response.status_code != 101:
        return verdict_of_refusal(client.response.status_code, json.loads(client.response.body))
    data = client.greeting["data"]
    if not data.get("auth_required"):
        return "yes"
    assert (data["agents"], data["total"]) == ([], 0) and "world" not in data
    return "stranger"


# --- coming in -----------------------------------------------------------------------------------


def test_who_comes_in(meeting):
    principal, cast = meeting

    def try_to_register(agent_id):
        client = principal.connect()
        if client.response.status_code != 101:
            return "out"
        client.send({"type": "agent_register", "agentId": agent_id})
        cast.heard(client)
        (answer,) = client.answers
        client.close()
        if answer["type"] == "error":
            return verdict_of_error(answer)
        assert answer["data"]["agent_id"] == agent_id
        assert cast.ears["main"].take("agent_left")["agent_id"] == agent_id
        return "yes"

    def try_to_take():
        holder = cast.come()
        holder.register("taken")
        verdict = try_to_register("taken")
        if verdict == "yes":
            holder.wait_closed(4409)
            return "replaced"
        holder.heard_nothing()
        holder.close()
        if verdict != "out":
            assert cast.ears["main"].take("agent_left")["agent_id"] == "taken"
        return verdict

    def find(action):
        if action in ("main", "side"):
            client = principal.connect(action)
            verdict = opened(client)
            if verdict in ("yes", "stranger"):
                client.close()
            return verdict
        return try_to_take() if action == "taken" else try_to_register("zoe" if action == "free" else action)

    compare("coming", principal, find)


# --- speaking ------------------------------------------------------------------------------------

BROADCASTS = {
    "bark": {"type": "bark", "data": {"text": "hi"}},
    "scene_add": {"type": "scene_add", "data": {}},
    "zone_add": {"type": "zone_add", "data": {}},
    "joined": {"type": "agent_joined", "data": {}},
    "as-door": {"type": "bark", "agent_id": "door", "data": {"text": "hi"}},
    "as-bot-7": {"type": "bark", "agentId": "bot-7", "data": {"text": "hi"}},
    "as-zoe": {"type": "bark", "agent_id": "zoe", "data": {"text": "hi"}},
}


def test_who_is_heard(meeting):
    principal, cast = meeting

    def speak(client, action):
        """The message, and what the worlds should hear of it."""
        if action in ("to-main", "to-side"):
            world = action.removeprefix("to-")
            message = {"type": "bark", "target_id": f"ear-{world}", "data": {"text": "hi"}}
        elif action == "subscribe":
            message, world = {"type": "subscribe", "types": ["bark"]}, None
        else:
            message, world = BROADCASTS[action], "main"
        client.send(message)
        return {name: [json.dumps(message, separators=(",", ":"))] if name == world else [] for name in cast.ears}

    def find(action):
        client = principal.connect()
        if client.response.status_code != 101:
            return "out"
        wanted = {name: [] for name in cast.ears} if action == "ping" else speak(client, action)
        heard = cast.heard(client)
        client.close()
        if client.answers:
            assert heard == {name: [] for name in cast.ears}, "what is refused is not heard"
            (answer,) = client.answers
            return verdict_of_error(answer)
        assert heard == wanted
        return "yes"

    compare("speaking", principal, find)


# --- the gateway dialect -------------------------------------------------------------------------

IN_MAIN = {"bark": {"text": "hi"}, "scene_add": {}}


def test_who_does_what_in_the_gateway_dialect(meeting):
    principal, cast = meeting
    peer = cast.peer()

    def attempt(client, action):
        """The id of what was said, and who should hear of it: {name: types}."""
        if action in ("bark", "scene_add", "presence", "patch"):
            client.say("session_join", {"sessionId": "world:main"})
            client.next()
        if action == "own":
            return client.say("session_create", {"sessionId": "den"}), {}
        if action in ("main", "side"):
            return client.say("session_join", {"sessionId": f"world:{action}"}), {}
        if action in IN_MAIN:
            return client.say(action, IN_MAIN[action], sessionId="world:main"), {"main": [action]}
        if action in ("to-main", "to-side"):
            world = action.removeprefix("to-")
            return client.say("bark", {"text": "hi"}, target=f"ear-{world}"), {world: ["bark"]}
        if action in ("to-peer", "joined"):
            kind = "bark" if action == "to-peer" else "agent_joined"
            return client.say(kind, {"text": "hi"}, target=peer.id), {"peer": [kind]}
        if action == "all":
            return client.say("broadcast", {"n": 1}), {"peer": ["broadcast"]}
        if action == "presence":
            said = {"deviceId": "lamp", "status": "away", "sessionKey": "world:main"}
            return client.say("presence", said), {}
        if action == "patch":
            return client.say("session_patch", {"sessionKey": "world:main", "patch": {"by": None}}), {}
        return client.say(action), {}

    def find(action):
        client = principal.control()
        if client.response.status_code != 101:
            refused = verdict_of_refusal(client.response.status_code, json.loads(client.response.body))
            return refused if action == "in" else "out"
        if action == "in":
            verdict = "stranger" if client.greeting["payload"]["authRequired"] else "yes"
            client.close()
            return verdict
        asked, wanted = attempt(client, action)
        answers = client.barrier() if action != "ping" else [client.take("pong")]
        heard = {name: [message["type"] for message in ear.barrier()] for name, ear in cast.ears.items()}
        heard["peer"] = [message["type"] for message in peer.barrier()]
        client.close()
        refusals = [answer for answer in answers if answer["type"] == "error"]
        if refusals:
            assert not any(heard.values()), "what is refused is not heard"
            (answer,) = refusals
            assert answer["replyTo"] == asked
            return verdict_of_error(answer)
        assert {name: types for name, types in heard.items() if types} == wanted
        return "yes"

    compare("control", principal, find)


# --- HTTP ----------------------------------------------------------------------------------------

PAGES = {
    "status": "/api/gateway/status",
    "agents": "/api/gateway/agents",
    "sessions": "/api/gateway/sessions",
    "clients": "/api/gateway/clients",
    "metrics": "/metrics",
    "page": "/",
    "health": "/health",
    "readyz": "/readyz",
}


def word_for(names):
    return {(): "none", ("main",): "main", ("main", "side"): "both"}[tuple(sorted(names & {"main", "side"}))]


def worlds_of(agents):
    """The agents are those of the cast, whoever asks; their worlds are not for everybody."""
    assert {agent["agent_id"] for agent in agents} == {"ear-main", "ear-side"}
    return word_for({agent["world"] for agent in agents if "world" in agent})


def test_who_learns_what(meeting):
    principal, cast = meeting
    client_id = cast.ears["main"].greeting["data"]["client_id"]

    def find(action):
        path = PAGES.get(action) or f"/api/gateway/clients/{client_id}"
        status, _, content = principal.ask(path)
        if status != 200:
            return verdict_of_refusal(status, content)
        if action == "status":
            assert content["total"] == 2
            if "agents" in content:
                assert worlds_of(content["agents"]) == TABLES["asking"][principal.name]["sessions"]
            return "full" if "agents" in content else "counts"
        if action == "agents":
            return worlds_of(content["agents"])
        if action == "sessions":
            return word_for({session["name"].removeprefix("world:") for session in content["sessions"]})
        if action == "client":
            assert content["id"] == client_id
        return "yes"

    compare("asking", principal, find)


TICKETS = {
    "t-any": {},
    "t-main": {"publish": ["bark"], "sessions": ["world:main"]},
    "t-door": {"agent_id": "door", "sessions": ["world:main"]},
    "t-none": {"broadcast": False},
}


def test_who_runs_it(meeting):
    principal, cast = meeting

    def publish(world):
        message = {"type": "bark", "data": {"text": "by HTTP"}}
        status, _, content = principal.ask(
            "/api/gateway/publish", method="POST", body={"dialect": "world", "message": message, "world": world}
        )
        heard = {name: [json.loads(text) for text in ear.barrier_texts()] for name, ear in cast.ears.items()}
        assert heard == {name: [message] if name == world and status == 202 else [] for name in cast.ears}
        if status == 202:
            assert content == {"delivered": 1}
            return "yes"
        return verdict_of_refusal(status, content)

    def find(action):
        if action.startswith("in-"):
            return publish(action.removeprefix("in-"))
        if action == "kick":
            path, body, done = "/api/gateway/clients/c-aaaaaaaaaaaaa/kick", {"reason": "go"}, 404
        elif action == "drain":
            path, body, done = "/api/gateway/drain", ["not an object, so nothing is stopped"], 400
        else:
            path, body, done = "/api/gateway/tickets", TICKETS[action], 201
        status, _, content = principal.ask(path, method="POST", body=body)
        return "yes" if status == done else verdict_of_refusal(status, content)

    compare("running", principal, find)


# --- what a reload changes ------------------------------------------------------------------------


def test_metrics_that_are_public(start, tmp_path):
    config = tmp_path / "parley.yaml"
    config.write_text("metrics:\n  public: true\n")
    gateway = start("--config", str(config), "--token-file", write_secret(tmp_path / "secret"))
    assert ask(gateway, "/metrics")[0] == 200
    assert ask(gateway, "/api/gateway/agents")[0] == 401
    config.write_text("metrics:\n  public: false\n")
    gateway.process.send_signal(signal.SIGHUP)
    gateway.wait_event("reloaded")
    assert ask(gateway, "/metrics")[0] == 401
    assert ask(gateway, "/metrics", headers=[bearer(SHARED)])[0] == 200
