"""The scenario files of tests/scenario, played against a live daemon."""

import sys
import tomllib
from pathlib import Path

import pytest

SCENARIOS = Path(__file__).resolve().parents[1] / "scenario"
sys.path.insert(0, str(SCENARIOS))

import run_live  # noqa: E402
from harness import secure  # noqa: E402

FILES = [path for path in sorted(SCENARIOS.glob("*.txt")) if run_live.is_for_live(path)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario(start, threads, path):
    run_live.play_file(path, start(threads=threads, settings=run_live.settings_of(path)))


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return secure.make_pair(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario_over_tls(start, threads, path, pair):
    settings = run_live.settings_of(path) | secure.settings_for(pair)
    run_live.play_file(path, start(threads=threads, settings=settings, tls=secure.context_for(pair[0])))


# Codes that no scenario can show alike in memory and live: what runs out takes a signed token, who is slow takes a
# socket that is not read, and a handler is another program's. test_errors.py has all three.
ELSEWHERE = {"AUTH_EXPIRING", "SLOW_CLIENT", "HANDLER_ERROR"}


def test_every_code_has_a_scenario():
    with open(SCENARIOS.parents[1] / "schema" / "errors.toml", "rb") as file:
        errors = tomllib.load(file)["error"]
    codes = {error["code"] for error in errors if "message" in error["met"]}
    text = "\n".join(path.read_text() for path in SCENARIOS.glob("*.txt"))
    missing = {code for code in codes if f'"{code}"' not in text and f"error {code}" not in text}
    assert missing == ELSEWHERE


def test_every_type_that_the_gateway_answers_has_a_scenario():
    with open(SCENARIOS.parents[1] / "schema" / "messages.toml", "rb") as file:
        messages = tomllib.load(file)["message"]
    text = "\n".join(path.read_text() for path in SCENARIOS.glob("*.txt"))
    # auth_error is declared, and never sent.
    types = {m["type"] for m in messages if m["dialect"] == "gateway" and m["typed"]} - {"auth_error"}
    assert {name for name in types if f'"type":"{name}"' not in text} == set()


def test_there_are_scenarios():
    assert len(FILES) >= 15
