"""`parley tail` and `parley send` in sessions, beside clients that others wrote; and where commands find the gateway."""

import asyncio
import json

import pytest
import websockets

from harness import PATIENCE
from harness.access import ask, token_of, write_tokens
from harness.agent import Agent
from harness.gateway import run_parley
from harness.raw import wait_until
from harness.tail import Tail

OK, FAILED, USAGE, UNAVAILABLE, PROTOCOL, REFUSED = 0, 1, 2, 69, 76, 77


def expect(code, *arguments, url):
    done = run_parley(*arguments, url=url)
    assert done.returncode == code, (arguments, done)
    return done


# --- in the same session as a foreign client -------------------------------------------------


async def hear(socket, kind):
    while True:
        message = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))
        if message["type"] == kind:
            return message


async def say(socket, kind, payload, **members):
    await socket.send(json.dumps({"type": kind, "id": f"my-{kind}", "payload": payload, **members}))


async def begin(gateway, session, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    socket = await websockets.connect(gateway.ws_url("/ws"), extra_headers=headers)
    await say(socket, "session_create", {"sessionId": session})
    while (await hear(socket, "session_info"))["payload"]["status"] != "created":
        pass
    return socket


@pytest.fixture(params=["anybody", "token"])
def place(request, start, tmp_path, threads):
    """(a gateway, a token that may be in den): with and without authentication."""
    if request.param == "anybody":
        return start(threads=threads), None
    path = tmp_path / "tokens"
    write_tokens(path, {"guest": "publish=chat|note sessions=den"})
    return start(threads=threads, settings={"auth.mode": "token", "auth.token_file": str(path)}), token_of("guest")


def send(gateway, token, code, *arguments):
    done = run_parley("send", *arguments, url=gateway.url, **({"token": token} if token else {}))
    assert done.returncode == code, (arguments, done)
    return done


def test_a_session_with_foreign_clients(place):
    gateway, token = place

    async def converse():
        one = await begin(gateway, "den", token)
        with Tail(gateway.url, "--session", "den", "--json", token=token) as tail:
            assert "watching the session den" in await asyncio.to_thread(tail.talk)
            assert (await hear(one, "presence"))["payload"]["status"] == "online"
            await say(one, "note", {"text": "hi", "n": 0.10}, sessionId="den")
            note = json.loads(await asyncio.to_thread(tail.line))
            assert (note["type"], note["sessionId"], note["payload"]["text"]) == ("note", "den", "hi")
            await asyncio.to_thread(send, gateway, token, OK, "--session", "den", "chat", '{"message":"from the shell"}')
            chat = await hear(one, "chat")
            assert chat["payload"] == {"message": "from the shell"} and chat["sessionId"] == "den"
            heard = [json.loads(await asyncio.to_thread(tail.line)) for _ in range(3)]
            assert [message["type"] for message in heard] == ["presence", "chat", "presence"]
            assert heard[1] == chat
        await one.close()

    asyncio.run(converse())


def test_send_to_one_of_a_session(place):
    gateway, token = place

    async def converse():
        one = await begin(gateway, "den", token)
        other = await begin(gateway, "attic") if token is None else None
        await say(one, "ping", {})
        name = (await hear(one, "pong"))["payload"]["clientId"]
        await asyncio.to_thread(send, gateway, token, OK, "--session", "den", "--to", name, "note", '{"text":"you"}')
        assert (await hear(one, "note"))["payload"] == {"text": "you"}
        if other is not None:
            await say(other, "ping", {})
            stranger = (await hear(other, "pong"))["payload"]["clientId"]
            done = await asyncio.to_thread(send, gateway, token, FAILED, "--session", "den", "--to", stranger, "note")
            assert "TARGET_NOT_FOUND" in done.stderr or "NOT_A_MEMBER" in done.stderr
            await other.close()
        await one.close()

    asyncio.run(converse())


def test_refusals_name_their_rule(place):
    gateway, token = place
    done = send(gateway, token, FAILED, "--session", "none", "note")
    assert "SESSION_NOT_FOUND" in done.stderr and "parley sessions" in done.stderr
    assert done.stderr.count("\n") == 1, "what follows from it is not said as well"
    done = expect(UNAVAILABLE, "tail", "--session", "none", url=gateway.url) if token is None else None
    assert done is None or ("SESSION_NOT_FOUND" in done.stderr and "parley sessions" in done.stderr)
    if token is None:
        return

    async def converse():
        one = await begin(gateway, "den", token)
        done = await asyncio.to_thread(send, gateway, token, FAILED, "--session", "den", "bark")
        assert "FORBIDDEN" in done.stderr and "(grant:publish)" in done.stderr
        await one.close()

    asyncio.run(converse())
    assert "AUTH_REQUIRED" in send(gateway, None, FAILED, "--session", "den", "note").stderr
    done = expect(REFUSED, "tail", "--session", "den", url=gateway.url)
    assert "AUTH_REQUIRED" in done.stderr and "--token-file" in done.stderr
    assert ask(gateway, "/api/gateway/status")[0] == 200


def test_lines_for_people(tcp_gateway):
    speaker = tcp_gateway.control()
    speaker.create("den")
    with Tail(tcp_gateway.url, "--session", "den", "--from", speaker.id, "--type", "no*", "--type", "chat") as tail:
        tail.talk()
        speaker.take("presence")
        speaker.say("other", {"text": "no"}, sessionId="den")
        speaker.say("note", {"text": "hi\x1b[31m there\n"}, sessionId="den")
        speaker.say("chat", {"message": "what", "n": 1}, sessionId="den")
        line = tail.line()
        assert "note" in line and speaker.id in line and "hi\\x1b[31m there" in line and "\x1b" not in line
        assert "message=what n=1" in tail.line()


def test_a_world_as_a_session(tcp_gateway):
    """A world begins when somebody joins it, and its messages are shown as those of the world's dialect are."""
    with Tail(tcp_gateway.url, "--session", "world:attic") as tail:
        assert "world:attic" in tail.talk()
        timmy = tcp_gateway.agent("timmy", world="attic")
        assert "agent_joined" in tail.line()
        timmy.send({"type": "bark", "agent_id": "timmy", "data": {"text": "hi"}})
        line = tail.line()
        assert "bark" in line and "timmy" in line and line.endswith("hi")
        expect(OK, "send", "--session", "world:attic", "thought", '{"text":"hm"}', url=tcp_gateway.url)
        assert timmy.take("thought")["data"] == {"text": "hm"}


def test_tail_waits_for_gateway_and_session(start):
    first = start()
    first.control().create("den")
    with Tail(first.url, "--session", "den", "--json") as tail:
        assert "watching" in tail.talk()
        first.drop_clients()
        first.stop()
        assert "trying again" in tail.talk()
        second = start(port=first.port)
        refused = b'parley_errors_sent_total{code="SESSION_NOT_FOUND"} 0'
        wait_until(lambda: refused not in second.request("/metrics")[2], "tail has asked for the session")
        speaker = second.control()
        speaker.create("den")
        assert "watching the session den" in tail.talk()
        speaker.take("presence")
        speaker.say("note", {"n": 2}, sessionId="den")
        while json.loads(tail.line())["payload"] != {"n": 2}:
            pass


@pytest.mark.parametrize(
    "words",
    [
        ["tail", "--session", "den", "--world", "main"],
        ["tail", "--session", "a b"],
        ["send", "--session", "den", "--world", "main", "note"],
        ["send", "--session", "den", "--as", "timmy", "note"],
        ["send", "--session", "", "note"],
        ["send", "--session", "den", "note", "[]"],
    ],
    ids=" ".join,
)
def test_usage(words):
    assert "\n" in expect(USAGE, *words, url="http://127.0.0.1:1").stderr


# --- where the gateway is --------------------------------------------------------------------


@pytest.fixture
def elsewhere(start, tmp_path):
    """A gateway whose paths are not the usual ones."""
    return start(
        unix=tmp_path / "parley.sock",
        settings={"listen.gateway_path": "/hub", "listen.world_paths": "/land"},
    )


def test_a_path_of_its_own(elsewhere):
    speaker = elsewhere.control("/hub")
    speaker.create("den")
    for base in (elsewhere.url, f"ws://127.0.0.1:{elsewhere.port}", f"unix:{elsewhere.unix}:"):
        agent = Agent(f"{base}/hub", "--exec", "cat")
        agent.says("ready")
        assert expect(OK, "call", "demo.x", "1", url=f"{base}/hub").stdout == "1\n"
        agent.process.terminate()
        assert agent.wait() == OK
        agent.process.stdout.close()
        agent.process.stderr.close()
        expect(OK, "send", "--session", "den", "note", url=f"{base}/hub")
        with Tail(f"{base}/hub", "--session", "den", "--json", "--type", "note") as tail:
            tail.talk()
            speaker.say("note", {}, sessionId="den")
            assert json.loads(tail.line())["type"] == "note"
        with Tail(f"{base}/land", "--world", "attic", "--json") as tail:
            tail.talk()
            expect(OK, "send", "--world", "attic", "bark", url=f"{base}/land")
            assert json.loads(tail.line())["type"] == "bark"


@pytest.mark.parametrize("words", [["call", "x"], ["agent", "run", "x", "--exec", "cat"], ["tail", "--session", "den"], ["send", "--session", "den", "x"]], ids=" ".join)
def test_no_gateway_at_this_path(elsewhere, words):
    talk = expect(PROTOCOL, *words, url=elsewhere.url).stderr
    assert "listen.gateway_path" in talk and "--url ws://HOST:PORT/PATH" in talk
    assert "gateway dialect" in expect(PROTOCOL, *words, url=f"{elsewhere.url}/land").stderr


@pytest.mark.parametrize("words", [["tail"], ["send", "bark"]], ids=" ".join)
def test_no_world_at_this_path(elsewhere, words):
    talk = expect(PROTOCOL, *words, url=elsewhere.url).stderr
    assert "listen.world_paths" in talk and "--url ws://HOST:PORT/PATH" in talk
    assert "listen.world_paths" in expect(PROTOCOL, *words, url=f"{elsewhere.url}/hub").stderr


def test_the_api_has_paths_of_its_own(elsewhere):
    """An address with the path of a WebSocket serves all commands."""
    assert expect(OK, "status", "--json", url=f"{elsewhere.url}/hub").stdout.startswith("{")
    for path in ("hub", "land"):
        said = run_parley("doctor", "--url", f"{elsewhere.url}/{path}").stdout
        assert f"/{path} greets and answers" in said, said
