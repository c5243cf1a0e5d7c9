#!/usr/bin/python3
"""Runs the comparison of Parley with its peers: every row in alternating rounds, a fresh server
for each run, the server on one CPU and the generator on another. See bench/README.md."""

import argparse
import atexit
import contextlib
import functools
import json
import os
import pathlib
import resource
import socket
import subprocess
import sys
import tempfile
import time

import certificate
import hubs
import report
import results
import rows

HERE = pathlib.Path(__file__).resolve().parent
START_SECONDS = 10
RUN_SECONDS = 120


class RunFailed(Exception):
    """A server that does not start, or a run that the generator does not accept."""


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="script/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="rows:\n" + "\n".join(f"  {row.key:16} {row.title}" for row in rows.ROWS),
    )
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (5)")
    parser.add_argument("--seconds", type=float, default=1.2, help="of a run under load (1.2)")
    parser.add_argument(
        "--row", action="append", metavar="NAME", choices=[row.key for row in rows.ROWS], dest="rows",
        help="this row alone (may be given again)",
    )
    parser.add_argument(
        "--section", action="append", choices=list(report.SECTIONS), help="the rows of this section alone",
    )
    parser.add_argument("--peers", help="these hubs alone: parley,parley-2,parley-4,nats,nats-tcp,bun,ws,websockets,rawsend,sendfile,uring")
    parser.add_argument("--server-cpu", type=int, help="the server's CPU (the first)")
    parser.add_argument("--load-cpu", type=int, help="the generator's CPU (the last)")
    parser.add_argument(
        "--write", action="store_true", help="put the measured rows into RESULTS.md and results.json; others stay",
    )
    parser.add_argument("--render", action="store_true", help="make RESULTS.md of results.json again, and no more")
    return parser.parse_args()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def on_cpu(cpu):
    """What a child does before it becomes its program: one CPU, all descriptors."""

    def prepare():
        os.sched_setaffinity(0, {cpu})
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    return prepare


def wait_for_port(server, port):
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise RunFailed("the server does not start")


@functools.cache
def key_and_certificate():
    """In files that stay until the end."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return certificate.make(folder.name)


def wrap(wrapping):
    """What a server's environment says of it: Parley reads its own names, the hubs of bench/peers the others."""
    said = {}
    if "tls" in wrapping:
        key, cert = key_and_certificate()
        said |= {"PARLEY_LISTEN__TLS_KEY": key, "PARLEY_LISTEN__TLS_CERT": cert, "BENCH_KEY": key, "BENCH_CERT": cert}
    if "deflate" in wrapping:
        said |= {"PARLEY_COMPRESSION": "on", "BENCH_DEFLATE": "1"}
    return said


@contextlib.contextmanager
def running(hub, cpu, wrapping=()):
    """A fresh server; yields its process id and the port to talk to."""
    port, other = free_port(), free_port()
    tcp = hub.scheme == "tcp"
    ports = {"BENCH_PORT": other if tcp else port, "BENCH_TCP_PORT": port if tcp else other}
    server = subprocess.Popen(
        hub.command if hub.by_environment else [*hub.command, str(port)],
        env=os.environ | {name: str(value) for name, value in ports.items()} | wrap(wrapping), preexec_fn=on_cpu(cpu),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_port(server, port)
        yield server.pid, port
    finally:
        server.kill()
        server.wait()


def run_once(arguments, row, hub):
    scheme = "wss" if "tls" in row.wrapping else hub.scheme
    trusted = {"SSL_CERT_FILE": key_and_certificate()[1]} if "tls" in row.wrapping else {}
    with running(hub, arguments.server_cpu, row.wrapping) as (pid, port):
        command = [
            arguments.build / "parley-bench", *row.options, "--json", "--label", hub.name,
            "--url", f"{scheme}://127.0.0.1:{port}", "--dialect", dict(row.dialects).get(hub.name, hub.dialect),
            "--pid", str(pid),
            *(("--seconds", str(arguments.seconds), "--warmup", "0.4") if row.seconds else ()),
        ]
        done = subprocess.run(
            command, preexec_fn=on_cpu(arguments.load_cpu), capture_output=True, text=True,
            timeout=RUN_SECONDS, check=False, env=os.environ | trusted,
        )
    if done.returncode != 0:
        raise RunFailed(done.stderr.strip() or f"not all was delivered: {done.stdout.strip()}")
    return json.loads(done.stdout)


def measure_row(arguments, row, taking_part):
    """Every hub once in each round; the order turns by one from round to round."""
    runs = {hub.name: [] for hub in taking_part}
    failures = {}
    for number in range(arguments.rounds):
        turn = number % len(taking_part)
        for hub in taking_part[turn:] + taking_part[:turn]:
            if hub.name in failures:
                continue
            try:
                runs[hub.name].append(run_once(arguments, row, hub))
            except (RunFailed, subprocess.TimeoutExpired) as error:
                failures[hub.name] = str(error)
                print(f"{row.key}: {hub.name} failed: {error}", file=sys.stderr)
    return runs, failures


def choose_cpus(arguments):
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        sys.exit("script/bench: two CPUs are needed, one for the server and one for the generator")
    if arguments.server_cpu is None:
        arguments.server_cpu = cpus[0]
    if arguments.load_cpu is None:
        arguments.load_cpu = cpus[-1]


def choose_rows(arguments):
    if arguments.rows is None and arguments.section is None:
        return rows.ROWS
    return [row for row in rows.ROWS if row.key in (arguments.rows or ()) or row.section in (arguments.section or ())]


def choose_hubs(here, row):
    """Who takes part in a row: those that it names; one on Python, too, when it was asked for and can do that."""
    names = set(row.hubs)
    if row.options[0] in ("fanout", "chat", "idle", "connect") and "ws" in names:
        names.add("websockets")
    return [hub for hub in here if hub.name in names]


def find_hubs(arguments, chosen):
    """The hubs that take part; without one of them that was asked for it ends here."""
    here = hubs.find_hubs(arguments.build)
    wanted = arguments.peers.split(",") if arguments.peers else {name for row in chosen for name in row.hubs}
    missing = set(wanted) - {hub.name for hub in here}
    if missing and arguments.peers:
        sys.exit(f"script/bench: not here: {', '.join(sorted(missing))}")
    if missing:
        print(f"script/bench: without {', '.join(sorted(missing))}, not here", file=sys.stderr)
    return [hub for hub in here if hub.name in wanted]


def draw(build, all_rows):
    """bench/growth.svg, bench/sessions.svg: the cost of a delivery over the members, a line for each hub."""
    for section, name in report.PLOTS.items():
        runs = [
            run | {"cpu_ns_each": hub["median"]}
            for row in report.plotted(section, all_rows)
            for hub in row["hubs"].values() if "runs" in hub
            for run in hub["runs"][:1]
        ]
        if runs:
            text = "".join(json.dumps(run) + "\n" for run in runs)
            subprocess.run(
                [build / "parley-bench", "plot", "--svg", HERE / name], input=text, text=True, check=True
            )


def write(build, measured):
    """Puts the measured rows in the place of those of before."""
    all_rows = results.merge(results.load(HERE / "results.json"), measured)
    results.save(HERE / "results.json", all_rows)
    (HERE / "RESULTS.md").write_text(report.render(all_rows))
    draw(build, all_rows)
    print(f"written: bench/RESULTS.md, bench/results.json ({len(measured)} of {len(all_rows)} rows are new)")


def main():
    arguments = parse_arguments()
    if arguments.render:
        write(arguments.build, [])
        return 0
    choose_cpus(arguments)
    chosen = choose_rows(arguments)
    here = find_hubs(arguments, chosen)
    run = results.describe_machine(arguments, here)
    measured = []
    for row in chosen:
        taking_part = choose_hubs(here, row)
        if taking_part:
            measured.append(results.summarize(row, *measure_row(arguments, row, taking_part)) | {"run": run})
            print(report.one_line(measured[-1]), flush=True)
    whole = chosen is rows.ROWS and arguments.peers is None
    if whole or arguments.write:
        write(arguments.build, measured)
    failed = any("failed" in hub for row in measured for hub in row["hubs"].values())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
