#!/usr/bin/python3
"""Make a C file that holds whole files as text.

usage: embed.py OUTPUT HEADER NAME=INPUT...     each becomes the `struct embedded_text NAME` that HEADER declares
"""
import hashlib
import sys
from pathlib import Path

WIDTH = 24


def text_of(name, content):
    yield f"\nstatic const char {name}_bytes[] = {{\n"
    for start in range(0, len(content), WIDTH):
        # A char may be signed.
        values = (byte - 256 if byte > 127 else byte for byte in content[start : start + WIDTH])
        yield "    " + ", ".join(map(str, values)) + ",\n"
    digest = hashlib.sha256(content).hexdigest()[:16]
    yield f'}};\nconst struct embedded_text {name} = {{{name}_bytes, sizeof({name}_bytes), "{digest}"}};\n'


def main(target, header, *inputs):
    with open(target, "w", encoding="ascii") as file:
        file.write(f'#include "{header}"\n')
        for each in inputs:
            name, path = each.split("=", 1)
            file.writelines(text_of(name, Path(path).read_bytes()))


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) > 3 else sys.exit(__doc__)
