"""The servers that are compared: how each is started, and how the generator speaks to it."""

import dataclasses
import json
import pathlib
import platform
import shutil
import subprocess

PEERS = pathlib.Path(__file__).resolve().parent / "peers"


@dataclasses.dataclass(frozen=True)
class Hub:
    """A server under test. Its port is put behind `command`, unless it takes that from BENCH_PORT (WebSocket) and
    BENCH_TCP_PORT in its environment."""

    name: str
    command: tuple
    dialect: str = "plain"
    version: str = ""
    by_environment: bool = False
    scheme: str = "ws"


def _output(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout or done.stderr).split("\n")
    return lines[0].strip()


def _npm_version(package):
    return json.loads((PEERS / "node_modules" / package / "package.json").read_text())["version"]


def _find_parley(build):
    places = (build / "parley", build / "src" / "cli" / "parley")
    place = next((place for place in places if place.is_file()), None)
    if place is not None:
        version = _output(str(place), "version").removeprefix("parley ")
        yield Hub("parley", (str(place), "serve", "--port"), dialect="world", version=version)
        for threads in ("2", "4"):
            command = (str(place), "serve", "--threads", threads, "--port")
            yield Hub(f"parley-{threads}", command, dialect="world", version=version)


def _find_nats():
    """On PATH, or where script/bench has unpacked it."""
    program = shutil.which("nats-server") or shutil.which(PEERS / "nats" / "usr" / "sbin" / "nats-server")
    if program is not None:
        command = (program, "-c", str(PEERS / "nats.conf"))
        version = _output(program, "--version").removeprefix("nats-server: ")
        yield Hub("nats", command, dialect="nats", version=version, by_environment=True)
        yield Hub("nats-tcp", command, dialect="nats", version=version, by_environment=True, scheme="tcp")


def _find_npm():
    cpu = {"x86_64": "x64", "aarch64": "aarch64"}.get(platform.machine(), platform.machine())
    bun = f"@oven/bun-linux-{cpu}"
    program = PEERS / "node_modules" / bun / "bin" / "bun"
    if program.is_file():
        yield Hub("bun", (str(program), str(PEERS / "hub-bun.js")), version=_npm_version(bun))
    if (PEERS / "node_modules" / "ws").is_dir():
        version = f"{_npm_version('ws')} on Node {_output('node', '--version')}"
        yield Hub("ws", ("node", str(PEERS / "hub-ws.js")), version=version)


def _find_others(build):
    version = _output("/usr/bin/python3", "-c", "import websockets as w; print(w.__version__)")
    if version[:1].isdigit():
        yield Hub("websockets", ("/usr/bin/python3", str(PEERS / "hub-websockets.py")), version=version)
    rawsend = build / "bench" / "rawsend"
    if rawsend.is_file():
        yield Hub("rawsend", (str(rawsend),), version="this commit")
        yield Hub("sendfile", (str(rawsend), "--sendfile"), version="this commit")
        yield Hub("uring", (str(rawsend), "--uring"), version="this commit")


def find_hubs(build):
    """All hubs that can run here, Parley first; `build` is the directory that Meson built in."""
    return [*_find_parley(build), *_find_nats(), *_find_npm(), *_find_others(build)]
