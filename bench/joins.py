#!/usr/bin/python3
"""What it costs a gateway when somebody joins a session and leaves it again.

One client joins and leaves a session, over and over, with --window of these pairs under way, while --members others are
in it and hear of each (presence). CPU time of the server for each pair, over all its threads, and how many it did a
second; medians of the rounds, with the least and the greatest. Every answer is counted.
"""

import argparse
import asyncio
import json
import pathlib
import statistics
import subprocess
import time

import websockets

WARMUP = 2000


def parse_arguments():
    parser = argparse.ArgumentParser(prog="script/bench joins", description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--members", type=int, nargs="*", default=[1, 2, 50])
    parser.add_argument("--pairs", type=int, default=20000)
    parser.add_argument("--window", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def cpu_ns(pid):
    """What all threads of the process have had, by the scheduler's count."""
    return sum(int(path.read_text().split()[0]) for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"))


class Joiner:
    def __init__(self, socket):
        self.socket = socket
        self.answers = 0

    def pair(self, n):
        for kind in ("session_join", "session_leave"):
            yield json.dumps({"type": kind, "id": f"{kind}-{n}", "payload": {"sessionId": "room"}})

    async def run(self, pairs, window):
        sent = heard = 0
        while heard < 2 * pairs:
            while sent < pairs and 2 * sent - heard < 2 * window:
                for message in self.pair(sent):
                    await self.socket.send(message)
                sent += 1
            answer = json.loads(await self.socket.recv())
            assert answer["type"] == "session_info" and answer["payload"]["status"] in ("joined", "left"), answer
            heard += 1


async def hear_all(socket):
    async for _ in socket:
        pass


async def enter(url, session=None):
    socket = await websockets.connect(url, max_size=None, compression=None, max_queue=None)
    await socket.recv()
    if session:
        await socket.send(json.dumps({"type": "session_create", "id": "c", "payload": {"sessionId": session}}))
        await socket.recv()
    return socket


async def measure(url, pid, members, arguments):
    # The session is there without the joiner, else every leave would end it.
    others = [await enter(url, "room") for _ in range(members)]
    hearing = [asyncio.create_task(hear_all(socket)) for socket in others]
    joiner = Joiner(await enter(url))
    await joiner.run(WARMUP, arguments.window)
    before, began = cpu_ns(pid), time.monotonic()
    await joiner.run(arguments.pairs, arguments.window)
    seconds = time.monotonic() - began
    cost = (cpu_ns(pid) - before) / arguments.pairs / 1000
    for task in hearing:
        task.cancel()
    for socket in (joiner.socket, *others):
        await socket.close()
    return cost, arguments.pairs / seconds


def run_round(arguments, members):
    command = [arguments.build / "parley", "serve", "--port", "0", "--threads", "1", "--set", "log.format=json", "--set", "drain=0s"]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        for line in server.stderr:
            said = json.loads(line)
            if said["event"] == "ready":
                break
        return asyncio.run(measure(f"ws://127.0.0.1:{said['port']}/ws", server.pid, members, arguments))
    finally:
        server.terminate()
        server.wait()


def main():
    arguments = parse_arguments()
    print("members  CPU a pair (us): median, least, greatest   pairs a second: median")
    for members in arguments.members:
        rounds = [run_round(arguments, members) for _ in range(arguments.rounds)]
        costs = [cost for cost, _ in rounds]
        rate = statistics.median(rate for _, rate in rounds)
        print(f"{members:7}  {statistics.median(costs):6.2f} {min(costs):6.2f} {max(costs):6.2f}   {rate:8.0f}", flush=True)


if __name__ == "__main__":
    main()
