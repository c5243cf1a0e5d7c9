"""What the homeserver double refuses, and what fails a test: each thing done wrong once, and once right."""

import threading
import time
from http.client import HTTPException
from urllib.parse import quote

import pytest

from homeserver import Fault, Homeserver, limited
from raw_client import RawClient

ALICE, BOT = "@alice:example.org", "@bot:example.org"
OTHERS = "!nowhere:example.org"
NOTICE = {"msgtype": "m.notice", "body": "encrypted", "m.mentions": {}}


def text(body="hello", **more):
    return {"msgtype": "m.text", "body": body, "m.mentions": {}, **more}


def html(formatted):
    return text(format="org.matrix.custom.html", formatted_body=formatted)


def edit_of(event_id, **more):
    return text("* x", **{"m.relates_to": {"rel_type": "m.replace", "event_id": event_id}}, **more)


class Place:
    """A homeserver with a room, and a client of the user under test."""

    def __init__(self):
        self.homeserver = Homeserver()
        self.homeserver.add_user(ALICE)
        self.homeserver.add_user(BOT)
        self.homeserver.subjects.add(BOT)
        self.room = self.homeserver.make_room(ALICE, [BOT], name="Tea")
        self.path = f"/rooms/{quote(self.room)}"
        self.said = self.homeserver.say(ALICE, self.room, "first")
        self.client = RawClient(self.homeserver.url)
        assert self.client.login("bot")[0] == 200
        self.since = self.client.sync()[1]["next_batch"]

    def breach(self, text):
        """There was this violation, and no other."""
        found, self.homeserver.violations[:] = list(self.homeserver.violations), []
        assert found and all(text in each for each in found), (text, found)

    def fine(self, answer):
        assert answer[0] == 200, answer
        self.homeserver.check()
        return answer[1]


@pytest.fixture
def place():
    one = Place()
    with one.homeserver:
        yield one
        assert not one.homeserver.violations


BAD_REQUESTS = {
    "unknown path": ("GET", "/nothing", None, "no such endpoint"),
    "wrong method": ("POST", "/sync", {}, "only ['GET']"),
    "trailing slash": ("GET", "/sync/", None, "no such endpoint"),
    "unknown parameter": ("GET", "/sync?timeuot=1", None, "no parameter timeuot"),
    "parameter twice": ("GET", "/sync?timeout=1&timeout=2", None, "stands there twice"),
    "timeout": ("GET", "/sync?timeout=soon", None, "timeout='soon'"),
    "since": ("GET", "/sync?since=yesterday", None, "no token of this server"),
    "empty since": ("GET", "/sync?since=", None, "no token of this server"),
    "filter": ("GET", "/sync?filter=%7B%22rooms%22%3A1%7D", None, "nothing that a filter has"),
    "filter id": ("GET", "/sync?filter=f17", None, "No such filter"),
    "filter limit": ("POST", "/user/@bot:example.org/filter", {"room": {"timeline": {"limit": 0}}}, "limit is 0"),
    "others' filter": ("POST", "/user/@alice:example.org/filter", {}, "somebody else's"),
    "dir": ("GET", "{room}/messages?dir=x", None, "dir='x'"),
    "from": ("GET", "{room}/messages?dir=b&from=x", None, "no token of this server"),
    "broken escape": ("GET", "/rooms/%zz/messages?dir=b", None, "broken escape"),
    "room id": ("GET", "/rooms/Tea/messages?dir=b", None, "is no room id"),
    "typing of others": ("PUT", "{room}/typing/@alice:example.org", {"typing": False}, "somebody else's"),
    "typing for ever": ("PUT", "{room}/typing/@bot:example.org", {"typing": True, "timeout": 10**9}, "timeout is"),
    "typing untimed": ("PUT", "{room}/typing/@bot:example.org", {"typing": True}, "timeout is None"),
    "typing word": ("PUT", "{room}/typing/@bot:example.org", {"typing": "yes", "timeout": 1}, "typing is 'yes'"),
    "receipt of nothing": ("POST", "{room}/receipt/m.read/$x", {}, "not in the room"),
    "receipt type": ("POST", "{room}/receipt/m.seen/{said}", {}, "a receipt 'm.seen'"),
    "receipt elsewhere": ("POST", "{room}/receipt/m.read/{said}", {"thread_id": "$x"}, "thread_id is"),
    "no body": ("POST", "{room}/receipt/m.read/{said}", None, "no body"),
    "redaction of nothing": ("PUT", "{room}/redact/$x/t1", {}, "not in the room"),
    "join of a name": ("POST", "/join/Tea", {}, "neither a room id nor an alias"),
    "login without identifier": ("POST", "/login", {"type": "m.login.password", "password": "x"}, "no identifier"),
    "refresh at its old place": ("POST", "/_matrix/client/v1/refresh", {"refresh_token": "x"}, "has it elsewhere"),
    "r0": ("GET", "/_matrix/client/r0/account/whoami", None, "none of the versions"),
}


@pytest.mark.parametrize("method, path, body, breach", BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_bad_request(place, method, path, body, breach):
    path = path.replace("{room}", place.path).replace("{said}", quote(place.said))
    place.client.ask(method, path, body)
    place.breach(breach)


BAD_CONTENTS = {
    "no msgtype": ({"body": "x", "m.mentions": {}}, "no msgtype"),
    "no body": ({"msgtype": "m.text", "m.mentions": {}}, "no body"),
    "empty": (text(" "), "body is empty"),
    "no mentions": ({"msgtype": "m.text", "body": "x"}, "no m.mentions"),
    "odd mentions": (text(**{"m.mentions": {"everyone": True}}), "m.mentions has"),
    "format alone": (text(format="org.matrix.custom.html"), "has a format"),
    "no format": (text(formatted_body="<b>x</b>"), "format is None"),
    "edit without content": (edit_of("{said}"), "edit"),
    "edit of others": (edit_of("{said}", **{"m.new_content": text("x")}), "somebody else's"),
    "edit of nothing": (edit_of("$x", **{"m.new_content": text("x")}), "not in the room"),
    "thread of nothing": (text(**{"m.relates_to": {"rel_type": "m.thread", "event_id": "$x"}}), "root of the thread"),
    "reply to nothing": (text(**{"m.relates_to": {"m.in_reply_to": {"event_id": "$x"}}}), "replied to"),
    "float": (text(weight=1.5), "no event can have"),
    "too large": (text("x" * 65000), "event too large"),
}


@pytest.mark.parametrize("content, breach", BAD_CONTENTS.values(), ids=BAD_CONTENTS)
def test_bad_content(place, content, breach):
    relation = content.get("m.relates_to", {})
    if relation.get("event_id") == "{said}":
        content = {**content, "m.relates_to": {**relation, "event_id": place.said}}
    place.client.send(place.room, content)
    place.breach(breach)


BAD_HTML = [
    "<script>x</script>",
    "<p onclick='x'>x</p>",
    "<a href='javascript:x'>x</a>",
    "<a href=' JavaScript:x'>x</a>",
    "<a href='/x'>x</a>",
    "<img src='https://example.org/x.png'>",
    "<code class='red'>x</code>",
    "<b>x",
    "<b><i>x</b></i>",
    "<p>x<ul></ul></p>",
    "<!-- x -->",
    "<blockquote>" * 101 + "</blockquote>" * 101,
]


@pytest.mark.parametrize("formatted", BAD_HTML, ids=lambda value: value[:30])
def test_bad_html(place, formatted):
    place.client.send(place.room, html(formatted))
    place.breach("formatted_body")


def test_good_contents(place):
    place.fine(place.client.send(place.room, text("x" * 60000), "a"))
    good = '<p>a <b>b</b><br>&lt;script&gt;</p><pre><code class="language-c">x</code></pre><ol start="3"><li>x</li></ol>'
    sent = place.fine(place.client.send(place.room, html(good + '<a href="https://x/">x</a><hr>'), "b"))
    new = {"m.new_content": text("y")}
    place.fine(place.client.send(place.room, edit_of(sent["event_id"], **new), "c"))
    relation = {"rel_type": "m.thread", "event_id": place.said, "is_falling_back": True}
    relation["m.in_reply_to"] = {"event_id": place.said}
    place.fine(place.client.send(place.room, text(**{"m.relates_to": relation}), "d"))


def test_bodies(place):
    path = f"{place.path}/send/m.room.message/t1"
    place.client.ask("PUT", path, text(), kind="text/plain")
    place.breach("Content-Type")
    for raw in (b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":"\xff"}'):
        assert place.client.ask("PUT", path, raw=raw)[1]["errcode"] == "M_NOT_JSON"
        place.breach("is no JSON")
    place.client.ask("PUT", path, raw=b"[]")
    place.breach("is no object")


def test_a_transaction_id_is_one_event(place):
    first = place.fine(place.client.send(place.room, text("a"), "t"))
    assert place.fine(place.client.send(place.room, text("a"), "t")) == first
    place.client.send(place.room, text("b"), "t")
    place.breach("used for something else")
    assert [shown.body for shown in place.homeserver.shown(place.room, BOT)] == ["a"]


def test_a_transaction_id_outlives_its_token(place):
    first = place.fine(place.client.send(place.room, text("a"), "t"))
    place.client.take(place.fine(place.client.refresh()))
    assert place.fine(place.client.send(place.room, text("a"), "t")) == first


def test_rooms_that_one_is_not_in(place):
    assert place.client.send(OTHERS, text())[0] == 404
    place.homeserver.kick(ALICE, place.room, BOT)
    assert place.client.send(place.room, text())[0] == 403
    place.homeserver.check()  # it could not know
    since = place.client.sync(place.since)[1]["next_batch"]
    place.client.sync(since)
    place.client.send(place.room, text())
    place.breach("not joined")


def test_clear_text_into_an_encrypted_room(place):
    place.homeserver.encrypt(ALICE, place.room)
    place.fine(place.client.send(place.room, text(), "a"))  # it could not know
    since = place.client.sync(place.since)[1]["next_batch"]
    place.client.sync(since)
    place.client.send(place.room, text(), "b")
    place.breach("in clear")
    place.client.send(place.room, NOTICE, "c")
    place.breach("in clear")  # it had said something already


def test_one_notice_into_an_encrypted_room(place):
    place.homeserver.encrypt(ALICE, place.room)
    since = place.client.sync(place.since)[1]["next_batch"]
    place.client.sync(since)
    place.fine(place.client.send(place.room, NOTICE, "a"))
    place.client.send(place.room, NOTICE, "b")
    place.breach("in clear")


def test_tokens(place):
    client, old, spent = place.client, place.client.token, place.client.refresh_token
    place.fine(client.refresh())
    place.fine(client.ask("GET", "/account/whoami"))  # the old one holds until the new one is used
    client.take(place.fine(client.refresh()))  # and so does its refresh token
    place.fine(client.ask("GET", "/account/whoami"))
    status, answer = client.ask("GET", "/account/whoami", token=old)
    assert (status, answer["errcode"], answer["soft_logout"]) == (401, "M_UNKNOWN_TOKEN", False)
    place.homeserver.check()  # that may still have been under way
    place.homeserver.people.access[client.token].first_used -= 10
    client.ask("GET", "/account/whoami", token=old)
    place.breach("used after the one that came after it")
    assert client.refresh(spent)[0] == 401
    place.homeserver.violations.clear()


def test_a_refresh_token_is_used_twice(place):
    spent = place.client.refresh_token
    place.client.take(place.fine(place.client.refresh()))
    place.fine(place.client.ask("GET", "/account/whoami"))
    pair = place.homeserver.people.refreshes[spent]
    pair.revoked = False
    assert place.client.refresh(spent)[0] == 401
    place.breach("refresh token is used after")


def test_tokens_end(place):
    place.homeserver.set_lifetime(60)
    place.client.take(place.fine(place.client.refresh()))
    place.homeserver.people.access[place.client.token].expires = time.monotonic() - 1
    status, answer = place.client.ask("GET", "/account/whoami")
    assert (status, answer["errcode"], answer["soft_logout"]) == (401, "M_UNKNOWN_TOKEN", True)
    answer = place.fine(place.client.refresh())
    assert 0 < answer["expires_in_ms"] <= 60_000


def test_ends_of_accounts(place):
    homeserver, client = place.homeserver, place.client
    homeserver.soft_logout(BOT)
    for answer in (client.ask("GET", "/account/whoami"), client.refresh()):
        assert answer[0] == 401 and answer[1]["soft_logout"] is True, answer
    client.token = None
    assert client.login("bot")[0] == 200
    homeserver.hard_logout(BOT)
    assert client.ask("GET", "/account/whoami")[1]["soft_logout"] is False
    homeserver.set_user(BOT, locked=True)
    assert client.ask("GET", "/account/whoami")[1]["errcode"] == "M_USER_LOCKED"
    homeserver.set_user(BOT, locked=False, deactivated=True)
    client.token = None
    assert client.login("bot")[1]["errcode"] == "M_USER_DEACTIVATED"
    homeserver.set_user(BOT, deactivated=False)
    assert client.login("bot", "wrong")[1]["errcode"] == "M_FORBIDDEN"


def test_two_syncs(place):
    waiting = threading.Thread(target=place.client.sync, args=(place.since, 20_000))
    waiting.start()
    device = place.homeserver.people.users[BOT].devices["DEVICE"]
    place.homeserver.wait(lambda: device.syncs)
    place.client.sync(place.since)
    place.breach("more than one sync")
    place.homeserver.say(ALICE, place.room, "end")
    waiting.join()


def test_a_token_on_the_disk(place, tmp_path):
    place.homeserver.credentials_file = tmp_path / "credentials"
    place.homeserver.credentials_file.write_text("{}")
    place.client.take(place.fine(place.client.refresh()))
    place.client.ask("GET", "/account/whoami")
    place.breach("credentials file")


def test_coming_early_after_a_limit(place):
    place.homeserver.fault(limited(10_000, path="/send/", count=1))
    assert place.client.send(place.room, text())[0] == 429
    place.client.send(place.room, text())
    place.breach("before its 429 has run out")


def test_old_servers():
    with Homeserver(versions=["v1.1", "v1.2"]) as homeserver:
        homeserver.add_user(BOT)
        client = RawClient(homeserver.url)
        client.login("bot")
        body = {"refresh_token": client.refresh_token}
        assert client.ask("POST", "/_matrix/client/v1/refresh", body)[0] == 200
        assert client.refresh()[0] == 404
        assert len(homeserver.violations) == 1
        homeserver.violations.clear()


@pytest.mark.parametrize("kind", ["cut", "cut-after", "cut-half"])
def test_cuts(place, kind):
    place.homeserver.fault(Fault(kind, path="/send/", count=1))
    with pytest.raises((OSError, HTTPException, ValueError)):
        place.client.send(place.room, text("once"))
    applied = len(place.homeserver.shown(place.room, BOT))
    assert applied == (0 if kind == "cut" else 1)
    place.fine(place.client.send(place.room, text("once")))
    assert len(place.homeserver.shown(place.room, BOT)) == 1


def test_gaps_and_repeats(place):
    for number in range(5):
        place.homeserver.say(ALICE, place.room, f"{number}")
    place.homeserver.fault(Fault("gap", path="/sync", count=1))
    answer = place.fine(place.client.sync(place.since))
    timeline = answer["rooms"]["join"][place.room]["timeline"]
    assert timeline["limited"] and [event["content"]["body"] for event in timeline["events"]] == ["4"]
    page = place.fine(place.client.ask("GET", f"{place.path}/messages?dir=b&limit=4&from={timeline['prev_batch']}"))
    assert [event["content"]["body"] for event in page["chunk"]] == ["3", "2", "1", "0"]
    place.homeserver.say(ALICE, place.room, "5")
    place.homeserver.fault(Fault("repeat", path="/sync", count=1))
    answer = place.fine(place.client.sync(answer["next_batch"]))
    events = answer["rooms"]["join"][place.room]["timeline"]["events"]
    assert [event["content"]["body"] for event in events] == ["2", "3", "4", "5"]


def test_what_was_said_before_a_join_is_in_its_timeline(place):
    room = place.homeserver.make_room(ALICE, [], public=True)
    place.homeserver.say(ALICE, room, "before")
    place.fine(place.client.ask("POST", f"/join/{quote(room)}", {}))
    answer = place.fine(place.client.sync(place.since))
    bodies = [event["content"].get("body") for event in answer["rooms"]["join"][room]["timeline"]["events"]]
    assert "before" in bodies


def test_control_over_http(place):
    body = {"fault": "x"}
    assert place.client.ask("POST", "/_control/explode", body)[0] == 403
    place.client.ask("POST", "/_control/fault", {"kind": "status", "path": "whoami", "status": 502, "count": 1})
    assert place.client.ask("GET", "/account/whoami")[0] == 502
    place.fine(place.client.ask("GET", "/account/whoami"))
    said = place.client.ask("POST", "/_control/say", {"sender": ALICE, "room_id": place.room, "body": "by HTTP"})
    shown = place.client.ask("POST", "/_control/shown", {"room_id": place.room})[1]["result"]
    assert shown[-1]["event_id"] == said[1]["result"] and shown[-1]["body"] == "by HTTP"
