"""libparley: every function, handler and event of parley/parley.h, with clients that others wrote.

The program under test is tests/library/driver.c, in a loop of its own and under parley_run, with one thread and with two.
"""

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.library import Driver

pytestmark = pytest.mark.threads


@pytest.fixture(params=[(), ("--run", "threads=2")], ids=["loop", "run"])
def driver(request):
    with Driver(*request.param) as driver:
        yield driver


def come(driver, kind="control", **options):
    """A client, whose coming has been told."""
    client = driver.control(**options) if kind == "control" else driver.client(**options)
    assert driver.event("client_connected") == [client.id]
    assert driver.event("client_authenticated") == [client.id, "anonymous"]
    if kind == "world":
        assert driver.skip_to("session_joined") == ["world:main", client.id]
    return client


def both(driver):
    world = driver.client()
    control = driver.control()
    assert {driver.skip_to("client_authenticated")[0] for _ in range(2)} == {world.id, control.id}
    return world, control


# --- life -----------------------------------------------------------------------------------------


def test_starts_and_stops(driver):
    client = driver.control()
    driver.call("stop")
    assert client.wait_closed(1001)
    driver.skip_to("stopped")
    driver.process.stdin.close()
    driver.event("the end")
    assert driver.process.wait(20) == 0


def test_the_end_of_the_input_stops_it(driver):
    driver.process.stdin.close()
    driver.event("stopped")
    assert driver.process.wait(20) == 0


# --- events ---------------------------------------------------------------------------------------


def test_coming_and_going(driver):
    client = come(driver)
    client.close(1000, "enough")
    assert driver.event("client_disconnected") == [client.id, "1000", ""], "a peer's reason is its own affair"
    lost = come(driver)
    lost.abort()
    assert driver.event("client_disconnected") == [lost.id, "1006", "the connection was lost"]


def test_sessions_are_told(driver):
    ann, bob = come(driver), come(driver)
    ann.create("room")
    assert driver.event("message")[:3] == [ann.id, "gateway", "session_create"]
    assert driver.event("session_created") == ["room"]
    assert driver.event("session_joined") == ["room", ann.id]
    bob.join("room")
    driver.event("message")
    assert driver.event("session_joined") == ["room", bob.id]
    bob.ask("session_leave", {"sessionId": "room"})
    driver.event("message")
    assert driver.event("session_left") == ["room", bob.id]
    ann.close()
    assert driver.event("session_left") == ["room", ann.id]
    assert driver.event("session_ended") == ["room"]
    assert driver.event("client_disconnected")[0] == ann.id


def test_agents_are_told(driver):
    client = come(driver)
    who = {"agentId": "ada", "name": "Ada", "type": "cli", "capabilities": {"chat": True, "tools": ["sum"]}}
    client.ask("agent_register", who)
    assert driver.skip_to("agent_registered") == ["ada", client.id]
    client.ask("agent_heartbeat", {"status": "busy"})
    assert driver.skip_to("agent_busy") == ["ada", client.id]
    client.ask("agent_heartbeat", {"status": "online"})
    assert driver.skip_to("agent_online") == ["ada", client.id]
    client.abort()
    assert driver.skip_to("agent_offline") == ["ada"]
    driver.event("client_disconnected")
    again = come(driver)
    again.ask("agent_register", who)
    assert driver.skip_to("agent_online") == ["ada", again.id]
    again.ask("agent_unregister", {"agentId": "ada"})
    assert driver.skip_to("agent_unregistered") == ["ada"]


def test_errors_are_told(driver):
    client = come(driver)
    client.say("greet", {})
    client.error("NO_ROUTE")
    driver.event("message")
    assert driver.event("error") == [client.id, "NO_ROUTE"]


# --- the log --------------------------------------------------------------------------------------


@pytest.fixture(params=[(), ("--run", "threads=2")], ids=["loop", "run"])
def logging(request):
    with Driver("--log", *request.param) as driver:
        yield driver


def test_lines_stand_among_the_events(logging):
    client = logging.control()
    assert logging.event("client_connected") == [client.id]
    assert logging.event("client_authenticated") == [client.id, "anonymous"]
    assert logging.event("log")[1:3] == ["client_opened", client.id]
    client.say("greet", {})
    client.error("NO_ROUTE")
    logging.event("message")
    assert logging.event("error") == [client.id, "NO_ROUTE"]
    assert logging.event("log") == ["0", "error_sent", client.id, "code=NO_ROUTE"]
    logging.call("kick", client.id, "enough")
    assert logging.event("log")[:3] == ["1", "client_kicked", client.id]
    assert logging.event("log") == ["0", "client_closed", client.id, 'code=4408 reason="enough"']
    assert logging.event("client_disconnected") == [client.id, "4408", "enough"]


def test_the_last_lines_come_before_the_end(logging):
    logging.call("stop")
    assert logging.event("log")[:2] == ["1", "draining"]
    logging.event("stopped")


def test_a_line_of_an_agent_may_take_it_away(logging):
    """The line comes when it has left: it is given up once."""
    client = logging.control()
    client.ask("agent_register", {"agentId": "ada", "name": "Ada", "type": "cli", "capabilities": {}})
    logging.call("at_log", "agent_left", "unregister", "ada")
    client.abort()
    assert logging.answer() == "ok"
    assert logging.skip_to("agent_unregistered") == ["ada"]
    assert logging.call("agent", "ada") == "not found"
    assert logging.control().ask("ping", {})["type"] == "pong"


def test_a_line_of_an_error_may_be_answered(logging):
    """What is sent comes behind the error, and both are whole."""
    world, control = both(logging)
    for client in (control, world):
        logging.call("at_log", "error_sent", "send", client.id, "note", '{"text":"a mistake"}')
        if client is control:
            client.say("greet", {})
        else:
            client.send({"type": "bark", "target_id": "nobody"})
        assert logging.answer() == "ok"
        assert [client.next()["type"], client.next()["type"]] == ["error", "note"]


# --- handlers -------------------------------------------------------------------------------------


def test_a_handler_answers(driver):
    client = come(driver)
    assert driver.call("handle", "gateway", "sum", "echo") == "ok"
    assert driver.call("handle", "gateway", "sum", "echo") == "exists already"
    assert driver.call("handle", "gateway", "", "echo") == "invalid"
    answer = client.ask("sum", {"n": 0.10})
    assert answer["type"] == "echo" and answer["source"] == "gateway"
    assert driver.event("message")[2] == "sum"
    assert driver.event("handled") == ["sum", '"m-1"', '{"n":0.1}', ""]
    assert driver.call("unhandle", "gateway", "sum") == "ok"
    assert driver.call("unhandle", "gateway", "sum") == "not found"
    client.say("sum", {})
    client.error("NO_ROUTE")


@pytest.mark.parametrize("what", ["pass", "done", "fail"])
def test_what_a_handler_can_say(driver, what):
    """Of a type that the gateway knows: it is asked first, and what it has done is not done again."""
    client = come(driver)
    driver.call("handle", "gateway", "health", what)
    asked = client.say("health", {})
    if what == "pass":
        assert client.next()["type"] == "health"
    elif what == "fail":
        assert client.take("error")["payload"]["code"] == "HANDLER_ERROR"
    client.say("ping", {})
    assert client.next()["type"] == "pong"
    assert driver.skip_to("handled")[1] == json.dumps(asked)


def test_a_handler_of_the_world(driver):
    ann, bob = come(driver, "world"), come(driver, "world")
    driver.call("handle", "world", "bark", "done")
    ann.send({"type": "bark", "data": {"text": "swallowed"}})
    ann.send({"type": "thought", "data": {"text": "heard"}})
    assert bob.next()["data"]["text"] == "heard"
    driver.call("unhandle", "world", "bark")
    driver.call("handle", "gateway", "bark", "done")
    ann.send({"type": "bark", "data": {"text": "of the other dialect"}})
    assert bob.next()["type"] == "bark"


def test_a_handler_may_close_its_sender(driver):
    client = come(driver)
    driver.call("handle", "gateway", "health", "kick")
    client.say("health", {})
    assert client.wait_closed(4408)
    assert driver.skip_to("client_disconnected") == [client.id, "4408", "by its handler"]
    driver.call("unhandle", "gateway", "health")
    assert come(driver).ask("health", {})["type"] == "health"


def test_a_handler_may_take_itself_away(driver):
    client = come(driver)
    driver.call("handle", "gateway", "health", "remove")
    client.say("health", {})
    assert client.ask("health", {})["type"] == "health"


# --- messages -------------------------------------------------------------------------------------


def test_to_one(driver):
    world, control = both(driver)
    assert driver.call("send", control.id, "greet", '{"n":0.10}', '"m-7"') == "ok"
    text = control.text()
    assert '"payload":{"n":0.10}' in text and '"replyTo":"m-7"' in text and '"source":"gateway"' in text
    assert driver.call("send", world.id, "greet", '{"n":1}') == "ok"
    message = world.next()
    assert message["type"] == "greet" and message["agent_id"] == "gateway" and message["data"] == {"n": 1}
    assert driver.call("send", "nobody", "greet", "{}") == "not found"
    assert driver.call("send", control.id, "greet", "{") == "invalid"
    assert driver.call("send", control.id, "", "{}") == "invalid"
    assert driver.call("send", control.id, "greet", "{}", "m-7") == "invalid"


def test_a_whole_message(driver):
    world, control = both(driver)
    bark = '{"type":"bark","agent_id":"gateway","data":{"text":"x","n":1E2},"ts":5}'
    assert driver.call("send", world.id, "text:world", bark) == "ok"
    assert world.text() == bark
    assert driver.call("send", control.id, "text:world", bark) == "ok"
    assert control.next()["payload"]["data"]["text"] == "x"
    envelope = '{"type":"note","id":"n-1","payload":[1]}'
    assert driver.call("send", control.id, "text:gateway", envelope) == "ok"
    assert control.next()["id"] == "n-1"
    assert driver.call("send", world.id, "text:gateway", envelope) == "ok"
    assert world.next()["data"] == {"value": [1]}
    for wrong in ("{", "[]", '{"id":"1"}', '{"type":"note"}'):
        assert driver.call("send", control.id, "text:gateway", wrong) == "invalid", wrong


def test_to_a_session(driver):
    world, control = both(driver)
    other = driver.client()
    control.join("world:main")
    assert driver.call("send_session", "world:main", other.id, "greet", '{"n":1}') == ["ok", "2"]
    assert world.next()["data"] == {"n": 1}
    assert control.next()["sessionId"] == "world:main"
    assert driver.call("send_session", "world:main", "nobody", "greet", "") == ["ok", "3"]
    assert other.next()["data"] == {}
    assert driver.call("send_session", "elsewhere", "", "greet", "") == "not found"
    assert driver.call("send_session", "$everybody", "", "greet", "") == "not found"


def test_to_all_with_a_filter(driver):
    world, control = both(driver)
    world.send({"type": "subscribe", "types": ["bark"]})
    world.barrier()
    assert driver.call("broadcast", "gateway", "greet", "") == ["ok", "1"]
    assert driver.call("broadcast", "world", "greet", "") == ["ok", "0"], "its filter holds"
    assert driver.call("broadcast", "all", "bark", "") == ["ok", "2"]
    assert [control.next()["type"], control.next()["type"]] == ["greet", "bark"]
    assert world.next()["type"] == "bark"


def test_errors_of_the_program(driver):
    world, control = both(driver)
    assert driver.call("send_error", control.id, '"q-1"', "NO_AGENT", "Nobody can.", '{"a":1}') == "ok"
    message = control.take("error")
    assert message["replyTo"] == "q-1" and message["payload"] == {"code": "NO_AGENT", "message": "Nobody can.", "details": {"a": 1}}
    assert driver.call("send_error", world.id, "", "NO_AGENT", "Nobody can.") == "ok"
    assert world.take("error")["data"]["code"] == "NO_AGENT"
    assert driver.call("send_error", control.id, "", "NO_SUCH_CODE", "x") == "invalid"
    assert driver.call("send_error", control.id, "", "NO_AGENT", "x", "[]") == "invalid"
    assert driver.call("send_error", "nobody", "", "NO_AGENT", "x") == "not found"


def test_messages_as_texts(driver):
    one, two = (json.loads(driver.call("make", "greet", '{"n":1}', '"m-1"')) for _ in range(2))
    assert list(one) == ["type", "id", "payload", "timestamp", "source", "replyTo"]
    assert one["id"] != two["id"] and one["payload"] == {"n": 1}
    assert driver.call("make", "greet", "{") == "none"
    error = json.loads(driver.call("make_error", '"m-1"', "QUEUE_FULL", "Later.", ""))
    assert error["type"] == "error" and error["replyTo"] == "m-1"
    assert error["payload"] == {"code": "QUEUE_FULL", "message": "Later.", "details": {}}
    assert driver.call("make_error", "", "WHAT", "x", "") == "none"
    assert driver.call("make_error", "", "QUEUE_FULL", "x", "5") == "none"  # details are an object


# --- clients --------------------------------------------------------------------------------------


def test_what_is_known_of_a_client(driver):
    client = driver.control(headers=[("User-Agent", "test/1")])
    client.ask("agent_register", {"agentId": "ada", "name": "Ada", "type": "cli", "capabilities": {}})
    line = f"{client.id}|gateway|1|anonymous|ada|127.0.0.1|test/1|1"
    assert driver.call("client", client.id) == ["ok", line]
    assert driver.call("client", "ada") == ["ok", line]
    assert driver.call("client", "nobody") == "not found"
    other = driver.client()
    answer = driver.call("clients", 10)
    assert answer[0] == "ok" and {one.split("|")[0] for one in answer[1:]} == {client.id, other.id}
    assert len(driver.call("clients", 1)) == 2
    client.create("room")
    assert driver.call("sessions_of", client.id) == ["ok", "room"]
    assert driver.call("sessions_of", other.id) == ["ok", "world:main"]
    assert driver.call("sessions_of", "nobody") == "not found"


def test_kick(driver):
    client = driver.control()
    assert driver.call("kick", client.id, "a\x01b") == "invalid"
    assert driver.call("kick", client.id, "x" * 124) == "invalid"
    assert driver.call("kick", client.id, "come back tomorrow") == "ok"
    assert client.wait_closed(4408)
    assert driver.skip_to("client_disconnected") == [client.id, "4408", "come back tomorrow"]
    assert driver.call("kick", client.id, "") == "not found"


def test_statistics(driver):
    world, control = both(driver)
    control.say("greet", {})
    control.error("NO_ROUTE")
    assert driver.call("statistics") == ["ok", "2", "1", "1", "1", "0", "2", "1", "1"]


# --- sessions -------------------------------------------------------------------------------------


def test_sessions_that_stay(driver):
    ann, bob = driver.control(), driver.control()
    assert driver.call("create", "room", "A room", '{"topic":"x"}') == "ok"
    assert driver.skip_to("session_created") == ["room"]
    assert driver.call("create", "room") == "exists already"
    for wrong in ("world:own", "a b", "", "x" * 129):
        assert driver.call("create", wrong) == "invalid", wrong
    assert driver.call("create", "other", "", "[]") == "invalid"
    assert driver.call("create", "other", "", json.dumps({"x": "y" * 16384})) == "too large"
    assert driver.call("session", "room") == ["ok", 'room|A room|{"topic":"x"}|0|0|1']
    assert driver.call("session", "elsewhere") == "not found"

    assert driver.call("add", "room", ann.id) == "ok"
    told = ann.next()["payload"]
    assert told["status"] == "joined" and told["metadata"] == {"topic": "x"}
    assert driver.call("add", "room", ann.id) == "ok", "it is there already"
    assert driver.call("add", "room", bob.id) == "ok"
    assert ann.next()["payload"] == {"deviceId": bob.id, "status": "online", "sessionKey": "room"}
    assert bob.next()["payload"]["status"] == "joined"
    assert driver.call("members", "room") == ["ok", ann.id, bob.id]
    ann.say("chat", {"message": "hello"}, sessionId="room")
    assert bob.next()["payload"]["message"] == "hello"

    assert driver.call("remove", "room", bob.id) == "ok"
    assert bob.next()["payload"]["status"] == "left"
    assert ann.next()["payload"]["status"] == "offline"
    assert driver.call("remove", "room", bob.id) == "not found"
    assert driver.call("remove", "room", ann.id) == "ok"
    assert driver.call("session", "room")[1].endswith("|0|0|1"), "it stays without members"
    assert driver.call("clean_up") == ["ok", "1"]
    assert driver.skip_to("session_ended") == ["room"]
    assert driver.call("session", "room") == "not found"


def test_a_session_that_is_let_go_ends_with_its_last_member(driver):
    client = driver.control()
    driver.call("create", "room")
    client.join("room")
    assert driver.call("end", "room") == "ok"
    assert driver.call("end", "room") == "not found", "it is kept no more"
    assert driver.call("session", "room")[1].endswith("|1|0|0")
    client.ask("session_leave", {"sessionId": "room"})
    assert driver.skip_to("session_ended") == ["room"]
    assert driver.call("sessions", 10) == ["ok", "world:main|||0|0|0"]


def test_who_cannot_be_added(driver):
    world, control = both(driver)
    driver.call("create", "room")
    assert driver.call("add", "room", world.id) == "not found", "of the gateway dialect alone"
    assert driver.call("add", "elsewhere", control.id) == "not found"
    assert driver.call("add", "room", "nobody") == "not found"


def test_limits_hold():
    with Driver("gateway.max_clients_per_session=1") as driver:
        ann, bob = driver.control(), driver.control()
        driver.call("create", "room")
        assert driver.call("add", "room", ann.id) == "ok"
        assert driver.call("add", "room", bob.id) == "limit reached"


# --- agents ---------------------------------------------------------------------------------------

ADA = {"agentId": "ada", "name": "Ada", "type": "cli", "capabilities": {"chat": True, "tools": ["sum"]}, "maxConcurrent": 3}


def test_the_program_registers_agents(driver):
    world, control = both(driver)
    assert driver.call("register", control.id, json.dumps(ADA)) == "ok"
    assert control.next()["payload"] == {"agentId": "ada", "status": "registered"}
    assert driver.call("register", world.id, '{"agentId":"wim","role":"guide"}') == "ok"
    assert world.take("connection_ack")["data"]["role"] == "guide"
    assert driver.call("agent", "ada") == ["ok", f"ada|Ada|cli|gateway|online|3|{control.id}"]
    assert driver.call("register", control.id, '{"agentId":7}') == "ok", "refused as if it had asked"
    control.error("INVALID_MESSAGE")
    assert driver.call("register", control.id, "[]") == "invalid"
    assert driver.call("register", "nobody", "{}") == "not found"

    assert driver.call("status", "ada", "busy") == "ok"
    assert driver.skip_to("agent_busy") == ["ada", control.id]
    assert driver.call("status", "ada", "offline") == "invalid"
    assert driver.call("status", "nobody", "busy") == "not found"

    def names(*fields):
        answer = driver.call("agents", *fields)
        return [] if answer == "ok" else [line.split("|")[0] for line in answer[1:]]

    assert names("", "", "") == ["ada", "wim"]
    assert names("sum", "", "") == ["ada"] and names("tools:sum", "cli", "") == ["ada"]
    assert names("", "custom", "") == ["wim"] and names("nothing", "", "") == []
    assert names("", "", "f") == ["wim"]
    assert driver.call("agent_broadcast", "", "", "", "news", '{"n":1}') == ["ok", "2"]
    assert control.next()["payload"] == {"n": 1} and world.next()["data"] == {"n": 1}
    assert driver.call("agent_broadcast", "sum", "", "", "news", "") == ["ok", "1"]

    assert driver.call("unregister", "ada") == "ok"
    assert control.take("news") and control.next()["payload"] == {"agentId": "ada", "status": "unregistered"}
    assert driver.call("unregister", "ada") == "not found"
    world.abort()
    assert driver.skip_to("agent_offline") == ["wim"]
    assert names("", "", "") == [] and names("", "", "o") == ["wim"]
    assert driver.call("agent_statistics") == ["ok", "1", "0", "0", "1", "0", "0", "0", "0", "0", "1"]
    assert driver.call("unregister", "wim") == "ok"
    assert driver.call("agent", "wim") == "not found"


# --- authentication -------------------------------------------------------------------------------


@pytest.fixture(params=[(), ("--run", "threads=2")], ids=["loop", "run"])
def guarded(request):
    with Driver("--login", *request.param) as driver:
        yield driver


def test_now(guarded):
    client = guarded.control(headers=[("Authorization", "Bearer now")])
    assert guarded.event("login")[1:] == ["now", "token", "127.0.0.1"]
    guarded.event("client_connected")
    assert guarded.event("client_authenticated") == [client.id, "at-once"]


def test_later(guarded):
    """Clients wait for it, and nobody else does."""
    client = guarded.control()
    assert client.greeting["payload"]["authRequired"] is True
    client.say("auth", {"token": "tok"})
    login = guarded.skip_to("login")
    assert login[1:3] == ["tok", "token"]
    other = guarded.control(headers=[("Authorization", "Bearer now")])
    assert other.ask("ping", {})["type"] == "pong"
    assert guarded.call("accept", login[0], "", "", "*", "*") == "invalid", "nobody has no name"
    assert guarded.call("accept", login[0], "ann", "", "a b", "*") == "invalid", "no pattern"
    assert guarded.call("accept", login[0], "ann", "agent-ann", "chat|note", "room") == "ok"
    assert guarded.call("refuse", login[0]) == "not found", "decided already"
    assert client.next()["payload"] == {"clientId": client.id, "userId": "ann"}
    client.create("room")
    client.say("session_create", {"sessionId": "elsewhere"})
    client.error("FORBIDDEN")
    client.say("agent_register", {"agentId": "bob", "name": "Bob", "type": "cli", "capabilities": {}})
    client.error("FORBIDDEN")


def test_refused(guarded):
    client = guarded.control()
    client.say("auth", {"password": "guess"})
    login = guarded.skip_to("login")
    assert login[1:3] == ["guess", "password"]
    assert guarded.call("refuse", login[0]) == "ok"
    client.error("AUTH_FAILED")
    assert guarded.skip_to("credential_refused") == ["password"]
    assert guarded.call("refuse", login[0]) == "not found"


def test_a_check_may_close_whom_it_is_asked_about(guarded):
    control = guarded.control()
    control.say("auth", {"token": "kick"})
    assert control.wait_closed(4408)
    world = guarded.client()
    world.send({"type": "agent_register", "agentId": "ada", "token": "kick"})
    assert world.wait_closed(4408)
    for client in (control, world):
        login = guarded.skip_to("login")
        assert guarded.event("kicked") == ["ok"]
        assert guarded.skip_to("client_disconnected") == [client.id, "4408", "by its check"]
        assert guarded.call("accept", login[0], "ann", "", "*", "*") == "not found", "nobody waits for it"
    assert guarded.control(headers=[("Authorization", "Bearer now")]).ask("ping", {})["type"] == "pong"


def test_a_check_over_http_may_close_others(guarded):
    other = guarded.control()
    asked = urllib.request.Request(
        f"http://127.0.0.1:{guarded.port}/api/gateway/agents", headers={"Authorization": "Bearer kick"}
    )
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(urllib.request.urlopen, asked, timeout=20)
        login = guarded.skip_to("login")
        assert other.wait_closed(4408)
        assert guarded.call("accept", login[0], "ann", "", "*", "*", "", "a") == "ok"
        with answer.result(20) as response:
            assert json.load(response) == {"agents": [], "total": 0}


def test_who_has_gone_is_not_waited_for(guarded):
    client = guarded.control()
    client.say("auth", {"token": "tok"})
    login = guarded.skip_to("login")
    client.abort()
    guarded.skip_to("client_disconnected")
    assert guarded.call("accept", login[0], "ann", "", "*", "*") == "not found"


def test_over_http(guarded):
    import threading

    answers = []

    def ask():
        request = urllib.request.Request(
            f"http://127.0.0.1:{guarded.port}/api/gateway/agents", headers={"Authorization": "Bearer tok"}
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            answers.append(json.load(response))

    thread = threading.Thread(target=ask)
    thread.start()
    login = guarded.skip_to("login")
    assert guarded.call("accept", login[0], "ann", "", "*", "*", "", "a") == "ok"
    thread.join(20)
    assert answers == [{"agents": [], "total": 0}]
