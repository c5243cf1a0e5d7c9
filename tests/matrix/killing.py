"""Killing the bridge: at a chosen call, at a chosen request, at a chosen moment; and what must hold after it."""

import os
import re
import signal
import threading
import time
from collections import defaultdict
from pathlib import Path

from bridge import PATIENCE, program
from place import ALICE, BOB, BOT

WHENS = ("before", "torn", "after")


def shim():
    """Built beside the program: tests/matrix/kill_shim.c."""
    return Path(program()).parent / "tests" / "matrix" / "kill-shim.so"


def killed_at(call, when):
    """The environment that kills a program at this call."""
    return {"LD_PRELOAD": str(shim()), "KILL_AT": str(call), "KILL_WHEN": when}


class Book:
    """Who asked what where, and whether each question has its one answer, in its order."""

    def __init__(self, place):
        self.place = place
        self.asked = defaultdict(list)  # (room, thread): [(event id, text)]
        self.commands = {}  # event id: room
        self.count = 0

    def ask(self, room, thread="", sender=ALICE):
        self.count += 1
        text = f"q{self.count}"
        event_id = self.place.homeserver.say(sender, room, text, thread=thread)
        self.asked[room, thread].append((event_id, text))
        return event_id

    def command(self, room, thread="", text="/help"):
        """It is answered at once, so in no order with the questions, but once as well."""
        event_id = self.place.homeserver.say(ALICE, room, text, thread=thread)
        self.commands[event_id] = room
        return event_id

    def answers(self, room, thread):
        said = self.place.homeserver.shown(room, BOT, thread)
        return [(shown.reply_to, shown.body) for shown in said if shown.reply_to not in self.commands]

    def replies(self):
        """How many answers each command has."""
        rooms = set(self.commands.values())
        found = [shown.reply_to for room in rooms for shown in self.place.homeserver.shown(room, BOT)]
        return {event_id: found.count(event_id) for event_id in self.commands}

    def expected(self, where):
        return [(event_id, f"echo: {text}") for event_id, text in self.asked[where]]

    def is_answered(self, where):
        """To the end: of an answer that is shown as it comes, the first part is none."""
        found, expected = self.answers(*where), self.expected(where)
        parts = [one for one, whole in zip(found, expected) if one != whole and whole[1].startswith(one[1])]
        return len(found) >= len(expected) and not parts

    def is_settled(self):
        return all(self.is_answered(where) for where in self.asked) and all(self.replies().values())

    def check(self):
        for where in self.asked:
            expected, found = self.expected(where), self.answers(*where)
            assert found == expected, f"in {where}: {differences(expected, found)}"
        for room in {room for room, _ in self.asked}:
            threads = {thread for where, thread in self.asked if where == room}
            said = [one for one in self.place.homeserver.shown(room, BOT) if one.reply_to not in self.commands]
            elsewhere = [one.body for one in said if one.thread not in threads]
            assert not elsewhere, f"said where nothing was asked: {elsewhere}"
        wrong = {event_id: times for event_id, times in self.replies().items() if times != 1}
        assert not wrong, f"commands, and how often they were answered: {wrong}"
        self.check_keys()

    def check_keys(self):
        """One key a question, whatever happens; an API that knows none gets none."""
        keys = defaultdict(set)
        for one in self.place.agent.asked:
            keys[one.question].add(one.key)
        several = {question: found for question, found in keys.items() if len(found) > 1}
        assert not several, f"questions with several keys: {several}"
        used = [key for found in keys.values() for key in found if key]
        assert len(used) == len(set(used)), "one key for several questions"


def differences(expected, found):
    """What is missing, what is twice, and where the order is lost, in a few words."""
    names = [text for _, text in expected]
    bodies = [text for _, text in found]
    missing = [text for text in names if text not in bodies]
    twice = sorted({text for text in bodies if bodies.count(text) > 1})
    strange = [text for text in bodies if text not in names]
    numbers = [int(m[1]) for m in (re.match(r"echo: q(\d+)\Z", text) for text in bodies) if m]
    return f"missing {missing[:9]}, twice {twice[:9]}, strange {strange[:9]}, in order {numbers == sorted(numbers)}, {numbers[:40]}"


class Killer:
    """Kills the bridge of a place in one of several ways, chosen by chance; starts it again."""

    def __init__(self, place, chance):
        self.place, self.chance = place, chance
        self.kills = 0
        self.with_turns_open = 0
        self.left = -1  # requests of the bridge until it is killed
        self.before = True
        place.homeserver.hook = place.agent.hook = self.on_request
        self.ways = [self.at_a_call, self.at_a_request, self.at_a_moment]

    def on_request(self, is_before):
        """From the loops of the doubles: a request has come, or has been applied."""
        if is_before is not self.before or self.left < 0:
            return
        self.left -= 1
        if self.left < 0:
            process = self.place.bridge.process
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)

    def launch(self, **environment):
        self.left = -1
        self.place.homeserver.forget_limits()
        return self.place.launch(**environment)

    def at_a_call(self):
        self.launch(**killed_at(self.chance.randrange(1, 400), self.chance.choice(WHENS)))
        return self.chance.uniform(0.3, 1.0)

    def at_a_request(self):
        self.launch()
        self.before = self.chance.random() < 0.5
        self.left = self.chance.randrange(60)
        return self.chance.uniform(0.3, 1.0)

    def at_a_moment(self):
        self.launch()
        return self.chance.uniform(0.02, 0.6)

    def one(self, meanwhile):
        """A life of the bridge, and its death; `meanwhile` is called again and again."""
        end = time.monotonic() + self.chance.choice(self.ways)()
        bridge = self.place.bridge
        while bridge.is_running() and time.monotonic() < end:
            meanwhile()
            threading.Event().wait(0.01)
        self.with_turns_open += any(not one.ended for one in list(self.place.agent.asked)[-50:])
        self.left = -1
        code = bridge.kill()
        assert code == -signal.SIGKILL, f"the bridge ended by itself, with {code}:\n{bridge.log[-3000:]}"
        self.kills += 1

    def let_live(self, claim, what, patience=PATIENCE * 4):
        """Starts it once more, and waits until all is well."""
        self.launch()
        self.place.wait(claim, what, patience)


__all__ = ["ALICE", "BOB", "Book", "Killer", "killed_at", "shim", "WHENS"]
