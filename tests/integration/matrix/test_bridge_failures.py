"""What goes wrong with the agent or on the way to the homeserver, and what people see of it."""

import threading

import pytest

from agents import AIAgent, Answer
from homeserver import Fault, limited
from place import ALICE, BOT

# --- the agent --------------------------------------------------------------------------------


def test_a_question_behind_a_silence_has_its_whole_time(build):
    """It begins when it comes, and not when the bridge has last looked at its clock."""
    place = build("openai", config={"agent": {"timeout": "3s"}, "bridge": {"timeout": "30s"}})
    place.start()
    place.answer("one")
    place.wait_synced()
    threading.Event().wait(4)
    gate = threading.Event()
    place.agent.script = lambda question: Answer(f"echo: {question}", gate=gate)
    asked = place.ask("two")
    place.agent.wait(lambda: len(place.agent.asked) == 2)
    threading.Event().wait(0.2)
    gate.set()
    place.wait_said("echo: two", reply_to=asked)


def broken(**answer):
    return lambda question: Answer("half of it", **answer) if question == "bad" else None


FAILURES = {
    "error in a 200": broken(error="overheated"),
    "cut at once": broken(cut_after=0),
    "cut in the middle": broken(cut_after=2),
    "400": broken(status=400),
    "401": broken(status=401),
    "200 that is no stream": broken(status=200, headers={"Content-Type": "text/html"}, pieces=[]),
}


@pytest.mark.parametrize("script", FAILURES.values(), ids=FAILURES)
def test_a_failure_is_told_once(build, script):
    place = build("openai", config={"agent": {"timeout": "3s"}})
    place.agent.script = script
    place.start()
    asked = place.ask("bad")
    place.wait_said("/retry", reply_to=asked)
    place.answer("good")
    assert len([shown for shown in place.said() if shown.reply_to == asked]) == 1
    place.wait(lambda: not place.homeserver.typing_in(place.room), "no more typing")


def test_whom_to_ask(place):
    place.agent.script = broken(status=401)
    asked = place.ask("bad")
    assert "@admin:example.org" in place.wait_said("/retry", reply_to=asked).body


def test_an_overloaded_agent_is_asked_again(place):
    place.agent.fail("429")
    place.agent.fail("503")
    place.agent.fail("cut")
    place.answer("patience")
    assert len({one.key for one in place.agent.asked}) == 1


def test_an_agent_that_is_away_and_comes_back(build):
    place = build("openai", config={"agent": {"timeout": "2s"}})
    place.start()
    place.agent.web.shut()
    asked = place.ask("anybody?")
    place.wait(lambda: any(shown.reply_to == asked for shown in place.said()), "a word about it")
    place.agent.web.open(place.agent.web.port)
    place.ask("/retry")
    place.wait_said("echo: anybody")


@pytest.mark.parametrize("adapter", ["openai", "aiagent"])
def test_an_agent_that_does_not_answer_in_time(build, adapter):
    place = build(adapter, config={"agent": {"timeout": "1s"}})
    gate = threading.Event()
    place.agent.script = lambda question: Answer("late", gate=gate) if question == "slow" else None
    place.start()
    asked = place.ask("slow")
    place.wait_said("/retry", reply_to=asked)
    gate.set()
    place.answer("next")
    assert "late" not in place.bodies()


def test_an_error_of_aiagent(build):
    place = build("aiagent")
    place.agent.script = broken(error="overheated")
    place.start()
    asked = place.ask("bad")
    place.wait_said("/retry", reply_to=asked)
    place.answer("good")


def test_an_aiagent_that_has_forgotten_its_sessions(build):
    place = build("aiagent", agent=AIAgent())
    place.start()
    place.answer("one")
    place.agent.sessions.clear()
    asked = place.ask("two")
    place.wait(lambda: any(shown.reply_to == asked for shown in place.said()), "an answer, or a word about it")
    place.ask("/new_session")
    place.answer("three")


def test_nothing_of_the_agents_address_is_shown(build):
    place = build("openai", config={"agent": {"timeout": "2s"}})
    place.start()
    place.agent.web.shut()
    asked = place.ask("anybody?")
    place.wait(lambda: any(shown.reply_to == asked for shown in place.said()), "a word about it")
    shown = " ".join(place.bodies())
    assert str(place.agent.web.port) not in shown and place.agent.api_key not in shown
    place.agent.web.open(place.agent.web.port)


# --- the homeserver ---------------------------------------------------------------------------


def test_a_restart_of_the_homeserver(place):
    place.answer("one")
    place.homeserver.restart()
    place.answer("two")


def test_a_homeserver_that_is_away_for_a_while(place):
    place.homeserver.web.shut()
    event_id = place.homeserver.say(ALICE, place.room, "are you there?")
    place.bridge.wait_status("/readyz", 503)
    place.homeserver.web.open(place.homeserver.web.port)
    place.wait_said("echo: are you there", reply_to=event_id)


def test_a_homeserver_that_is_away_at_the_start(build):
    place = build("openai")
    place.homeserver.web.shut()
    bridge = place.launch()
    bridge.wait_status("/healthz", 200)
    bridge.wait_status("/readyz", 503)
    place.homeserver.web.open(place.homeserver.web.port)
    place.wait(place.is_waiting, "a sync")
    place.answer("now?")


def test_gaps(place):
    place.homeserver.page_limit = 4
    place.homeserver.fault(Fault("gap", path="/sync"))
    questions = [f"question {number}" for number in range(25)]
    place.homeserver.fault(Fault("slow", path="/sync", seconds=0.3, count=1))
    for text in questions:
        place.ask(text)
    place.wait(lambda: len(place.said()) >= len(questions), "all answers")
    assert place.bodies() == [f"echo: {text}" for text in questions]


def test_a_gap_after_a_stop(build):
    place = build("openai", rooms=3)
    place.start()
    place.answer("before")
    place.bridge.stop()
    for number in range(40):
        for room in place.rooms:
            place.ask(f"question {number}", room)
    place.start()
    for room in place.rooms:
        expected = [f"echo: question {number}" for number in range(40)]
        place.wait(lambda at=room: place.bodies(at)[-1:] == expected[-1:], "all answers")
        assert [body for body in place.bodies(room) if body != "echo: before"] == expected


def test_repeated_events(place):
    place.homeserver.fault(Fault("repeat", path="/sync"))
    for number in range(6):
        place.answer(f"question {number}")
    assert place.agent.questions() == [f"question {number}" for number in range(6)]
    assert len(place.said()) == 6


LIMITS = {
    "retry_after_ms": limited(300, path="/send/", count=3),
    "Retry-After": limited(seconds=1, path="/send/", count=2),
    "both": limited(200, seconds=5, path="/send/", count=2),
    "neither": limited(path="/send/", count=2),
    "on sync": limited(300, path="/sync", count=2),
    "on login": limited(300, path="/login", count=2),
}


@pytest.mark.parametrize("fault", LIMITS.values(), ids=LIMITS)
def test_limits(build, fault):
    """That it waits as long as it was told is for the double to see."""
    place = build("openai")
    fault.count = max(fault.count, 2)
    place.homeserver.fault(fault)
    place.start()
    for number in range(3):
        place.ask(f"question {number}")
    place.wait(lambda: len(place.said()) >= 3, "all answers")
    assert place.bodies() == [f"echo: question {number}" for number in range(3)]
    assert fault.count == 0


def test_a_limited_room_holds_up_no_other(build):
    place = build("openai", rooms=2)
    place.start()
    place.homeserver.fault(limited(8000, path=f"{place.room}/send", count=1))
    place.ask("here")
    place.homeserver.wait(lambda: place.homeserver.calls("send", status=429))
    place.answer("there", place.rooms[1])
    assert not place.bodies()
    place.wait_said("echo: here")


TROUBLES = {
    "500": Fault("status", status=500, count=3),
    "502 with HTML": Fault("status", status=502, body=b"<html>Bad Gateway</html>", count=3),
    "504": Fault("status", status=504, count=2),
    "cut before": Fault("cut", count=3),
    "cut after": Fault("cut-after", count=3),
    "cut in the middle": Fault("cut-half", count=3),
    "garbage": Fault("garbage", count=2),
}


@pytest.mark.parametrize("path", ["/sync", "/send/", "/typing/|/receipt/", "/join|/filter|/versions|/login"])
@pytest.mark.parametrize("fault", TROUBLES.values(), ids=TROUBLES)
def test_troubles(build, fault, path):
    place = build("openai")
    place.homeserver.fault(Fault(**{**vars(fault), "path": path, "count": 2, "hits": 0}))
    place.start()
    asked = [place.ask(f"question {number}") for number in range(2)]
    place.wait(lambda: len(place.said()) >= 2, "all answers")
    assert [shown.reply_to for shown in place.said()] == asked
    assert place.bodies() == ["echo: question 0", "echo: question 1"]


def test_a_send_that_is_forbidden_ends_nothing(build):
    place = build("openai", rooms=2)
    place.start()
    body = {"errcode": "M_FORBIDDEN", "error": "You cannot speak here"}
    place.homeserver.fault(Fault("status", path="/send/", status=403, body=body, count=1))
    place.ask("unheard")
    place.homeserver.wait(lambda: place.homeserver.calls("send", status=403))
    place.answer("elsewhere", place.rooms[1])
    place.answer("heard")
    assert len(place.homeserver.calls("login")) == 1, "M_FORBIDDEN is no dead token"


def test_traffic_under_random_troubles(build):
    place = build("openai", rooms=5)
    place.start()
    for kind in ("cut", "cut-after", "cut-half", "garbage", "status"):
        place.homeserver.fault(Fault(kind, probability=0.04))
    place.homeserver.fault(limited(50, probability=0.05))
    place.homeserver.fault(Fault("repeat", path="/sync", probability=0.2))
    place.homeserver.fault(Fault("gap", path="/sync", probability=0.2))
    for number in range(15):
        for room in place.rooms:
            place.ask(f"question {number}", room)
    for room in place.rooms:
        place.wait(lambda at=room: len(place.said(at)) >= 15, f"all answers in {room}", 120)
    place.homeserver.clear_faults()
    for room in place.rooms:
        place.answer("last", room)
        assert place.bodies(room) == [f"echo: question {number}" for number in range(15)] + ["echo: last"]
    assert {shown.sender for shown in place.said()} == {BOT}
