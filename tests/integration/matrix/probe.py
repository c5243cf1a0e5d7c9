"""The homeserver's client alone (probe.c), driven line by line."""

import json
import os
import subprocess
import threading
import time
from pathlib import Path

PATIENCE = 30
FINE, AWAY, NO_SERVER, FAILED, WRONG_PASSWORD, LOCKED, DEACTIVATED, WRONG_DEVICE, CONFIG = range(9)


class Probe:
    """A running client; `lines` is what it has said, as dicts."""

    def __init__(self, server, user_id, credentials, *rooms, since="", device="BRIDGE", sync_ms=30_000, check=False, env=None):
        program = Path(os.environ["PARLEY_PROGRAM"]).resolve().parent / "tests" / "matrix-probe"
        arguments = [server, user_id, device, str(credentials), str(sync_ms), since, *rooms]
        self.process = subprocess.Popen(
            [program, *(["--check"] if check else []), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(env or {})},
        )
        self.lines, self.news = [], threading.Condition(threading.RLock())
        self.is_killed = False
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for text in self.process.stdout:
            with self.news:
                self.lines.append(json.loads(text))
                self.news.notify_all()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            print("--- what the client said", *self.lines[-40:], sep="\n")
        if self.process.poll() is None:
            self.process.stdin.close()
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.reader.join()
        assert kind or code == (-9 if self.is_killed else 0), f"exit {code}"

    def kill(self):
        self.is_killed = True
        self.process.kill()
        self.process.wait()
        self.reader.join()

    def act(self, kind, room, **members):
        self.process.stdin.write(json.dumps({"act": kind, "room": room, **members}) + "\n")
        self.process.stdin.flush()

    def send(self, room, number, body):
        content = {"msgtype": "m.text", "body": body, "m.mentions": {}}
        self.act("send", room, send=number, txn=f"txn{number}", content=content)

    # --- what it said -------------------------------------------------------------------------

    def of(self, what, **members):
        with self.news:
            return [
                line
                for line in self.lines
                if line["what"] == what and all(line.get(name) == value for name, value in members.items())
            ]

    def wait(self, what, count=1, **members):
        """The count-th line of this kind, when it has come."""
        deadline = time.monotonic() + PATIENCE
        with self.news:
            while len(found := self.of(what, **members)) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"no {what} {members} in time: {self.lines[-10:]}"
                self.news.wait(left)
        return found[count - 1]

    def bodies(self, room=None, old=False):
        return [
            line["body"]
            for line in self.of("event", kind="message", old=old)
            if room in (None, line["room"])
        ]

    def wait_bodies(self, bodies, room=None):
        """These are heard, in this order, and no other."""
        self.wait("event", kind="message", old=False, body=bodies[-1])
        assert self.bodies(room) == bodies
