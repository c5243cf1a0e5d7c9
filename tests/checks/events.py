#!/usr/bin/python3
"""Is every event that the source can log in the table of its page, with its level, and the other way round?
The bridge, a program of its own, has its events in docs/bridge.md; all others are in docs/operation.md.

usage: events.py ROOT
"""
import re
import sys
from itertools import product
from pathlib import Path

# A call that logs, up to what stands behind its event: one level and one literal, or two of them to choose from.
CALL = re.compile(
    r"\b(?:hub_log|log_write|forward_log|tell|bridge_log|home_log|daemon_log|log_text)\(\s*[^,()]+(?:\([^()]*\))?,"
    r"\s*([^,;()]*\b(?:LOG|LEVEL)_[A-Z]+[^,;()]*),\s*([^,;]*?\"[^,;]*?),",
    re.S,
)
LEVEL = re.compile(r"\b(?:LOG|LEVEL)_([A-Z]+)")
ROW = re.compile(r"^\| `([a-z_]+)` \| (debug|info|warning|error) \|", re.M)
BRIDGE = "matrix"


def events_of(call):
    """(event, level) of each event of a call: the two of a choice belong together when both are chosen."""
    levels = [level.lower() for level in LEVEL.findall(call[1])]
    events = re.findall(r'"([a-z_]+)"', call[2])
    return zip(events, levels) if len(levels) == len(events) else product(events, levels)


def logged(root, of_bridge):
    """(event, level) of each call in the source of the bridge, or in the rest of the source."""
    return {
        pair
        for path in sorted((root / "src").rglob("*.c"))
        if (path.relative_to(root / "src").parts[0] == BRIDGE) == of_bridge
        for call in CALL.finditer(path.read_text())
        for pair in events_of(call)
    }


def check(source, page):
    table = set(ROW.findall(page.read_text()))
    for event, level in sorted(source - table):
        print(f"{page}: no row for `{event}`, which the source logs as {level}")
    for event, level in sorted(table - source):
        print(f"{page}: a row for `{event}` as {level}, which nothing in the source logs")
    return source == table and bool(source)


def main(root):
    pages = {"operation.md": False, "bridge.md": True}
    good = [check(logged(root, of_bridge), root / "docs" / page) for page, of_bridge in pages.items()]
    return int(not all(good))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) if len(sys.argv) == 2 else __doc__)
