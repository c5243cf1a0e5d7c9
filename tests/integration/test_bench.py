"""`parley bench` as a person starts it, every mode against a live gateway. Counts decide, never speeds."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree
from pathlib import Path

import pytest

from harness import PATIENCE
from harness.gateway import environment, program, run_parley

OK, FAILED, USAGE, UNAVAILABLE = 0, 1, 2, 69
SVG = "{http://www.w3.org/2000/svg}"
RUN_SECONDS = 100


def bench(gateway, mode, *options, code=OK, **variables):
    """One run; what it says as JSON, a dict for each line."""
    done = subprocess.run(
        [program(), "bench", mode, "--json", "--warmup", "0", *map(str, options)],
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
        env=environment(PARLEY_URL=gateway.url, **variables),
    )
    assert done.returncode == code, done
    return [json.loads(line) for line in done.stdout.splitlines()]


def counts(figures):
    assert (figures["wrong"], figures["missing"]) == (0, 0), figures
    return figures["messages"], figures["deliveries"]


@pytest.fixture
def pid(tcp_gateway):
    return tcp_gateway.process.pid


@pytest.fixture(params=["world", "gateway"])
def dialect(request):
    return "--dialect", request.param


def test_fanout(tcp_gateway, dialect, pid):
    (figures,) = bench(tcp_gateway, "fanout", *dialect, "--clients", 20, "--messages", 30, "--pid", pid)
    assert counts(figures) == (30, 600)
    assert figures["server_cpu_ns"] > 0 and figures["latency_ns"]["count"] == 600


def test_pipelined(tcp_gateway, dialect):
    (figures,) = bench(tcp_gateway, "pipelined", *dialect, "--clients", 20, "--messages", 300)
    assert counts(figures) == (300, 6000) and figures["window"] == 64


def test_chat_in_one_session(tcp_gateway, dialect):
    (figures,) = bench(tcp_gateway, "chat", *dialect, "--clients", 12, "--messages", 240)
    assert counts(figures) == (240, 240 * 11)


def test_chat_in_many_sessions(tcp_gateway):
    """Forty sessions of three, each client in four of them: 30 connections."""
    options = ["--dialect", "gateway", "--sessions", 40, "--clients", 3, "--joins", 4, "--messages", 300]
    (figures,) = bench(tcp_gateway, "chat", *options)
    assert counts(figures) == (300, 600)


def test_pairs(tcp_gateway, dialect):
    (figures,) = bench(tcp_gateway, "pairs", *dialect, "--clients", 10, "--messages", 200)
    assert counts(figures) == (200, 200)


@pytest.mark.parametrize("askers, agents, window", [(1, 1, 1), (1, 1, 64), (5, 2, 16)])
def test_requests(tcp_gateway, dialect, askers, agents, window):
    options = ["--clients", askers, "--agents", agents, "--window", window, "--messages", 200]
    (figures,) = bench(tcp_gateway, "requests", *dialect, *options)
    assert counts(figures) == (200, 200)
    assert figures["latency_ns"]["count"] == 200


def test_idle(tcp_gateway, pid):
    (figures,) = bench(tcp_gateway, "idle", "--clients", 100, "--pid", pid)
    assert figures["deliveries"] == 90 and figures["pss_anon_before"] > 0
    options = ["--dialect", "gateway", "--sessions", 20, "--clients", 3, "--joins", 2, "--pid", pid]
    (figures,) = bench(tcp_gateway, "idle", *options)
    assert (figures["deliveries"], figures["joined"]) == (30, 54)


def test_connect(tcp_gateway, dialect, pid):
    (figures,) = bench(tcp_gateway, "connect", *dialect, "--clients", 50, "--pid", pid)
    assert figures["deliveries"] == figures["latency_ns"]["count"] == 50


def test_stalled(tcp_gateway, dialect, pid):
    (figures,) = bench(tcp_gateway, "stalled", *dialect, "--clients", 5, "--messages", 500, "--pid", pid)
    assert counts(figures) == (500, 500)
    assert figures["pss_anon_before"] > 0 and figures["pss_anon_after"] > 0


def test_probe(tcp_gateway, dialect, pid):
    options = ["--clients", 30, "--rate", 100, "--messages", 60, "--pid", pid]
    (figures,) = bench(tcp_gateway, "probe", *dialect, *options)
    messages, deliveries = counts(figures)
    assert figures["probed"] == figures["latency_ns"]["count"] == 60
    assert (messages - 60) * 30 == deliveries - 60, "the crowd has heard every broadcast"


def test_stop(tcp_gateway, dialect, pid):
    """Messages were due while the server stood still, so one of them was at least that late."""
    options = ["--clients", 5, "--rate", 500, "--messages", 150, "--pause", 50, "--pid", pid]
    (figures,) = bench(tcp_gateway, "stop", *dialect, *options)
    assert counts(figures) == (150, 750)
    assert figures["lag_ns"] >= 40_000_000
    # It goes on: it notices that all have left.
    tcp_gateway.wait_status(lambda status: status["connections"] == 0)


def test_open_loop_counts_from_when_it_was_due(tcp_gateway, pid):
    """With one under way nothing leaves while the server stands still; of 150 messages 20 are due in the first 40 ms of
    those 50, and come at least 10 ms late: more than a tenth of all."""
    options = ["--clients", 1, "--rate", 500, "--messages", 150, "--pause", 50, "--window", 1, "--pid", pid]
    (figures,) = bench(tcp_gateway, "stop", *options)
    assert counts(figures) == (150, 150)
    assert figures["latency_ns"]["p90"] >= 10_000_000


def test_interrupted_stop(tcp_gateway, pid):
    """Whoever is interrupted while the server stands still lets it go on."""
    load = subprocess.Popen(
        [program(), "bench", "stop", "--pause", "60000", "--seconds", "0.3", "--warmup", "0", "--pid", str(pid)]
        + ["--clients", "1"],
        env=environment(PARLEY_URL=tcp_gateway.url),
    )
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            while stat.read().rsplit(") ", 1)[1][0] != "T":
                assert load.poll() is None
                stat.seek(0)
        load.send_signal(signal.SIGINT)
        assert load.wait(PATIENCE) == 128 + signal.SIGINT
        assert tcp_gateway.status()["status"]
    finally:
        load.kill()
        load.wait()
        os.kill(pid, signal.SIGCONT)


def test_open_loop(tcp_gateway, dialect):
    (figures,) = bench(tcp_gateway, "fanout", *dialect, "--clients", 5, "--rate", 1000, "--messages", 100)
    assert counts(figures) == (100, 500) and figures["loop"] == "open"
    assert figures["seconds"] >= 0.099, "the last of a hundred is due after 99 ms"


def test_series(tcp_gateway, tmp_path, pid):
    picture = tmp_path / "cost.svg"
    runs = bench(
        tcp_gateway, "fanout", "--clients", "1,10,30", "--messages", 20, "--pid", pid, "--svg", picture, "--label", "us"
    )
    assert [counts(each) for each in runs] == [(20, 20), (20, 200), (20, 600)]
    texts = [text.text for text in xml.etree.ElementTree.parse(picture).getroot().iter(SVG + "text")]
    assert {"us, 1", "us, 10", "us, 30", "us", "members"} <= set(texts)


def test_text(tcp_gateway):
    done = run_parley("bench", "fanout", "--messages", "10", "--warmup", "0", "--clients", "3", url=tcp_gateway.url)
    assert done.returncode == OK and done.stderr == "", done
    assert re.search(r"fanout, world: 3 clients.*10 messages, 30 deliveries.*p99\.9.*0 wrong, 0 missing", done.stdout, re.S)


def test_with_a_token(start, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("a-secret-that-is-long-enough\n")
    gateway = start("--token-file", str(secret), unix=None)
    options = ["--clients", 3, "--messages", 10]
    (figures,) = bench(gateway, "fanout", *options, "--token-file", secret)
    assert counts(figures) == (10, 30)
    done = run_parley("bench", "fanout", "--clients", "3", "--messages", "1", "--warmup", "0", url=gateway.url)
    assert done.returncode == FAILED and "AUTH_REQUIRED" in done.stderr, done


def test_help_needs_no_second_program(tmp_path):
    alone = tmp_path / "parley"
    shutil.copy(program(), alone)
    done = subprocess.run([alone, "bench", "--help"], capture_output=True, text=True, env=environment())
    assert done.returncode == OK and done.stdout.startswith("examples:\n") and " bench fanout" in done.stdout
    done = subprocess.run([alone, "bench", "fanout"], capture_output=True, text=True, env=environment())
    assert done.returncode == UNAVAILABLE and "script/build builds both" in done.stderr, done


def test_wrong_use():
    done = run_parley("bench", "fanuot")
    assert done.returncode == USAGE and "did you mean fanout?" in done.stderr
    assert f"{program()} bench fanout" in run_parley("bench").stderr


def target_of(link):
    """None while there is no such link: the shell closes the file a moment before the program begins."""
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return None


def test_without_standard_files(tmp_path):
    """No connection gets the number of stdout, where the figures would be written; seen while it waits for its input."""
    command = f'exec "$0" plot --svg {tmp_path}/plot.svg >&-'
    process = subprocess.Popen(["bash", "-c", command, f"{program()}-bench"], stdin=subprocess.PIPE, env=environment())
    stdout = Path(f"/proc/{process.pid}/fd/1")
    deadline = time.monotonic() + PATIENCE
    try:
        while target_of(stdout) != "/dev/null":
            assert time.monotonic() < deadline and process.poll() is None
    finally:
        process.stdin.close()
        process.wait(PATIENCE)
