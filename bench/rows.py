"""What is measured, and against whom: the rows of the comparison and the hubs that take part."""

import dataclasses
import json
import pathlib
import platform
import subprocess

PEERS = pathlib.Path(__file__).resolve().parent / "peers"


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure. `options` go to parley-load; `figure` is the member of its answer that counts."""

    key: str
    title: str
    options: tuple
    seconds: bool = True  # it runs for a time, which --seconds sets
    figure: str = "cpu_ns_each"
    unit: str = "ns"
    directed: bool = False  # each client speaks to its peer alone
    against: str = "bun"  # whom the target is a ratio of; or "" for a limit in `unit`
    target: float = 0.0
    without: tuple = ()  # hubs that it would say nothing about


def fanout(clients, window, target):
    return Row(
        key=f"fanout-{clients}-{window}",
        title=f"fan-out to {clients:,}, {window} under way",
        options=("--mode", "fanout", "--clients", str(clients), "--window", str(window)),
        target=target,
    )


ROWS = (
    fanout(1000, 1, 0.86),
    fanout(100, 16, 0.85),
    fanout(100, 64, 0.6),
    fanout(100, 256, 0.35),
    Row(
        key="chat-300",
        title="chat: 300 clients, 300 under way",
        options=("--mode", "chat", "--clients", "300", "--window", "300"),
        target=0.3,
    ),
    Row(
        key="pairs-50",
        title="50 directed pairs, ping-pong",
        options=("--mode", "pairs", "--clients", "100"),
        directed=True,
        target=0.85,
        without=("websockets",),
    ),
    Row(
        key="idle-10000",
        title="memory per idle connection, of 10,000",
        options=("--mode", "idle", "--clients", "10000"),
        seconds=False,
        figure="pss_anon_each",
        unit="B",
        against="",
        target=256,
        without=("rawsend",),
    ),
    Row(
        key="connect",
        title="CPU time per connect",
        options=("--mode", "connect", "--clients", "8000"),
        seconds=False,
        against="",
        target=11000,
    ),
)


@dataclasses.dataclass(frozen=True)
class Hub:
    """A server under test. A port is put behind `command`."""

    name: str
    command: tuple
    path: str = "/"
    directed_path: str = "/?id={id}&to={peer}"
    options: tuple = ()  # to parley-load, always
    directed_options: tuple = ()  # to parley-load, in directed rows
    version: str = ""
    by_default: bool = True  # takes part unless --peers names others


def _output(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout or done.stderr).split("\n")
    return lines[0].strip()


def _npm_version(package):
    return json.loads((PEERS / "node_modules" / package / "package.json").read_text())["version"]


def _find_parley(build):
    places = (build / "parley", build / "src" / "cli" / "parley")
    return next((place for place in places if place.is_file()), None)


def find_hubs(build):
    """All hubs that can run here, Parley first; `build` is the directory that Meson built in."""
    hubs = []
    parley = _find_parley(build)
    if parley is not None:
        hubs.append(
            Hub(
                name="parley",
                command=(str(parley), "serve", "--port"),
                path="/ws/matrix",
                directed_path="/ws/matrix",
                options=("--skip-greeting",),
                directed_options=("--hello", '{"type":"agent_register","agentId":"{id}"}'),
                version=_output(str(parley), "version").removeprefix("parley "),
            )
        )
    cpu = {"x86_64": "x64", "aarch64": "aarch64"}.get(platform.machine(), platform.machine())
    bun = f"@oven/bun-linux-{cpu}"
    bun_program = PEERS / "node_modules" / bun / "bin" / "bun"
    if bun_program.is_file():
        hubs.append(
            Hub("bun", (str(bun_program), str(PEERS / "hub-bun.js")), version=_npm_version(bun))
        )
    if (PEERS / "node_modules" / "ws").is_dir():
        version = f"{_npm_version('ws')} on Node {_output('node', '--version')}"
        hubs.append(Hub("ws", ("node", str(PEERS / "hub-ws.js")), version=version))
    websockets = _output("/usr/bin/python3", "-c", "import websockets as w; print(w.__version__)")
    if websockets[:1].isdigit():
        hubs.append(
            Hub(
                name="websockets",
                command=("/usr/bin/python3", str(PEERS / "hub-websockets.py")),
                version=websockets,
                by_default=False,
            )
        )
    rawsend = build / "bench" / "rawsend"
    if rawsend.is_file():
        hubs.append(Hub("rawsend", (str(rawsend),), version="this commit"))
    return hubs
