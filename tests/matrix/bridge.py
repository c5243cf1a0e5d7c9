"""`parley-bridge` as a process: started with a configuration, read, asked, killed."""

import contextlib
import http.client
import itertools
import json
import os
import random
import shlex
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from web import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


def program():
    """PARLEY_BRIDGE, else what stands beside PARLEY_PROGRAM, else beside build/parley."""
    beside = ROOT / (os.environ.get("PARLEY_PROGRAM") or "build/parley")
    return str(ROOT / (os.environ.get("PARLEY_BRIDGE") or beside.parent / "parley-bridge"))


def is_there():
    return os.access(program(), os.X_OK)


def ports(low=20000, high=32000, each=1500):
    """Below those that the kernel gives to whoever asks for just any; each worker of pytest-xdist has its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    first = low + worker % ((high - low) // each) * each
    start = random.randrange(each)
    return (first + (start + number) % each for number in itertools.count())


PORTS = ports()
PORTS_LOCK = threading.Lock()


def free_port():
    """A port that is free, and that nobody was given a short time ago: whoever was may not have bound it yet."""
    while True:
        with PORTS_LOCK:
            port = next(PORTS)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def parse_line(line):
    """The fields of a log line, key=value or JSON; {} for a line that is none."""
    if line.startswith("{"):
        return {name: str(value) for name, value in json.loads(line).items()}
    try:
        words = shlex.split(line)
    except ValueError:
        return {}
    return dict(word.split("=", 1) for word in words if "=" in word)


class Bridge:
    """Started at once; whether it is ready is for the homeserver to say (Place.wait_synced)."""

    def __init__(self, config, *arguments, prefix=(), health=None, **variables):
        self.config = config
        self.health = health
        self.lines = []
        self.news = threading.Condition()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        self.process = subprocess.Popen(
            [*prefix, program(), "--config", str(config), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=inherited | variables,
        )
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line.rstrip("\n"))
                self.news.notify_all()

    @property
    def log(self):
        return "\n".join(self.lines)

    def wait_line(self, text):
        """Waits until a line has this text in it."""
        with self.news:
            found = self.news.wait_for(lambda: any(text in line for line in self.lines), PATIENCE)
        assert found, f"no {text!r} in:\n" + "\n".join(self.lines[-40:])

    def is_running(self):
        return self.process.poll() is None

    def wait_exit(self, patience=PATIENCE):
        code = self.process.wait(patience)
        self.reader.join(patience)
        self.process.stdout.close()
        return code

    def stop(self):
        """SIGTERM; it must end, with 0."""
        if self.is_running():
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.wait_exit()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the bridge did not stop after SIGTERM:\n" + self.log[-3000:]) from None
        assert code == 0, f"the bridge exited with {code}:\n{self.log[-3000:]}"

    def kill(self):
        if self.is_running():
            self.process.kill()
        return self.wait_exit()

    # --- its own pages ------------------------------------------------------------------------

    def get(self, path):
        """(status, text); (0, "") when nobody listens."""
        connection = http.client.HTTPConnection(self.health, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except ConnectionError:
            return 0, ""
        finally:
            connection.close()

    def wait_status(self, path, status, patience=PATIENCE):
        """Asks until it answers so; returns the text, and how long that took."""
        begin = time.monotonic()
        while (answer := self.get(path))[0] != status:
            assert time.monotonic() - begin < patience, (path, answer, self.log[-3000:])
            assert self.is_running(), self.log[-3000:]
            threading.Event().wait(0.01)
        return answer[1], time.monotonic() - begin

    def metric(self, name):
        """The sum of a metric over its labels."""
        total = None
        for line in self.get("/metrics")[1].splitlines():
            head, _, value = line.rpartition(" ")
            if head.partition("{")[0] == name:
                total = (total or 0) + float(value)
        return total
