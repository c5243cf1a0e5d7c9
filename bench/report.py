"""Turns the figures of a comparison into text: a line for the terminal, RESULTS.md for readers."""

import rows

QUIET_LOAD_AVERAGE = 0.5

INTRODUCTION = """\
# Results

CPU time of the server, in all its threads and in ksoftirqd, for each message delivered, unless a row says otherwise:
medians, and below them the least and the greatest of all rounds. What is measured, and why it is CPU time:
`bench/README.md`. Every delivery was checked: each once, in order, unchanged. Messages are 128 bytes of JSON.
"""

SECTIONS = {
    "deliveries": """
## Deliveries

`rawsend` is the floor: one send() for each delivery and nothing else. `uring` is the same with the sends of a message
handed to the kernel together (io_uring).
""",
    "large": """
## Large messages

`sendfile` is `rawsend` with each message in a file in memory, of which the kernel sends the pages: one copy less, and
more work for each page. `uring` is `rawsend` by io_uring.
""",
    "requests": """
## Requests

CPU time for each request that was answered: an asker, an agent, the asker again; 128 bytes of JSON each way. `nats` is
nats-server by its WebSocket port, as all others are asked; `nats-tcp` by TCP, as its own clients do.
""",
    "sessions": """
## Sessions

The gateway dialect of Parley, and subjects of nats-server. Each connection is in ten sessions (in one, where there is
but one). A connection's own memory is not counted.
""",
    "wrapped": """
## Compression and TLS

Of all hubs the same is asked: permessage-deflate without context on the server's side, which every message may use, and
TLS 1.3 with a certificate of P-256. Compression is off by default.
""",
    "threads": """
## Threads

What a delivery costs with one reactor, with two and with four, all on one CPU, so that what is seen is what the threads
cost, and no gain: with N of them on as many CPUs there can be N times the deliveries, divided by how much dearer
each is.
""",
    "growth": """
## Growth

One message at a time, to more and more.
""",
}

# Sections whose cost of a delivery is drawn.
PLOTS = {"sessions": "sessions.svg", "growth": "growth.svg"}


def format_value(value, unit):
    scales = {"ns": ((1e9, "s"), (1e6, "ms"), (1e3, "us")), "B": ((1e6, "MB"),)}
    for scale, name in scales[unit]:
        if abs(value) >= scale:
            return f"{value / scale:.2f} {name}"
    return f"{value:.0f} {unit}"


def _median(row, name):
    return row["hubs"].get(name, {}).get("median")


def _reached(row, against):
    """The ratio of Parley's median to another's, or with "" Parley's own; None when it was not measured."""
    own, other = _median(row, "parley"), _median(row, against) if against else 1
    return None if own is None or not other else own / other


def _verdict(row, against, target):
    """What the target is, and how far Parley is from it."""
    reached = _reached(row, against)
    wanted = f"≤ {target:g} of {against}" if against else f"≤ {format_value(target, row['unit'])}"
    if reached is None:
        return wanted, "not measured"
    shown = f"{reached:.2f}" if against else format_value(reached, row["unit"])
    return wanted, f"{shown}: {'met' if reached <= target else 'missed'}"


def _verdicts(row):
    pairs = [_verdict(row, *target) for target in row["targets"]] or [("–", "–")]
    return ["<br>".join(column) for column in zip(*pairs)]


def one_line(row):
    parts = [
        f"{name} {format_value(hub['median'], row['unit'])}" if "median" in hub else f"{name} failed"
        for name, hub in row["hubs"].items()
    ]
    targets = "; ".join(f"target {wanted}, {found}" for wanted, found in (_verdict(row, *each) for each in row["targets"]))
    return f"{row['key']}: {row['title']}: {', '.join(parts)}" + (f" ({targets})" if targets else "")


def _cell(row, name):
    hub = row["hubs"].get(name)
    if hub is None:
        return "–"
    if "failed" in hub:
        return "failed"
    spread = f"{format_value(hub['min'], row['unit'])} – {format_value(hub['max'], row['unit'])}"
    return f"**{format_value(hub['median'], row['unit'])}**<br>{spread}"


def plotted(section, all_rows):
    """The rows of a section that stand in its picture."""
    return [row for row in all_rows if row["section"] == section and row["figure"] == "cpu_ns_each"]


def _render_section(section, measured):
    """One table; its columns are the hubs that the rows of the section have, in the order in which they come."""
    names = list(dict.fromkeys(name for row in rows.ROWS if row.section == section for name in row.hubs))
    names += [name for row in measured for name in row["hubs"] if name not in names]
    lines = [
        SECTIONS[section],
        "| Figure | " + " | ".join(names) + " | target | Parley |",
        "|---|" + "---|" * (len(names) + 2),
    ]
    for row in measured:
        lines.append("| " + " | ".join([row["title"], *(_cell(row, name) for name in names), *_verdicts(row)]) + " |")
    if section in PLOTS and plotted(section, measured):
        lines.append(f"\n![CPU time of the server for a delivery]({PLOTS[section]})")
    return "\n".join(lines)


def _render_failures(all_rows):
    lines = [
        f"- {row['title']}, {name}: {hub['failed']}"
        for row in all_rows
        for name, hub in row["hubs"].items()
        if "failed" in hub
    ]
    return "\n## Failed\n\n" + "\n".join(lines) + "\n" if lines else ""


def _render_run(run, keys):
    virtual = ", virtual" if run["virtual"] else ""
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    noisy = run["load_average"] > QUIET_LOAD_AVERAGE
    warning = ". **Not quiet: the figures are higher than they should be**" if noisy else ""
    return f"""
| | |
|---|---|
| Rows | {", ".join(keys)} |
| Date | {run["date"]} |
| Commit | {run["commit"]} |
| Machine | {run["cpu"]}, {run["cpus"]} CPUs{virtual}; load average at the start {run["load_average"]}{warning} |
| Kernel | Linux {run["kernel"]}; soft interrupts taken out of processes: {run["irq_time"]} |
| Hubs | {versions} |
| Command | `{run["command"]}` |
| Rounds | {run["rounds"]}, alternating, {run["seconds"]:g} s of load each, a fresh server for every run |
| CPUs | server {run["server_cpu"]}, generator {run["load_cpu"]} |
"""


def _render_runs(all_rows):
    """Rows that were measured together share a table."""
    groups = []
    for row in all_rows:
        group = next((group for group in groups if group[0] == row["run"]), None)
        if group is None:
            groups.append((row["run"], [row["key"]]))
        else:
            group[1].append(row["key"])
    return "\n## Where and how\n" + "".join(_render_run(run, keys) for run, keys in groups)


def render(all_rows):
    sections = [section for section in SECTIONS if any(row["section"] == section for row in all_rows)]
    tables = [_render_section(each, [row for row in all_rows if row["section"] == each]) for each in sections]
    return (
        INTRODUCTION
        + "\n".join(tables)
        + "\n"
        + _render_failures(all_rows)
        + _render_runs(all_rows)
        + "\nAll runs, with all figures: `bench/results.json`.\n"
    )
