#!/usr/bin/python3
"""What the bridge itself costs: its own time in a turn, its memory, and how soon it is there.

usage: run.py [--rooms N] [--rate PER_SECOND] [--questions N] [--json FILE]

The homeserver and the agent are the doubles of tests/matrix, the agent a process of its own. A time is from the
write of what the bridge needs to the read of what it makes of it, by one clock: what the doubles take to get to
their sockets is in it, so the bridge is faster than these figures. The program is PARLEY_BRIDGE, or stands beside
PARLEY_PROGRAM, or is build/parley-bridge.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "matrix"))

import bridge  # noqa: E402
from place import ALICE, BOT, Place  # noqa: E402

STARTS = 11
# The rows of the table: name, unit, target.
TARGETS = {
    "event to agent request, median": ("ms", 10),
    "event to agent request, p99": ("ms", 30),
    "last token to event, median": ("ms", 10),
    "last token to event, p99": ("ms", 30),
    "idle, anonymous memory": ("MB", 6),
    "idle, resident": ("MB", 20),
    "1,000 rooms and 100 streams, anonymous memory": ("MB", 40),
    "1,000 rooms and 100 streams, resident": ("MB", 40),
    "start to synced, median": ("ms", 300),
}


class AgentProcess:
    """tests/matrix/serve.py openai, with what Place wants of an agent."""

    api_key = "a key of the agent"

    def __init__(self, pace_s=0.0):
        command = [sys.executable, str(ROOT / "tests/matrix/serve.py"), "openai", self.api_key, str(pace_s)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            self.finish()

    def check(self):
        if self.process.poll() is None:
            self.finish()
        assert self.process.returncode == 0, "the agent was asked in a wrong way"

    def finish(self):
        """Ends it: what it was asked, by question."""
        out, _ = self.process.communicate()
        return {one["question"]: one for one in map(json.loads, out.splitlines())}


def memory_of(pid):
    """(anonymous, resident) in megabytes; anonymous memory as its share of it (Pss_Anon)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    values = {line.split(":")[0]: int(line.split()[1]) for line in rollup.splitlines()[1:]}
    return values["Pss_Anon"] / 1000 * 1.024, values["Rss"] / 1000 * 1.024


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Clock:
    """When a question was told to the bridge, and when its answer came back."""

    def __init__(self, homeserver):
        self.homeserver = homeserver
        self.told, self.answered = {}, {}
        homeserver.on_sync_written = self.on_sync

    def on_sync(self, sync):
        now = time.monotonic()
        for room in sync.joined.values():
            for event in room["timeline"]["events"]:
                body = event["content"].get("body") if event["type"] == "m.room.message" else None
                if body and event["sender"] == ALICE:
                    self.told.setdefault(body, now)

    def read_answers(self):
        for call in self.homeserver.calls("send", BOT):
            content = call.body.get("m.new_content") or call.body
            text = content.get("body", "")
            if text.startswith("echo: "):
                self.answered.setdefault(text[6:], call.request.received)


def measure_latency(directory, rooms, rate, questions):
    with Place(directory, agent=AgentProcess(), rooms=rooms) as place:
        place.is_quiet = True
        clock = Clock(place.homeserver)
        place.start()
        begin = time.monotonic()
        for number in range(questions):
            threading.Event().wait(max(0.0, begin + number / rate - time.monotonic()))
            place.ask(f"question {number}", place.rooms[number % rooms])
        last = f"question {questions - 1}"
        place.wait(lambda: sum(len(place.said(room)) for room in place.rooms) >= questions, last, 120)
        asked = place.agent.finish()
        clock.read_answers()
    names = [f"question {number}" for number in range(questions)]
    there = [1000 * (asked[name]["started"] - clock.told[name]) for name in names]
    back = [1000 * (clock.answered[name] - asked[name]["last"]) for name in names]
    rows = {}
    for label, values in (("event to agent request", there), ("last token to event", back)):
        rows[f"{label}, median"] = statistics.median(values)
        rows[f"{label}, p99"] = percentile(values, 0.99)
    return rows


def measure_idle(directory):
    with Place(directory, agent=AgentProcess()) as place:
        place.is_quiet = True
        place.start()
        place.answer("warm")
        place.wait_synced()
        anonymous, resident = memory_of(place.bridge.process.pid)
    return {"idle, anonymous memory": anonymous, "idle, resident": resident}


def measure_many(directory, rooms=1000, streams=100):
    words = " ".join(f"word{number}" for number in range(200))
    with Place(directory, agent=AgentProcess(pace_s=0.2), rooms=rooms) as place:
        place.is_quiet = True
        place.start()
        for room in place.rooms[:streams]:
            place.ask(words, room)
        begun = lambda: sum(bool(place.said(room)) for room in place.rooms[:streams])  # noqa: E731
        place.wait(lambda: begun() == streams, "all streams", 60)
        anonymous, resident = memory_of(place.bridge.process.pid)
        place.bridge.kill()
    label = "1,000 rooms and 100 streams"
    return {f"{label}, anonymous memory": anonymous, f"{label}, resident": resident}


def measure_start(directory):
    times = []
    with Place(directory, agent=AgentProcess()) as place:
        place.is_quiet = True
        place.start()
        for _ in range(STARTS):
            place.bridge.stop()
            begin = time.monotonic()
            bridge_process = place.launch()
            bridge_process.wait_status("/readyz", 200)
            times.append(1000 * (time.monotonic() - begin))
    return {"start to synced, median": statistics.median(times)}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rooms", type=int, default=500)
    options.add_argument("--rate", type=float, default=40)
    options.add_argument("--questions", type=int, default=2000)
    options.add_argument("--json")
    given = options.parse_args()
    if not bridge.is_there():
        sys.exit(f"there is no {bridge.program()}")
    rows = {}
    with tempfile.TemporaryDirectory() as top:
        parts = [
            ("start", measure_start, ()),
            ("idle", measure_idle, ()),
            ("many", measure_many, ()),
            ("latency", measure_latency, (given.rooms, given.rate, given.questions)),
        ]
        for name, measure, arguments in parts:
            (Path(top) / name).mkdir()
            rows |= measure(Path(top) / name, *arguments)
    print(f"{given.rooms} rooms busy, {given.rate:g} questions a second; load {os.getloadavg()[0]:.1f}")
    for name, (unit, target) in TARGETS.items():
        print(f"{name:48} {rows[name]:8.1f} {unit}   target {target}{'' if rows[name] <= target else '   SHORT'}")
    if given.json:
        Path(given.json).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
