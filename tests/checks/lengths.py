#!/usr/bin/python3
"""Files of about 300 lines: list those over 400, refuse those over 600.

usage: lengths.py ROOT
"""
import sys
from pathlib import Path

import sources

LONG, TOO_LONG = 400, 600


def lengths_of(root):
    """(lines, path) of the long files, the longest first."""
    paths = sources.files_of(
        root, ["src", "include", "tests", "schema", "bench"], {".c", ".h", ".py", ".mjs", ".js"}
    ) + sources.files_of(root, ["script"], {"", ".py", ".sh"})
    counted = ((len((Path(root) / path).read_bytes().splitlines()), path) for path in paths)
    return sorted((each for each in counted if each[0] > LONG), reverse=True)


def main(root):
    problems = []
    for lines, path in lengths_of(root):
        if lines > TOO_LONG:
            problems.append(f"{path}: {lines} lines; {TOO_LONG} is the limit")
        else:
            print(f"{path}: {lines} lines")
    return sources.report(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
