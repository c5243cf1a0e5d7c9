"""What has a limit: turns at once, questions that wait, what is remembered, what is too long."""

import threading

from agents import Answer
from place import ALICE, BOT


def gated(place, gate):
    place.agent.script = lambda question: Answer(f"echo: {question}", gate=gate)


def test_turns_at_once(build):
    place = build("openai", rooms=5, config={"bridge": {"max_turns_in_flight": 2}})
    gate = threading.Event()
    gated(place, gate)
    place.start()
    for number, room in enumerate(place.rooms):
        place.ask(f"question {number}", room)
    place.wait_synced()
    place.agent.wait(lambda: len(place.agent.asked) == 2)
    assert place.command("/status", room=place.rooms[4]), "commands need no turn"
    assert len(place.agent.asked) == 2
    gate.set()
    for number, room in enumerate(place.rooms):
        place.wait_said(f"echo: question {number}", room)


def test_questions_that_wait(build):
    """Those that are too many are told so, in one message, and are never asked."""
    place = build("openai", config={"bridge": {"max_waiting": 3}})
    gate = threading.Event()
    gated(place, gate)
    place.start()
    place.ask("question 0")
    place.agent.wait(lambda: place.agent.asked)
    for number in range(1, 6):
        place.ask(f"question {number}")
    place.wait_synced()
    place.wait(lambda: any("too much" in body for body in place.bodies()), "a word about it")
    gate.set()
    place.wait_said("echo: question 3")
    place.answer("and now?")
    answers = [body for body in place.bodies() if "too much" not in body]
    assert answers == [f"echo: question {number}" for number in range(4)] + ["echo: and now?"]


def test_what_is_remembered(build):
    place = build("openai", config={"bridge": {"history_bytes": "2KiB"}})
    place.start()
    for number in range(8):
        place.answer(f"{number}: " + "x" * 300)
    history = place.agent.asked[-1].history
    assert 0 < sum(len(one["content"]) for one in history) <= 2048
    assert [one["role"] for one in history[-2:]] == ["user", "assistant"]
    assert history[-1]["content"].startswith("echo: 6: "), "the newest is kept"


def test_a_question_that_is_too_long(build):
    place = build("openai", config={"bridge": {"max_message_bytes": "4KiB"}})
    place.start()
    asked = place.ask("x" * 5000)
    place.wait(lambda: any(shown.reply_to == asked for shown in place.said()), "a word about it")
    assert not place.agent.asked
    place.answer("short")


def test_an_answer_that_is_too_long(build):
    place = build("openai", config={"agent": {"max_answer_bytes": "8KiB"}})
    place.agent.script = lambda question: Answer("word " * 4000) if question == "long" else None
    place.start()
    asked = place.ask("long")
    place.wait_said("/retry", reply_to=asked)
    place.answer("short")


def test_many_rooms_of_strangers(build):
    """Invites that are not taken cost nothing that stays."""
    place = build("openai")
    place.start()
    place.answer("before")
    for _ in range(300):
        place.homeserver.make_room("@mallory:example.org", [], invite=[BOT])
    place.wait_synced()
    place.answer("behind")
    assert place.bridge.metric("parley_bridge_rooms") == 1


def test_events_that_are_as_large_as_they_may_be(place):
    room = place.homeserver.room(place.room)
    homeserver = place.homeserver
    odd = {"msgtype": "m.text", "body": "x" * 20000, "nested": {"deep": [[[["y" * 20000]]]]}, "\u0000": "\ud7ff"}
    homeserver.web.call(lambda: [homeserver.rooms.add(room, ALICE, f"org.example.{n}", odd) for n in range(60)])
    place.answer("still here")
