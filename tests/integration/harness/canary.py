"""A distinctive secret, and the search for what is left of it."""

import array
import base64
import os
import time
import urllib.parse

from . import PATIENCE

FRAGMENT = 8


class Canary:
    """`text` is a token; it, its parts of eight bytes, and what they are encoded to, are searched for."""

    def __init__(self, text):
        self.text = text
        raw = text.encode()
        self.fragments = [raw[at : at + FRAGMENT] for at in range(len(raw) - FRAGMENT + 1)]
        # base64 in each of its three alignments, without the ends, where it meets its surroundings.
        self.encoded = [raw.hex().encode(), "".join(f"%{byte:02x}" for byte in raw).encode()]
        self.encoded += [base64.b64encode(b"\0" * at + raw)[4:-4] for at in range(3)]
        quoted = urllib.parse.quote(text, safe="").encode()
        self.encoded += [quoted] if quoted != raw else []

    def found_in(self, data):
        """The first trace in some bytes, or None."""
        lower = data.lower()
        for needle in self.fragments:
            if needle in data:
                return needle
        for needle in self.encoded:
            if needle in data or needle.lower() in lower:
                return needle
        return None


PAGE = os.sysconf("SC_PAGE_SIZE")
HERE = 3 << 62  # of an entry of pagemap: the page is in memory, or swapped out


def pages_in_use(pagemap, begin, end):
    """The runs of pages of a region that are more than promised: (begin, end)."""
    pagemap.seek(begin // PAGE * 8)
    entries = array.array("Q", pagemap.read((end - begin) // PAGE * 8))
    first = None
    for number, entry in enumerate([*entries, 0]):
        if entry & HERE and first is None:
            first = number
        elif not entry & HERE and first is not None:
            yield begin + first * PAGE, begin + number * PAGE
            first = None


def writable_memory(pid):
    """(address, name, bytes) of all that a process can write to."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        regions = [line.split() for line in maps]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory, open(f"/proc/{pid}/pagemap", "rb", 0) as pagemap:
        for place, mode, _, _, _, *name in regions:
            if mode.startswith("rw"):
                for begin, end in pages_in_use(pagemap, *(int(part, 16) for part in place.split("-"))):
                    memory.seek(begin)
                    yield begin, " ".join(name), memory.read(end - begin)


def find_in_memory(pid, canaries):
    """What is left of each canary in the memory of a process: [(name, fragment, where, surroundings)]."""
    found = []
    for address, region, data in writable_memory(pid):
        for name, canary in canaries.items():
            for needle in canary.fragments:
                at = data.find(needle)
                if at >= 0:
                    found.append((name, needle, f"{address + at:#x} {region}", data[max(0, at - 80) : at + 60]))
                    break
    return found


def nothing_in_memory(pid, canaries):
    """They go as soon as the connections are dealt with; so it is looked again for a while."""
    deadline = time.monotonic() + PATIENCE / 4
    while (found := find_in_memory(pid, canaries)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not found, "\n".join(f"{name}: {needle} at {where}: {near!r}" for name, needle, where, near in found)
