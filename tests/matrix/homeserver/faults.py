"""What goes wrong, when and how often."""

import random
import re
from dataclasses import dataclass, field

# Before anything is applied: status, cut, garbage. After it: cut-after, cut-half. Else: slow, gap, repeat.
KINDS = ("status", "cut", "cut-after", "cut-half", "garbage", "slow", "gap", "repeat")


@dataclass
class Fault:
    kind: str
    path: str = ""  # a pattern, looked for in the path without its escapes
    method: str = ""
    count: int = -1  # how often; -1: always
    skip: int = 0  # so many pass before
    probability: float = 1.0
    status: int = 503
    body: object = None
    headers: dict = field(default_factory=dict)
    seconds: float = 0.0
    hits: int = 0

    def __post_init__(self):
        assert self.kind in KINDS, self.kind

    def meets(self, request, chance):
        if self.count == 0 or (self.method and self.method != request.method):
            return False
        if not re.search(self.path, "/" + "/".join(request.segments)):
            return False
        if self.probability < 1 and chance.random() >= self.probability:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.count -= self.count > 0
        self.hits += 1
        return True


def limited(milliseconds=None, seconds=None, **members):
    """429, with retry_after_ms in its body, Retry-After in its head, both or neither."""
    body = {"errcode": "M_LIMIT_EXCEEDED", "error": "Too many requests"}
    if milliseconds is not None:
        body["retry_after_ms"] = milliseconds
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return Fault("status", status=429, body=body, headers=headers, **members)


class Faults:
    def __init__(self, seed=0):
        self.chance = random.Random(seed)
        self.all = []

    def add(self, fault):
        self.all.append(fault)
        return fault

    def clear(self):
        self.all.clear()

    def of(self, request):
        """Those that this request meets."""
        return [fault for fault in self.all if fault.meets(request, self.chance)]
