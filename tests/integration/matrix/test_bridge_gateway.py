"""The third adapter: before the real gateway, with `parley agent run` behind it."""

import contextlib

import pytest

from harness.agent import Agent
from harness.gateway import Gateway
from place import ALICE, BOB


@pytest.fixture
def gateway():
    with Gateway() as one:
        yield one


@pytest.fixture
def agents(gateway):
    """agents(command, *options) -> `parley agent run demo.x`, registered."""
    with contextlib.ExitStack() as stack:

        def start(command, *options):
            agent = Agent(gateway.url, "--exec", command, *options)
            stack.callback(agent.process.kill)
            agent.says("ready")
            return agent

        yield start


@pytest.fixture
def place(build, gateway):
    settings = {"base_url": gateway.ws_url("/ws"), "capability": "demo.x", "timeout": "3s"}
    return build("gateway", config={"agent": settings, "bridge": {"poll_interval": "50ms"}})


def test_first_answer(place, agents):
    agents("cat", "--chat")
    place.start()
    asked = place.ask("ping")
    shown = place.wait_said("ping", reply_to=asked)
    assert "ping" in shown.body


def test_a_stream(place, agents):
    agents("sh -c 'cat >/dev/null; for n in 1 2 3 4 5; do echo line $n; done'", "--stream", "--chat")
    place.start()
    asked = place.ask("count")
    shown = place.wait_said("line 5", reply_to=asked)
    assert [f"line {n}" in shown.body for n in range(1, 6)] == [True] * 5


def test_stop_reaches_the_program(place, agents):
    agent = agents("sh -c 'echo begun; exec sleep 1000'", "--stream", "--chat")
    place.start()
    place.ask("for ever")
    place.wait(lambda: agent.children(), "the program")
    place.ask("/stop")
    place.wait(lambda: not agent.children(), "the end of the program")


def test_nobody_offers_it(place):
    place.start()
    asked = place.ask("anybody?")
    place.wait_said("/retry", reply_to=asked)


def test_a_program_that_fails(place, agents):
    agents("false", "--chat")
    place.start()
    asked = place.ask("fail")
    place.wait_said("/retry", reply_to=asked)


def test_a_gateway_that_restarts(place, gateway, agents):
    agents("cat", "--chat")
    place.start()
    place.ask("one")
    place.wait_said("one")
    port = gateway.port
    gateway.stop()
    place.bridge.wait_status("/readyz", 503)
    with Gateway(port=port) as again:
        agent = Agent(again.url, "--exec", "cat", "--chat")
        try:
            agent.says("ready")
            place.bridge.wait_status("/readyz", 200)
            asked = place.ask("two")
            place.wait_said("two", reply_to=asked)
        finally:
            agent.process.kill()


def test_people_are_present(place, gateway, agents):
    agents("cat", "--chat")
    place.start()
    place.ask("here", sender=ALICE)
    place.wait_said("here")
    observer = gateway.control()
    session = f"matrix:{place.room[1:]}"
    observer.join(session)
    place.ask("me too", sender=BOB)
    said = observer.take("presence")["payload"]
    assert said == {"deviceId": BOB, "status": "online", "sessionKey": session}
    observer.abort()
