#!/usr/bin/python3
"""Is docs/commands.md what the program's table of commands makes today?

usage: commands.py COMMANDS-REFERENCE FILE
"""
import subprocess
import sys
from pathlib import Path


def main(program, path):
    made = subprocess.run([program, "markdown"], stdout=subprocess.PIPE, check=True).stdout
    if made == Path(path).read_bytes():
        return 0
    print(f"{path}: stale; run {program} markdown > {path}")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) == 3 else __doc__)
