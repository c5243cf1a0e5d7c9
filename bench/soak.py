#!/usr/bin/python3
"""Mixed traffic with churn against one gateway for a long time: does anything grow?

Each round is a few short runs of parley-bench, all clients new: broadcasts, conversations in both
dialects, requests to agents, readers that stall, connections that come and go. Behind each round
everybody has left, and then there has to be no client, agent, request and queue. At the end resident memory, open files and sessions behind the rounds of the last third are
compared to those of the third before. Exit code 1 when anything grew.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import time
import urllib.request

ROUND = [
    ["fanout", "--clients", "200"],
    ["pipelined", "--clients", "50"],
    ["chat", "--clients", "30", "--window", "4"],
    ["chat", "--dialect", "gateway", "--sessions", "50", "--clients", "3", "--window", "4"],
    ["pairs", "--clients", "50"],
    ["requests", "--dialect", "gateway", "--window", "16", "--agents", "3"],
    ["stalled", "--clients", "20"],
    ["connect", "--clients", "300"],
]
# What is 0 when everybody has left.
NOTHING = ["parley_clients", "parley_agents", "parley_requests", "parley_requests_queued", "parley_queue_bytes"]
GROWTH = 1.03  # of resident memory, from a third of the rounds to the next
PATIENCE = 60  # seconds, for the last connection of a round to be gone


def parse_arguments():
    parser = argparse.ArgumentParser(prog="script/bench soak", description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--minutes", type=float, default=240)
    parser.add_argument("--threads", default="2")
    return parser.parse_args()


def figures(port):
    """Sums over labels."""
    found = {}
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
        for line in answer.read().decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                name = name.split("{")[0]
                found[name] = found.get(name, 0) + float(value)
    return found


def left(port):
    """What is still there of a round, once it has had time to go."""
    deadline = time.monotonic() + PATIENCE
    while True:
        now = figures(port)
        rest = {name: now[name] for name in NOTHING if now[name] != 0}
        if not rest or time.monotonic() > deadline:
            return now, rest
        time.sleep(0.1)


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def play_round(build, pid, port):
    """The kinds of traffic that failed."""
    failed = []
    for kind in ROUND:
        command = [build / "parley-bench", *kind, "--seconds", "1", "--pid", str(pid), "--url", f"ws://127.0.0.1:{port}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            failed.append(f"{' '.join(kind)}: {done.stderr.strip() or done.stdout.strip()}")
    return failed


def judge(rounds):
    """What has grown from the second third of the rounds to the last."""
    third = len(rounds) // 3
    before, last = rounds[third:-third], rounds[-third:]
    problems = []
    # The connection that asked for the figures may be there still, or not.
    for name in ("files", "sessions"):
        most = [max(r[name] for r in part) for part in (before, last)]
        if most[1] > most[0]:
            problems.append(f"{name}: at most {most[0]:.0f} behind a round, then {most[1]:.0f}")
    kib = [statistics.median(r["kib"] for r in part) for part in (before, last)]
    if kib[1] > kib[0] * GROWTH:
        problems.append(f"resident memory: {kib[0]:.0f} KiB, then {kib[1]:.0f} KiB")
    return problems


def soak(arguments, process, port):
    rounds, problems = [], []
    end = time.monotonic() + arguments.minutes * 60
    while len(rounds) < 3 or time.monotonic() < end:
        problems += play_round(arguments.build, process.pid, port)
        now, rest = left(port)
        problems += [f"round {len(rounds)}: {name} is {value:.0f}" for name, value in rest.items()]
        rounds.append({
            "kib": resident_kib(process.pid),
            "files": len(os.listdir(f"/proc/{process.pid}/fd")),
            "sessions": now["parley_sessions"],
            "delivered": now["parley_messages_delivered_total"],
        })
        print(f"round {len(rounds)}: {rounds[-1]['kib']} KiB, {rounds[-1]['files']} files, "
              f"{rounds[-1]['delivered']:.0f} delivered", flush=True)
        if process.poll() is not None:
            return [*problems, f"the gateway has ended with {process.returncode}"]
    return problems + judge(rounds)


def main():
    arguments = parse_arguments()
    command = [arguments.build / "parley", "serve", "--port", "0", "--threads", arguments.threads]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        line = process.stderr.readline()
        port = int(next(word for word in line.split() if word.startswith("port=")).removeprefix("port="))
        try:
            problems = soak(arguments, process, port)
        finally:
            process.terminate()
    print("\n".join(problems) or "nothing grew")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
