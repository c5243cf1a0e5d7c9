"""What a test does to the homeserver and asks of it, from its own thread; and the same over HTTP."""

import asyncio
import time
from dataclasses import dataclass, field

from .faults import Fault
from .rooms import BAN, ENCRYPTION, INVITE, JOIN, LEAVE


@dataclass
class Shown:
    """A message as somebody sees it: with its last text, gone when it was redacted."""

    sender: str
    body: str
    event_id: str
    msgtype: str
    thread: str
    reply_to: str
    content: dict
    edits: list = field(default_factory=list)


def reply(event_id):
    return {"m.in_reply_to": {"event_id": event_id}}


class Persons:
    """Mixed into Homeserver."""

    no_joins = False
    CONTROLS = """add_user make_room say edit redact send_state invite kick leave join_room set_user soft_logout
        hard_logout restart fault clear_faults shown typing_in get_violations set_lifetime forget_limits""".split()

    # --- doing --------------------------------------------------------------------------------

    def add_user(self, user_id, password="secret"):
        self.web.call(self.people.add, user_id, password)
        return user_id

    def set_lifetime(self, seconds):
        """Of the access tokens that are given from now on; None: they do not end."""
        self.people.lifetime_s = seconds

    def make_room(self, creator, members=(), **options):
        """A room in which `members` are joined at once; returns its id."""

        def make():
            room = self.rooms.create(creator, **options)
            for user_id in members:
                self.rooms.member(room, creator, user_id, INVITE)
                self.rooms.join(room, user_id)
            return room.id

        return self.web.call(make)

    def say(self, sender, room_id, body, *, thread="", reply_to="", msgtype="m.text", txn_id="", **more):
        content = {"msgtype": msgtype, "body": body, "m.mentions": {}, **more}
        if thread:
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": thread, "is_falling_back": not reply_to}
            content["m.relates_to"].update(reply(reply_to or thread))
        elif reply_to:
            content["m.relates_to"] = reply(reply_to)
        return self.send_event(sender, room_id, "m.room.message", content)

    def send_event(self, sender, room_id, kind, content, state_key=None):
        def send():
            room = self.rooms.all[room_id]
            assert room.membership(sender) == JOIN, f"{sender} is not in {room_id}"
            return self.rooms.add(room, sender, kind, content, state_key).id

        return self.web.call(send)

    def send_state(self, sender, room_id, kind, content, state_key=""):
        return self.send_event(sender, room_id, kind, content, state_key)

    def encrypt(self, sender, room_id):
        return self.send_state(sender, room_id, ENCRYPTION, {"algorithm": "m.megolm.v1.aes-sha2"})

    def edit(self, sender, room_id, event_id, body):
        new = {"msgtype": "m.text", "body": body, "m.mentions": {}}
        relation = {"rel_type": "m.replace", "event_id": event_id}
        content = {**new, "body": f"* {body}", "m.new_content": new, "m.relates_to": relation}
        return self.send_event(sender, room_id, "m.room.message", content)

    def redact(self, sender, room_id, event_id):
        return self.web.call(lambda: self.rooms.redact(self.rooms.all[room_id], sender, event_id, {}).id)

    def set_member(self, sender, room_id, user_id, membership):
        self.web.call(lambda: self.rooms.member(self.rooms.all[room_id], sender, user_id, membership))

    def invite(self, sender, room_id, user_id):
        self.set_member(sender, room_id, user_id, INVITE)

    def kick(self, sender, room_id, user_id, ban=False):
        self.set_member(sender, room_id, user_id, BAN if ban else LEAVE)

    def leave(self, sender, room_id):
        self.set_member(sender, room_id, sender, LEAVE)

    def join_room(self, user_id, room_id):
        self.web.call(lambda: self.rooms.join(self.rooms.all[room_id], user_id))

    def clear_faults(self):
        self.web.call(self.faults.clear)

    def set_typing(self, room, user_id, on, timeout_ms):
        room.typing.pop(user_id, None)
        if on:
            room.typing[user_id] = time.monotonic() + timeout_ms / 1000
        room.typing_log.append((user_id, on))
        room.typing_pos = self.rooms.next_pos()
        self.told(room, None)

    # --- asking -------------------------------------------------------------------------------

    def room(self, room_id):
        return self.rooms.all[room_id]

    def typing_in(self, room_id):
        """Who types there: they have said so, and their time has not run out."""
        now = time.monotonic()
        return [user_id for user_id, until in self.rooms.all[room_id].typing.items() if until > now]

    def shown(self, room_id, sender=None, thread=None):
        """The messages of a room as people see them, in the order of the server."""
        result = []
        for event in list(self.rooms.all[room_id].events):
            if event.type != "m.room.message" or event.replaces or event.redaction:
                continue
            if sender not in (None, event.sender) or thread not in (None, event.thread):
                continue
            edits = [each.content.get("m.new_content", {}) for each in event.edits if not each.redaction]
            content = edits[-1] if edits else event.content
            result.append(
                Shown(
                    event.sender,
                    content.get("body", ""),
                    event.id,
                    content.get("msgtype", ""),
                    event.thread,
                    event.reply_to,
                    content,
                    [each.get("body", "") for each in edits],
                )
            )
        return result

    def calls(self, name, user_id=None, status=None):
        """Requests that are over, by the name of their route."""
        with self.news:
            return [
                call
                for call in self.log
                if call.route
                and call.route.name == name
                and user_id in (None, call.user.id if call.user else None)
                and status in (None, call.status)
            ]

    def get_violations(self):
        return list(self.violations)

    # --- over HTTP ----------------------------------------------------------------------------

    async def control(self, verb, arguments):
        """A verb of CONTROLS with its arguments by name; runs beside the loop, as a test's thread does."""
        if verb == "fault":
            arguments = {"fault": Fault(**arguments)}
        result = await asyncio.get_running_loop().run_in_executor(None, lambda: getattr(self, verb)(**arguments))
        if verb == "shown":
            return [vars(each) for each in result]
        return result if isinstance(result, (str, list)) else None
