"""The bridge as a service: what the service manager is told, and when."""

import os
import signal

import pytest

from harness.manager import Manager
from place import yaml_of


@pytest.fixture
def manager(tmp_path):
    with Manager(tmp_path / "notify") as manager:
        yield manager


def test_ready_is_said_after_the_first_sync(build, manager):
    place = build("openai")
    place.homeserver.web.shut()
    bridge = place.launch(prefix=manager.prefix())
    bridge.wait_line("homeserver_away")
    place.homeserver.web.open(place.homeserver.web.port)
    assert manager.wait("READY")["READY"] == "1"
    assert any(call.route.name == "sync" for call in place.homeserver.log if call.route), "it had synced before"
    place.answer("hello")


def test_reload_and_stop_are_said(build, manager):
    place = build("openai")
    bridge = place.start(prefix=manager.prefix())
    manager.wait("READY")
    place.write("bridge.yaml", yaml_of(place.config), 0o644)
    bridge.process.send_signal(signal.SIGHUP)
    assert "MONOTONIC_USEC" in manager.wait("RELOADING")
    manager.wait("READY")
    bridge.stop()
    manager.wait("STOPPING")


def test_without_standard_files(build):
    """No socket and no file of the bridge gets their numbers."""
    place = build("openai")
    bridge = place.start(prefix=("bash", "-c", 'exec "$0" "$@" <&- >&-'))
    for fd in (0, 1):
        assert os.readlink(f"/proc/{bridge.process.pid}/fd/{fd}") == "/dev/null"
    bridge.stop()
