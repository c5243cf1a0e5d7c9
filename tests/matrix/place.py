"""A homeserver, an agent, and a bridge between them with what it keeps on disk."""

import contextlib
import copy
import json
import re
from pathlib import Path

from agents import AIAgent, OpenAI
from bridge import Bridge, free_port
from homeserver import Homeserver
from web import PATIENCE

ALICE, BOB, MALLORY, ADMIN = (f"@{name}:example.org" for name in ("alice", "bob", "mallory", "admin"))
BOT = "@bot:example.org"
PASSWORD = "a secret of the bot"


def merge(base, more):
    """A configuration with members put in, group by group; None takes one out."""
    result = copy.deepcopy(base)
    for group, members in (more or {}).items():
        for name, value in members.items():
            result.setdefault(group, {})[name] = value
            if value is None:
                del result[group][name]
    return result


def yaml_of(config):
    """As people write it."""
    lines = []
    for group, members in config.items():
        lines.append(f"{group}:")
        lines += [f"  {name}: {json.dumps(value)}" for name, value in members.items()]
    return "\n".join(lines) + "\n"


class Place:
    """`place.room` is a room with Alice, Bob and the bot in it."""

    def __init__(self, directory, adapter="openai", *, homeserver=None, agent=None, rooms=1, credentials=None, **more):
        self.directory = Path(directory)
        self.stack = contextlib.ExitStack()
        self.homeserver = self.stack.enter_context(homeserver or Homeserver())
        for user_id in (ALICE, BOB, MALLORY, ADMIN):
            self.homeserver.add_user(user_id)
        self.homeserver.add_user(BOT, PASSWORD)
        self.homeserver.subjects.add(BOT)
        if agent is None and adapter != "gateway":
            agent = {"openai": OpenAI, "aiagent": AIAgent}[adapter]("a key of the agent")
        self.agent = self.stack.enter_context(agent) if agent else None
        self.rooms = [self.homeserver.make_room(ALICE, [BOB, BOT], name=f"Room {n}") for n in range(rooms)]
        self.room = self.rooms[0]
        self.credentials = self.write("credentials.json", json.dumps(credentials or {"password": PASSWORD}))
        self.homeserver.credentials_file = self.credentials
        self.api_key = self.write("api-key", (agent.api_key if agent else "none") + "\n")
        self.health = f"127.0.0.1:{free_port()}"
        self.config = merge(self.defaults(adapter), more.get("config"))
        self.bridges = []
        self.is_quiet = False

    def defaults(self, adapter):
        agent = {"adapter": adapter, "timeout": "20s"}
        if self.agent:
            agent |= {"base_url": self.agent.url, "model": "test-model"}
            if self.agent.api_key:
                agent["api_key_file"] = str(self.api_key)
        return {
            "matrix": {
                "server": self.homeserver.url,
                "user_id": BOT,
                "credentials_file": str(self.credentials),
                "device_id": "BRIDGE",
                "rooms": list(self.rooms),
                "invites": ["@alice:example.org", "@b*:example.org"],
                "admins": [ADMIN],
            },
            "agent": agent,
            "bridge": {
                "poll_interval": "20ms",
                "timeout": "10s",
                "state_file": str(self.directory / "state.db"),
                "health": self.health,
            },
        }

    def write(self, name, text, mode=0o600):
        path = self.directory / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        with self.stack:
            try:
                for bridge in self.bridges:
                    if bridge.is_running():
                        bridge.stop()
            finally:
                if self.bridges and not self.is_quiet:  # pytest shows it when the test has failed
                    print("--- the bridge's log, its last 60 lines", *self.bridges[-1].lines[-60:], sep="\n")
            self.homeserver.check()
            if self.agent:
                self.agent.check()

    # --- the bridge ---------------------------------------------------------------------------

    @property
    def bridge(self):
        return self.bridges[-1]

    def launch(self, *arguments, config=None, json_file=False, **options):
        """A bridge as it is; nothing is waited for."""
        text = json.dumps(merge(self.config, config)) if json_file else yaml_of(merge(self.config, config))
        path = self.write("bridge.json" if json_file else "bridge.yaml", text, 0o644)
        self.bridges.append(Bridge(path, *arguments, health=self.health, **options))
        return self.bridge

    def start(self, *arguments, **options):
        """One that has synced: what is said from now on is a question."""
        seen = self.told() if self.bridges else -1
        bridge = self.launch(*arguments, **options)
        self.wait(lambda: self.told() > seen or self.is_waiting(), "the first sync")
        return bridge

    def restart(self, *arguments, **options):
        self.bridge.stop()
        return self.start(*arguments, **options)

    def run(self, *arguments, **options):
        """One that ends by itself: (exit code, log)."""
        bridge = self.launch(*arguments, **options)
        code = bridge.wait_exit()
        return code, bridge.log

    def device(self):
        return self.homeserver.people.users[BOT].devices.get("BRIDGE")

    def told(self):
        """Up to where the bridge has said that it has seen everything; -1 at first."""
        device = self.device()
        return device.told if device and device.told else -1

    def is_waiting(self):
        """Whether it has come back from its first sync and waits for what is new."""
        device = self.device()
        return bool(device and device.told and device.syncs)

    def wait(self, claim, what="", patience=PATIENCE):
        def holds():
            assert not self.bridges or self.bridge.is_running(), "the bridge has ended:\n" + self.bridge.log[-3000:]
            return claim()

        return self.homeserver.wait(holds, what, patience)

    def wait_synced(self):
        """Until it has seen, and kept, whatever has happened up to now."""
        pos = self.homeserver.rooms.pos
        self.wait(lambda: self.told() >= pos, "a sync")

    # --- talk ---------------------------------------------------------------------------------

    def ask(self, text, room=None, sender=ALICE, **more):
        return self.homeserver.say(sender, room or self.room, text, **more)

    def said(self, room=None, thread=None):
        """What the bot has said, as people see it."""
        return self.homeserver.shown(room or self.room, BOT, thread)

    def bodies(self, room=None, thread=None):
        return [shown.body for shown in self.said(room, thread)]

    def answer(self, text, room=None, sender=ALICE, **more):
        """Asks, and waits for the echo of it."""
        event_id = self.ask(text, room, sender, **more)
        return self.wait_said(re.compile(re.escape(f"echo: {text}") + r"\Z"), room, event_id)

    def wait_said(self, pattern, room=None, reply_to=None):
        """Waits for a message of the bot's whose text meets a pattern; returns it."""
        pattern = re.compile(pattern)

        def found():
            said = [one for one in self.said(room) if pattern.search(one.body)]
            return next((one for one in said if reply_to in (None, one.reply_to)), None)

        return self.wait(found, lambda: f"{pattern.pattern!r} to {reply_to}; said {self.bodies(room)[-5:]}")

    def command(self, text, sender=ALICE, room=None, pattern=r"\S"):
        """Says a command, and waits for what the bot says next."""
        before = len(self.said(room))
        self.ask(text, room, sender)
        self.wait(lambda: len(self.said(room)) > before, f"an answer to {text}")
        shown = self.said(room)[before]
        assert re.search(pattern, shown.body), shown.body
        return shown.body
