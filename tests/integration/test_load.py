"""Many clients at once, driven by our load generator, which checks every delivery: once, in order,
unchanged. What is counted decides here, not how long it took."""

import json
import os
import subprocess

import pytest

from harness.gateway import ROOT, environment, program

SIZES = [pytest.param(128, id="128-B"), pytest.param(20_000, id="20-KB")]

# Tells a generator that hangs from a machine that is slow.
RUN_SECONDS = 100


def load_program():
    """parley-bench: PARLEY_LOAD, or beside the program under test."""
    return str(ROOT / (os.environ.get("PARLEY_LOAD") or f"{program()}-bench"))


@pytest.fixture(params=[1] + [pytest.param(n, marks=pytest.mark.threads) for n in (2, 4)], ids="threads-{}".format)
def busy(request, start):
    """A gateway at threads 1, 2 and 4, whose reactors all have clients."""
    return start(threads=request.param)


def put_load_on(gateway, mode, *options):
    """One run of the generator, which must accept every delivery; returns its figures."""
    command = [load_program(), mode, "--url", gateway.ws_url("/"), "--warmup", "0", "--json"]
    done = subprocess.run(
        [*command, *map(str, options)],
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
        env=environment(),
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    figures = json.loads(done.stdout)
    assert (figures["wrong"], figures["missing"]) == (0, 0), figures
    return figures


def counts(figures):
    return figures["messages"], figures["deliveries"]


def assert_all_left(gateway):
    status = gateway.wait_status(lambda status: status["connections"] == 0)
    assert (status["total"], status["messages"]["dropped"]) == (0, 0), status
    assert status["sessions"] == 1, "the world main is always there, the others are gone"


@pytest.mark.parametrize("size", SIZES)
def test_fanout(busy, size):
    figures = put_load_on(busy, "fanout", "--clients", 200, "--window", 64, "--size", size, "--messages", 300)
    assert counts(figures) == (300, 300 * 200)
    assert_all_left(busy)


@pytest.mark.parametrize("size", SIZES)
def test_chat(busy, size):
    figures = put_load_on(busy, "chat", "--clients", 60, "--size", size, "--messages", 600)
    assert counts(figures) == (600, 600 * 59)
    assert_all_left(busy)


@pytest.mark.parametrize("size", SIZES)
def test_pairs(busy, size):
    figures = put_load_on(
        busy, "pairs", "--clients", 40, "--size", size, "--messages", 2000
    )
    assert counts(figures) == (2000, 2000)
    assert_all_left(busy)


def test_connect_churn(busy):
    """Clients that come and go by the hundred, while one stays and hears its world undisturbed."""
    resident, speaker = busy.client(world="home"), busy.client(world="home")
    for number in range(3):
        assert put_load_on(busy, "connect", "--clients", 200)["deliveries"] == 200
        speaker.send(f'{{"type":"bark","n":{number}}}')
        assert resident.next() == {"type": "bark", "n": number}
    resident.heard_nothing()
    busy.wait_status(lambda status: status["connections"] == 2)


def test_two_loads_at_once(busy):
    """Two worlds share the reactors and nothing else."""
    path = busy.ws_url("/ws/matrix?world={}")
    runs = [
        subprocess.Popen(
            [load_program(), mode, "--url", path.format(world), "--warmup", "0", "--json"]
            + ["--clients", "50", "--window", "50", "--messages", "1000"],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        for world, mode in (("left", "fanout"), ("right", "chat"))
    ]
    figures = [json.loads(run.communicate(timeout=RUN_SECONDS)[0]) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], figures
    assert [counts(each) for each in figures] == [(1000, 50_000), (1000, 49_000)]
    assert_all_left(busy)
