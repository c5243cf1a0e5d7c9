#!/usr/bin/python3
"""Is every event that the source can log in the table of docs/operation.md, with its level, and the
other way round?

usage: events.py ROOT
"""
import re
import sys
from pathlib import Path

# A call that logs, up to what stands behind its event: the level and one literal or two to choose from.
CALL = re.compile(
    r"\b(?:hub_log|log_write|forward_log|bridge_log|tell)\(\s*[^,()]+(?:\([^()]*\))?,\s*(?:LOG|LEVEL)_([A-Z]+),\s*([^,;]*?\"[^,;]*?),", re.S
)
ROW = re.compile(r"^\| `([a-z_]+)` \| ([a-z]+) \|", re.M)


def logged(root):
    """(event, level) of each call in the source."""
    return {
        (event, match[1].lower())
        for path in sorted((root / "src").rglob("*.c"))
        for match in CALL.finditer(path.read_text())
        for event in re.findall(r'"([a-z_]+)"', match[2])
    }


def main(root):
    source = logged(root)
    page = root / "docs" / "operation.md"
    table = set(ROW.findall(page.read_text()))
    for event, level in sorted(source - table):
        print(f"{page}: no row for `{event}`, which the source logs as {level}")
    for event, level in sorted(table - source):
        print(f"{page}: a row for `{event}` as {level}, which nothing in the source logs")
    return int(source != table or not source)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) if len(sys.argv) == 2 else __doc__)
