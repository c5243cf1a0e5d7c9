"""Every question is answered once, in order, wherever the bridge is killed.

KILLS says how often it is killed at random (200, half of them with each adapter), SEED repeats a run that failed.
"""

import os
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from agents import AIAgent, Answer, OpenAI
from homeserver import Fault, limited
from killing import WHENS, Book, Killer, killed_at, shim
from place import ALICE, BOB, Place

KILLS = int(os.environ.get("KILLS", "200"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
# As many calls as the scripted turn could ever need.
MOST_CALLS = 3000
AT_ONCE = 6


def answer_in_pieces(question):
    return Answer(pieces=["echo: ", question[:1], question[1:]], pace_s=0.002)


def agent_of(adapter):
    key = "a key of the agent"
    return OpenAI(key, answer_in_pieces) if adapter == "openai" else AIAgent(key)


@pytest.fixture
def needs_shim(build):
    if not shim().exists() or "asan" in str(shim()):
        pytest.skip(f"there is no {shim()}, or it cannot be preloaded")


WRITER = """
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
for _ in range(3):
    os.write(fd, b"0123456789")
    os.fsync(fd)
"""


@pytest.mark.parametrize("when, sizes", [("before", [0, 10, 10]), ("torn", [5, 10, 15]), ("after", [10, 10, 20])])
def test_the_shim(needs_shim, tmp_path, when, sizes):
    for call, size in enumerate(sizes, 1):
        path = tmp_path / str(call)
        command = [sys.executable, "-c", WRITER, str(path)]
        environment = {**os.environ, **killed_at(call, when)}
        done = subprocess.run(command, env=environment, timeout=30, check=False)
        assert done.returncode == -9 and path.stat().st_size == size, (call, done)


class Script:
    """One turn in a room, one in a thread, a command: with a kill at one call of the bridge's whole life."""

    ADAPTERS = {"before": "openai", "torn": "aiagent", "after": "openai"}

    def __init__(self, directory, call, when):
        directory.mkdir()
        self.place = Place(directory, self.ADAPTERS[when], agent=agent_of(self.ADAPTERS[when]))
        self.place.is_quiet = True
        self.call, self.when = call, when
        self.was_killed = False

    def wait(self, claim, what):
        """As Place.wait; when the bridge has been killed it is started again, unharmed."""
        bridge = self.place.bridge
        self.place.homeserver.wait(lambda: claim() or not bridge.is_running(), what)
        if not bridge.is_running():
            code = bridge.wait_exit()
            assert code == -9 and not self.was_killed, f"it ended by itself, with {code}:\n{bridge.log[-2000:]}"
            self.was_killed = True
            self.place.homeserver.forget_limits()
            self.place.launch()
            self.place.wait(claim, what)

    def run(self):
        with self.place as place:
            book = Book(place)
            place.launch(**killed_at(self.call, self.when))
            self.wait(place.is_waiting, "the first sync")
            root = book.ask(place.room)
            book.ask(place.room)
            self.wait(book.is_settled, "the first answers")
            book.ask(place.room, root, BOB)
            self.wait(book.is_settled, "the answer in the thread")
            book.command(place.room, root)
            self.wait(book.is_settled, "the answer to the command")
            book.ask(place.room)
            self.wait(book.is_settled, "the last answer")
            book.check()
            said = place.bodies()
            self.stop()
            assert place.bodies() == said, "nothing is said again"
        return self.was_killed

    def stop(self):
        """It may be killed while it ends, too; what comes after that has nothing left to say."""
        process = self.place.bridge.process
        process.send_signal(signal.SIGTERM)
        if self.place.bridge.wait_exit() == -signal.SIGKILL and not self.was_killed:
            self.was_killed = True
            # The sync of the one that was killed may still be held: the new one's own word counts.
            self.place.launch().wait_line("event=ready")
            self.place.wait_synced()


@pytest.mark.parametrize("when", WHENS)
def test_a_kill_at_every_call(needs_shim, tmp_path, when):
    """Until a call is not reached any more: then the script has been killed at all of them."""

    def run(call):
        try:
            return Script(tmp_path / f"{when}-{call}", call, when).run()
        except BaseException:
            print(f"killed {when} call {call}")
            raise

    # Each waits most of the time: some at once.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for first in range(1, MOST_CALLS, AT_ONCE):
            killed = list(pool.map(run, range(first, first + AT_ONCE)))
            if not any(killed):
                break
    assert 20 < first < MOST_CALLS - AT_ONCE, first
    print(f"about {first - 1} calls, killed {when} each")


def traffic(place, book, chance):
    """One question or command in some room, in a thread or not, by somebody."""
    room = chance.choice(place.rooms)
    roots = [event_id for event_id, _ in book.asked[room, ""][:3]]
    thread = chance.choice(roots) if roots and chance.random() < 0.4 else ""
    if chance.random() < 0.1:
        book.command(room, thread)
    else:
        book.ask(room, thread, chance.choice([ALICE, BOB]))


def trouble(place, chance):
    """What goes wrong between two kills."""
    homeserver = place.homeserver
    homeserver.clear_faults()
    if chance.random() < 0.15:
        homeserver.restart()
    for kind in ("cut", "cut-after", "cut-half", "status"):
        if chance.random() < 0.3:
            homeserver.fault(Fault(kind, probability=0.05))
    if chance.random() < 0.3:
        homeserver.fault(Fault("gap", path="/sync", probability=0.3))
        homeserver.fault(Fault("repeat", path="/sync", probability=0.3))
    if chance.random() < 0.2:
        homeserver.fault(limited(30, path="/send/", probability=0.1))


@pytest.mark.parametrize("adapter", ["openai", "aiagent"])
def test_kills_at_random(build, needs_shim, adapter):
    print(f"SEED={SEED} KILLS={KILLS} repeats this run")
    chance = random.Random(SEED)
    place = build(adapter, agent=agent_of(adapter), rooms=20)
    place.homeserver.faults.chance = random.Random(SEED + 1)
    place.homeserver.set_lifetime(5)
    place.start()
    book, killer = Book(place), Killer(place, chance)
    place.bridge.kill()

    def meanwhile():
        if chance.random() < 0.3:
            traffic(place, book, chance)

    while killer.kills < KILLS / 2:
        trouble(place, chance)
        killer.one(meanwhile)
        if killer.kills % 20 == 0:
            place.homeserver.clear_faults()
            killer.let_live(book.is_settled, "all answers")
            place.bridge.kill()
    place.homeserver.clear_faults()
    killer.let_live(book.is_settled, "all answers")
    for room in place.rooms:
        book.ask(room)
    place.wait(book.is_settled, "the last answers")
    book.check()
    assert killer.with_turns_open > KILLS // 20, "too few kills with a turn open to prove anything"
    print(f"{killer.kills} kills, {killer.with_turns_open} with turns open, {book.count} questions")
