"""A day in the world: drives many clients from one seed, and writes down what was said and heard.

One thread, one poll; nothing is waited for but answers. What is done at each step comes from the
seed alone; how the gateway interleaves it is its own choice, and the model's business.
"""

import json
import random
import select
import sys
import time
from collections import deque

from harness import PATIENCE
from harness.client import Client
from model import Life, Saying

WORLDS = ["main", "attic", "cellar"]
KINDS = ["bark", "thought", "agent_move", "agent_state", "scene_add", "scene_update", "never_heard_of"]
FILTERS = [["bark"], ["scene_*"], ["agent_*", "thought"], ["*"], ["bark", "agent_joined", "agent_left"]]
STALL_TEXT = "x" * 32768
STALL_COUNT = 320  # 10 MiB: the limit, and more than any socket takes


class Actor:
    """A live connection: the client, and its record for the model."""

    def __init__(self, day, life):
        self.day, self.life, self.client = day, life, None
        self.pings = deque()  # how much was said when each unanswered ping was sent
        self.stalled = self.closing = False
        self.greeted = False

    @property
    def ready(self):
        return self.life.ready <= self.day.tick and not self.closing

    def say(self, kind, target="", big="", **members):
        life, self.day.tick = self.life, self.day.tick + 1
        message = {"type": kind, "s": life.name, "n": len(life.said), **members}
        if target:
            message["target_id" if len(life.said) % 2 else "targetId"] = target
        if big:
            message["x"] = big
        # Spaces where a rewriting gateway would leave none.
        text = json.dumps(message, separators=((", ", ": ") if len(life.said) % 3 else (",", ":")))
        life.said.append(Saying(life, len(life.said), kind, text, self.day.tick, target))
        if kind == "agent_register":
            life.said[-1].kind = "agent_joined"
        self.client.send(text)

    def register(self):
        self.say("agent_register", agentId=self.life.agent_id, token="not to be told", mood=self.day.dice.random())

    def ping(self):
        self.pings.append(len(self.life.said))
        self.client.send('{"type":"ping"}')

    def take(self):
        """Moves what the client has heard into the record, and learns from it."""
        life = self.life
        while self.client.heard:
            text = self.client.heard.popleft()
            if len(text) < 64 and '"pong"' in text and json.loads(text)["type"] == "pong":
                self.day.tick += 1
                settled = self.pings.popleft()
                for saying in reversed(life.said[:settled]):
                    if saying.settled is not None:
                        break
                    saying.settled = self.day.tick
                if life.ready > self.day.tick:
                    life.ready, life.ready_at = self.day.tick, len(life.heard)
                continue
            life.heard.append(sys.intern(text))  # a text that many have heard is in memory once
            if not self.greeted:
                self.greeted = True
                life.client_id = json.loads(text)["data"]["client_id"]
                if life.patterns is not None:
                    self.client.send({"type": "subscribe", "types": life.patterns})
                if life.agent_id:
                    self.register()
                self.ping()


class Day:
    def __init__(self, gateway, seed, agents=50, browsers=20, steps=6000, stalls=3):
        self.gateway, self.dice, self.steps, self.stalls = gateway, random.Random(seed), steps, stalls
        self.tick = 0
        self.lives = []  # everyone ever, for the model
        self.actors = []  # who is connected
        self.poller = select.poll()
        self.by_fd = {}
        self.persons = 0
        self.did = {}
        for world in WORLDS:
            for _ in range(2):
                self.join(Life(f"W{len(self.lives)}", world, witness=True))
        self.settle()
        for _ in range(agents):
            self.new_agent()
        for _ in range(browsers):
            self.new_browser()
        self.settle()
        self.morning = self.tick

    # --- the machinery -------------------------------------------------------------------------

    def join(self, life):
        self.tick += 1
        life.opened = self.tick
        self.lives.append(life)
        actor = Actor(self, life)
        path = "/ws/matrix" if life.world == "main" else f"/ws/matrix?world={life.world}"
        s = self.gateway.open_socket(receive_buffer=4096 if life.staller else None)
        actor.client = Client(s, self.gateway.host, path)
        actor.client.begin()
        self.actors.append(actor)
        self.by_fd[s.fileno()] = actor
        self.poller.register(s.fileno(), select.POLLIN)
        return actor

    def forget(self, actor):
        fd = actor.client.fileno()
        if not actor.stalled:
            self.poller.unregister(fd)
        del self.by_fd[fd]
        self.actors.remove(actor)
        actor.client.socket.close()

    def pump(self, timeout_ms=0):
        """One round of reading and writing for everyone who is ready."""
        for actor in self.actors:
            if actor.client.wants_write() and not actor.stalled:
                actor.client.push()
        for fd, happened in self.poller.poll(timeout_ms):
            actor = self.by_fd[fd]
            if happened:
                actor.client.pull()
                actor.take()
            if actor.client.ended:
                code, reason = actor.client.end
                expected = {"close": 1000, "replaced": 4409}.get(actor.life.how)
                assert code == expected, f"{actor.life.name} ({actor.life.how}) was closed: {code} {reason}"
                self.forget(actor)

    def pump_until(self, claim, what):
        deadline = time.monotonic() + PATIENCE
        while not claim():
            self.pump(1)
            assert time.monotonic() < deadline, f"waited for {what}"

    def settle(self, actors=None):
        """A ping and its pong for everyone that reads: what was said is dealt with, what was heard is here."""
        actors = [a for a in (self.actors if actors is None else actors) if not a.stalled and not a.closing]
        self.pump_until(lambda: all(a.life.ready <= self.tick or a.closing for a in actors), "everyone to be ready")
        for actor in actors:
            if not actor.closing:
                actor.ping()
        self.pump_until(lambda: all(a.closing or not a.pings for a in actors), "all pongs")
        self.pump_until(lambda: not any(a.closing for a in self.actors), "those who go to be gone")

    def ready(self, agents_only=False, world=None):
        return [
            a
            for a in self.actors
            if a.ready
            and not (a.life.witness or a.stalled or a.life.staller)
            and (a.life.agent_id or not agents_only)
            and world in (None, a.life.world)
        ]

    # --- what happens ----------------------------------------------------------------------------

    def new_agent(self):
        self.persons += 1
        self.join(Life(f"L{len(self.lives)}", self.dice.choice(WORLDS), f"agent-{self.persons}"))

    def new_browser(self):
        patterns = self.dice.choice(FILTERS) if self.dice.random() < 0.5 else None
        self.join(Life(f"L{len(self.lives)}", self.dice.choice(WORLDS), patterns=patterns))

    def speak(self):
        actor = self.dice.choice(self.ready())
        for _ in range(self.dice.randint(1, 4)):
            actor.say(self.dice.choice(KINDS), data={"text": "é" * self.dice.randint(0, 60), "v": 0.5})

    def burst(self):
        actor = self.dice.choice(self.ready())
        for _ in range(self.dice.randint(100, 400)):
            actor.say(self.dice.choice(KINDS))

    def direct(self):
        actor, other = self.dice.choice(self.ready()), self.dice.choice(self.ready())
        if self.dice.random() < 0.15:
            actor.say("bark", target=f"ghost-{actor.life.name}-{len(actor.life.said)}")
        elif other is not actor:
            actor.say("bark", target=other.life.agent_id or other.life.client_id)

    def update(self):
        self.dice.choice(self.ready(agents_only=True)).register()

    def leave(self, how):
        actor = self.dice.choice(self.ready())
        self.end(actor, how)
        if self.dice.random() < 0.7:
            self.new_agent() if actor.life.agent_id else self.new_browser()

    def end(self, actor, how):
        self.tick += 1
        actor.life.how, actor.life.ended = how, self.tick
        actor.closing = True
        if how == "close":
            actor.client.engine.send_close(1000)
            actor.client.push()
        elif how == "abort":
            actor.client.push()
            self.forget(actor)
            actor.client.abort()

    def replace(self):
        old = self.dice.choice(self.ready(agents_only=True))
        self.tick += 1
        old.life.how, old.life.ended, old.closing = "replaced", self.tick, True
        self.join(Life(f"L{len(self.lives)}", old.life.world, old.life.agent_id))

    def stall(self):
        """Some stop reading until they must have been left behind; then they read again, or go."""
        world = self.dice.choice(WORLDS)
        stallers = [self.join(Life(f"S{len(self.lives)}", world, staller=True)) for _ in range(3)]
        stallers[2].life.patterns = ["bark", "stall"]
        speaker = self.dice.choice(self.ready(world=world))
        self.settle()
        speaker.say("bark")
        self.settle()
        for actor in stallers:
            actor.stalled = True
            self.poller.unregister(actor.client.fileno())
        for number in range(STALL_COUNT):
            speaker.say("stall", big=STALL_TEXT)
            if number % 8 == 7:
                self.speak()
                self.settle([a for a in self.actors if a.life.world == world])
        if self.dice.random() < 0.4:
            self.end(stallers.pop(0), "abort")
        for actor in stallers:
            actor.stalled = False
            self.poller.register(actor.client.fileno(), select.POLLIN)
        self.pump_until(
            lambda: all(any("SLOW_CLIENT" in text for text in a.life.heard) for a in stallers), "SLOW_CLIENT"
        )
        self.settle()
        speaker.say("bark")
        self.settle()

    # --- the day ---------------------------------------------------------------------------------

    WEIGHTS = {
        "speak": 70,
        "direct": 12,
        "update": 2,
        "close": 2,
        "abort": 2,
        "replace": 2,
        "agent": 1,
        "browser": 1,
        "burst": 1,
        "some_pings": 8,
    }

    def some_pings(self):
        for actor in self.dice.sample(self.ready(), 5):
            actor.ping()

    def step(self, deed):
        self.did[deed] = self.did.get(deed, 0) + 1
        if deed in ("close", "abort"):
            self.leave(deed)
        elif deed in ("agent", "browser"):
            getattr(self, f"new_{deed}")()
        else:
            getattr(self, deed)()

    def run(self):
        deeds = self.dice.choices(list(self.WEIGHTS), self.WEIGHTS.values(), k=self.steps)
        for number in range(self.stalls):
            deeds.insert(len(deeds) * (number + 1) // (self.stalls + 1), "stall")
        for number, deed in enumerate(deeds):
            if number % 200 == 0 or len(self.ready(agents_only=True)) < 10:
                self.settle()  # so that nobody who reads can be left far behind
            self.step(deed)
            self.pump()
        self.settle()
        # Everyone who has gone is known to have gone; then each world hears one last word.
        self.gateway.wait_status(lambda status: status["connections"] == len(self.actors))
        for world in WORLDS:
            self.join(Life(f"Z{len(self.lives)}", world))
        self.settle()
        for actor in self.actors:
            if actor.life.name.startswith("Z"):
                actor.say("bark")
        self.settle()
        self.settle()  # the last words are in the record of all
        for actor in self.actors:
            actor.client.abort()
        return self.lives
