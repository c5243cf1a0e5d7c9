#!/usr/bin/python3
"""Runs the comparison of Parley with its peers: every row in alternating rounds, a fresh server
for each run, the server on one CPU and the generator on another. See bench/README.md."""

import argparse
import contextlib
import json
import os
import pathlib
import resource
import socket
import statistics
import subprocess
import sys
import time

import report
import rows

HERE = pathlib.Path(__file__).resolve().parent
START_SECONDS = 10
RUN_SECONDS = 120


class RunFailed(Exception):
    """A server that does not start, or a run that the generator does not accept."""


def parse_arguments():
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="Meson's directory")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (5)")
    parser.add_argument("--seconds", type=float, default=1.2, help="of a run under load (1.2)")
    parser.add_argument(
        "--only", action="append", metavar="ROW", choices=[row.key for row in rows.ROWS],
        help="this row alone (may be given again): " + ", ".join(row.key for row in rows.ROWS),
    )
    parser.add_argument("--peers", help="these hubs alone, of parley,bun,ws,websockets,rawsend")
    parser.add_argument("--server-cpu", type=int, help="the server's CPU (the first)")
    parser.add_argument("--load-cpu", type=int, help="the generator's CPU (the last)")
    parser.add_argument(
        "--write", action="store_true",
        help="write RESULTS.md and results.json for a part, too (for all it is done anyway)",
    )
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


@contextlib.contextmanager
def running(hub, cpu):
    port = free_port()
    server = subprocess.Popen(
        [*hub.command, str(port)], preexec_fn=on_cpu(cpu),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_port(server, port)
        yield server.pid, port
    finally:
        server.kill()
        server.wait()


def run_once(arguments, row, hub):
    with running(hub, arguments.server_cpu) as (pid, port):
        path = hub.directed_path if row.directed else hub.path
        command = [
            arguments.build / "bench" / "parley-load", "--url", f"ws://127.0.0.1:{port}{path}",
            "--pid", str(pid), *row.options, *hub.options,
            *(hub.directed_options if row.directed else ()),
            *(("--seconds", str(arguments.seconds), "--warmup", "0.4") if row.seconds else ()),
        ]
        done = subprocess.run(
            command, preexec_fn=on_cpu(arguments.load_cpu), capture_output=True, text=True,
            timeout=RUN_SECONDS, check=False,
        )
    if done.returncode != 0:
        raise RunFailed(done.stderr.strip() or f"not all was delivered: {done.stdout.strip()}")
    return json.loads(done.stdout)


def measure_row(arguments, row, hubs):
    """Every hub once in each round; the order turns by one from round to round."""
    runs = {hub.name: [] for hub in hubs}
    failures = {}
    for number in range(arguments.rounds):
        turn = number % len(hubs)
        for hub in hubs[turn:] + hubs[:turn]:
            if hub.name in failures:
                continue
            try:
                runs[hub.name].append(run_once(arguments, row, hub))
            except (RunFailed, subprocess.TimeoutExpired) as error:
                failures[hub.name] = str(error)
                print(f"{row.key}: {hub.name} failed: {error}", file=sys.stderr)
    return runs, failures


def summarize(row, runs, failures):
    figures = {}
    for name, all_runs in runs.items():
        values = [run[row.figure] for run in all_runs]
        if name in failures:
            figures[name] = {"failed": failures[name]}
        else:
            figures[name] = {
                "median": statistics.median(values), "min": min(values), "max": max(values),
                "runs": all_runs,
            }
    return {
        "key": row.key, "title": row.title, "unit": row.unit, "figure": row.figure,
        "options": list(row.options), "against": row.against, "target": row.target,
        "hubs": figures,
    }


def choose_cpus(arguments):
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        sys.exit("script/bench: two CPUs are needed, one for the server and one for the generator")
    if arguments.server_cpu is None:
        arguments.server_cpu = cpus[0]
    if arguments.load_cpu is None:
        arguments.load_cpu = cpus[-1]


def choose_hubs(arguments):
    hubs = rows.find_hubs(arguments.build)
    if arguments.peers is None:
        return [hub for hub in hubs if hub.by_default]
    wanted = arguments.peers.split(",")
    missing = set(wanted) - {hub.name for hub in hubs}
    if missing:
        sys.exit(f"script/bench: not here: {', '.join(sorted(missing))}")
    return [hub for hub in hubs if hub.name in wanted]


def main():
    arguments = parse_arguments()
    choose_cpus(arguments)
    hubs = choose_hubs(arguments)
    started = time.monotonic()
    results = report.describe_machine(arguments, hubs)
    for row in rows.ROWS:
        if arguments.only is None or row.key in arguments.only:
            taking_part = [hub for hub in hubs if hub.name not in row.without]
            measured = summarize(row, *measure_row(arguments, row, taking_part))
            results["rows"].append(measured)
            print(report.one_line(measured), flush=True)
    results["minutes"] = round((time.monotonic() - started) / 60, 1)
    whole = arguments.only is None and arguments.peers is None
    if whole or arguments.write:
        (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        (HERE / "RESULTS.md").write_text(report.render(results))
        print("written: bench/RESULTS.md, bench/results.json")
    failed = any("failed" in hub for row in results["rows"] for hub in row["hubs"].values())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
