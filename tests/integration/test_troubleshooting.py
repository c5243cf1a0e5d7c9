"""docs/troubleshooting.md shows what is really printed: each of its boxes is provoked.

The info string of a box says what it is and in which scene: `console SCENE` has commands behind `$` and lines that they print, in order,
though not all of them; `log SCENE` has lines of the gateway's log, without the time; `metrics SCENE` figures that are not 0; `yaml SCENE` is
what the configuration says from then on, after a reload. Numbers of three digits and more, ids, times and ages of a few
seconds may differ; `…` stands for any end.
"""

import contextlib
import http.client
import http.server
import re
import resource
import shlex
import signal
import socket
import subprocess
import textwrap
import threading
from pathlib import Path

import pytest

from harness import PATIENCE
from harness.agent import await_claim
from harness.gateway import ROOT, environment, parse_line, program, run_parley
from harness.raw import exchange, split_response

TEXT = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^( *)```(\w+)(?: (\w+))?\n(.*?)^\1```$", re.M | re.S)
BLOCKS = [(kind, scene, textwrap.dedent(text)) for _, kind, scene, text in BLOCK.findall(TEXT)]
FORWARDED = "X-Forwarded-For: 203.0.113.9"
SAME = (
    (r"\b\d\d:\d\d:\d\d\b", "TIME"),
    (r"\bc-[a-z2-7]{13}\b", "CLIENT"),
    (r"by \S+ \(pid \d+\)", "by SOMEBODY (pid #)"),
    (r"\d{3,}", "#"),
    (r"\b\ds\b", "MOMENTS"),
    (r"\s+", " "),
)


def normal(text):
    for pattern, what in SAME:
        text = re.sub(pattern, what, text)
    return text.strip()


def is_line(shown, real):
    shown, real = normal(shown), normal(real)
    return real.startswith(shown[:-1]) if shown.endswith("…") else real == shown


class Scene:
    """A folder, a port, and perhaps a gateway at it."""

    def __init__(self, folder, port, gateway=None, files=None):
        self.folder, self.port, self.gateway, self.files = folder, port, gateway, files

    def limit(self):
        if self.files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.files, self.files))

    def run_parley(self, words):
        """What a command prints, on either stream; `< FILE` at its end is its input."""
        text = ""
        if "<" in words:
            at = words.index("<")
            words, text = words[:at], (self.folder / words[at + 1]).read_text()
        asks = words[1] not in ("doctor", "serve")
        done = subprocess.run(
            [program(), *words[1:]], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=PATIENCE, cwd=self.folder, preexec_fn=self.limit,
            env=environment(**({"PARLEY_URL": f"http://127.0.0.1:{self.port}"} if asks else {})),
        )
        return done.stdout

    def run_curl(self, words):
        """What `curl -i [-H FIELD]... URL` prints."""
        path = "/" + words[-1].split("/", 3)[3]
        fields = [words[at + 1] for at, word in enumerate(words) if word == "-H"]
        if not any(field.startswith("Host:") for field in fields):
            fields.insert(0, f"Host: {self.gateway.host}")
        head = "\r\n".join([f"GET {path} HTTP/1.1", *fields, "Connection: close"]) + "\r\n\r\n"
        status, found, body, *_ = split_response(exchange(self.gateway.open_socket(), head.encode()))
        lines = [f"HTTP/1.1 {status} {http.client.responses[status]}"]
        return "\n".join([*lines, *(f"{name.title()}: {value}" for name, value in found.items()), body.decode()])

    def check_console(self, text):
        for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
            command, *shown = part.splitlines()
            words = shlex.split(command.replace("8765", str(self.port)))
            printed = (self.run_parley if words[0] == "parley" else self.run_curl)(words)
            left = printed.splitlines()
            for line in shown:
                while left and not is_line(line, left[0]):
                    left.pop(0)
                assert left, f"{command}\nprints no line\n{line}\nhere, but\n{printed}"

    def check_log(self, text):
        for line in text.splitlines():
            wanted = {name: normal(value) for name, value in parse_line(line).items()}
            skip = 0
            while True:
                found = self.gateway.wait_event(wanted["event"], skip=skip)
                found = {name: normal(value.replace(f"{self.folder}/", "")) for name, value in found.items()}
                if wanted.items() <= found.items():
                    break
                skip += 1

    def check_metrics(self, text):
        figures = self.gateway.request("/metrics")[2].decode().splitlines()
        for line in text.splitlines():
            name, _, _ = line.rpartition(" ")
            assert [int(figure.split()[-1]) > 0 for figure in figures if figure.startswith(name + " ")] == [True], line

    def reload(self, text):
        (self.folder / "parley.yaml").write_text(text)
        self.gateway.process.send_signal(signal.SIGHUP)


# --- the scenes ------------------------------------------------------------------------------


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def nothing(folder, start):
    (folder / "file").write_text("no socket\n")
    (folder / "bark.json").write_text('{"type":"bark","agent_id":null,"ts":1,"data":{"text":7}}\n')
    yield Scene(folder, free_port())


@contextlib.contextmanager
def foreign(folder, start):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Scene(folder, server.server_port)
        server.shutdown()
        thread.join(PATIENCE)


def simple(prepare=lambda gateway: None, **settings):
    """A scene with a gateway that has these settings, and in which something happens first."""

    @contextlib.contextmanager
    def scene(folder, start):
        gateway = start(settings={name.replace("__", "."): value for name, value in settings.items()})
        prepare(gateway)
        yield Scene(folder, gateway.port, gateway)

    return scene


def make_tokens(folder):
    for name, grants in (("ops", ["--admin"]), ("stage", ["--publish", "scene_*|bark", "--sessions", "world:main"])):
        done = run_parley("token", "new", name, *grants, "--file", str(folder / "tokens"))
        (folder / f"{name}.tok").write_text(done.stdout)
    (folder / "wrong.tok").write_text("parley_let-me-guess\n")
    (folder / "broken").write_text("sha256:abc kitchen\n")


@contextlib.contextmanager
def tokens(folder, start):
    make_tokens(folder)
    gateway = start("--token-file", str(folder / "tokens"))
    yield Scene(folder, gateway.port, gateway)


@contextlib.contextmanager
def loose(folder, start):
    make_tokens(folder)
    (folder / "tokens").chmod(0o644)
    gateway = start("--token-file", str(folder / "tokens"))
    yield Scene(folder, gateway.port, gateway)


@contextlib.contextmanager
def locked(folder, start):
    with tokens(folder, start) as scene:
        for _ in range(10):
            code, _, _ = scene.gateway.request("/api/gateway/agents", headers=[FORWARDED, "Authorization: Bearer wrong"])
            assert code == 401
        yield scene


@contextlib.contextmanager
def reload(folder, start):
    (folder / "parley.yaml").write_text("")
    gateway = start("--config", str(folder / "parley.yaml"))
    yield Scene(folder, gateway.port, gateway)


def is_served(gateway):
    return exchange(gateway.open_socket(), b"GET /health HTTP/1.0\r\n\r\n") != b""


@contextlib.contextmanager
def files(folder, start):
    gateway = start(prefix=("prlimit", "--nofile=40:40"))
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            s = stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), PATIENCE))
            s.sendall(b"GET / HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionResetError):
            s.recv(1)  # the last one is closed at once
    await_claim(lambda: is_served(gateway), "there is room for a connection again")
    yield Scene(folder, gateway.port, gateway, files=40)


def fall_silent(gateway):
    silent = gateway.client(pongs=False)
    silent.register("timmy")
    silent.wait_closed(1001)
    first = gateway.agent("timmy")
    gateway.agent("timmy")
    first.wait_closed(4409)


def bark(client, count, target=""):
    for _ in range(count):
        client.send('{"type":"bark",%s"data":{"text":"%s"}}' % (target, "x" * 1000))


def fall_behind(gateway):
    slow, speaker = gateway.client(receive_buffer=4096), gateway.client()
    bark(speaker, 3000)
    speaker.barrier()
    while '"SLOW_CLIENT"' not in slow.text():
        pass


def fill_memory(gateway):
    speaker = gateway.client()
    for slow in [gateway.client(receive_buffer=4096) for _ in range(3)]:
        bark(speaker, 6000, f'"target_id":"{slow.greeting["data"]["client_id"]}",')
    gateway.wait_event("memory_short")


def come_by_proxy(gateway):
    gateway.client(headers=[tuple(FORWARDED.split(": "))])


SCENES = {
    "nothing": nothing,
    "foreign": foreign,
    "open": simple(),
    "tokens": tokens,
    "loose": loose,
    "locked": locked,
    "full": simple(lambda gateway: gateway.client(), limits__clients="1"),
    "silent": simple(fall_silent, heartbeat__interval="100ms", heartbeat__timeout="300ms", log__level="debug"),
    "slow": simple(fall_behind, limits__send_queue_bytes="64KiB"),
    "reload": reload,
    "memory": simple(fill_memory, limits__memory="16MiB", limits__send_queue_bytes="64MiB"),
    "files": files,
    "proxy": simple(come_by_proxy),
    "trusted": simple(come_by_proxy, trusted_proxies="127.0.0.1"),
}


@pytest.mark.parametrize("name", SCENES)
def test_scene(start, tmp_path, name):
    with SCENES[name](Path(tmp_path), start) as scene:
        ways = {
            "console": scene.check_console, "log": scene.check_log, "metrics": scene.check_metrics, "yaml": scene.reload
        }
        for kind, where, text in BLOCKS:
            if where == name:
                ways[kind](text)


def test_every_box_takes_part():
    assert len(BLOCKS) == len(re.findall("^ *```", TEXT, re.M)) // 2
    assert {scene for _, scene, _ in BLOCKS if scene} == set(SCENES)
    assert {kind for kind, scene, _ in BLOCKS if not scene} <= {"sh", "text"}
