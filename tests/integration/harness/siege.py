"""A well-behaved client that is served, whatever others do meanwhile."""

import contextlib
import os
import threading

from .raw import abort, wait_until

PACE = 0.02  # seconds between its questions
MEMORY = 64 << 20  # limits.memory of a besieged gateway
RSS_MAX = 160 << 20  # bytes; what a gateway of a few hundred clients is far from
SETTINGS = {"limits.memory": MEMORY, "metrics.public": "true", "trusted_proxies": "127.0.0.1"}


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def memory(pid, name):
    """VmHWM: bytes of memory that a process has at most had; VmSize: of addresses that it has now."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024


class Steady(threading.Thread):
    """Asks again and again, and must be answered each time, with nothing between."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client, self.rounds, self.failure = client, 0, None
        self.over = threading.Event()

    def run(self):
        try:
            while not self.over.wait(PACE):
                assert self.client.barrier() == [], "it hears nothing of strangers"
                self.rounds += 1
        except BaseException as failure:
            self.failure = failure


def metric(gateway, name):
    """The value of a metric; of one with labels the sum of all."""
    lines = gateway.request("/metrics")[2].decode().splitlines()
    values = [line.rpartition(" ")[2] for line in lines if line.startswith((name + " ", name + "{"))]
    assert values, f"there is no metric {name}"
    return sum(map(float, values))


@contextlib.contextmanager
def siege(gateway, client, rss_max=RSS_MAX):
    """While it lasts, `client` is served; gives a list for the sockets of the besiegers, which end with it.

    The gateway has SETTINGS. Afterwards the descriptors are as many as before, and the memory has stayed within its limit.
    """
    pid = gateway.process.pid
    client.barrier()
    before = descriptors(pid)
    steady = Steady(client)
    sockets = []
    steady.start()
    try:
        yield sockets
        goal = steady.rounds + 5
        wait_until(lambda: steady.failure or steady.rounds >= goal, "it is answered, after all of it, too")
    finally:
        steady.over.set()
        steady.join()
        for s in sockets:
            abort(s)
    if steady.failure:
        raise steady.failure
    wait_until(lambda: descriptors(pid) <= before, "the descriptors are given back")
    # A sanitizer has terabytes of shadow, and memory of its own.
    if memory(pid, "VmSize") < 1 << 40:
        assert memory(pid, "VmHWM") <= rss_max
        assert 0 < metric(gateway, "parley_memory_bytes") <= MEMORY
