#!/usr/bin/python3
"""Check every #include below src/ and include/ against includes.toml.

usage: includes.py ROOT
"""
import fnmatch
import re
import sys
import tomllib
from pathlib import Path

import sources

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
ANY_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include", re.MULTILINE)


def module_of(path):
    """The module that a file belongs to; None for a file beside the modules."""
    parts = Path(path).parts
    if len(parts) < 3:
        return None
    return parts[1]


def rules_for(table, path):
    """What `path` may include: modules and headers, system headers, third-party headers."""
    row = table["module"][module_of(path)]
    grants = [
        grant
        for grant in table["grant"]
        if any(fnmatch.fnmatch(str(path), pattern) for pattern in grant["files"])
    ]
    may = {module_of(path), *row["may"]}
    system = {name for group in row["system"] for name in table["groups"][group]}
    third_party = []
    for grant in grants:
        may.update(grant.get("may", []))
        for name in grant.get("system", []):
            system.update(table["groups"].get(name, [name]))
        third_party += grant.get("third_party", [])
    return may, system, third_party


def check_project_header(table, module, name, may):
    if name in table["generated"]:
        owner = table["generated"][name]
        return None if owner == module else f"is for {owner} alone; include its header instead"
    if "/" in name and name.split("/")[0] in table["module"]:
        owner = name.split("/")[0]
    else:
        return 'is neither "module/header.h" nor a generated header of the table'
    if owner not in may and name not in may:
        return f"is not for this module, which may include {', '.join(sorted(may))}"
    return None


def check_outside_header(name, system, third_party):
    if name in system:
        return None
    if any(name == each or (each.endswith("/") and name.startswith(each)) for each in third_party):
        return None
    return "is not among the system and third-party headers of this file"


def check_file(table, path, text):
    """Yields the problems of one file."""
    module = module_of(path)
    if module not in table["module"]:
        yield f"{path}: its directory is no module of includes.toml"
        return
    may, system, third_party = rules_for(table, path)
    text = sources.strip_comments(text)
    for match in ANY_INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        include = INCLUDE.match(text, match.start())
        if not include:
            problem, name = "is not spelled out", "what is included"
        elif include[1]:
            problem = check_project_header(table, module, include[1], may)
            name = f'"{include[1]}"'
        else:
            problem = check_outside_header(include[2], system, third_party)
            name = f"<{include[2]}>"
        if problem:
            yield f"{path}:{line}: {name} {problem}"


def load_table():
    with open(Path(__file__).with_name("includes.toml"), "rb") as file:
        return tomllib.load(file)


def main(root):
    table = load_table()
    problems = []
    for path in sources.files_of(root, ["src", "include"], {".c", ".h"}):
        text = (Path(root) / path).read_text(encoding="utf-8")
        problems += check_file(table, path, text)
    return sources.report(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
