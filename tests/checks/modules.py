#!/usr/bin/python3
"""Check the table of modules in ARCHITECTURE.md against includes.toml.

The page has a row for each directory of src/, and its third column says what the row of includes.toml
says, but for modules that are not there yet. What stands behind a semicolon is a grant to single files.

usage: modules.py ROOT
"""
import re
import sys
from pathlib import Path

import includes
import sources

PAGE = "ARCHITECTURE.md"
ROW = re.compile(r"^\| `(\w+)` \|[^|]*\|([^|;]*)", re.MULTILINE)


def read_page(text):
    """What each module may include, as the page has it."""
    rows = {}
    for name, cell in ROW.findall(text):
        said = set(cell.replace("`", "").strip().split(", ")) - {"libc"}
        rows[name] = set(rows) if said == {"all above"} else said
    return rows


def main(root):
    table = includes.load_table()["module"]
    there = {path.name for path in (Path(root) / "src").iterdir() if path.is_dir()}
    rows = read_page((Path(root) / PAGE).read_text(encoding="utf-8"))
    problems = [f"{PAGE}: no module {name} is there" for name in sorted(rows.keys() - there)]
    for name in sorted(there):
        may = {each for each in table[name]["may"] if each.split("/")[0] in there}
        if name not in rows:
            problems.append(f"{PAGE}: the module {name} has no row")
        elif rows[name] != may:
            problems.append(f"{PAGE}: {name} may include {', '.join(sorted(may))}")
    return sources.report(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
