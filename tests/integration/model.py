"""What each client of a world must have heard, worked out from what was said and when.

The server chooses how messages of different senders interleave; but all must have heard the same order.
Each world has witnesses, there from first to last: what they heard is the world's order. Against it,

  - every message in the order is byte for byte as it was said, once, in its sender's order, nothing is
    left out, and joins and leaves are those that must be;
  - a life (a connection) heard the order without its own messages and what its filter takes out, from
    when it was ready to when it went, with holes only at SLOW_CLIENT, which counts them exactly, and
    with a true roster at each beginning;
  - a directed message is heard by its target alone, once, in its sender's order, or is answered.

Times are ticks of the driver's clock: `said` when it was handed to the socket, `settled` when an
answer to something later of the same sender had come (None: never), so the hub had dealt with it.
"""

import fnmatch
import json
from collections import defaultdict
from dataclasses import dataclass, field

FOREVER = 1 << 60


@dataclass(eq=False)
class Saying:
    life: "Life"
    number: int  # in its sender's order; it stands in the text as "n", beside the life's name as "s"
    kind: str  # the message's type; "agent_joined" for a registration
    text: str
    said: int
    target: str = ""
    settled: int | None = None


@dataclass(eq=False)
class Life:
    name: str
    world: str
    agent_id: str = ""  # it registered with this; no other person uses it ever
    patterns: list | None = None  # its filter
    witness: bool = False
    staller: bool = False  # the driver has made it stop reading
    client_id: str = ""
    opened: int = 0
    ready: int = FOREVER  # when the pong behind its registration and filter had come
    ready_at: int = FOREVER  # how much it had heard then
    ended: int = FOREVER  # when it began to go
    how: str = "end"  # end: there to the last; close, abort, replaced
    said: list = field(default_factory=list)
    heard: list = field(default_factory=list)  # texts, in order; pongs left out

    def wants(self, kind):
        return self.patterns is None or any(fnmatch.fnmatchcase(kind, p) for p in self.patterns)


@dataclass(eq=False)
class Event:  # one broadcast in the order of a world
    key: tuple
    kind: str
    life: Life  # who does not hear it
    said: int
    settled: int | None
    agent: str = ""  # whom a join or leave is about


class World:
    """The lives of a day. After `check`, `problems` says what was not as it must be."""

    def __init__(self, lives):
        self.lives = lives
        self.by_name = {life.name: life for life in lives}
        self.holders = defaultdict(list)  # agent id -> lives, in the order in which they held it
        for life in lives:
            if life.agent_id:
                self.holders[life.agent_id].append(life)
        self.problems = []
        self.counts = defaultdict(int)

    def check(self):
        streams = {life.name: [self.read(life, text) for text in life.heard] for life in self.lives}
        for world in sorted({life.world for life in self.lives}):
            members = [life for life in self.lives if life.world == world]
            order = self.check_witnesses(members, streams)
            self.check_order(order, members)
            place = {event.key: index for index, event in enumerate(order)}
            for life in members:
                self.check_life(life, streams[life.name], order, place)
        self.check_directed(streams)
        return self.problems

    def fault(self, life, text):
        self.problems.append(f"{life.name} ({life.agent_id or 'browser'}, {life.world}, {life.how}): {text}")

    def read(self, life, text):
        """(what, value): event, directed, slow, roster or error."""
        message = json.loads(text)
        kind, data = message["type"], message.get("data")
        if kind == "connection_ack":
            return "roster", {agent["agent_id"] for agent in data["agents"]} if "agents" in data else None
        if kind == "error":
            slow = data["code"] == "SLOW_CLIENT"
            return ("slow", data["details"]["dropped"]) if slow else ("error", data)
        if kind == "agent_left":
            holders = self.holders.get(message["agent_id"])
            if not holders or message["agentId"] != message["agent_id"]:
                self.fault(life, f"heard of the leave of somebody unknown: {text}")
                return "other", None
            last = holders[-1]
            return "event", Event(("left", last.agent_id), kind, last, last.ended, None, last.agent_id)
        told = data if kind == "agent_joined" else message
        sender = self.by_name.get(told.get("s"))
        number = told.get("n", -1)
        if sender is None or not 0 <= number < len(sender.said):
            self.fault(life, f"heard what nobody said: {text[:200]}")
            return "other", None
        saying = sender.said[number]
        if kind == "agent_joined":
            if saying.kind != kind or sender.agent_id != message["agent_id"] or "token" in text:
                self.fault(life, f"heard of a join that was not: {text[:200]}")
        elif text != saying.text:
            self.fault(life, f"heard {text[:200]} where {saying.text[:200]} was said")
        if saying.target:
            return "directed", saying
        return "event", Event((sender.name, number), kind, sender, saying.said, saying.settled, sender.agent_id)

    def check_witnesses(self, members, streams):
        witnesses = [life for life in members if life.witness]
        lists = []
        for life in witnesses:
            events = [value for what, value in streams[life.name] if what == "event"]
            if any(what not in ("event", "roster") for what, _ in streams[life.name]):
                self.fault(life, "a witness heard errors, notices or what was meant for another")
            lists.append([event.key for event in events])
        for life, keys in zip(witnesses[1:], lists[1:]):
            if keys != lists[0]:
                self.fault(life, f"does not agree with {witnesses[0].name}: {first_difference(keys, lists[0])}")
        self.counts["broadcasts"] += len(lists[0])
        return [value for what, value in streams[witnesses[0].name] if what == "event"]

    def check_order(self, order, members):
        """Nothing twice, nothing from elsewhere, each sender's own order, nothing left out."""
        spoken = defaultdict(list)
        leaves = defaultdict(int)
        for index, event in enumerate(order):
            if event.life.world != members[0].world:
                self.fault(event.life, f"was heard in {members[0].world}: {event.key}")
            if event.kind == "agent_left":
                leaves[event.agent] += 1
                late = [e.key for e in order[index:] if e.agent == event.agent and e is not event]
                if late:
                    self.fault(event.life, f"spoke after it had left: {late[:3]}")
            else:
                spoken[event.life.name].append(event.key[1])
        for life in members:
            due = [saying for saying in life.said if not saying.target]
            numbers = [saying.number for saying in due]
            got = spoken[life.name]
            if got != numbers[: len(got)]:
                self.fault(life, f"was heard out of order or with holes: {first_difference(got, numbers)}")
            whole = life.how in ("end", "close")
            must = sum(whole or saying.settled is not None for saying in due)
            if len(got) < must:
                self.fault(life, f"said {must} that must be heard, {len(got)} were")
        for agent_id, holders in self.holders.items():
            last = holders[-1]
            if last.world != members[0].world:
                continue
            due = int(last.how != "end" and any(e.agent == agent_id for e in order))
            if leaves[agent_id] != due:
                self.fault(last, f"{leaves[agent_id]} leaves instead of {due}")
            self.counts["leaves"] += due

    def check_life(self, life, stream, order, place):
        reached = -1  # index in the order of what it heard last
        first = notice = None  # notice: the count of a SLOW_CLIENT whose hole is still open
        expect_roster = False
        for at, (what, value) in enumerate(stream):
            if expect_roster and what != "roster":
                self.fault(life, "no roster behind SLOW_CLIENT")
            expect_roster = False
            if what == "slow":
                notice = (notice or 0) + value  # it may be told twice, with nothing heard in between
                expect_roster = True
                self.counts["slow"] += 1
                if not life.staller:
                    self.fault(life, "was called slow although it read all the time")
            elif what == "event":
                if value.life is life:
                    self.fault(life, f"heard its own {value.key}")
                index = place.get(value.key)
                if index is None or index <= reached:
                    self.fault(life, f"heard {value.key} ({value.kind}) out of the world's order")
                    continue
                if value.settled is not None and value.settled < life.opened:
                    self.fault(life, f"heard {value.key}, which is older than itself")
                if at >= life.ready_at and not life.wants(value.kind):
                    self.fault(life, f"heard {value.key} ({value.kind}) through its filter")
                if first is None:
                    first = index
                    self.check_early(life, order[:index])
                    self.check_roster(life, stream[0][1], order[:index])
                else:
                    self.check_hole(life, order[reached + 1 : index], notice)
                    if notice is not None:
                        rosters = [v for w, v in stream[:at] if w == "roster"]
                        self.check_roster(life, rosters[-1], order[:index])
                notice = None
                reached = index
                self.counts["heard"] += 1
        if first is None:
            self.check_early(life, order)
        self.check_end(life, order[reached + 1 :] if first is not None else [], notice)

    def check_early(self, life, before):
        """What was said after it was ready cannot lie before the first thing that it heard."""
        for event in before:
            there = event.said > life.ready and event.settled is not None and event.settled < life.ended
            if there and event.life is not life and life.wants(event.kind) and not life.staller:
                self.fault(life, f"missed {event.key} ({event.kind}) at its beginning")
                return

    def check_hole(self, life, between, notice):
        missed = [event for event in between if event.life is not life and life.wants(event.kind)]
        if notice is None and missed:
            self.fault(life, f"missed {len(missed)}, the first {missed[0].key} ({missed[0].kind}), without a notice")
        elif notice is not None and notice != len(missed):
            self.fault(life, f"was told of {notice} missed, but missed {len(missed)}")
        self.counts["skipped"] += len(missed)

    def check_end(self, life, after, notice):
        if notice is not None:
            self.fault(life, "was told that it is slow, and heard nothing ever after")
        if life.how == "abort":
            return
        for event in after:
            if event.life is life or not life.wants(event.kind):
                continue
            if life.how == "end" or (event.settled is not None and event.settled < life.ended):
                self.fault(life, f"missed {event.key} ({event.kind}) at its end")
                return

    def check_roster(self, life, roster, before):
        """Who stood in the roster is who was there. With a filter, some joins pass unheard: not comparable."""
        if roster is None or life.patterns is not None:
            return
        there = {event.agent for event in before if event.kind == "agent_joined"}
        there -= {event.agent for event in before if event.kind == "agent_left"}  # nobody comes back
        if roster - {life.agent_id} != there - {life.agent_id}:
            self.fault(life, f"was given a wrong roster: {sorted(roster ^ there)}")
        self.counts["rosters"] += 1

    def check_directed(self, streams):
        times = defaultdict(int)
        for life in self.lives:
            reached = defaultdict(lambda: -1)
            for what, value in streams[life.name]:
                if what == "event" and value.kind != "agent_left":
                    sender, number = value.key
                elif what == "directed":
                    sender, number = value.life.name, value.number
                    times[value] += 1
                    if value.target not in (life.agent_id, life.client_id):
                        self.fault(life, f"heard what was for {value.target}: {value.text[:200]}")
                else:
                    continue
                if number <= reached[sender]:
                    self.fault(life, f"heard {number} of {sender} after {reached[sender]}")
                reached[sender] = number
        for life in self.lives:
            directed = [saying for saying in life.said if saying.target]
            errors = [value for what, value in streams[life.name] if what == "error"]
            if any(error["code"] not in ("TARGET_NOT_FOUND", "TARGET_OFFLINE") for error in errors):
                self.fault(life, f"was answered {errors[:2]}")
            sure = [saying for saying in directed if self.surely_there(saying)]
            for saying in directed:
                if times[saying] > 1 or (saying in sure and times[saying] != 1):
                    self.fault(life, f"{saying.text[:200]} was heard {times[saying]} times")
            self.counts["directed"] += sum(times[saying] for saying in directed)
            ghosts = [s for s in directed if s.target.startswith("ghost") and s.settled is not None]
            answered = sum(any(ghost.target in json.dumps(error) for error in errors) for ghost in ghosts)
            if answered != len(ghosts) or len(errors) > len(directed) - len(sure):
                self.fault(life, f"{answered} of {len(ghosts)} unknown targets answered; {len(errors)} errors")
            self.counts["unknown targets"] += answered

    def surely_there(self, saying):
        """Whether somebody held the target all the time from before it was said to after it was dealt with."""
        for life in self.lives:
            if saying.target in (life.agent_id, life.client_id) and life.ready < saying.said:
                if life.how == "end" or (saying.settled is not None and saying.settled < life.ended):
                    return saying.settled is not None
        return False


def first_difference(ours, theirs):
    for index, (a, b) in enumerate(zip(ours, theirs)):
        if a != b:
            return f"at {index}: {a} and {b}"
    return f"lengths {len(ours)} and {len(theirs)}"
