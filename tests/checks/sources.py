"""What the checks share: the sources of the tree, and C text without comments and literals."""
import re
from pathlib import Path

TOKENS = re.compile(
    r"""(?P<comment>//(?:\\\n|[^\n])*|/\*.*?\*/)"""
    r"""|(?P<literal>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""",
    re.DOTALL,
)


def blank(text):
    """Spaces in place of `text`; its line ends stay, so that line numbers hold."""
    return re.sub(r"[^\n]", " ", text)


def strip_comments(text):
    return TOKENS.sub(lambda m: blank(m[0]) if m["comment"] else m[0], text)


def strip_comments_and_literals(text):
    return TOKENS.sub(lambda m: blank(m[0]), text)


def files_of(root, directories, suffixes):
    """The files below `directories` with one of `suffixes`, as sorted paths relative to root."""
    root = Path(root)
    found = (path for each in directories for path in (root / each).rglob("*") if path.is_file())
    return sorted(
        path.relative_to(root)
        for path in found
        if path.suffix in suffixes and "node_modules" not in path.parts
    )


def report(problems):
    """Prints the problems and gives the exit code."""
    for problem in problems:
        print(problem)
    return 1 if problems else 0
