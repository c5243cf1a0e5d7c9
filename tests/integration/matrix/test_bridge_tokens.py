"""Tokens that expire, logouts, accounts that are closed; and that no secret is ever shown."""

import json
import stat
import time

import pytest

from homeserver import Fault, Homeserver
from place import BOT, PASSWORD
from raw_client import RawClient
from web import PATIENCE

REFUSED = 77
OLD = {"synapse 1.67": ["v1.1", "v1.2"], "v1.3": ["v1.1", "v1.2", "v1.3"]}


def kept(place):
    return json.loads(place.credentials.read_text())


def talk_until(place, claim):
    """Asks one thing after the other until it is so."""
    deadline = time.monotonic() + PATIENCE
    while not claim():
        assert time.monotonic() < deadline, "not so in time"
        place.answer(f"at {time.monotonic()}")


def test_what_is_kept(place):
    credentials = kept(place)
    assert credentials["password"] == PASSWORD and credentials["device_id"] == "BRIDGE"
    assert credentials["access_token"] in place.homeserver.people.access
    assert credentials["refresh_token"] in place.homeserver.people.refreshes
    assert stat.S_IMODE(place.credentials.stat().st_mode) == 0o600
    place.restart()
    place.answer("again")
    assert len(place.homeserver.calls("login", status=200)) == 1, "a restart needs no login"


@pytest.mark.parametrize("versions", [None, *OLD.values()], ids=["new", *OLD])
def test_tokens_of_two_seconds(build, versions):
    """The double says whether a dead token was used, and whether a new one was on the disk."""
    place = build("openai", homeserver=Homeserver(versions=versions))
    place.homeserver.set_lifetime(2)
    place.start()
    name = "refresh" if versions is None or "v1.3" in versions else "refresh_old"
    talk_until(place, lambda: len(place.homeserver.calls(name, status=200)) >= 4)
    assert len(place.homeserver.calls("login", status=200)) == 1
    expired = [call for call in place.homeserver.log if call.status == 401]
    assert not expired, "it refreshes before its token ends"


@pytest.mark.parametrize("kind", ["cut", "cut-after", "cut-half", "garbage", "status"])
def test_a_refresh_in_trouble(build, kind):
    place = build("openai")
    place.homeserver.set_lifetime(2)
    place.homeserver.fault(Fault(kind, path="/refresh", count=2))
    place.start()
    talk_until(place, lambda: len(place.homeserver.calls("refresh", status=200)) >= 4)
    assert len(place.homeserver.calls("login", status=200)) == 1


def test_soft_logout(place):
    place.answer("one")
    place.homeserver.soft_logout(BOT)
    place.answer("two")
    assert list(place.homeserver.people.users[BOT].devices) == ["BRIDGE"]


def test_hard_logout(place):
    place.answer("one")
    place.homeserver.hard_logout(BOT)
    place.answer("two")
    assert list(place.homeserver.people.users[BOT].devices) == ["BRIDGE"]


def test_a_token_without_a_password(build):
    place = build("openai")
    client = RawClient(place.homeserver.url)
    client.login("bot", PASSWORD, "BRIDGE")
    place.write("credentials.json", json.dumps({"access_token": client.token, "refresh_token": client.refresh_token}))
    place.start()
    place.answer("one")
    assert len(place.homeserver.calls("login")) == 1
    place.homeserver.soft_logout(BOT)
    assert place.bridge.wait_exit() == REFUSED, place.bridge.log


@pytest.mark.parametrize("state", ["locked", "deactivated"])
def test_an_account_that_is_closed(place, state):
    place.answer("one")
    place.homeserver.set_user(BOT, **{state: True})
    place.homeserver.restart()
    assert place.bridge.wait_exit() == REFUSED
    assert state in place.bridge.log


def test_a_password_that_is_wrong(build):
    place = build("openai", credentials={"password": "wrong"})
    code, log = place.run()
    assert code == REFUSED and "password" in log, log
    assert len(place.homeserver.calls("login")) == 1, "it does not try until it is locked"


def test_a_password_that_has_changed(place):
    place.homeserver.set_user(BOT, password="another")
    place.homeserver.soft_logout(BOT)
    assert place.bridge.wait_exit() == REFUSED


@pytest.mark.parametrize("level", ["info", "debug"])
def test_no_secret_is_shown(build, level):
    place = build("openai", config={"agent": {"timeout": "2s"}})
    place.homeserver.set_lifetime(2)
    place.start(PARLEY_BRIDGE_LOG__LEVEL=level)
    place.answer("one")
    place.agent.fail("503", 99)
    place.homeserver.restart()
    place.ask("two")
    place.homeserver.wait(lambda: len(place.homeserver.calls("refresh", status=200)) >= 2)
    place.homeserver.soft_logout(BOT)
    place.wait(lambda: len(place.said()) >= 2, "a word about it")
    place.agent.faults.clear()
    pages = "".join(place.bridge.get(path)[1] for path in ("/healthz", "/readyz", "/metrics"))
    place.bridge.stop()
    secrets = [PASSWORD, place.agent.api_key, *place.homeserver.people.access, *place.homeserver.people.refreshes]
    shown = place.bridge.log + pages + "".join(place.bodies())
    state = (place.directory / "state.db").read_bytes()
    for secret in secrets:
        assert secret not in shown, "a secret in the log, a page or a room"
        assert secret.encode() not in state, "a secret in the state file"
    for file in place.directory.iterdir():
        if file.name not in ("credentials.json", "api-key"):
            text = file.read_bytes()
            assert not any(secret.encode() in text for secret in secrets), file
