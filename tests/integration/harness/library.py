"""The gateway inside another program: tests/library/driver.c, told what to call by lines, and the examples."""

import queue
import socket
import subprocess
import threading
from pathlib import Path

from . import PATIENCE
from .client import Client
from .control import Control
from .gateway import environment, program

BUILD = Path(program()).parent


class Program:
    """A program that embeds the gateway, and the clients of it."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, errors="replace", env=environment()
        )
        self.port = None
        self.clients = []

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for client in self.clients:
            client.abort()
        if kind is not None:
            self.process.kill()
        self.process.stdin.close()
        self.process.wait(PATIENCE)

    def _open(self, kind, path, options):
        s = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        client = kind(s, f"127.0.0.1:{self.port}", path, **options)
        self.clients.append(client)
        client.open()
        return client

    def client(self, path="/ws/matrix", **options):
        return self._open(Client, path, options)

    def control(self, path="/ws", **options):
        return self._open(Control, path, options)


class Driver(Program):
    """`call` waits for the answer; events stand in their order until they are taken."""

    def __init__(self, *arguments):
        super().__init__(BUILD / "tests/library/library-driver", "listen.port=0", "drain=0s", *arguments)
        self.events = queue.Queue()
        self.answers = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port = int(self.event("started")[0])

    def _read(self):
        for line in self.process.stdout:
            kind, *fields = line.rstrip("\n").split("\t")
            (self.answers if kind == "answer" else self.events).put(fields)
        self.events.put(["the end"])
        self.answers.put(["the end"])

    def tell(self, *fields):
        self.process.stdin.write("\t".join(str(field) for field in fields) + "\n")
        self.process.stdin.flush()

    def call(self, *fields):
        """What a call answers: its result, or a list that begins with it."""
        self.tell(*fields)
        return self.answer()

    def answer(self):
        """What has been answered: to `call`, or by what `at_log` has had done."""
        answer = self.answers.get(timeout=PATIENCE)
        return answer[0] if len(answer) == 1 else answer

    def event(self, name):
        """The fields of the next event, which must be this one."""
        event, *fields = self.events.get(timeout=PATIENCE)
        assert event == name, (event, fields)
        return fields

    def skip_to(self, name):
        """The fields of the next event of this name; others are passed over."""
        while True:
            event, *fields = self.events.get(timeout=PATIENCE)
            if event == name:
                return fields
            assert event != "the end", f"no event {name}"
