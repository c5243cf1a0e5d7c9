"""Who guesses credentials is locked out: ten failures a minute and address, then five minutes.

The clock of these is moved in the tests of the core; here it is whom a failure is charged to.
"""

import json

import pytest

from harness.access import PASSWORD, SHARED, WRONG, ask, bearer, password_settings, write_secret
from harness.raw import Frames

ATTEMPTS, LOCKED_MS = 10, 5 * 60 * 1000


@pytest.fixture
def secret_file(tmp_path):
    return write_secret(tmp_path / "secret")


def behind_proxies(start, secret_file):
    """A gateway that believes what this machine says of forwarding."""
    return start("--token-file", secret_file, settings={"trusted_proxies": "127.0.0.1, ::1"})


def come(gateway, secret, *fields):
    """The status of a handshake with a token or password, and its `retry_after_ms`."""
    with gateway.open_socket() as s:
        lines = [f"Authorization: Bearer {secret}", *fields]
        frames = Frames(s, gateway.host, fields=lines, may_fail=True)
        retry_ms = None
        if frames.status != 101:
            error = json.loads(frames.body)["error"]
            assert error["code"] == {401: "AUTH_FAILED", 429: "RATE_LIMITED"}[frames.status]
            retry_ms = error["details"].get("retry_after_ms")
            seconds = None if retry_ms is None else str(-(-retry_ms // 1000))
            assert frames.fields.get("retry-after") == seconds
        return frames.status, retry_ms


def guess(gateway, *fields, times=ATTEMPTS):
    assert [come(gateway, f"{WRONG}{n}", *fields)[0] for n in range(times)] == [401] * times


def expect_locked(gateway, *fields, secret=SHARED):
    """It is not looked at what is given: not even the right one counts."""
    for what in (secret, WRONG):
        status, retry_ms = come(gateway, what, *fields)
        assert status == 429 and 0 < retry_ms <= LOCKED_MS


def expect_open(gateway, *fields, secret=SHARED):
    assert come(gateway, secret, *fields) == (101, None)


def by(*addresses):
    return "X-Forwarded-For: " + ", ".join(addresses)


def test_tokens_from_this_machine_are_exempt(start, secret_file):
    gateway = start("--token-file", secret_file)
    guess(gateway, times=3 * ATTEMPTS)
    expect_open(gateway)


def test_passwords_from_this_machine_are_not(start):
    gateway = start(settings=password_settings())
    guess(gateway)
    expect_locked(gateway, secret=PASSWORD)
    # As a member they are the same to it.
    client = gateway.client()
    client.send({"type": "agent_register", "agentId": "a", "password": PASSWORD})
    assert 0 < client.error("RATE_LIMITED")["details"]["retry_after_ms"] <= LOCKED_MS


def test_right_ones_are_not_charged(start):
    gateway = start(settings=password_settings())
    for _ in range(2):
        guess(gateway, times=4)
        for _ in range(ATTEMPTS):
            expect_open(gateway, secret=PASSWORD)
    guess(gateway, times=2)
    expect_locked(gateway, secret=PASSWORD)


def test_whom_a_trusted_proxy_names(start, secret_file):
    gateway = behind_proxies(start, secret_file)
    guess(gateway, by("198.51.100.7"))
    expect_locked(gateway, by("198.51.100.7"))
    expect_locked(gateway, "Forwarded: for=198.51.100.7")
    # The same, however it is spelt, and whatever a client writes to the left of it.
    expect_locked(gateway, by("::ffff:198.51.100.7"))
    expect_locked(gateway, by("203.0.113.1", "198.51.100.7"))
    expect_locked(gateway, by("198.51.100.7", "127.0.0.1"))
    # Nobody else.
    expect_open(gateway, by("198.51.100.8"))
    expect_open(gateway, by("198.51.100.7", "198.51.100.9"))
    expect_open(gateway)


def test_an_invented_address_hides_nobody(start, secret_file):
    """Whoever is locked out writes another address each time; the proxy adds the true one behind it."""
    gateway = behind_proxies(start, secret_file)
    for number in range(ATTEMPTS):
        guess(gateway, by(f"203.0.113.{number}", "198.51.100.7"), times=1)
    expect_locked(gateway, by("203.0.113.99", "198.51.100.7"))
    # And whom it named has not been charged.
    for number in range(ATTEMPTS):
        expect_open(gateway, by(f"203.0.113.{number}"))


def test_a_network_of_ipv6(start, secret_file):
    gateway = behind_proxies(start, secret_file)
    for number in range(ATTEMPTS):
        guess(gateway, by(f"2001:db8:0:1:{number:x}::1"), times=1)
    expect_locked(gateway, by("2001:db8:0:1:ffff::"))
    expect_open(gateway, by("2001:db8:0:2::1"))


def test_who_is_not_trusted_speaks_for_himself(start, secret_file):
    """He is charged as the address that he has, whatever he writes; and is not near any more."""
    gateway = start("--token-file", secret_file, settings={"trusted_proxies": "192.0.2.1"})
    for number in range(ATTEMPTS):
        guess(gateway, by(f"198.51.100.{number}"), times=1)
    expect_locked(gateway, by("198.51.100.200"))
    expect_locked(gateway, "Forwarded: for=198.51.100.201")
    expect_open(gateway)


def test_attempts_of_all_kinds_count(start, secret_file):
    """Tokens in a handshake, in a message, of an HTTP request; tickets."""
    gateway = behind_proxies(start, secret_file)
    here = by("198.51.100.7")
    headers = [tuple(here.split(": "))]
    guess(gateway, here, times=3)
    client = gateway.client(headers=headers)
    for number in range(3):
        client.send({"type": "agent_register", "agentId": "a", "token": f"{WRONG}{number}"})
        client.error("AUTH_FAILED")
    for number in range(2):
        assert ask(gateway, "/api/gateway/status", headers=[*headers, bearer(f"{WRONG}{number}")])[0] == 401
    for letter in "ab":
        with gateway.open_socket() as s:
            assert Frames(s, gateway.host, f"/ws/matrix?ticket={letter * 26}", [here], may_fail=True).status == 401
    client.send({"type": "agent_register", "agentId": "a", "token": SHARED})
    client.error("RATE_LIMITED")
    status, fields, answer = ask(gateway, "/api/gateway/status", headers=[*headers, bearer(SHARED)])
    assert status == 429 and answer["error"]["code"] == "RATE_LIMITED"
    assert 0 < int(fields["retry-after"]) <= LOCKED_MS // 1000
    assert ask(gateway, "/api/gateway/status", headers=[bearer(SHARED)])[0] == 200


def test_requests_without_a_credential_cost_nothing(start, secret_file):
    gateway = behind_proxies(start, secret_file)
    here = by("198.51.100.7")
    for _ in range(2 * ATTEMPTS):
        client = gateway.client(headers=[tuple(here.split(": "))])
        client.send({"type": "bark"})
        client.error("AUTH_REQUIRED")
        client.close()
    expect_open(gateway, here)
