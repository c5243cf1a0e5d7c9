"""What a sync says: timelines with their gaps, state, invites, leaves; and pages of /messages."""

import bisect
import fnmatch
import time

from .errors import Invalid
from .rooms import INVITE, JOIN, LEAVE

EVENT_FILTER = {"limit", "types", "not_types", "senders", "not_senders"}
ROOM_EVENT_FILTER = EVENT_FILTER | {
    "lazy_load_members",
    "include_redundant_members",
    "rooms",
    "not_rooms",
    "contains_url",
    "unread_thread_notifications",
}
ROOM_FILTER = {"rooms", "not_rooms", "ephemeral", "include_leave", "state", "timeline", "account_data"}
FILTER = {"event_fields", "event_format", "presence", "account_data", "room"}
BOOLEANS = {"lazy_load_members", "include_redundant_members", "contains_url", "unread_thread_notifications"}


def check_members(name, value, known):
    if not isinstance(value, dict):
        raise Invalid(f"{name} is no object", "M_BAD_JSON")
    for member in value:
        if member not in known:
            raise Invalid(f"{name}.{member} is nothing that a filter has", "M_BAD_JSON")


def check_event_filter(name, value, known):
    check_members(name, value, known)
    for member, inner in value.items():
        if member == "limit":
            good = isinstance(inner, int) and not isinstance(inner, bool) and inner > 0
        elif member in BOOLEANS:
            good = isinstance(inner, bool)
        else:
            good = isinstance(inner, list) and all(isinstance(each, str) for each in inner)
        if not good:
            raise Invalid(f"{name}.{member} is {inner!r}", "M_BAD_JSON")


def check_filter(value):
    check_members("filter", value, FILTER)
    for name in ("presence", "account_data"):
        check_event_filter(name, value.get(name, {}), EVENT_FILTER)
    room = value.get("room", {})
    check_members("room", room, ROOM_FILTER)
    for name in ("ephemeral", "state", "timeline", "account_data"):
        check_event_filter(f"room.{name}", room.get(name, {}), ROOM_EVENT_FILTER)
    return value


def passes(wanted, kind, sender="", room_id=""):
    """Whether an event filter lets it through."""

    def among(patterns, value):
        return any(fnmatch.fnmatchcase(value, pattern.replace("[", "[[]")) for pattern in patterns)

    return not (
        ("types" in wanted and not among(wanted["types"], kind))
        or among(wanted.get("not_types", ()), kind)
        or ("senders" in wanted and sender not in wanted["senders"])
        or sender in wanted.get("not_senders", ())
        or ("rooms" in wanted and room_id not in wanted["rooms"])
        or room_id in wanted.get("not_rooms", ())
    )


def client_event(event, device, with_room=None):
    """An event as this device sees it today."""
    raw = dict(event.raw)
    unsigned = {"age": int((time.monotonic() - event.received) * 1000)}
    if event.before:
        unsigned |= {"prev_content": event.before.content, "replaces_state": event.before.id}
    if event.device is not None and event.device is device and event.txn_id:
        unsigned["transaction_id"] = event.txn_id
    if event.redaction:
        raw["content"] = {"membership": raw["content"].get("membership")} if event.type == "m.room.member" else {}
        unsigned["redacted_because"] = event.redaction.raw
    elif event.edits:
        unsigned["m.relations"] = {"m.replace": event.edits[-1].raw}
    raw["unsigned"] = unsigned
    if with_room:
        raw["room_id"] = with_room
    return raw


class Sync:
    """One response, for a device, from `since` (0: the first one)."""

    def __init__(self, rooms, device, since, wanted, gap=False, repeat=False):
        self.rooms, self.device, self.since = rooms, device, since
        self.user_id = device.user.id
        self.room_filter = wanted.get("room", {})
        self.timeline_filter = self.room_filter.get("timeline", {})
        self.state_filter = self.room_filter.get("state", {})
        self.limit = 1 if gap else min(self.timeline_filter.get("limit", 10), 100)
        self.repeat = repeat
        self.joined, self.invited, self.left = {}, {}, {}

    def collect(self):
        for room in self.rooms.all.values():
            if self.since and max(room.last_pos, room.typing_pos) <= self.since and not self.has_receipts(room):
                continue
            if not passes({k: v for k, v in self.room_filter.items() if k in ("rooms", "not_rooms")}, "", "", room.id):
                continue
            membership = room.membership(self.user_id)
            if membership == JOIN:
                self.join(room)
            elif membership == INVITE and room.membership_pos(self.user_id) > self.since:
                self.invited[room.id] = {"invite_state": {"events": room.stripped(self.user_id)}}
            elif membership in (LEAVE, "ban") and self.since < room.membership_pos(self.user_id) and self.since:
                self.leave(room)
        return self

    def has_receipts(self, room):
        return bool(room.receipts) and room.receipts[-1][0] > self.since

    def is_new(self):
        return bool(self.joined or self.invited or self.left)

    def response(self):
        groups = {"join": self.joined, "invite": self.invited, "leave": self.left}
        body = {
            "next_batch": f"s{self.rooms.pos}",
            "account_data": {"events": []},
            "presence": {"events": [{"type": "m.presence", "sender": self.user_id, "content": {"presence": "online"}}]},
            "device_lists": {"changed": [], "left": []},
            "device_one_time_keys_count": {"signed_curve25519": 0},
            "org.example.unknown": None,
        }
        rooms = {name: group for name, group in groups.items() if group}
        return {**body, "rooms": rooms} if rooms else body

    # --- a room -----------------------------------------------------------------------------

    def timeline(self, room, begin, end):
        """(events, limited, the position that they begin at) of what came after `begin`."""
        new = room.events[bisect.bisect_right(room.events, begin, key=lambda event: event.pos) :]
        events = [
            event
            for event in new
            if event.pos <= end and passes(self.timeline_filter, event.type, event.sender, room.id)
        ]
        limited = len(events) > self.limit
        events = events[-self.limit :]
        return events, limited, events[0].pos if limited else begin + 1

    def join(self, room):
        is_new = self.since < room.membership_pos(self.user_id) and self.was_outside(room)
        begin = 0 if is_new else self.since
        events, limited, first = self.timeline(room, begin, self.rooms.pos)
        if self.repeat and not is_new:
            events = [event for event in room.events if event.pos <= self.since and event.state_key is None][-3:] + events
        state = self.state_before(room, begin, first)
        ephemeral = self.ephemeral(room)
        if not (events or state or ephemeral or is_new):
            return
        self.joined[room.id] = {
            "timeline": {
                "events": [client_event(event, self.device) for event in events],
                "limited": limited,
                "prev_batch": f"t{first}",
            },
            "state": {"events": [client_event(event, self.device) for event in state]},
            "ephemeral": {"events": ephemeral},
            "account_data": {"events": []},
            "summary": {"m.joined_member_count": len(room.members(JOIN))},
            "unread_notifications": {"highlight_count": 0, "notification_count": 0},
        }

    def was_outside(self, room):
        if not self.since:
            return True
        before = room.state_at(self.since + 1).get(("m.room.member", self.user_id))
        return not before or before.content.get("membership") != JOIN

    def state_before(self, room, begin, first):
        """The state events between where the client is and where the timeline begins."""
        if first <= begin + 1 and begin:
            return []
        state = room.state_at(max(first, 1))
        events = [event for event in state.values() if event.pos > begin]
        return [event for event in events if passes(self.state_filter, event.type, event.sender, room.id)]

    def ephemeral(self, room):
        wanted = self.room_filter.get("ephemeral", {})
        events = []
        if room.typing_pos > self.since and passes(wanted, "m.typing", "", room.id):
            events.append({"type": "m.typing", "content": {"user_ids": sorted(room.typing)}})
        new = [receipt for receipt in room.receipts if receipt[0] > self.since]
        if new and passes(wanted, "m.receipt", "", room.id):
            content = {}
            for _, user_id, event_id, kind, thread, at in new:
                entry = {"ts": at, **({"thread_id": thread} if thread else {})}
                content.setdefault(event_id, {}).setdefault(kind, {})[user_id] = entry
            events.append({"type": "m.receipt", "content": content})
        return events

    def leave(self, room):
        events, limited, first = self.timeline(room, self.since, room.membership_pos(self.user_id))
        self.left[room.id] = {
            "timeline": {
                "events": [client_event(event, self.device) for event in events],
                "limited": limited,
                "prev_batch": f"t{first}",
            },
            "state": {"events": []},
        }


def read_token(text, name):
    """The position of a token of ours: s… is behind an event, t… is before one."""
    if text[:1] not in ("s", "t") or not text[1:].isdigit():
        raise Invalid(f"{name}={text!r} is no token of this server")
    return int(text[1:]) + (text[0] == "s")


def page(room, device, direction, begin, end, limit, wanted):
    """A page of /messages; begin and end are positions, as read_token gives them."""
    backwards = direction == "b"
    if backwards:
        events = [event for event in reversed(room.events) if (end or 0) <= event.pos < begin]
    else:
        events = [event for event in room.events if begin <= event.pos and (not end or event.pos < end)]
    events = [event for event in events if passes(wanted, event.type, event.sender, room.id)]
    body = {
        "start": f"t{begin}",
        "chunk": [client_event(event, device, room.id) for event in events[:limit]],
        "state": [],
    }
    if len(events) > limit:
        last = events[limit - 1].pos
        body["end"] = f"t{last if backwards else last + 1}"
    return body
