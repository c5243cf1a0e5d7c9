"""SIGHUP: what a running gateway takes from a changed configuration, and that nobody notices it."""

import hashlib
import os
import signal
import time

import pytest

from harness import PATIENCE
from harness.gateway import is_sanitized, program
from harness.manager import Manager

# The thread sanitizer is ten times slower, and finds in a few rounds what it finds. A sanitizer's own memory grows.
ROUNDS = 60 if "tsan" in program() else 1000
WARM_UP = 20  # rounds until all memory that is kept has been got
SLACK_KB = 2048  # of memory, which comes in pages; what 1,000 reloads lose is more than that


class Files:
    """A configuration and its token file, written whole and moved into place."""

    def __init__(self, directory):
        self.config, self.tokens = directory / "parley.yaml", directory / "tokens"

    def write(self, path, text):
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.chmod(0o600)
        fresh.rename(path)

    def write_config(self, **lines):
        options = {"auth.mode": "token", "auth.token_file": str(self.tokens), **lines}
        self.write(self.config, "".join(f"{key}: {value}\n" for key, value in options.items()))

    def write_tokens(self, *names, grants="publish=* sessions=* act_as=* admin"):
        digests = {name: hashlib.sha256(secret(name).encode()).hexdigest() for name in names}
        self.write(self.tokens, "".join(f"sha256:{digests[name]} {name} {grants}\n" for name in names))


def secret(name):
    return f"secret-of-{name}-0123456789"


def bearer(name):
    return [("Authorization", f"Bearer {secret(name)}")]


@pytest.fixture
def files(tmp_path):
    files = Files(tmp_path)
    files.write_tokens("kitchen", "cellar")
    files.write_config()
    return files


@pytest.fixture
def configured(start, files, threads):
    return start("--config", str(files.config), threads=threads)


def reload(gateway, event="reloaded"):
    """One SIGHUP; returns the line of the log that says how it went."""
    before = sum(f"event={event} " in line for line in gateway.lines)
    gateway.process.send_signal(signal.SIGHUP)
    return gateway.wait_event(event, skip=before)


def until(claim):
    """Asks until it holds: each reactor is told a moment after the log."""
    deadline = time.monotonic() + PATIENCE
    while not claim():
        assert time.monotonic() < deadline, "not so in time"


def refused(gateway, name):
    client = gateway.client(headers=bearer(name))
    return client.response.status_code == 401


def test_tokens_come_and_go(configured, files):
    kitchen = configured.client(headers=bearer("kitchen"))
    cellar = configured.client(headers=bearer("cellar"))
    assert refused(configured, "garden")
    files.write_tokens("kitchen", "garden")
    assert reload(configured)["auth"] == "token"
    reason, _ = cellar.wait_closed(4401)
    assert reason
    assert refused(configured, "cellar")
    garden = configured.client(headers=bearer("garden"))
    garden.send({"type": "bark", "n": 1})
    assert kitchen.next() == {"type": "bark", "n": 1}
    kitchen.heard_nothing()


def test_grants_change_for_who_is_there(configured, files):
    kitchen = configured.client(headers=bearer("kitchen"))
    kitchen.send({"type": "bark"})
    kitchen.heard_nothing()
    files.write_tokens("kitchen", "cellar", grants="publish=thought sessions=*")
    reload(configured)
    kitchen.send({"type": "bark"})
    assert kitchen.error("FORBIDDEN")


def test_options_change_without_a_word(configured, files):
    client = configured.client(headers=bearer("kitchen"))
    files.write_config(**{"limits.message_bytes": "1KiB", "world.validation": "strict"})
    assert reload(configured)["changed"] == "2"
    client.heard_nothing()  # and so its reactor has been told, too
    client.send({"type": "bark", "text": "x" * 2000})
    client.error("MESSAGE_TOO_LARGE")
    client.send({"type": "never_heard_of"})
    client.error("VALIDATION_FAILED")
    assert reload(configured)["changed"] == "0"
    files.write_config(origins="https://example.org")
    reload(configured)

    def page(origin):
        return configured.client(headers=bearer("kitchen"), origin=origin).response.status_code

    until(lambda: page("https://example.org") == 101)
    until(lambda: page("http://localhost:1") == 403)
    client.heard_nothing()


def test_longer_messages_come_by_every_way(start, files, threads):
    files.write_config(**{"limits.message_bytes": "64KiB"})
    gateway = start("--config", str(files.config), threads=threads)
    body = '{"world": "main", "message": {"type": "bark", "text": "%s"}}' % ("x" * 200000)
    head = ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    head += [f"{name}: {value}" for name, value in bearer("kitchen")]

    def publish():
        return gateway.request("/api/gateway/publish", "POST", head, body.encode())[0]

    assert publish() == 413
    files.write_config(**{"limits.message_bytes": "1MiB"})
    reload(gateway)
    until(lambda: publish() == 202)


@pytest.mark.parametrize(
    "text, said",
    [
        ("auth.mode: token\nauth.token_fiel: x\n", "parley.yaml:2"),
        ("auth: [\n", "parley.yaml:"),
        ("auth.mode: token\n", "auth.token_file"),
        ("limits.clients: 0\nauth.mode: none\n", "limits.clients"),
    ],
    ids=["key", "syntax", "tokens", "range"],
)
def test_a_broken_file_changes_nothing(configured, files, text, said):
    client = configured.client(headers=bearer("kitchen"))
    files.write(files.config, text)
    assert said in reload(configured, "reload_failed")["error"]
    client.heard_nothing()
    assert refused(configured, "garden")
    assert configured.client(headers=bearer("cellar")).greeting
    files.write_config()
    assert reload(configured)["changed"] == "0"


def test_a_broken_token_file_changes_nothing(configured, files):
    files.write(files.tokens, f"sha256:zz {secret('kitchen')}\n")
    line = reload(configured, "reload_failed")
    assert "tokens:1" in line["error"]
    assert configured.client(headers=bearer("kitchen")).greeting
    files.tokens.unlink()
    reload(configured, "reload_failed")
    assert configured.client(headers=bearer("kitchen")).greeting
    assert not any("secret-of" in line for line in configured.lines)


def test_a_pipe_for_a_file_is_not_waited_for(configured, files):
    files.tokens.unlink()
    os.mkfifo(files.tokens, 0o600)
    assert "tokens: it is no file but a pipe" in reload(configured, "reload_failed")["error"]
    assert refused(configured, "garden") and configured.client(headers=bearer("kitchen")).greeting
    configured.terminate()
    assert configured.wait_exit() == 0


@pytest.fixture
def searching(files, monkeypatch):
    """Where a configuration is searched for; the one of `files` is found first."""
    monkeypatch.chdir(files.config.parent)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(files.config.parent / "xdg"))
    other = files.config.parent / "xdg" / "parley" / "parley.yaml"
    other.parent.mkdir(parents=True)
    return other


def test_a_file_that_is_found_no_more_changes_nothing(start, files, searching):
    """As while an editor makes its backup: what is found without it would let everybody in."""
    gateway = start()
    away = files.config.with_suffix(".yaml~")
    files.config.rename(away)
    assert reload(gateway, "reload_failed")["error"].startswith("parley.yaml: the running configuration came from")
    assert gateway.request("/api/gateway/clients")[0] == 401
    searching.write_text("threads: 1\n")
    error = reload(gateway, "reload_failed")["error"]
    assert error.startswith("parley.yaml: ") and f"{searching} is found instead" in error
    assert gateway.request("/api/gateway/clients")[0] == 401
    away.rename(files.config)
    assert reload(gateway)["changed"] == "0"


def test_a_file_that_has_come_since_is_taken_and_kept(start, files, searching):
    files.config.unlink()
    gateway = start(settings={"sandbox": "off"})  # which would keep it from a directory without one
    if os.path.exists("/etc/parley/parley.yaml"):
        pytest.skip("this machine has a configuration")
    files.write_config()
    assert reload(gateway)["changed"] == "2"
    assert refused(gateway, "garden")
    files.config.unlink()
    assert "put it back" in reload(gateway, "reload_failed")["error"]
    assert refused(gateway, "garden")


def test_what_needs_a_restart_is_named_and_kept(configured, files):
    files.write_config(**{"listen.world_paths": "/elsewhere"})
    assert reload(configured)["needs_restart"] == "listen.world_paths"
    assert configured.client(headers=bearer("kitchen")).greeting
    assert reload(configured)["needs_restart"] == "listen.world_paths"
    files.write_config()
    assert "needs_restart" not in reload(configured)


def test_authentication_stays_while_others_can_reach_it(start, files):
    """A bind that needs a restart goes on to hold, so what it asks for does, too."""
    files.write_config(**{"listen.bind": "all"})
    gateway = start("--config", str(files.config))
    files.write(files.config, "listen.bind: loopback\nauth.mode: none\n")
    assert "listen.bind" in reload(gateway, "reload_failed")["error"]
    assert refused(gateway, "garden")


def test_the_level_of_the_log(start, files, tmp_path):
    with Manager(tmp_path / "notify") as manager:
        gateway = start("--config", str(files.config), prefix=manager.prefix())
        manager.wait("READY")
        files.write_config(**{"log.level": "warning"})
        gateway.process.send_signal(signal.SIGHUP)
        manager.wait("RELOADING")
        manager.wait("READY")
        assert refused(gateway, "garden")
        gateway.wait_event("auth_failed")
        assert not any("event=reloaded " in line for line in gateway.lines)
        files.write_config()
        assert reload(gateway)["changed"] == "1"


# --- many ------------------------------------------------------------------------------------


def read_state(gateway):
    """Descriptors, threads and resident kilobytes of the process."""
    pid = gateway.process.pid
    with open(f"/proc/{pid}/status") as f:
        status = dict(line.split(":", 1) for line in f)
    return (
        len(os.listdir(f"/proc/{pid}/fd")),
        int(status["Threads"]),
        int(status["VmRSS"].split()[0]),
    )


class Crowd:
    """Clients that talk with each other, and remember what they heard of whom."""

    def __init__(self, gateway, names):
        self.clients = [gateway.client(headers=bearer(name)) for name in names]
        self.heard = [[] for _ in names]
        self.said = 0

    def talk(self):
        for number, client in enumerate(self.clients):
            client.send({"type": "bark", "from": number, "n": self.said})
        self.said += 1

    def listen(self):
        for client, heard in zip(self.clients, self.heard):
            heard += client.barrier()

    def check(self):
        """Each has heard all that the others said, once and in order."""
        self.listen()  # all that was said has come to the hub,
        self.listen()  # and all of it from there
        for hearer, heard in enumerate(self.heard):
            for speaker in range(len(self.clients)):
                numbers = [m["n"] for m in heard if m["type"] == "bark" and m["from"] == speaker]
                assert numbers == ([] if speaker == hearer else list(range(self.said))), (hearer, speaker)


def test_many_reloads_under_traffic(start, files, threads, tmp_path):
    """Tokens come and go a thousand times; who has one that stays hears everything, in order."""
    steady = [f"steady-{i}" for i in range(4)]
    guests = {}
    files.write_tokens(*steady)
    with Manager(tmp_path / "notify") as manager:
        gateway = start("--config", str(files.config), threads=threads, prefix=manager.prefix())
        manager.wait("READY")
        crowd = Crowd(gateway, steady)

        def one_round(number):
            """A guest may come in, and the one before the last may not any more."""
            names = [f"guest-{number}", f"guest-{number - 1}"]
            files.write_tokens(*steady, *names)
            gateway.process.send_signal(signal.SIGHUP)
            crowd.talk()
            manager.wait("RELOADING")
            manager.wait("READY")
            crowd.talk()
            guests[number] = gateway.client(headers=bearer(names[0]))
            if number - 2 in guests:
                withdrawn = guests.pop(number - 2)
                withdrawn.wait_closed(4401)
                gateway.clients.remove(withdrawn)
                withdrawn.abort()
            crowd.listen()

        for number in range(WARM_UP):
            one_round(number)
        before = read_state(gateway)
        for number in range(WARM_UP, ROUNDS):
            one_round(number)
        crowd.check()
        after = read_state(gateway)
        assert after[:2] == before[:2], "descriptors, threads"
        assert is_sanitized() or after[2] <= before[2] + SLACK_KB, "kilobytes in memory"


def test_reloads_at_once(configured, files):
    """Signals that come while one is under way are one more; the last state of the files holds."""
    for number in range(50):
        files.write_tokens("kitchen", f"last-{number}")
        configured.process.send_signal(signal.SIGHUP)
    client = configured.client(headers=bearer("kitchen"))
    until(lambda: not refused(configured, "last-49"))
    client.heard_nothing()


def test_reload_while_stopping(start, files):
    gateway = start("--config", str(files.config), settings={"drain": "1h"})
    client = gateway.client(headers=bearer("kitchen"))
    gateway.terminate()
    gateway.wait_event("draining")
    gateway.process.send_signal(signal.SIGHUP)
    client.close()
    assert gateway.wait_exit() == 0
    assert not any("event=reloaded" in line for line in gateway.lines)
