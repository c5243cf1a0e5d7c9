"""What the specification and our contract want of an event that is sent; each breach is a sentence."""

import json

from .errors import Forbidden, Invalid, MatrixError
from .html import judge
from .rooms import JOIN

MAX_EVENT = 65536
# What the server adds before it measures: hashes, signatures, the events it builds upon.
SERVER_MEMBERS = {
    "auth_events": ["$" + "a" * 43] * 4,
    "depth": 2**31,
    "hashes": {"sha256": "h" * 43},
    "origin_server_ts": 2**41,
    "prev_events": ["$" + "p" * 43] * 3,
    "signatures": {"example.org": {"ed25519:a_xxxx": "s" * 86}},
}
MAX_INTEGER = 2**53 - 1


def canonical(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def find_numbers(value, path="content"):
    """Numbers that canonical JSON cannot have."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from find_numbers(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from find_numbers(inner, f"{path}[{at}]")
    elif isinstance(value, float) or (isinstance(value, int) and abs(value) > MAX_INTEGER):
        yield f"{path} is {value!r}"


def check_size(room, sender, kind, content):
    for problem in find_numbers(content):
        raise Invalid(f"{problem}, which no event can have", "M_BAD_JSON")
    size = len(canonical({**SERVER_MEMBERS, "content": content, "room_id": room.id, "sender": sender, "type": kind}))
    if size > MAX_EVENT:
        raise MatrixError(413, "M_TOO_LARGE", f"event too large: {size} bytes")
    if len(kind.encode()) > 255:
        raise Invalid("type is longer than 255 bytes")


class Breaches:
    """Gathers what is wrong with the content of an m.room.message."""

    def __init__(self, room, sender, content):
        self.room, self.sender, self.content = room, sender, content
        self.found = []

    def need(self, claim, text):
        if not claim:
            self.found.append(text)
        return claim

    def message(self, content, where="content"):
        self.need(isinstance(content.get("msgtype"), str), f"{where} has no msgtype")
        body = content.get("body")
        if self.need(isinstance(body, str), f"{where} has no body"):
            self.need(body.strip() or content.get("msgtype") != "m.text", f"{where}.body is empty")
        formatted = content.get("formatted_body")
        if formatted is None:
            self.need("format" not in content, f"{where} has a format and nothing that is in it")
            return
        self.need(content.get("format") == "org.matrix.custom.html", f"{where}.format is {content.get('format')!r}")
        if self.need(isinstance(formatted, str), f"{where}.formatted_body is no string"):
            problems, _ = judge(formatted)
            self.need(not problems, f"{where}.formatted_body: {problems[:3]} in {formatted[:200]!r}")

    def mentions(self, content, where="content"):
        mentions = content.get("m.mentions")
        if not self.need(isinstance(mentions, dict), f"{where} has no m.mentions"):
            return
        self.need(set(mentions) <= {"user_ids", "room"}, f"{where}.m.mentions has {sorted(mentions)}")
        users = mentions.get("user_ids", [])
        good = isinstance(users, list) and all(isinstance(each, str) and each[:1] == "@" for each in users)
        self.need(good, f"{where}.m.mentions.user_ids is {users!r}")

    def relation(self, is_subject):
        relation = self.content.get("m.relates_to")
        if relation is None:
            return
        if not self.need(isinstance(relation, dict), "m.relates_to is no object"):
            return
        kind, target = relation.get("rel_type"), self.room.by_id.get(relation.get("event_id"))
        if kind == "m.replace":
            self.edit(target, is_subject)
        elif kind == "m.thread":
            if self.need(target, "the root of the thread is not in the room"):
                self.need(not target.relation.get("rel_type"), "the root of the thread has a relation itself")
        elif kind is not None:
            self.need(kind in ("m.annotation", "m.reference"), f"rel_type is {kind!r}")
        answered = relation.get("m.in_reply_to")
        if answered is not None:
            good = isinstance(answered, dict) and answered.get("event_id") in self.room.by_id
            self.need(good, "what is replied to is not in the room")

    def edit(self, target, is_subject):
        new = self.content.get("m.new_content")
        if self.need(isinstance(new, dict), "an edit without m.new_content"):
            self.message(new, "m.new_content")
            self.need("m.relates_to" not in new, "m.new_content has a relation, which nobody heeds")
            if is_subject:
                self.mentions(new, "m.new_content")
        if self.need(target, "what is edited is not in the room"):
            self.need(target.sender == self.sender, "what is edited is somebody else's")
            self.need(target.type == "m.room.message", "what is edited is no message")
            self.need(not target.replaces, "what is edited is an edit itself")


def check_message(room, sender, content, is_subject):
    """The breaches of an m.room.message; `is_subject`: our own client, which promises more."""
    breaches = Breaches(room, sender, content)
    breaches.message(content)
    if is_subject:
        breaches.mentions(content)
    breaches.relation(is_subject)
    return breaches.found


def check_place(room, user, told, is_subject, kind, content, violation):
    """Whether somebody may send here; `told`: up to where the client has seen what happened."""
    if room.membership(user.id) != JOIN:
        left = room.membership_pos(user.id)
        if left <= told and is_subject:
            violation(f"{user.id} sends into {room.id}, where it is not joined, and has been told so")
        raise Forbidden("You are not in this room")
    since = room.encrypted_since()
    if is_subject and since and since <= told and kind != "m.room.encrypted":
        before = [event for event in room.events if event.sender == user.id and event.pos > since]
        notices = [event for event in before if event.type == "m.room.message"]
        if notices or content.get("msgtype") != "m.notice":
            violation(f"{user.id} sends {kind} in clear into {room.id}, which it knows to be encrypted")


