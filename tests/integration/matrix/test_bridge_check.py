"""`--check`, `--once`, exit codes, and the bridge's own pages."""

import json
import subprocess
import time

import pytest

from bridge import program
from homeserver import Fault
from place import BOT

OK, AWAY, REFUSED, CONFIG = 0, 69, 77, 78


def test_check_says_ok_line_by_line(build):
    place = build("openai")
    place.ask("not answered by a check")
    code, log = place.run("--check")
    lines = [line for line in log.splitlines() if line.strip()]
    assert code == OK and len(lines) >= 4, log
    assert all("ok" in line for line in lines), log
    for subject in ("configuration", "homeserver", "login", "agent"):
        assert any(subject in line for line in lines), (subject, log)
    assert not place.said() and not place.agent.asked, "it opens no turn and answers nobody"


def homeserver_away(place):
    place.config["matrix"]["server"] = "http://127.0.0.1:1"


def agent_away(place):
    place.config["agent"]["base_url"] = "http://127.0.0.1:1"


def wrong_password(place):
    place.write("credentials.json", json.dumps({"password": "wrong"}))


def locked(place):
    place.homeserver.set_user(BOT, locked=True)


def deactivated(place):
    place.homeserver.set_user(BOT, deactivated=True)


def credentials_missing(place):
    place.credentials.unlink()


def credentials_open(place):
    place.credentials.chmod(0o644)


def credentials_no_json(place):
    place.write("credentials.json", "password: x")


def key_missing(place):
    place.api_key.unlink()


def adapter_unknown(place):
    place.config["agent"]["adapter"] = "oracle"


def option_unknown(place):
    place.config["bridge"]["colour"] = "red"


def duration_wrong(place):
    place.config["bridge"]["poll_interval"] = "soon"


def user_wrong(place):
    place.config["matrix"]["user_id"] = "bot"


def state_nowhere(place):
    place.config["bridge"]["state_file"] = str(place.directory / "nowhere" / "state.db")


FAULTS = [
    (homeserver_away, AWAY, "homeserver"),
    (agent_away, AWAY, "agent"),
    (wrong_password, REFUSED, "password"),
    (locked, REFUSED, "locked"),
    (deactivated, REFUSED, "deactivated"),
    (credentials_missing, CONFIG, "credentials.json"),
    (credentials_open, CONFIG, "credentials.json"),
    (credentials_no_json, CONFIG, "credentials.json"),
    (key_missing, CONFIG, "api-key"),
    (adapter_unknown, CONFIG, "adapter"),
    (option_unknown, CONFIG, "colour"),
    (duration_wrong, CONFIG, "poll_interval"),
    (user_wrong, CONFIG, "user_id"),
    (state_nowhere, CONFIG, "state"),
]


@pytest.mark.parametrize("plant, code, word", FAULTS, ids=lambda value: getattr(value, "__name__", None))
def test_check_finds(build, plant, code, word):
    place = build("openai")
    plant(place)
    found, log = place.run("--check")
    assert found == code, log
    assert word in log, log


@pytest.mark.parametrize("plant, code, word", FAULTS, ids=lambda value: getattr(value, "__name__", None))
def test_once_finds(build, plant, code, word):
    if plant is agent_away:
        pytest.skip("nothing is asked of it")
    place = build("openai")
    plant(place)
    found, log = place.run("--once")
    assert found == code, log
    assert word in log, log


def test_check_finds_a_room_that_is_not_joined(build):
    place = build("openai")
    room = place.homeserver.make_room("@mallory:example.org")
    place.config["matrix"]["rooms"] = [place.room, room]
    code, log = place.run("--check")
    assert code != OK and room in log, log


def test_check_finds_another_device(build):
    from raw_client import RawClient

    place = build("openai")
    client = RawClient(place.homeserver.url)
    client.login("bot", "a secret of the bot", "ANOTHER")
    place.homeserver.credentials_file = None  # its refresh token stands nowhere
    place.write("credentials.json", json.dumps({"access_token": client.token}))
    code, log = place.run("--check")
    assert code != OK and "device" in log, log


def test_check_finds_a_clock_that_is_wrong(build):
    place = build("openai")
    place.homeserver.web.clock_ahead_s = 3600
    _, log = place.run("--check")
    assert "clock" in log, log


def test_check_beside_the_running_bridge(place):
    """It must not end the session of the one that runs."""
    code, log = place.run("--check")
    assert code == OK, log
    place.bridges.pop()
    place.answer("still here")


def test_once(build):
    place = build("openai")
    code, log = place.run("--once")
    assert code == OK, log
    asked = [place.ask("one"), place.ask("two")]
    code, log = place.run("--once")
    assert code == OK, log
    assert [shown.reply_to for shown in place.said()] == asked
    assert place.run("--once")[0] == OK
    assert len(place.said()) == 2


def test_the_daemon_waits_where_once_gives_up(build):
    place = build("openai")
    place.homeserver.web.shut()
    bridge = place.launch()
    bridge.wait_status("/readyz", 503)
    place.homeserver.web.open(place.homeserver.web.port)
    place.wait(place.is_waiting, "a sync")


def test_two_bridges_with_one_state_file(place):
    code, log = place.run(config={"bridge": {"health": None}})
    place.bridges.pop()
    assert code != OK and "state" in log, log
    place.answer("the first one goes on")


def test_wrong_use():
    done = subprocess.run([program(), "--nonsense"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2 and done.stderr, done


test_wrong_use = pytest.mark.usefixtures("build")(test_wrong_use)


# --- its own pages ----------------------------------------------------------------------------


def test_ready_and_not(place):
    assert place.bridge.wait_status("/readyz", 200)
    assert place.bridge.get("/healthz")[0] == 200
    assert place.bridge.get("/nothing")[0] == 404
    place.homeserver.web.shut()
    begin = time.monotonic()
    place.bridge.wait_status("/readyz", 503)
    # A promise about time that a person sees; ten times as long would still be a bug of ours, not of the machine.
    assert time.monotonic() - begin < 5
    assert place.bridge.get("/healthz")[0] == 200
    place.homeserver.web.open(place.homeserver.web.port)
    place.bridge.wait_status("/readyz", 200)


def test_not_ready_while_the_agent_is_away(place):
    place.bridge.wait_status("/readyz", 200)
    place.agent.web.shut()
    place.ask("anybody?")
    place.bridge.wait_status("/readyz", 503)
    place.agent.web.open(place.agent.web.port)
    place.bridge.wait_status("/readyz", 200)


def test_metrics(place):
    before = place.bridge.get("/metrics")[1]
    names = {line.split()[2]: line.split()[3] for line in before.splitlines() if line.startswith("# TYPE")}
    assert names and all(name.startswith("parley_bridge_") for name in names), names
    place.answer("one")
    place.homeserver.fault(Fault("repeat", path="/sync", count=1))
    place.answer("two")
    assert place.bridge.metric("parley_bridge_questions_total") == 2
    assert place.bridge.metric("parley_bridge_answers_total") == 2
    assert place.bridge.metric("parley_bridge_rooms") == 1


def test_reload(place):
    place.answer("one")
    place.config["matrix"]["admins"] = ["@alice:example.org"]
    from place import yaml_of

    place.write("bridge.yaml", yaml_of(place.config), 0o644)
    place.bridge.process.send_signal(1)
    place.answer("two")
    assert "Room 0" in place.command("/rooms") or place.room in place.bodies()[-1]


def test_reload_names_what_waits(place):
    """Options that need a restart hold as they were, however often it reloads."""
    from place import yaml_of

    place.answer("one")
    place.config["agent"]["model"] = "another-model"
    for _ in range(3):
        place.write("bridge.yaml", yaml_of(place.config), 0o644)
        place.bridge.lines.clear()
        place.bridge.process.send_signal(1)
        place.bridge.wait_line('needs_restart="agent.model"')
    place.answer("two")
    assert place.agent.asked[-1].model == "test-model"
    place.config["matrix"]["admins"] = ["ann"]
    place.write("bridge.yaml", yaml_of(place.config), 0o644)
    place.bridge.process.send_signal(1)
    place.bridge.wait_line("reload_failed")
    place.answer("three")


def test_reload_leaves_readiness_alone(build):
    """It goes by the timeout that syncs are asked with, not by one that waits for a restart."""
    from place import yaml_of

    place = build("openai", config={"bridge": {"timeout": "60s"}})
    place.start()
    place.bridge.wait_status("/readyz", 200)
    place.config["bridge"]["timeout"] = "1s"
    place.write("bridge.yaml", yaml_of(place.config), 0o644)
    place.bridge.process.send_signal(1)
    place.bridge.wait_line('needs_restart="bridge.timeout"')
    # Until it looks at the agent once more: that is 30 s after the last time.
    seen = len(place.agent.requests)
    place.wait(lambda: len(place.agent.requests) > seen, "a look at the agent", 90)
    assert place.bridge.get("/readyz")[0] == 200
