#!/usr/bin/python3
"""Can man(1) show the manual pages without a warning? Exit code 77 (skipped) where there is no man or no groff.

usage: manuals.py PAGE...
"""
import os
import shutil
import subprocess
import sys


def can_show():
    return all(shutil.which(program) for program in ("man", "groff"))


def complaints(page):
    """What man says about a page on standard error, and about one that shows nothing."""
    done = subprocess.run(
        ["man", "--warnings=all", "-l", page], capture_output=True, text=True, env=os.environ | {"MANWIDTH": "80"}
    )
    said = done.stderr.splitlines()
    if done.returncode != 0 or "NAME" not in done.stdout:
        said.append(f"man shows nothing and ends with {done.returncode}")
    return [f"{page}: {line}" for line in said]


def main(*names):
    if not names or not can_show():
        return 77
    found = [line for name in names for line in complaints(name)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
