#!/usr/bin/python3
"""Are the generated files of the tree what their table makes today?

A generated file that is checked in begins with the line "Made from schema/X.toml by schema/generate.py
KIND; do not edit." (in a comment of its format). It is made again and compared.

usage: generated.py ROOT
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import sources

BANNER = re.compile(r"Made from (schema/[\w.-]+) by schema/generate\.py ([\w-]+); do not edit")
DIRECTORIES = ["docs", "include", "clients", "packaging", "web"]
SUFFIXES = {".md", ".h", ".json", ".yaml", ".ts", ".py", ".js", ".scd"}


def is_stale(root, path, source, kind):
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / path.name
        subprocess.run(
            [sys.executable, "schema/generate.py", kind, source, str(target)], cwd=root, check=True
        )
        return target.read_bytes() != (Path(root) / path).read_bytes()


def main(root):
    problems = []
    for path in sources.files_of(root, DIRECTORIES, SUFFIXES):
        head = (Path(root) / path).read_text(encoding="utf-8")[:500]
        if banner := BANNER.search(head):
            source, kind = banner.groups()
            if is_stale(root, path, source, kind):
                problems.append(
                    f"{path}: stale; run schema/generate.py {kind} {source} {path}"
                )
    return sources.report(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
