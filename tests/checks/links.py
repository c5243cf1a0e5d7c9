#!/usr/bin/python3
"""Does every link of the documentation lead somewhere? Files and anchors of this tree; others' pages are not asked.

usage: links.py ROOT
"""
import re
import sys
from pathlib import Path
from urllib.parse import unquote

import pages
import sources

LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?: +\"[^\"]*\")?\)|^\[[^\]]+\]: +(\S+)", re.M)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)


def problem_of(root, page, target):
    """What is wrong with a link, or None."""
    if ELSEWHERE.match(target):
        return None
    path, _, anchor = unquote(target).partition("#")
    file = (root / (page.parent / path if path else page)).resolve()
    if not file.is_relative_to(root.resolve()) or not file.exists():
        return "leads to no file"
    if anchor and file.suffix == ".md" and anchor not in pages.anchors_of(file.read_text(encoding="utf-8")):
        return "leads to no heading"
    return None


def main(root):
    root = Path(root)
    problems = []
    for page in pages.pages_of(root):
        text = (root / page).read_text(encoding="utf-8")
        for found in LINK.finditer(pages.without_code(text)):
            target = found[1] or found[2]
            if problem := problem_of(root, page, target):
                line = text.count("\n", 0, found.start()) + 1
                problems.append(f"{page}:{line}: {target} {problem}")
    return sources.report(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
