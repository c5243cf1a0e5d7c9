"""Two bridges in one room, each with an account and files of its own."""

import contextlib
import json

from bridge import Bridge, free_port
from place import ALICE, BOT, PASSWORD, merge, yaml_of

OTHER = "@other:example.org"


@contextlib.contextmanager
def other_bridge(place):
    place.homeserver.add_user(OTHER, PASSWORD)
    place.homeserver.join_room(OTHER, place.room)
    health = f"127.0.0.1:{free_port()}"
    credentials = place.write("other.json", json.dumps({"password": PASSWORD}))
    matrix = {"user_id": OTHER, "credentials_file": str(credentials), "device_id": "OTHER"}
    state = {"state_file": str(place.directory / "other.db"), "health": health}
    text = yaml_of(merge(place.config, {"matrix": matrix, "bridge": state}))
    bridge = Bridge(place.write("other.yaml", text, 0o644), health=health)
    try:
        bridge.wait_status("/readyz", 200)
        yield bridge
        bridge.stop()
    finally:
        if bridge.is_running():
            bridge.kill()


def test_they_do_not_answer_each_other(build):
    place = build("openai", config={"bridge": {"max_waiting": 3}})
    place.homeserver.send_state(ALICE, place.room, "m.room.join_rules", {"join_rule": "public"})
    place.start()

    def said():
        return [shown for shown in place.homeserver.shown(place.room) if shown.sender != ALICE]

    with other_bridge(place):
        for number in range(3):
            asked = place.ask(f"question {number}")
            place.wait(lambda: len([one for one in said() if one.reply_to == asked]) == 2, "both answers")
        # What they have said is seen before this.
        place.answer("and now?")
        place.wait(lambda: len(said()) >= 8, "both answers")
        assert {one.sender for one in said()} == {BOT, OTHER}
        assert [one.body for one in said() if "echo: echo" in one.body] == []
        assert len(said()) == 8
        # An answer that somebody forwards is a question.
        content = dict(said()[0].content)
        assert content["org.parley.answer"] == said()[0].sender
        before = len(said())
        place.homeserver.send_event(ALICE, place.room, "m.room.message", content)
        place.wait(lambda: len(said()) >= before + 2, "both answers")
