#!/usr/bin/python3
"""The vectors of this directory, one a line, for the runners: vectors.py [DIRECTORY].

A line has eight columns with a tab between them; README.md says how the files become lines.

    dialect   world or gateway
    level     strict, known, or both
    verdict   ok or refused
    path      of what is wrong; `-` where the vector does not say
    position  of what is wrong, in bytes; `-` where the vector does not say
    schema    `schema`, or `-` for what no JSON Schema can see
    name      of the vector
    text      of the message, to the end of the line; the only column with tabs or any byte but 0x0a
"""
import json
import re
import sys
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
BODY = {"world": "data", "gateway": "payload"}
STEP = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]")


class Number(str):
    """A number as it is written in the file."""


@dataclass(frozen=True)
class Vector:
    dialect: str
    level: str
    name: str
    text: bytes
    path: str | None = None  # of what is wrong; None: not said
    position: int | None = None
    ok: bool = True
    schema: bool = True

    def line(self):
        said = ["-" if value is None else str(value) for value in (self.path, self.position)]
        verdict = "ok" if self.ok else "refused"
        columns = [self.dialect, self.level, verdict, *said, "schema" if self.schema else "-", self.name]
        return "\t".join(columns).encode() + b"\t" + self.text + b"\n"


def load(path):
    return json.loads(path.read_text(encoding="utf-8"), parse_float=Number, parse_int=Number)


def write(value):
    """JSON with the numbers as they were written; {"$repeat": [what, times]} is what, repeated."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        if "$repeat" in value:
            what, times = value["$repeat"]
            return write(repeated(what, int(times)))
        return "{" + ",".join(json.dumps(key) + ":" + write(inner) for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def steps(path):
    """`data.agents[1].role` as keys and indexes."""
    return [key or int(index) for key, index in STEP.findall(path)]


def holder(message, path, create=False):
    """What the last step of the path is to be taken in."""
    *way, last = steps(path)
    for step in way:
        if create and isinstance(message, dict):
            message.setdefault(step, {})
        message = message[step]
    return message, last


def changed(message, path, value):
    copy = deepcopy(message)
    inside, last = holder(copy, path, create=True)
    inside[last] = value
    return copy


def without(message, path):
    """The message without what the path names; itself where that is not there."""
    copy = deepcopy(message)
    try:
        inside, last = holder(copy, path)
        del inside[last]
    except (KeyError, IndexError):
        pass
    return copy


def repeated(what, times):
    """A string or array so many times; of an object, so many members."""
    if isinstance(what, dict):
        return {f"k{number}": True for number in range(times)}
    return what * times


class Rows:
    """The vectors of one type of one file."""

    def __init__(self, dialect, kind, origin):
        self.dialect, self.kind, self.origin = dialect, kind, origin
        self.found = []

    def add(self, what, message, path=None, level="both"):
        text = write({"type": self.kind, **message}).encode()
        name = f"{self.dialect} {self.kind}: {what} ({self.origin})"
        self.found.append(Vector(self.dialect, level, name, text, path, ok=path is None))

    def add_by_level(self, what, message, strict, known):
        """Each level with its path, None where it accepts."""
        if strict == known:
            self.add(what, message, strict)
        else:
            self.add(what, message, strict, "strict")
            self.add(what, message, known, "known")

    def add_member(self, base, path, rules):
        if "needed" in rules:
            needed = rules["needed"]
            paths = needed if isinstance(needed, list) else [path if needed else None] * 2
            self.add_by_level(f"without {path}", without(base, path), *paths)
        for value in rules.get("good", []):
            self.add(f"{path} {short(value)}", changed(base, path, value))
        for value in rules.get("bad", []):
            self.add(f"{path} {short(value)}", changed(base, path, value), path)
        if "longest" in rules:
            what, limit = rules["longest"][0], int(rules["longest"][1])
            self.add(f"{path} of length {limit}", changed(base, path, repeated(what, limit)))
            self.add(f"{path} too long", changed(base, path, repeated(what, limit + 1)), path)


def short(value):
    text = write(value)
    return text if len(text) <= 40 else f"{text[:30]}... of {len(text)} bytes"


def of_type(file, origin, kind, base):
    rows = Rows(file["dialect"], kind, origin)
    for number, message in enumerate(file.get("good", []), 1):
        rows.add(f"good {number}", message)
    for path, messages in file.get("lenient", {}).items():
        for message in messages:
            rows.add_by_level(f"lenient about {path}", message, path, None)
    for path, messages in file.get("bad", {}).items():
        for message in messages:
            rows.add(f"bad {path}", message, path)
    for path, rules in file.get("members", {}).items():
        rows.add_member(base, path, rules)
    return rows.found


def of_hostile(entry):
    dialect = entry.get("dialect", "world")
    schema = entry.get("schema", True)
    if "accepts" in entry:
        name = f"{dialect} accepts {entry['accepts']} (hostile.json)"
        return Vector(dialect, "both", name, entry["text"].encode(), schema=schema)
    before, after = (entry[half].encode("utf-8", "surrogateescape") for half in ("before", "after"))
    return Vector(
        dialect,
        "both",
        f"{dialect} refuses {entry['why']} (hostile.json)",
        before + after,
        entry.get("path"),
        entry.get("position", len(before)),
        ok=False,
        schema=schema,
    )


def files(directory=HERE):
    """(name, content) of the files that are about types."""
    return [
        (f"{path.parent.name}/{path.name}", load(path))
        for dialect in BODY
        for path in sorted((directory / dialect).glob("*.json"))
    ]


def vectors(directory=HERE):
    found, bases = [], {}
    loaded = files(directory)
    for _, file in loaded:
        for kind in file["types"] if "good" in file else []:
            bases[file["dialect"], kind] = file["good"][0]
    for origin, file in loaded:
        for kind in file["types"]:
            found += of_type(file, origin, kind, bases[file["dialect"], kind])
    hostile = json.loads((directory / "hostile.json").read_text(encoding="utf-8"))
    return found + [of_hostile(entry) for entry in hostile]


if __name__ == "__main__":
    sys.stdout.buffer.writelines(
        vector.line() for vector in vectors(*(Path(name) for name in sys.argv[1:]))
    )
