"""The homeserver double, before a client that others wrote (python3-matrix-nio): what it understands is Matrix."""

import pytest

from homeserver import Fault, Homeserver, limited
from person import Person

ALICE, BOB = "@alice:example.org", "@bob:example.org"


@pytest.fixture
def homeserver():
    with Homeserver() as one:
        one.add_user(ALICE)
        one.add_user(BOB)
        yield one


@pytest.fixture
def people(homeserver):
    with Person(homeserver.url, ALICE) as alice, Person(homeserver.url, BOB) as bob:
        yield alice, bob


def test_they_talk(homeserver, people):
    alice, bob = people
    room = homeserver.make_room(ALICE, [BOB], name="Tea")
    alice.wait(lambda: room in alice.client.rooms, "the room")
    event_id = alice.say(room, "Grüße")
    heard = bob.hears(ALICE, room, "Grüße")
    assert heard.event_id == event_id
    bob.say(room, "yes")
    alice.hears(BOB, room, "yes")
    assert bob.client.rooms[room].name == "Tea" and set(bob.client.rooms[room].users) == {ALICE, BOB}
    assert [shown.body for shown in homeserver.shown(room)] == ["Grüße", "yes"]


def test_invited_and_joining(homeserver, people):
    alice, bob = people
    made = alice.ask(alice.client.room_create(name="Attic", invite=[BOB]))
    bob.wait(lambda: made.room_id in bob.invites, "the invite")
    assert bob.join(made.room_id) == made.room_id
    alice.wait(lambda: BOB in alice.client.rooms[made.room_id].users, "Bob in the room")
    bob.say(made.room_id, "here")
    alice.hears(BOB, made.room_id, "here")
    bob.ask(bob.client.room_leave(made.room_id))
    alice.wait(lambda: BOB not in alice.client.rooms[made.room_id].users, "Bob gone")


def test_edits_redactions_threads(homeserver, people):
    alice, bob = people
    room = homeserver.make_room(ALICE, [BOB])
    first = alice.say(room, "frist")
    new = {"msgtype": "m.text", "body": "first"}
    relation = {"rel_type": "m.replace", "event_id": first}
    alice.send(room, {**new, "body": "* first", "m.new_content": new, "m.relates_to": relation})
    bob.hears(ALICE, room, "* first")
    thread = alice.say(room, "in a thread", **{"m.relates_to": {"rel_type": "m.thread", "event_id": first}})
    bob.hears(ALICE, room, "in a thread")
    assert [shown.body for shown in homeserver.shown(room)] == ["first", "in a thread"]
    assert [shown.event_id for shown in homeserver.shown(room, thread=first)] == [thread]
    alice.ask(alice.client.room_redact(room, thread))
    homeserver.wait(lambda: not homeserver.shown(room, thread=first))
    page = bob.ask(bob.client.room_messages(room, bob.client.next_batch, limit=50))
    assert [event.event_id for event in page.chunk if event.event_id in (first, thread)] == [thread, first]


def test_a_gap_is_filled_from_messages(homeserver, people):
    alice, bob = people
    room = homeserver.make_room(ALICE, [BOB])
    bob.wait(lambda: room in bob.client.rooms, "the room")
    since = bob.client.next_batch
    for number in range(25):
        homeserver.say(ALICE, room, f"number {number}")
    answer = bob.run(bob.client.sync(since=since))
    timeline = answer.rooms.join[room].timeline
    assert timeline.limited and [event.body for event in timeline.events] == [f"number {n}" for n in range(15, 25)]
    begin, found = timeline.prev_batch, []
    while begin and len(found) < 15:
        page = bob.ask(bob.client.room_messages(room, begin, limit=7))
        found += [event.body for event in page.chunk if hasattr(event, "body")]
        begin = page.end
    assert found == [f"number {n}" for n in range(14, -1, -1)]


def test_a_restart_and_a_limit_are_survived(homeserver, people):
    alice, bob = people
    room = homeserver.make_room(ALICE, [BOB])
    homeserver.fault(limited(50, method="PUT", path="/send/", count=2))
    homeserver.restart()
    alice.say(room, "after all")
    bob.hears(ALICE, room, "after all")
    assert len(homeserver.calls("send", status=429)) == 2


def test_a_cut_after_the_request_doubles_nothing(homeserver, people):
    """nio repeats a send that was cut with the id that it had."""
    alice, bob = people
    room = homeserver.make_room(ALICE, [BOB])
    homeserver.fault(Fault("cut-after", path="/send/", count=1))
    alice.say(room, "once")
    bob.hears(ALICE, room, "once")
    assert [shown.body for shown in homeserver.shown(room)] == ["once"]
    assert len(homeserver.calls("send", status=200)) == 2


def test_profile_typing_receipts_state(homeserver, people):
    alice, bob = people
    room = homeserver.make_room(ALICE, [BOB], name="Tea", alias="#tea:example.org")
    event_id = alice.say(room, "read me")
    bob.hears(ALICE, room, "read me")
    bob.ask(bob.client.room_typing(room, True, timeout=5000))
    assert homeserver.typing_in(room) == [BOB]
    bob.ask(bob.client.update_receipt_marker(room, event_id))
    assert homeserver.room(room).receipts[-1][1:4] == (BOB, event_id, "m.read")
    assert bob.ask(bob.client.get_displayname(ALICE)).displayname == "Alice"
    assert bob.ask(bob.client.room_resolve_alias("#tea:example.org")).room_id == room
    assert len(bob.ask(bob.client.joined_members(room)).members) == 2
    state = bob.ask(bob.client.room_get_state_event(room, "m.room.name"))
    assert state.content == {"name": "Tea"}
