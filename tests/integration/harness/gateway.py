"""`parley serve` as a process of its own: started, read, asked and stopped."""

import json
import os
import shlex
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from . import PATIENCE
from .client import Client
from .control import Control
from .raw import exchange, split_response
from .secure import SecureSocket

ROOT = Path(__file__).resolve().parents[3]


def program():
    """The program under test, as an absolute path."""
    name = os.environ.get("PARLEY_PROGRAM") or "build/parley"
    return str(ROOT / name)


def is_sanitized():
    """Built with a sanitizer: slow, and with memory of its own."""
    return "asan" in program() or "tsan" in program()


def environment(**more):
    """Ours without what would configure the program; but sanitizers cannot do their work in a sandbox."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
    sandbox = {name: os.environ[name] for name in ("PARLEY_SANDBOX",) if name in os.environ}
    return ours | sandbox | more


def run_parley(*arguments, url=None, token=None, stdin="", timeout=PATIENCE):
    """One command to its end: a CompletedProcess with text in stdout and stderr."""
    return subprocess.run(
        [program(), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(**({"PARLEY_URL": url} if url else {}), **({"PARLEY_TOKEN": token} if token else {})),
    )


def parse_line(line):
    """The fields of a log line, key=value or JSON; {} for a line that is none."""
    if line.startswith("{"):
        return {name: str(value) for name, value in json.loads(line).items()}
    try:
        words = shlex.split(line)
    except ValueError:
        return {}
    return dict(word.split("=", 1) for word in words if "=" in word)


class Gateway:
    """Starts at once and returns when the log says `ready`. Use as a context manager."""

    def __init__(self, *arguments, threads=1, unix=None, settings=None, prefix=(), port=0, tls=None):
        command = [*prefix, program(), "serve", "--port", str(port), "--threads", str(threads)]
        options = {"drain": "200ms", **(settings or {})}
        if unix:
            options["listen.unix"] = str(unix)
        for key, value in options.items():
            command += ["--set", f"{key}={value}"]
        self.unix = str(unix) if unix else None
        self.threads = threads
        self.tls = tls  # the context of clients by TCP, where it speaks TLS
        self.lines = []
        self.clients = []
        self.killed = False
        self._news = threading.Condition()
        self._eof = False
        self.process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment(),
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        try:
            ready = self.wait_event("ready")
            self.address, self.port = ready["address"], int(ready["port"])
            if self.address in ("::", "0.0.0.0"):
                self.address = "127.0.0.1"  # which is one of all
        except BaseException:
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.drop_clients()
        if kind is None and not self.killed:
            self.stop()
        elif kind is not None:
            self.kill()
            print("--- the gateway's log, its last 60 lines", *self.lines[-60:], sep="\n")

    # --- the log -----------------------------------------------------------------------------

    def _read_log(self):
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._eof = True
            self._news.notify_all()

    def wait_event(self, event, skip=0, **fields):
        """The first log line with this event and these fields, behind `skip` such, waited for."""

        def matches(line):
            if event not in line:
                return False  # most lines are of others, and taking a line apart is slow
            found = parse_line(line)
            return found.get("event") == event and all(found.get(k) == v for k, v in fields.items())

        deadline = time.monotonic() + PATIENCE
        seen = 0
        with self._news:
            while True:
                for line in self.lines[seen:]:
                    if matches(line):
                        if skip == 0:
                            return parse_line(line)
                        skip -= 1
                seen = len(self.lines)
                left = deadline - time.monotonic()
                if self._eof or left <= 0:
                    tail = "\n".join(self.lines[-30:])
                    raise AssertionError(f"no event={event} {fields} in the log:\n{tail}")
                self._news.wait(left)

    # --- what it is asked --------------------------------------------------------------------

    @property
    def url(self):
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def ws_url(self, path="/ws/matrix"):
        return f"ws{'s' if self.tls else ''}://127.0.0.1:{self.port}{path}"

    def open_socket(self, tcp=False, receive_buffer=None):
        """A connected socket: the AF_UNIX one where there is one, unless `tcp`."""
        if self.unix and not tcp:
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            address = self.unix
        else:
            s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            address = (self.address, self.port)
        if receive_buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        s.settimeout(PATIENCE)
        try:
            s.connect(address)
            return SecureSocket(s, self.tls) if self.tls and (tcp or not self.unix) else s
        except BaseException:
            s.close()
            raise

    def client(self, path="/ws/matrix", *, world=None, receive_buffer=None, **options):
        """A world client, its greeting taken (client.greeting)."""
        if world is not None:
            path = f"{path}?world={world}"
        client = Client(self.open_socket(receive_buffer=receive_buffer), self.host, path, **options)
        self.clients.append(client)
        client.open()
        return client

    def control(self, path="/ws", **options):
        """A client of the gateway dialect, its greeting taken (client.greeting)."""
        client = Control(self.open_socket(), self.host, path, **options)
        self.clients.append(client)
        client.open()
        return client

    def agent(self, agent_id, *, world=None, role=None, **members):
        """A client that has registered, its acknowledgement taken (client.registered)."""
        client = self.client(world=world)
        client.register(agent_id, **({"role": role} if role else {}), **members)
        return client

    def drop_clients(self):
        for client in self.clients:
            client.abort()
        self.clients.clear()

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def request(self, path, method="GET", headers=(), body=b""):
        """(status, headers in lower case, body) of one request on a connection of its own."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", "Connection: close", *headers]
        head = "\r\n".join(lines) + "\r\n\r\n"
        answer = exchange(self.open_socket(), head.encode() + body)
        return split_response(answer, head_only=method == "HEAD")[:3]

    def status(self):
        code, _, body = self.request("/api/gateway/status")
        assert code == 200, (code, body)
        return json.loads(body)

    def wait_status(self, claim):
        """Asks for the status until `claim(status)` holds; returns that status."""
        deadline = time.monotonic() + PATIENCE
        while True:
            status = self.status()
            if claim(status):
                return status
            assert time.monotonic() < deadline, f"not so in time: {status}"

    # --- its end -----------------------------------------------------------------------------

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait_exit(self, timeout=PATIENCE):
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        return code

    def stop(self, timeout=PATIENCE):
        """SIGTERM; it must drain and exit 0."""
        if self.process.poll() is None:
            self.terminate()
        try:
            code = self.wait_exit(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the gateway did not stop after SIGTERM") from None
        tail = "\n".join(self.lines[-60:])
        assert code == 0, f"the gateway exited with {code}; its log:\n{tail}"

    def kill(self):
        self.killed = True
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE)
