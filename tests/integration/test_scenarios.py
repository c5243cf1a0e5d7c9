"""The scenario files of tests/scenario, played against a live daemon."""

import sys
from pathlib import Path

import pytest

SCENARIOS = Path(__file__).resolve().parents[1] / "scenario"
sys.path.insert(0, str(SCENARIOS))

import run_live  # noqa: E402

FILES = [path for path in sorted(SCENARIOS.glob("*.txt")) if run_live.is_for_live(path)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario(start, threads, path):
    run_live.play_file(path, start(threads=threads, settings=run_live.settings_of(path)))


def test_there_are_scenarios():
    assert len(FILES) >= 15
