"""bench/results.json: every row that was measured, each with all its runs and with where and how it was measured, so
that a row can be measured again without the others."""

import datetime
import gzip
import json
import os
import pathlib
import platform
import re
import shlex
import statistics
import subprocess
import sys

import rows

ROOT = pathlib.Path(__file__).resolve().parent.parent


def _git(*arguments):
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _cpu_model():
    found = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return found.group(1) if found else platform.machine()


def _is_virtual():
    return " hypervisor" in pathlib.Path("/proc/cpuinfo").read_text()


def _irq_time():
    """Whether the kernel takes soft interrupts out of the time of processes."""
    places = ("/proc/config.gz", f"/boot/config-{platform.release()}")
    for place in map(pathlib.Path, places):
        if place.is_file():
            content = place.read_bytes()
            text = gzip.decompress(content) if place.suffix == ".gz" else content
            return "yes" if b"\nCONFIG_IRQ_TIME_ACCOUNTING=y" in text else "no"
    return "not known"


def _shown_arguments():
    """The command line without --build, which script/bench puts there."""
    shown = sys.argv[1:]
    if "--build" in shown:
        at = shown.index("--build")
        del shown[at : at + 2]
    return shown


def describe_machine(arguments, hubs):
    """Where, when, with what."""
    commit = _git("rev-parse", "--short=12", "HEAD") or "none"
    if _git("status", "--porcelain", "--untracked-files=no", "--", "src", "bench/load", "bench/peers"):
        commit += " with changes"
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit,
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "virtual": _is_virtual(),
        "kernel": platform.release(),
        "irq_time": _irq_time(),
        "load_average": round(os.getloadavg()[0], 2),
        "command": shlex.join(["script/bench", *_shown_arguments()]),
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "server_cpu": arguments.server_cpu,
        "load_cpu": arguments.load_cpu,
        "versions": {hub.name: hub.version for hub in hubs},
    }


def figure_of(run, name):
    """The member of an answer that counts: "cpu_ns_each", or one inside of another, "latency_ns p50"."""
    for part in name.split(" "):
        run = run[part]
    return run


def summarize(row, runs, failures):
    figures = {}
    for name, all_runs in runs.items():
        if name in failures:
            figures[name] = {"failed": failures[name]}
        else:
            values = [figure_of(run, row.figure) for run in all_runs]
            figures[name] = {
                "median": statistics.median(values), "min": min(values), "max": max(values), "runs": all_runs,
            }
    return {
        "key": row.key, "title": row.title, "section": row.section, "unit": row.unit, "figure": row.figure,
        "options": list(row.options), "targets": [list(target) for target in row.targets], "hubs": figures,
    }


def load(path):
    """The rows of the file; none when there is no file."""
    return json.loads(path.read_text())["rows"] if path.is_file() else []


def merge(old, new):
    """The rows of both, in the order of the table, the new one where a row is in both. A row that the table does not
    have any more goes."""
    merged = {row["key"]: row for row in [*old, *new]}
    return [merged[row.key] for row in rows.ROWS if row.key in merged]


def save(path, all_rows):
    path.write_text(json.dumps({"rows": all_rows}, indent=1) + "\n")
