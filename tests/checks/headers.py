#!/usr/bin/python3
"""Compile every header alone: each includes what it needs.

usage: headers.py ROOT GENERATED... -- COMPILER...

GENERATED are directories of generated headers. COMPILER is a whole command: a cache may stand before
the compiler and options behind it.
"""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sources


def complaint_about(root, compiler, generated, path):
    """What the compiler says about the header, or None."""
    flags = ["-fsyntax-only", "-x", "c", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"]
    folders = [Path(root) / "src", Path(root) / "include", *generated]
    run = subprocess.run(
        [*compiler, *flags, *(f"-I{folder}" for folder in folders), "-"],
        input=f'#include "{Path(root).resolve() / path}"\n',
        capture_output=True,
        text=True,
    )
    return None if run.returncode == 0 else f"{path}: does not compile alone\n{run.stderr}"


def main(root, *rest):
    split = rest.index("--")
    generated, compiler = rest[:split], rest[split + 1 :]
    paths = sources.files_of(root, ["src", "include"], {".h"})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda path: complaint_about(root, compiler, generated, path), paths)
        return sources.report([each for each in found if each])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if "--" in sys.argv[2:-1] else __doc__)
