"""The commands, and what is said of a question while it waits."""

import re
import threading

from agents import Answer
from place import ADMIN, ALICE, BOB


def gated(place):
    """Questions that begin with "slow" are answered when the gate is set."""
    gate = threading.Event()
    place.agent.script = lambda question: Answer(f"echo: {question}", gate=gate) if question[:4] == "slow" else None
    return gate


def test_help_names_them_all(place):
    text = place.command("/help")
    for name in ("/new_session", "/help", "/sessions", "/session", "/stop", "/retry", "/status", "/model"):
        assert name in text, name
    assert "/rooms" not in text or "admin" in text.lower()
    assert not place.agent.asked


def test_unknown_ones_get_a_hint_and_two_slashes_a_slash(place):
    assert "/help" in place.command("/hlep")
    place.ask("//etc/passwd is a file")
    place.wait_said("echo: /etc/passwd is a file")
    assert place.agent.questions() == ["/etc/passwd is a file"]


def test_status_and_model(place):
    place.command("/status")
    assert "test-model" in place.command("/model")
    place.command("/model other-model")
    place.answer("with another one")
    assert place.agent.asked[-1].model == "other-model"


def test_sessions(place):
    place.answer("one")
    place.command("/new_session holiday")
    place.answer("two")
    assert place.agent.asked[-1].history == [], "a new session knows nothing"
    listed = place.command("/sessions", pattern="holiday")
    ids = re.findall(r"\b(\d+)\b", listed)
    assert ids, listed
    place.restart()
    place.answer("three")
    assert [one["content"] for one in place.agent.asked[-1].history] == ["two", "echo: two"], "sessions outlive a restart"


def test_session_names(build):
    place = build("aiagent", config={"bridge": {"session_name": "matrix:{room}:{date}-{n}"}})
    place.start()
    place.answer("one")
    assert re.fullmatch(r"matrix:Room 0:\d{4}-\d\d-\d\d-1", place.agent.asked[-1].session), place.agent.asked[-1]
    place.command("/new_session holiday")
    place.answer("two")
    assert re.fullmatch(r"matrix:Room 0:\d{4}-\d\d-\d\d-holiday", place.agent.asked[-1].session)


def test_stop(place):
    gated(place)
    place.ask("slow")
    asked = place.agent.wait(lambda: place.agent.asked)[0]
    place.ask("/stop")
    place.agent.wait(asked.gone.is_set, "the connection to the agent closed")
    place.answer("next")
    assert "echo: slow" not in place.bodies()
    place.wait(lambda: not place.homeserver.typing_in(place.room), "no more typing")


def test_retry_has_another_key(build):
    place = build("aiagent")
    place.agent.script = lambda question: Answer(error="overheated") if len(place.agent.asked) == 1 else None
    place.start()
    asked = place.ask("hello")
    place.wait_said("/retry", reply_to=asked)
    place.ask("/retry")
    place.wait_said("echo: hello")
    place.ask("/retry")
    place.agent.wait(lambda: len(place.agent.asked) == 3, "asked once more")
    keys = [one.key for one in place.agent.asked]
    assert len(set(keys)) == len(keys) and all(keys)


def test_an_edit_of_a_waiting_question_amends_it(place):
    gate = gated(place)
    place.ask("slow")
    place.agent.wait(lambda: place.agent.asked)
    waiting = place.ask("frist")
    place.homeserver.edit(ALICE, place.room, waiting, "first")
    other = place.ask("never mind")
    place.homeserver.redact(ALICE, place.room, other)
    theirs = place.ask("mine")
    place.homeserver.edit(BOB, place.room, theirs, "not yours")
    place.wait_synced()
    gate.set()
    place.answer("last")
    assert place.bodies() == ["echo: slow", "echo: first", "echo: mine", "echo: last"]


def test_a_redaction_of_the_question_that_is_asked(place):
    gated(place)
    asked = place.ask("slow")
    turn = place.agent.wait(lambda: place.agent.asked)[0]
    place.homeserver.redact(ALICE, place.room, asked)
    place.agent.wait(turn.gone.is_set, "the connection to the agent closed")
    place.answer("next")
    assert "echo: slow" not in place.bodies()


def test_what_is_for_admins(build):
    place = build("openai", rooms=2)
    for room in place.rooms:
        place.homeserver.invite(ALICE, room, ADMIN)
        place.homeserver.join_room(ADMIN, room)
    place.start()
    refused = place.command("/rooms", ALICE)
    assert place.rooms[1] not in refused and "Room 1" not in refused
    listed = place.command("/rooms", ADMIN)
    assert place.rooms[1] in listed or "Room 1" in listed
    place.command("/leave", ALICE)
    assert place.homeserver.room(place.room).membership("@bot:example.org") == "join"
    place.ask("/leave", sender=ADMIN)
    place.wait(lambda: place.homeserver.room(place.room).membership("@bot:example.org") == "leave", "gone")
    place.answer("here still", place.rooms[1])
