"""`parley agent run` as a process, before the server of control.py."""

import os
import subprocess
import threading
import time

from . import PATIENCE
from .gateway import environment, program

OK = 0


class Agent:
    """The command as a process; its stderr is read by the line."""

    def __init__(self, url, *arguments, **variables):
        self.process = subprocess.Popen(
            [program(), "agent", "run", "demo.x", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(PARLEY_URL=url, **variables),
        )
        self.talk = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self._news:
                self.talk.append(line)
                self._news.notify_all()

    def says(self, text, times=1):
        with self._news:
            done = self._news.wait_for(lambda: sum(text in line for line in self.talk) >= times, PATIENCE)
            assert done, (text, self.talk)

    def wait(self):
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self.process.stdout.read() == ""
        return code

    def children(self):
        """Processes below it: {pid: state}."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        with open(path) as f:
            pids = f.read().split()
        return {int(pid): state_of(pid) for pid in pids}

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def state_of(pid):
    """As /proc has it: R, S, Z, …; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # before it was opened, or after
        return None


def await_claim(claim, what):
    """Looks until it is so: for what only the kernel knows, and tells nobody."""
    deadline = time.monotonic() + PATIENCE
    while not (found := claim()):
        assert time.monotonic() < deadline, what
        threading.Event().wait(0.005)
    return found


def serve(control, run, command, *arguments, message_bytes=1 << 20, send_queue_bytes=2 << 20, **variables):
    agent = run("--exec", command, *arguments, **variables)
    peer = control.accept()
    peer.registered = peer.register(message_bytes, send_queue_bytes)
    agent.says("ready")
    return agent, peer


def leave(agent, peer):
    agent.process.terminate()
    peer.end()
    assert agent.wait() == OK


def ask(peer, name, request=None):
    peer.ask(name, request)
    return peer.answer(name)


def failed(payload, code="HANDLER_ERROR"):
    assert payload["ok"] is False and payload["done"] is True, payload
    assert payload["error"]["code"] == code and payload["error"]["message"], payload
    return payload["error"]
