#!/usr/bin/python3
"""Look for calls of the functions of banned.toml, in code and not in comments or strings.

usage: banned.py ROOT
"""
import re
import sys
import tomllib
from pathlib import Path

import sources


def pattern_for(names):
    """Matches a call, or a definition that would hide the function; a member may have any name."""
    words = "|".join(re.escape(name).replace(r"\*", r"\w*") for name in names)
    return re.compile(rf"(?<![\w.])(?<!->)(?:{words})(?=\s*\()")


def check_file(path, text, pattern):
    """Yields the problems of one file."""
    text = sources.strip_comments_and_literals(text)
    for match in pattern.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield f"{path}:{line}: {match[0]} is banned here"


def load_table():
    with open(Path(__file__).with_name("banned.toml"), "rb") as file:
        return tomllib.load(file)


def main(root):
    problems = []
    for rule in load_table().values():
        pattern = pattern_for(rule["names"])
        for path in sources.files_of(root, rule["directories"], {".c", ".h"}):
            text = (Path(root) / path).read_text(encoding="utf-8")
            problems += check_file(path, text, pattern)
    return sources.report(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
