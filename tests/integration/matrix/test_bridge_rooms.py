"""Joining, invites, leaving, and rooms that are encrypted."""

import threading

import pytest

from agents import Answer
from person import Person
from place import ALICE, BOB, BOT, MALLORY


def test_rooms_of_the_configuration_are_joined(build):
    place = build("openai")
    room = place.homeserver.make_room(ALICE, [], public=True, alias="#tea:example.org", name="Tea")
    other = place.homeserver.make_room(ALICE, [], invite=[BOT])
    place.start(config={"matrix": {"rooms": ["#tea:example.org", other]}})
    place.wait(lambda: place.homeserver.room(room).membership(BOT) == "join", "joined by its alias")
    place.wait(lambda: place.homeserver.room(other).membership(BOT) == "join", "joined by its id")
    place.wait_synced()
    place.answer("here?", room)
    place.answer("and here?", other)


def test_an_invite_by_a_foreign_client(place):
    with Person(place.homeserver.url, ALICE) as alice:
        made = alice.ask(alice.client.room_create(name="Attic")).room_id
        alice.say(made, "before you came")
        alice.ask(alice.client.room_invite(made, BOT))
        place.wait(lambda: place.homeserver.room(made).membership(BOT) == "join", "joined")
        place.wait_synced()
        alice.say(made, "now")
        alice.hears(BOT, made, "echo: now")
    assert place.agent.questions() == ["now"], "what was said before the join is no question"


def test_refused_invites(place):
    """Nobody is told: neither joined nor left. The log has who it was."""
    room = place.homeserver.make_room(MALLORY, [], invite=[BOT])
    other = place.homeserver.make_room(BOB, [], invite=[BOT])
    place.wait(lambda: place.homeserver.room(other).membership(BOT) == "join", "the other, which came after it")
    place.wait_synced()
    assert place.homeserver.room(room).membership(BOT) == "invite"
    place.bridge.wait_line(MALLORY)
    place.restart()
    place.answer("still here", other, BOB)
    assert place.homeserver.room(room).membership(BOT) == "invite"


def test_an_invite_that_names_somebody_else(place):
    """What stands before the invite itself is the inviting server's, which may write what it likes."""
    homeserver = place.homeserver
    room = homeserver.make_room(MALLORY)
    member = {"type": "m.room.member", "state_key": BOT, "sender": ALICE, "content": {"membership": "invite"}}
    homeserver.room(room).forged.append(member)
    homeserver.invite(MALLORY, room, BOT)
    place.bridge.wait_line("inviter=unclear")
    other = homeserver.make_room(BOB, [], invite=[BOT])
    place.wait(lambda: homeserver.room(other).membership(BOT) == "join", "the other, which came after it")
    assert homeserver.room(room).membership(BOT) == "invite"


@pytest.mark.parametrize("at_once", [False, True], ids=["one by one", "between two syncs"])
def test_kicked_and_back(place, at_once):
    """A sync that comes after both tells of the invite alone."""
    homeserver = place.homeserver
    place.answer("one")
    if at_once:
        room = homeserver.room(place.room)
        homeserver.web.call(lambda: [homeserver.rooms.member(room, ALICE, BOT, which) for which in ("leave", "invite")])
    else:
        homeserver.kick(ALICE, place.room, BOT)
        place.wait_synced()
        homeserver.say(ALICE, place.room, "while you were out")
        homeserver.invite(ALICE, place.room, BOT)
    place.wait(lambda: place.homeserver.room(place.room).membership(BOT) == "join", "back")
    place.wait_synced()
    place.answer("two")
    assert place.agent.questions() == ["one", "two"]


def test_kicked_while_the_agent_works(build):
    place = build("openai", rooms=2)
    gate = threading.Event()
    place.agent.script = lambda question: Answer("late", gate=gate) if question == "slow" else None
    place.start()
    place.ask("slow")
    place.agent.wait(lambda: place.agent.asked)
    place.homeserver.kick(ALICE, place.room, BOT)
    place.wait_synced()
    gate.set()
    place.answer("elsewhere", place.rooms[1])
    assert place.bodies() == []


def test_a_new_name_of_ours_is_no_join(place):
    homeserver, room = place.homeserver, place.homeserver.room(place.room)

    def all_at_once():
        for number in range(2):
            homeserver.rooms.add(room, ALICE, "m.room.message", {"msgtype": "m.text", "body": f"question {number}"})
            homeserver.rooms.member(room, BOT, BOT, "join", displayname=f"Bot {number}")

    place.answer("before")
    homeserver.web.call(all_at_once)
    place.wait_said("echo: question 1")
    assert place.agent.questions() == ["before", "question 0", "question 1"]


def notices(place, room):
    return [shown for shown in place.said(room) if shown.msgtype == "m.notice"]


def test_encrypted_rooms_get_one_notice(build):
    place = build("openai")
    secret = place.homeserver.make_room(ALICE, [BOB, BOT], encrypted=True)
    place.start(config={"matrix": {"rooms": [place.room, secret]}})
    sealed = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgA", "session_id": "x"}
    place.homeserver.send_event(ALICE, secret, "m.room.encrypted", sealed)
    place.wait(lambda: place.said(secret), "the notice")
    assert "encrypted" in place.said(secret)[0].body
    place.ask("in clear", secret)
    place.ask("/help", secret)
    place.homeserver.send_event(ALICE, secret, "m.room.encrypted", sealed)
    place.answer("elsewhere")
    place.restart()
    place.ask("/status", secret)
    place.answer("and once more")
    assert len(place.said(secret)) == len(notices(place, secret)) == 1
    assert "in clear" not in place.agent.questions()


def test_an_encrypted_event_does_not_encrypt_a_room(place):
    """Anybody who may write may send one."""
    place.answer("before")
    place.homeserver.send_event(BOB, place.room, "m.room.encrypted", {"algorithm": "x"})
    place.answer("behind it")
    place.restart()
    place.answer("after")
    assert notices(place, place.room) == []


def test_a_room_that_is_encrypted_while_the_agent_works(build):
    place = build("openai", rooms=2)
    gate = threading.Event()
    place.agent.script = lambda question: Answer("late", gate=gate) if question == "slow" else None
    place.start()
    place.ask("slow")
    place.agent.wait(lambda: place.agent.asked)
    place.homeserver.encrypt(ALICE, place.room)
    place.wait(lambda: notices(place, place.room), "the notice")
    place.wait_synced()
    gate.set()
    place.answer("elsewhere", place.rooms[1])
    assert "late" not in place.bodies()
