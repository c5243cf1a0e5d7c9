"""What the checks of the documentation share: the pages, their text without code, and their anchors."""
import re
from pathlib import Path

import sources

DIRECTORIES = ["bench", "docs", "examples", "packaging", "tests"]
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.S)
HEADING = re.compile(r"^#{1,6} +(.*?) *#*$", re.M)


def pages_of(root):
    """The Markdown files of the tree, as sorted paths relative to root."""
    top = [path.relative_to(root) for path in Path(root).glob("*.md")]
    return sorted(top + sources.files_of(root, DIRECTORIES, {".md"}))


def without_blocks(text):
    return FENCE.sub(lambda m: sources.blank(m[0]), text)


def without_code(text):
    return CODE.sub(lambda m: sources.blank(m[0]), without_blocks(text))


def code_of(text):
    """What stands between backquotes, blocks left out."""
    return [m[0].strip("`") for m in CODE.finditer(without_blocks(text))]


def anchors_of(text):
    """The anchors that the headings of a page get, as GitHub makes them."""
    anchors, seen = set(), {}
    for heading in HEADING.findall(without_blocks(text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count = seen.get(name, 0)
        seen[name] = count + 1
        anchors.add(f"{name}-{count}" if count else name)
    return anchors
