"""What a gateway that serves has given up, as the kernel tells it; what that forbids is tried in
tests/unit/cli/test_sandbox.c."""

import os
import signal

import pytest

ALL = "dumpable,privileges,capabilities,landlock,seccomp"
NONE = {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapAmb": 0}


def status_of(pid, thread):
    with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


@pytest.mark.parametrize("threads", [1, 4])
def test_every_thread_has_given_up_its_rights(start, threads):
    gateway = start(threads=threads)
    gateway.client()
    parts = gateway.wait_event("ready")["sandbox"].split(",")
    tasks = os.listdir(f"/proc/{gateway.process.pid}/task")
    assert len(tasks) >= threads
    for thread in tasks:
        status = status_of(gateway.process.pid, thread)
        assert status["NoNewPrivs"] == "1"
        assert {name: int(status[name], 16) for name in NONE} == NONE
        assert os.geteuid() != 0 or int(status["CapBnd"], 16) == 0
        assert status["Seccomp"] == ("2" if "seccomp" in parts else "0")
    assert set(ALL.split(",")) - set(parts) <= {"landlock", "seccomp"}, "all that needs no help of the kernel"


def test_switched_off(start):
    gateway = start(settings={"sandbox": "off"})
    assert gateway.wait_event("ready")["sandbox"] == "off"
    status = status_of(gateway.process.pid, gateway.process.pid)
    assert status["NoNewPrivs"] == "0" and status["Seccomp"] == "0"


@pytest.mark.parametrize("path", ["parley.sock", "sub/parley.sock"])
def test_a_relative_unix_socket_is_removed_at_the_end(start, tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    gateway = start("--unix", path)
    assert (tmp_path / path).is_socket()
    gateway.terminate()
    assert gateway.wait_exit() == 0
    assert not (tmp_path / path).exists()


def test_a_reload_reads_files_that_took_the_place_of_others(start, tmp_path):
    """By another name beside it, renamed, and through a link to another directory."""
    real = tmp_path / "secrets"
    real.mkdir()
    (real / "tokens").write_text("the-first-secret-of-the-two\n")
    (real / "tokens").chmod(0o600)
    (tmp_path / "tokens").symlink_to(real / "tokens")
    gateway = start("--token-file", str(tmp_path / "tokens"))
    fresh = real / "tokens.new"
    fresh.write_text("the-second-secret-of-the-two\n")
    fresh.chmod(0o600)
    fresh.rename(real / "tokens")
    gateway.process.send_signal(signal.SIGHUP)
    assert gateway.wait_event("reloaded")
