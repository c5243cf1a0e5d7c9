#!/usr/bin/python3
"""Is everything that a user can meet in its reference, and is what the pages name still there?

Options, metrics and error codes come from the tables of schema/; close codes, HTTP statuses, rules, limits, routes, commands
and the checks of `parley doctor` from the source. So do commands, metrics, faults and steps of `--check` of the Matrix bridge.

usage: references.py ROOT
"""
import re
import sys
import tomllib
from pathlib import Path

import pages
import sources

OPTION = re.compile(r"(?:agent|auth|bridge|heartbeat|limits|listen|log|matrix|metrics|world)\.(?!db\b|yaml\b)[a-z_]{2,}")
METRIC = re.compile(r"parley_[a-z_]+")
FILE = re.compile(r"(?:bench|docs|examples|include|packaging|schema|script|src|tests|web)/[\w./-]*\w/?")
HISTOGRAM = ("_bucket", "_count", "_sum")


def table_of(root, name):
    with open(root / "schema" / f"{name}.toml", "rb") as file:
        return tomllib.load(file)


def metric_name(entry):
    unit = f"_{entry['unit']}" if entry["unit"] else ""
    return f"parley_{entry['name']}{unit}{'_total' if entry['type'] == 'counter' else ''}"


class Tree:
    """The source and the pages, and what is missing."""

    def __init__(self, root):
        self.root = root
        self.problems = []

    def find(self, files, pattern):
        """What a pattern finds in the files that match a glob."""
        texts = [path.read_text(encoding="utf-8") for path in sorted(self.root.glob(files))]
        found = {match for text in texts for match in re.findall(pattern, text)}
        if not found:
            self.problems.append(f"{files}: nothing there looks like {pattern}; the check has to follow the source")
        return found

    def expect(self, page, names, what, shape="`{}`"):
        """Each name stands on the page, in this shape."""
        text = (self.root / "docs" / page).read_text(encoding="utf-8")
        for name in sorted(names):
            if shape.format(name) not in text:
                self.problems.append(f"docs/{page}: {what} {name} is not mentioned")


def check_references(tree):
    options, errors = table_of(tree.root, "options"), table_of(tree.root, "errors")
    metrics = table_of(tree.root, "metrics")["metric"]
    tree.expect("configuration.md", [entry["key"] for entry in options["option"]], "the option", "\n| `{}` |")
    tree.expect("metrics.md", map(metric_name, metrics), "the metric", "\n| `{}` |")
    tree.expect("errors.md", [entry["code"] for entry in errors["error"]], "the code", "\n### {}\n")
    closes = tree.find("src/*/*.h", r"\bCLOSE_[A-Z_]+ = (\d{4})\b")
    tree.expect("errors.md", closes, "the close code", "\n| {} |")
    tree.expect("errors.md", tree.find("src/http/rules.c", r"\{([45]\d\d), "), "the status", " {}")
    refusals = tree.find("src/net/trial.c", r"refuse(?:_and_stay|_site)?\(\s*t, ([45]\d\d)")
    tree.expect("errors.md", refusals, "the status", " {}")
    tree.expect("errors.md", tree.find("src/*/*.c", r'rule\\":\\"([a-z_:]+)'), "the rule")
    tree.expect("errors.md", tree.find("src/core/access.c", r'"(grant:[a-z_]+)"'), "the rule")
    tree.expect("errors.md", tree.find("src/core/memory.c", r'\[LIMIT_\w+\] = "([a-z_]+)"'), "the limit")
    tree.expect("commands.md", tree.find("src/cli/*.c", r'\n    \.name = "([a-z]+)"'), "the command", "\n## parley {}\n")
    tree.expect("protocol.md", tree.find("src/rest/*.c", r'[{(]"(/[a-z/.]*)"'), "the path", "{}")
    tree.expect("troubleshooting.md", tree.find("src/cli/doctor.c", r'\n    \{"([a-z ]+)", NEEDS'), "the check")


def join_literals(text):
    """C literals that stand behind each other as one."""
    return re.sub(r'"\s*\n\s*"', "", text)


def check_bridge(tree):
    """docs/bridge.md beside the source of the bridge."""
    options = table_of(tree.root, "bridge")["option"]
    tree.expect("bridge-configuration.md", [entry["key"] for entry in options], "the option", "\n| `{}` |")
    commands = tree.find("src/matrix/bridge_command.c", r'\n    \{"([a-z_]+)", "[^"]*", "[^"]*", (?:true|false), run_')
    tree.expect("bridge.md", commands, "the command", "\n| `/{}")
    helps = tree.find("src/matrix/bridge_command.c", r'\n    \{"[a-z_]+", "[^"]*", "([^"]*)", (?:true|false), run_')
    tree.expect("bridge.md", helps, "the help", "| {}")
    tree.expect("bridge.md", bridge_metrics(tree), "the metric", "\n| `{}` |")
    steps = tree.find("src/matrix/daemon_check.c", r'report\(&?c(?:heck)?, "([a-z ]+)"')
    steps |= tree.find("src/matrix/homeserver_check.c", r'(?:report\(\s*h, |return )"([a-z]+)"')
    tree.expect("bridge.md", steps, "the step", "\n| `{}` |")
    check_sentences(tree)


# What the bridge says of a homeserver, an agent or a file that it cannot use: sources, and what such a sentence looks like.
SENTENCES = {
    "homeserver_*.c": r'home_fault\(\s*[\w>-]+,\s*HOMESERVER_\w+,\s*"((?:[^"\\\n]|\\.)*)"',
    "homeserver_check.c": r'report\(\s*h, "[a-z]+", false,\s*"((?:[^"\\\n]|\\.)*)"',
    "homeserver_url.c": r'return "(is [^"\n]*)"',
    "agent_*.c": r'"((?:its?|nobody|the|this) [a-z][^"\n]*)"',
    "uplink.c": r'(?:lose\([^;"]*|[?:] )"([^"\n]*)"',
    "bridge_speech.c": r'\[FAILURE_\w+\] = "([^"\n]+)"',
    "credentials.c": r'"((?:[a-z_]+,?) [a-z](?:[^"\\\n]|\\.)*)"',
    "store.c": r'(?:return "|state file %s: )([a-z][^"\n]+)"',
}


def check_sentences(tree):
    """Each of them is on the page of the bridge, word by word but for what it fills in."""
    page = (tree.root / "docs" / "bridge.md").read_text(encoding="utf-8")
    for files, pattern in SENTENCES.items():
        texts = [sources.strip_comments(path.read_text(encoding="utf-8")) for path in tree.root.glob(f"src/matrix/{files}")]
        found = {sentence for text in texts for sentence in re.findall(pattern, join_literals(text))}
        if not found:
            tree.problems.append(f"src/matrix/{files}: no sentence there; the check has to follow the source")
        for sentence in sorted(found):
            words = [part.strip() for part in re.split(r"%(?:\.\*)?(?:ll)?[a-z]", sentence.replace('\\"', '"'))]
            if missing := [part for part in words if len(part) > 3 and part not in page]:
                tree.problems.append(f"docs/bridge.md: of the sentence {sentence!r} {missing} is not mentioned")


def bridge_metrics(tree):
    pattern = r'write_metric\(out, "([a-z_]+)"|# TYPE parley_bridge_([a-z_]+) '
    return {f"parley_bridge_{plain or labelled}" for plain, labelled in tree.find("src/matrix/daemon_watch.c", pattern)}


def functions_of(root):
    """What libparley's headers declare, which are names like those of metrics."""
    return {name for path in sorted(root.glob("include/parley/*.h")) for name in METRIC.findall(path.read_text())}


def is_metric(name, metrics):
    return any(name == metric or name in (metric + part for part in HISTOGRAM) for metric in metrics)


def check_names(tree):
    """What is named between backquotes exists: a page that is behind names what is not there any more."""
    table = table_of(tree.root, "options")
    options = {entry["key"] for entry in table["option"] + table["absent"] + table_of(tree.root, "bridge")["option"]}
    metrics = [metric_name(entry) for entry in table_of(tree.root, "metrics")["metric"]]
    metrics += bridge_metrics(tree)
    functions = functions_of(tree.root)
    for page in pages.pages_of(tree.root):
        for code in pages.code_of((tree.root / page).read_text(encoding="utf-8")):
            if OPTION.fullmatch(code) and code not in options:
                tree.problems.append(f"{page}: there is no option {code}")
            if METRIC.fullmatch(code) and code not in functions and not is_metric(code, metrics):
                tree.problems.append(f"{page}: there is no metric {code}")
            if FILE.fullmatch(code) and not re.search(r"[A-Z]{4}", code) and not (tree.root / code).exists():
                tree.problems.append(f"{page}: there is no file {code}")


def main(root):
    tree = Tree(Path(root))
    check_references(tree)
    check_bridge(tree)
    check_names(tree)
    return sources.report(tree.problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
