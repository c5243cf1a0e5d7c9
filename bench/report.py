"""Turns the figures of a comparison into text: a line for the terminal, RESULTS.md for readers."""

import datetime
import gzip
import os
import pathlib
import platform
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

QUIET_LOAD_AVERAGE = 0.5

INTRODUCTION = """\
# Results

CPU time of the server, in all its threads and in ksoftirqd, for each message delivered: medians, and
below them the least and the greatest of all rounds. `rawsend` is the floor: one send() for each delivery
and nothing else. What is measured, and why it is CPU time: `bench/README.md`. Every delivery was checked:
each once, in order, unchanged. Messages are 128 bytes of JSON.
"""


def _git(*arguments):
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False
    )
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


def describe_machine(arguments, hubs):
    """The frame of the results: where, when, with what; its rows are still empty."""
    commit = _git("rev-parse", "--short=12", "HEAD") or "none"
    if _git("status", "--porcelain", "--", "src", "bench/load", "bench/peers"):
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
        "rows": [],
    }


def _shown_arguments():
    """The command line without --build, which script/bench puts there."""
    shown = sys.argv[1:]
    if "--build" in shown:
        at = shown.index("--build")
        del shown[at : at + 2]
    return shown


def _format(value, unit):
    if unit == "ns" and value >= 1000:
        return f"{value / 1000:.2f} us"
    return f"{value:.0f} {unit}"


def _ratio(row, name, other):
    """The median of one hub over that of another, or None."""
    medians = [row["hubs"].get(each, {}).get("median") for each in (name, other)]
    return medians[0] / medians[1] if None not in medians and medians[1] else None


def _verdict(row):
    """How far Parley is from its target, and what that is."""
    median = row["hubs"].get("parley", {}).get("median")
    if row["against"]:
        target = f"≤ {row['target']:g} of {row['against']}"
        reached = _ratio(row, "parley", row["against"])
        shown = None if reached is None else f"{reached:.2f}"
    else:
        target = f"≤ {_format(row['target'], row['unit'])}"
        reached = median
        shown = None if median is None else _format(median, row["unit"])
    if reached is None:
        return target, "not measured"
    return target, f"{shown}: {'met' if reached <= row['target'] else 'missed'}"


def one_line(row):
    parts = [
        f"{name} {_format(hub['median'], row['unit'])}" if "median" in hub else f"{name} failed"
        for name, hub in row["hubs"].items()
    ]
    target, verdict = _verdict(row)
    return f"{row['title']}: {', '.join(parts)} (target {target}; {verdict})"


def _cell(row, name):
    hub = row["hubs"].get(name)
    if hub is None:
        return "–"
    if "failed" in hub:
        return "failed"
    spread = f"{_format(hub['min'], row['unit'])} – {_format(hub['max'], row['unit'])}"
    return f"**{_format(hub['median'], row['unit'])}**<br>{spread}"


def _render_table(results):
    names = list(results["versions"])
    lines = [
        "| Figure | " + " | ".join(names) + " | target | Parley |",
        "|---|" + "---|" * (len(names) + 2),
    ]
    for row in results["rows"]:
        cells = [row["title"], *(_cell(row, name) for name in names), *_verdict(row)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _render_failures(results):
    lines = [
        f"- {row['title']}, {name}: {hub['failed']}"
        for row in results["rows"]
        for name, hub in row["hubs"].items()
        if "failed" in hub
    ]
    return "\n## Failed\n\n" + "\n".join(lines) + "\n" if lines else ""


def _render_warning(results):
    """Other programs take caches and clock rate away, if not CPU time."""
    if results["load_average"] <= QUIET_LOAD_AVERAGE:
        return ""
    return "\n**The machine was not quiet during this run; the figures are higher than they should be.**\n"


def render(results):
    virtual = ", virtual" if results["virtual"] else ""
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return f"""{INTRODUCTION}{_render_warning(results)}
{_render_table(results)}
{_render_failures(results)}
## Where and how

| | |
|---|---|
| Date | {results["date"]} |
| Commit | {results["commit"]} |
| Machine | {results["cpu"]}, {results["cpus"]} CPUs{virtual}; load average at the start {results["load_average"]} |
| Kernel | Linux {results["kernel"]}; soft interrupts taken out of processes: {results["irq_time"]} |
| Hubs | {versions} |
| Command | `{results["command"]}` ({results["minutes"]} minutes) |
| Rounds | {results["rounds"]}, alternating, {results["seconds"]:g} s of load each, a fresh server for every run |
| CPUs | server {results["server_cpu"]}, generator {results["load_cpu"]} |

All runs, with all figures: `bench/results.json`.
"""
