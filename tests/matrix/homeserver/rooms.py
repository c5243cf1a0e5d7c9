"""Rooms: events in the order of the server, the state that they make, who is in, who types."""

import secrets
import time
from dataclasses import dataclass, field

from .errors import Forbidden

ENCRYPTION = "m.room.encryption"
JOIN, INVITE, LEAVE, BAN = "join", "invite", "leave", "ban"
# What an invited person may see of a room.
STRIPPED = ["m.room.create", "m.room.name", "m.room.join_rules", "m.room.canonical_alias", ENCRYPTION]


@dataclass
class Event:
    pos: int
    raw: dict
    device: object = None  # that sent it
    txn_id: str = ""
    redaction: object = None
    edits: list = field(default_factory=list)
    before: object = None  # what stood in its place in the state
    received: float = field(default_factory=time.monotonic)

    def __getattr__(self, name):
        # id, type, sender, content, state_key: what the wire has.
        raw = object.__getattribute__(self, "raw")
        return raw.get("event_id" if name == "id" else name)

    @property
    def relation(self):
        relation = (self.content or {}).get("m.relates_to")
        return relation if isinstance(relation, dict) else {}

    @property
    def thread(self):
        return self.relation.get("event_id", "") if self.relation.get("rel_type") == "m.thread" else ""

    @property
    def replaces(self):
        return self.relation.get("event_id", "") if self.relation.get("rel_type") == "m.replace" else ""

    @property
    def reply_to(self):
        return (self.relation.get("m.in_reply_to") or {}).get("event_id", "")


@dataclass
class Room:
    id: str
    version: str = "10"
    events: list = field(default_factory=list)
    by_id: dict = field(default_factory=dict)
    state: dict = field(default_factory=dict)  # (type, state key): Event
    aliases: list = field(default_factory=list)
    typing: dict = field(default_factory=dict)  # user id: until when
    typing_log: list = field(default_factory=list)  # (user id, whether)
    typing_pos: int = 0
    receipts: list = field(default_factory=list)  # (pos, user id, event id, type, thread id, time)
    last_pos: int = 0
    forged: list = field(default_factory=list)  # stripped events that the inviting server makes up

    def membership(self, user_id):
        event = self.state.get(("m.room.member", user_id))
        return event.content.get("membership") if event else None

    def membership_pos(self, user_id):
        event = self.state.get(("m.room.member", user_id))
        return event.pos if event else 0

    def members(self, *which):
        return [key for (kind, key) in self.state if kind == "m.room.member" and self.membership(key) in which]

    @property
    def join_rule(self):
        event = self.state.get(("m.room.join_rules", ""))
        return event.content.get("join_rule") if event else INVITE

    def encrypted_since(self):
        """Its position, or 0."""
        for event in self.events:
            if event.type == ENCRYPTION and event.state_key == "":
                return event.pos
        return 0

    def stripped(self, user_id):
        kept = [event for (kind, _), event in self.state.items() if kind in STRIPPED]
        stripped = [{name: event.raw[name] for name in ("type", "state_key", "sender", "content")} for event in kept]
        # As Synapse has it: what the inviting server says, then the invite itself, with all its members.
        return [*self.forged, *stripped, self.state["m.room.member", user_id].raw]

    def state_at(self, pos):
        """The state before the event of this position."""
        state = {}
        for event in self.events:
            if event.pos >= pos:
                break
            if event.state_key is not None:
                state[event.type, event.state_key] = event
        return state


class Rooms:
    def __init__(self, server_name, wake):
        self.server_name = server_name
        self.wake = wake  # (room, event or None): something new in it
        self.all = {}
        self.aliases = {}
        self.pos = 0
        self.milliseconds = 0

    def next_pos(self):
        self.pos += 1
        return self.pos

    def clock(self):
        """Milliseconds since 1970, each later than the last."""
        self.milliseconds = max(self.milliseconds + 1, int(time.time() * 1000))
        return self.milliseconds

    def new_id(self):
        return f"!{secrets.token_urlsafe(12)}:{self.server_name}"

    def add(self, room, sender, kind, content, state_key=None, device=None, txn_id="", **members):
        raw = {
            "event_id": "$" + secrets.token_urlsafe(32),
            "type": kind,
            "sender": sender,
            "content": content,
            "origin_server_ts": self.clock(),
            **members,
        }
        if state_key is not None:
            raw["state_key"] = state_key
        event = Event(self.next_pos(), raw, device, txn_id)
        room.events.append(event)
        room.by_id[event.id] = event
        room.last_pos = event.pos
        if state_key is not None:
            event.before = room.state.get((kind, state_key))
            room.state[kind, state_key] = event
        elif event.replaces in room.by_id:
            room.by_id[event.replaces].edits.append(event)
        self.wake(room, event)
        return event

    def create(self, creator, *, name="", public=False, invite=(), alias="", initial=(), encrypted=False):
        room = Room(self.new_id())
        self.all[room.id] = room
        self.add(room, creator, "m.room.create", {"creator": creator, "room_version": room.version}, "")
        self.member(room, creator, creator, JOIN)
        self.add(room, creator, "m.room.power_levels", {"users": {creator: 100}, "users_default": 0}, "")
        self.add(room, creator, "m.room.join_rules", {"join_rule": "public" if public else INVITE}, "")
        self.add(room, creator, "m.room.history_visibility", {"history_visibility": "shared"}, "")
        if alias:
            self.aliases[alias] = room.id
            room.aliases.append(alias)
            self.add(room, creator, "m.room.canonical_alias", {"alias": alias}, "")
        for event in initial:
            self.add(room, creator, event["type"], event["content"], event.get("state_key", ""))
        if encrypted:
            self.add(room, creator, ENCRYPTION, {"algorithm": "m.megolm.v1.aes-sha2"}, "")
        if name:
            self.add(room, creator, "m.room.name", {"name": name}, "")
        for user_id in invite:
            self.member(room, creator, user_id, INVITE)
        return room

    def member(self, room, sender, user_id, membership, **content):
        return self.add(room, sender, "m.room.member", {"membership": membership, **content}, user_id)

    def join(self, room, user_id, name=""):
        membership = room.membership(user_id)
        if membership == JOIN:
            return
        if membership == BAN or (membership != INVITE and room.join_rule != "public"):
            raise Forbidden("You are not invited to this room")
        self.member(room, user_id, user_id, JOIN, **({"displayname": name} if name else {}))

    def leave(self, room, user_id):
        if room.membership(user_id) not in (JOIN, INVITE):
            raise Forbidden("You are not in this room")
        self.member(room, user_id, user_id, LEAVE)

    def redact(self, room, sender, event_id, content, device=None, txn_id=""):
        # Both places: `redacts` moved into the content with room version 11.
        event = self.add(
            room, sender, "m.room.redaction", content, device=device, txn_id=txn_id, redacts=event_id
        )
        target = room.by_id.get(event_id)
        if target:
            target.redaction = event
        return event
