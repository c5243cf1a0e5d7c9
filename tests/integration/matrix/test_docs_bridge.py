"""docs/bridge.md keeps its word: its configurations are checked and its conversations held, with the doubles of a
homeserver and of agents, and with a real gateway.

The info string of a fenced block says what it is: `yaml ADAPTER` is a configuration, `text check ADAPTER` what `--check` prints
with it, `text chat ADAPTER` a conversation in a room, all those of one adapter in their order. `python NAME` is a file.
"""

import contextlib
import os
import re
import subprocess
import threading

import pytest

from agents import AIAgent, Answer, OpenAI
from bridge import ROOT, Bridge, program
from harness.gateway import Gateway, environment
from harness.gateway import program as parley
from place import ALICE, BOB, BOT

TEXT = (ROOT / "docs" / "bridge.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```([^\n]+)\n(.*?)^```$", TEXT, re.M | re.S)
SERVER = "https://matrix.example.org"
# What the agents of the page say; it says that this is made up.
SAYINGS = {
    "What is the capital of France?": "Paris.",
    "And how many people live there?": "About two million.",
    "Is the door locked?": "It is.",
}


def blocks(info):
    found = [text for head, text in BLOCKS if head == info]
    assert found, f"docs/bridge.md has no block {info!r}"
    return found


@contextlib.contextmanager
def agent_of_gateway(gateway, directory):
    (script,) = blocks("python shout.py")
    (directory / "shout.py").write_text(script)
    (line,) = [line for text in blocks("sh") for line in text.splitlines() if line.startswith("parley agent run")]
    assert line == "parley agent run chat --exec 'python3 shout.py'"
    command = [parley(), "agent", "run", "chat", "--exec", "python3 shout.py"]
    process = subprocess.Popen(
        command, cwd=directory, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment(PARLEY_URL=gateway.url)
    )
    try:
        assert any("ready" in line for line in iter(process.stderr.readline, "")), "the agent is not ready"
        reader = threading.Thread(target=process.stderr.read, daemon=True)
        reader.start()
        yield
    finally:
        process.kill()
        process.wait()


class Guide:
    """A place as the page has it: a room with an address, and the page's own configuration."""

    def __init__(self, build, adapter, gateway=None):
        doubles = {"openai": OpenAI, "aiagent": AIAgent}
        agent = doubles[adapter]("a key", script=lambda question: Answer(SAYINGS[question])) if adapter in doubles else None
        self.place = build(adapter, agent=agent)
        homeserver = self.place.homeserver
        self.place.room = homeserver.make_room(ALICE, [BOB, BOT], name="help", alias="#help:example.org")
        (text,) = blocks(f"yaml {adapter}")
        real = agent.url if agent else gateway.ws_url("/ws")
        text = re.sub(r"base_url: \S+", f"base_url: {real}", text).replace(SERVER, homeserver.url)
        self.place.directory.joinpath("bridge.yaml").write_text(text)
        self.place.device = lambda: homeserver.people.users[BOT].devices.get("PARLEY")

    def start(self):
        self.place.bridges.append(Bridge("bridge.yaml"))
        self.place.wait(self.place.is_waiting, "the first sync")

    def run_check(self):
        done = subprocess.run(
            [program(), "--config", "bridge.yaml", "--check"],
            cwd=self.place.directory, capture_output=True, text=True, timeout=60, check=False,
        )
        return done.returncode, done.stdout.replace(self.place.homeserver.url, SERVER)


def lines_of(text):
    """(speaker, words) of a conversation."""
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines()]


@pytest.fixture
def guide(build, tmp_path, request, monkeypatch):
    """The place of an adapter, with what answers there."""
    monkeypatch.chdir(tmp_path)
    if request.param != "gateway":
        yield Guide(build, request.param)
        return
    with Gateway() as gateway, agent_of_gateway(gateway, tmp_path):
        yield Guide(build, request.param, gateway)


@pytest.mark.parametrize("guide, adapter", [(name, name) for name in ("openai", "gateway")], indirect=["guide"])
def test_what_check_prints(guide, adapter):
    (shown,) = blocks(f"text check {adapter}")
    command, _, lines = shown.partition("\n")
    assert command == "$ parley bridge --config bridge.yaml --check"
    assert guide.run_check() == (0, lines)
    assert lines in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("guide, adapter", [(name, name) for name in ("openai", "aiagent", "gateway")], indirect=["guide"])
def test_conversations(guide, adapter):
    place = guide.place
    guide.start()
    for speaker, words in (line for text in blocks(f"text chat {adapter}") for line in lines_of(text)):
        if speaker == "alice":
            asked = place.ask(words)
        else:
            assert place.wait_said(re.escape(words) + r"\Z", reply_to=asked)
    assert os.listdir(place.directory).count("bridge.db") == 1
