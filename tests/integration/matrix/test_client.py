"""The client of a homeserver, by itself, before the strict double."""

import json
import random
import ssl
import subprocess

import pytest

from homeserver import Fault, Homeserver, limited
from probe import AWAY, CONFIG, DEACTIVATED, FINE, LOCKED, NO_SERVER, WRONG_DEVICE, WRONG_PASSWORD, Probe

BOT, ALICE, BOB = "@bot:example.org", "@alice:example.org", "@bob:example.org"


class Place:
    def __init__(self, directory, **options):
        self.homeserver = Homeserver(**options)
        for user_id in (ALICE, BOB):
            self.homeserver.add_user(user_id)
        self.homeserver.add_user(BOT, "a word")
        self.homeserver.subjects.add(BOT)
        self.credentials = directory / "credentials.json"
        self.keep({"password": "a word"})
        self.homeserver.credentials_file = self.credentials
        self.room = self.homeserver.make_room(ALICE, [BOT], name="Tea")

    def keep(self, credentials):
        self.credentials.touch(0o600)
        self.credentials.write_text(json.dumps(credentials))

    def kept(self):
        return json.loads(self.credentials.read_text())

    def probe(self, *rooms, **options):
        return Probe(self.homeserver.url, BOT, self.credentials, *rooms, **options)

    def synced(self, *rooms, **options):
        """One that has had its first sync: what is said from now on is new."""
        probe = self.probe(*rooms, **options)
        probe.wait("synced")
        return probe


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    with place.homeserver:
        yield place


def test_it_hears_and_says(place):
    hs = place.homeserver
    hs.say(ALICE, place.room, "before")
    with place.synced() as probe:
        assert probe.bodies() == [] and probe.of("event", kind="name", body="Tea")
        hs.say(ALICE, place.room, "one")
        hs.say(ALICE, place.room, "two")
        probe.wait_bodies(["one", "two"])
        probe.send(place.room, 1, "three")
        sent = probe.wait("sent", send=1)
        assert [shown.event_id for shown in hs.shown(place.room, BOT)] == [sent["id"]]
        hs.say(ALICE, place.room, "four")
        probe.wait_bodies(["one", "two", "four"])
    assert place.kept()["device_id"] == "BRIDGE" and place.kept()["password"] == "a word"


def test_typing_and_receipts(place):
    hs = place.homeserver
    with place.synced() as probe:
        event_id = hs.say(ALICE, place.room, "read me")
        thread = hs.say(ALICE, place.room, "in a thread", thread=event_id)
        probe.act("receipt", place.room, event=event_id)
        probe.act("receipt", place.room, event=thread, thread=event_id)
        for on in (True, False, True, False):
            probe.act("typing", place.room, on=on)
        hs.wait(lambda: len(hs.room(place.room).receipts) == 2, "receipts")
        assert [one[1:5] for one in hs.room(place.room).receipts] == [
            (BOT, event_id, "m.read", None),
            (BOT, thread, "m.read", event_id),
        ]
        hs.wait(lambda: hs.room(place.room).typing_log[-1:] == [(BOT, False)], "typing cleared")


def test_invited_joining_leaving(place):
    hs = place.homeserver
    room = hs.make_room(BOB, [ALICE], alias="#attic:example.org")
    hs.say(ALICE, room, "before the join")
    with place.synced() as probe:
        hs.invite(BOB, room, BOT)
        assert probe.wait("event", kind="invited")["sender"] == BOB
        probe.act("join", room)
        assert "error" not in probe.wait("joined", room=room)
        probe.wait("event", kind="joined", room=room)
        hs.say(ALICE, room, "after it")
        probe.wait_bodies(["after it"], room)
        assert probe.bodies(room, old=True) == ["before the join"]
        hs.kick(BOB, room, BOT)
        assert probe.wait("event", kind="left", room=room)["sender"] == BOB
        hs.invite(BOB, room, BOT)
        probe.act("join", "#attic:example.org")
        probe.wait("joined", room="#attic:example.org")
        probe.act("leave", room)
        probe.wait("event", 2, kind="left", room=room)
        probe.act("join", "#nowhere:example.org")
        assert probe.wait("joined", room="#nowhere:example.org")["error"] == "M_NOT_FOUND"


@pytest.mark.parametrize("page_limit", [7, 100])
def test_a_gap_of_any_length(place, page_limit):
    hs = place.homeserver
    hs.page_limit = page_limit
    other = hs.make_room(BOB, [BOT])
    with place.synced() as probe:
        since = probe.wait("synced")["next"]
        probe.kill()
    wanted = [f"number {number}" for number in range(150)]
    for body in wanted:
        hs.say(ALICE, place.room, body)
        hs.say(BOB, other, body)
    with place.synced(since=since) as probe:
        probe.wait("event", 2, kind="message", body=wanted[-1])
        assert probe.bodies(place.room) == wanted and probe.bodies(other) == wanted
        hs.wait(lambda: probe.of("synced")[-1]["next"] != "", "the gap's last step")
        steps = [line["next"] for line in probe.of("synced")]
        assert len([step for step in steps if step == ""]) >= 2 * (130 // page_limit)


def test_a_gap_in_a_room_that_is_new(place):
    hs = place.homeserver
    room = hs.make_room(BOB, [ALICE])
    with place.synced() as probe:
        since = probe.wait("synced")["next"]
        probe.kill()
    for number in range(40):
        hs.say(ALICE, room, f"before {number}")
    hs.invite(BOB, room, BOT)
    hs.join_room(BOT, room)
    wanted = [f"after {number}" for number in range(40)]
    for body in wanted:
        hs.say(ALICE, room, body)
    with place.synced(since=since) as probe:
        probe.wait_bodies(wanted, room)


def test_tokens_of_two_seconds(place):
    hs = place.homeserver
    hs.set_lifetime(2)
    with place.synced(sync_ms=500) as probe:
        for number in range(8):
            hs.say(ALICE, place.room, f"number {number}")
            probe.send(place.room, number, f"answer {number}")
            probe.wait("sent", send=number)
            if number % 2:
                hs.wait(lambda: len(hs.calls("refresh")) > number // 2, "a refresh")
        probe.wait_bodies([f"number {number}" for number in range(8)])
        assert len(hs.calls("login")) == 1
        assert [shown.body for shown in hs.shown(place.room, BOT)] == [f"answer {number}" for number in range(8)]


def test_refresh_of_old_servers(tmp_path):
    place = Place(tmp_path, versions=["v1.1", "v1.2"])
    with place.homeserver as hs:
        hs.set_lifetime(1)
        with place.synced() as probe:
            hs.wait(lambda: hs.calls("refresh_old", status=200), "a refresh")
            hs.say(ALICE, place.room, "on")
            probe.wait_bodies(["on"])


@pytest.mark.parametrize("seed", range(3))
def test_killed_among_new_tokens(place, seed):
    """Whatever a kill leaves in the file lets the next one in, and nothing is missed or changes its place."""
    hs, chance = place.homeserver, random.Random(seed)
    hs.set_lifetime(0.4)
    heard, said, since = {}, [], ""
    with place.synced() as probe:
        since = probe.of("synced")[-1]["next"]
    for number in range(12):
        for kind in ("cut", "cut-after", "cut-half"):
            hs.fault(Fault(kind, path="/refresh|/sync|/login", count=1, probability=chance.random()))
        with place.probe(since=since, sync_ms=100) as probe:
            body = f"number {number}"
            said.append(body)
            hs.say(ALICE, place.room, body)
            if chance.random() < 0.7:
                probe.wait("event", kind="message", body=body)
            enough = len(hs.log) + chance.randrange(8)
            hs.wait(lambda: len(hs.log) >= enough, "requests to be killed among")
            probe.kill()
        since = next((line["next"] for line in reversed(probe.of("synced")) if line["next"]), since)
        heard |= {line["id"]: line["body"] for line in probe.of("event", kind="message")}
    hs.clear_faults()
    with place.probe(since=since) as probe:
        hs.say(ALICE, place.room, "last")
        probe.wait("event", kind="message", body="last")
        heard |= {line["id"]: line["body"] for line in probe.of("event", kind="message")}
    assert list(heard.values()) == [*said, "last"]
    assert list(hs.people.users[BOT].devices) == ["BRIDGE"]


@pytest.mark.parametrize("soft", [True, False])
def test_logged_out(place, soft):
    hs = place.homeserver
    with place.synced() as probe:
        (hs.soft_logout if soft else hs.hard_logout)(BOT)
        hs.wait(lambda: len(hs.calls("login", status=200)) == 2, "a second login")
        hs.say(ALICE, place.room, "still there")
        probe.wait_bodies(["still there"])
        assert list(hs.people.users[BOT].devices) == ["BRIDGE"]


def test_a_restart_with_the_tokens_of_the_file(place):
    hs = place.homeserver
    with place.synced() as probe:
        since = probe.of("synced")[-1]["next"]
    hs.say(ALICE, place.room, "meanwhile")
    with place.probe(since=since) as probe:
        probe.wait_bodies(["meanwhile"])
    assert len(hs.calls("login")) == 1


@pytest.mark.parametrize(
    "change, fault",
    [
        ({"password": "another"}, WRONG_PASSWORD),
        ({"locked": True}, LOCKED),
        ({"deactivated": True}, DEACTIVATED),
    ],
)
def test_what_ends_it(place, change, fault):
    hs = place.homeserver
    hs.set_user(BOT, **change)
    with place.probe() as probe:
        assert probe.wait("fault")["fault"] == fault
    assert len(hs.calls("login")) == 1
    hs.set_user(BOT, password="a word", locked=False, deactivated=False)
    with place.synced() as probe:
        hs.set_user(BOT, **change)
        if "password" in change:
            hs.hard_logout(BOT)
        assert probe.wait("fault")["fault"] == fault


def test_another_device(place):
    with place.synced():
        pass
    with place.probe(device="OTHER") as probe:
        assert probe.wait("fault")["fault"] == WRONG_DEVICE


def test_restarts_and_cuts(place):
    hs = place.homeserver
    with place.synced() as probe:
        hs.wait(lambda: hs.people.users[BOT].devices["BRIDGE"].syncs, "a sync that waits")
        hs.web.shut()
        assert probe.wait("fault")["fault"] == AWAY
        hs.web.open(hs.web.port)
        assert probe.wait("fault", 2)["fault"] == FINE
        hs.fault(Fault("cut-after", path="/send/", count=1))
        hs.fault(Fault("cut", path="/send/", count=1, skip=1))
        hs.fault(Fault("cut-half", path="/sync", count=2))
        hs.say(ALICE, place.room, "one")
        probe.send(place.room, 1, "once")
        probe.wait("sent", send=1)
        probe.wait_bodies(["one"])
        assert [shown.body for shown in hs.shown(place.room, BOT)] == ["once"]
        assert len(probe.of("log", event="homeserver_away")) == 1  # one line in 10 s


@pytest.mark.parametrize("status", [500, 502, 503])
def test_failures_of_everything(place, status):
    hs = place.homeserver
    for path in ("/versions", "/login", "/sync", "/send/"):
        hs.fault(Fault("status", path=path, status=status, count=1))
        hs.fault(Fault("garbage", path=path, count=1))
    with place.synced() as probe:
        hs.say(ALICE, place.room, "one")
        probe.send(place.room, 1, "once")
        probe.wait("sent", send=1)
        probe.wait_bodies(["one"])


@pytest.mark.parametrize("limit", [{"milliseconds": 300}, {"seconds": 1}, {}, {"milliseconds": 200, "seconds": 60}])
def test_limits(place, limit):
    """The double refuses whoever comes before the time is over."""
    hs = place.homeserver
    hs.fault(limited(**limit, path="/sync", count=1))
    hs.fault(limited(**limit, path="/send/", count=2))
    hs.fault(limited(**limit, path="/typing/", count=1))
    with place.synced() as probe:
        probe.act("typing", place.room, on=True)
        probe.act("typing", place.room, on=False)
        probe.send(place.room, 1, "once")
        sent = probe.wait("sent", send=1)
        assert sent["slowed_ms"] >= 2 * (limit.get("milliseconds") or 1000)
        hs.wait(lambda: hs.calls("typing", status=200), "typing")


def test_typing_that_is_dropped_hands_on_its_wait(place):
    """One waits for its 429 to pass, another for that one; the third takes the place of both."""
    hs = place.homeserver
    hs.fault(Fault("slow", path="/typing/", seconds=0.2, count=1))
    hs.fault(limited(1000, path="/typing/", count=1))
    with place.synced() as probe:
        probe.act("typing", place.room, on=True)
        probe.act("typing", place.room, on=False)
        hs.wait(lambda: hs.calls("typing", status=429), "the refusal")
        hs.say(ALICE, place.room, "by now the client has read it")
        probe.wait("event", kind="message")
        probe.act("typing", place.room, on=True)
        hs.wait(lambda: hs.calls("typing", status=200), "typing")
        assert len(hs.calls("typing")) == 2, "the newest only"


def test_events_that_would_break_a_reader(place):
    hs = place.homeserver
    deep = []
    for _ in range(200):
        deep = [deep]
    with place.synced() as probe:
        hs.say(ALICE, place.room, "deep", x=deep)
        hs.say(ALICE, place.room, "\0\u2028 fine")
        probe.wait_bodies(["\0\u2028 fine"])
        assert probe.wait("log", event="sync_malformed")["details"] == "events=1"


# --- TLS ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(certificate, key) for 127.0.0.1, by nobody whom a system knows."""
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = directory / "cert.pem", directory / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test -addext"
    subprocess.run(
        [*command.split(), "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    return certificate, key


def test_tls(tmp_path, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    place = Place(tmp_path, tls=context)
    with place.homeserver as hs:
        with place.probe() as probe:
            fault = probe.wait("fault")
            assert fault["fault"] == AWAY and "certificate" in fault["sentence"]
        assert not hs.log
        environment = {"SSL_CERT_FILE": str(certificate[0])}
        with place.synced(env=environment) as probe:
            hs.say(ALICE, place.room, "behind TLS")
            probe.wait_bodies(["behind TLS"])
        url = hs.url.replace("127.0.0.1", "localhost")  # which the certificate does not name
        with Probe(url, BOT, place.credentials, env=environment) as probe:
            assert "localhost" in probe.wait("fault")["sentence"]


# --- --check -----------------------------------------------------------------------------------


def check(place, *rooms, server=None):
    """What it says: {step: [sentence, …]}, with `not: ` before those that are not ok; and the fault."""
    with Probe(server or place.homeserver.url, BOT, place.credentials, *rooms, check=True) as probe:
        ended = probe.wait("ended")
    steps = {}
    for line in probe.of("report"):
        steps.setdefault(line["step"], []).append(("" if line["ok"] else "not: ") + line["sentence"])
    return steps, ended["fault"]


def test_check(place):
    hs = place.homeserver
    hs.make_room(ALICE, [], alias="#attic:example.org")
    steps, fault = check(place, place.room, "#attic:example.org", "#nowhere:example.org")
    assert fault == FINE
    assert list(steps) == ["server", "versions", "login", "device", "room", "clock"]
    assert [sentence[:5] == "not: " for sentence in steps["room"]] == [False, True, True]
    assert steps["clock"] == ["The clock of this machine agrees with that of the homeserver"] or "say" in steps["clock"][0]
    assert not hs.calls("sync") and not hs.calls("send")


def test_check_says_what_to_do(place):
    hs = place.homeserver
    steps, fault = check(place, server="http://127.0.0.1:1")
    assert fault == AWAY and "cannot be reached" in steps["server"][0]
    hs.fault(Fault("garbage", path="/versions", count=1))
    steps, fault = check(place)
    assert fault == NO_SERVER and "not: " in steps["versions"][0]
    hs.set_user(BOT, password="another")
    steps, fault = check(place)
    assert fault == WRONG_PASSWORD and "password" in steps["login"][0]
    hs.set_user(BOT, locked=True)
    steps, fault = check(place)
    assert fault in (LOCKED, WRONG_PASSWORD)
    place.credentials.chmod(0o640)
    steps, fault = check(place)
    assert fault == CONFIG and "chmod 600" in steps["credentials"][0]
