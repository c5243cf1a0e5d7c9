"""A day in the world, compared with the model message by message. PARLEY_DAY_SEED replays one."""

import os
import secrets
import time

import pytest

from day import Day
from model import World

# What each who was there from the morning to the end must have heard at the least.
LEAST_UNFILTERED = 4000
LEAST_FILTERED = 400


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_a_day(start, threads, kind, tmp_path):
    seed = int(os.environ.get("PARLEY_DAY_SEED") or secrets.randbits(32))
    print(f"PARLEY_DAY_SEED={seed}")
    gateway = start(
        threads=threads,
        unix=tmp_path / "parley.sock" if kind == "unix" else None,
        settings={"heartbeat.interval": "5m", "heartbeat.timeout": "10m"},
    )
    began = time.monotonic()
    day = Day(gateway, seed)
    lives = day.run()
    driven = time.monotonic()
    world = World(lives)
    problems = world.check()
    print(f"{len(lives)} lives, deeds {day.did}")
    print(f"{dict(world.counts)}; driven in {driven - began:.1f} s, checked in {time.monotonic() - driven:.1f} s")
    assert problems == [], f"seed {seed}: {len(problems)} problems\n" + "\n".join(problems[:40])
    for life in lives:
        if life.ready <= day.morning and life.how == "end":
            least = LEAST_UNFILTERED if life.patterns is None else LEAST_FILTERED
            assert len(life.heard) >= least, (life.name, life.patterns, len(life.heard))
    for count in ("slow", "leaves", "directed", "unknown targets", "skipped", "rosters"):
        assert world.counts[count] > 0, f"the day had no {count}"
