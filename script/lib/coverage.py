#!/usr/bin/python3
"""Print how much of each module was reached.

usage: coverage.py SUMMARY    the JSON that `gcovr --json-summary` writes
"""
import collections
import json
import sys


def main(path):
    with open(path, encoding="utf-8") as file:
        files = json.load(file)["files"]
    modules = collections.defaultdict(collections.Counter)
    for each in files:
        for name in (each["filename"].split("/")[1], "all"):
            for key in ("line_covered", "line_total", "branch_covered", "branch_total"):
                modules[name][key] += each[key]
    print("module      lines          branches")
    for name in sorted(modules, key=lambda name: (name == "all", name)):
        count = modules[name]
        parts = [
            f"{100 * count[what + '_covered'] / max(count[what + '_total'], 1):5.1f} % "
            f"of {count[what + '_total']:5}"
            for what in ("line", "branch")
        ]
        print(f"{name:10}", *parts, sep="  ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
