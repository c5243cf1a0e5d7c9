"""What goes into rooms: events under transaction ids, redactions, state, typing, receipts."""

import time

from web import Response

from .errors import Invalid, MatrixError
from .routes import joined_room, need, own_user, room_of, route, strictly
from .rules import check_message, check_place, check_size

LONGEST_TYPING_MS = 120_000


def once(hs, call, apply):
    """Applies a request with a transaction id, or gives what it gave before."""
    path, _, txn_id = call.request.path.rpartition("/")
    need(hs, call, len(txn_id) <= 255, "the transaction id is too long")
    known = call.device.transactions.get((path, txn_id))
    if known:
        if known[0] != call.body:
            raise strictly(hs, call)(Invalid("the transaction id was used for something else"))
        return Response(200, {"event_id": known[1]})
    event = apply()
    call.device.transactions[path, txn_id] = (call.body, event.id)
    return Response(200, {"event_id": event.id})


@route("PUT", "rooms/{room}/send/{type}/{txn}")
async def send(hs, call):
    room, kind, content = room_of(hs, call), call.params["type"], call.body
    is_subject = hs.is_subject(call)

    def apply():
        check_place(room, call.user, call.device.told, is_subject, kind, content, hs.violation)
        try:
            check_size(room, call.user.id, kind, content)
        except MatrixError as error:
            raise strictly(hs, call)(error) from None
        if kind == "m.room.message":
            for breach in check_message(room, call.user.id, content, is_subject):
                hs.violation(f"{call.user.id} in {room.id}: {breach}")
        need(hs, call, kind != "m.room.redaction", "redactions have an endpoint of their own")
        return hs.rooms.add(room, call.user.id, kind, content, device=call.device, txn_id=call.params["txn"])

    return once(hs, call, apply)


@route("PUT", "rooms/{room}/redact/{event}/{txn}")
async def redact(hs, call):
    room = joined_room(hs, call)
    need(hs, call, set(call.body) <= {"reason"}, f"a redaction with {sorted(call.body)}")
    need(hs, call, call.params["event"] in room.by_id, "what is redacted is not in the room")
    return once(
        hs,
        call,
        lambda: hs.rooms.redact(
            room, call.user.id, call.params["event"], call.body, device=call.device, txn_id=call.params["txn"]
        ),
    )


def put_state_event(hs, call):
    room = joined_room(hs, call)
    event = hs.rooms.add(room, call.user.id, call.params["type"], call.body, call.params.get("state_key", ""))
    return Response(200, {"event_id": event.id})


@route("PUT", "rooms/{room}/state/{type}")
async def put_state(hs, call):
    return put_state_event(hs, call)


@route("PUT", "rooms/{room}/state/{type}/{state_key}")
async def put_state_of(hs, call):
    return put_state_event(hs, call)


@route("PUT", "rooms/{room}/typing/{user}")
async def typing(hs, call):
    own_user(hs, call)
    room, body = joined_room(hs, call), call.body
    need(hs, call, isinstance(body.get("typing"), bool), f"typing is {body.get('typing')!r}")
    timeout_ms = body.get("timeout")
    if body["typing"] or timeout_ms is not None:
        good = type(timeout_ms) is int and 0 < timeout_ms <= LONGEST_TYPING_MS
        need(hs, call, good, f"timeout is {timeout_ms!r}")
    hs.set_typing(room, call.user.id, body["typing"], timeout_ms or 0)
    return Response(200, {})


@route("POST", "rooms/{room}/receipt/{type}/{event}")
async def receipt(hs, call):
    room, kind, event_id = joined_room(hs, call), call.params["type"], call.params["event"]
    need(hs, call, kind in ("m.read", "m.read.private", "m.fully_read"), f"a receipt {kind!r}")
    need(hs, call, event_id in room.by_id, "a receipt for an event that is not in the room")
    thread = call.body.get("thread_id")
    event = room.by_id[event_id]
    if thread is not None:
        need(hs, call, kind != "m.fully_read", "m.fully_read has no thread_id")
        in_thread = thread == "main" or thread in (event.thread, event_id)
        need(hs, call, in_thread, f"thread_id is {thread!r}, and the event is elsewhere")
    room.receipts.append((hs.rooms.next_pos(), call.user.id, event_id, kind, thread, int(time.time() * 1000)))
    hs.told(room, None)
    return Response(200, {})


@route("POST", "rooms/{room}/read_markers")
async def read_markers(hs, call):
    room = joined_room(hs, call)
    known = {"m.fully_read", "m.read", "m.read.private"}
    need(hs, call, set(call.body) <= known, f"read markers {sorted(call.body)}")
    for name, event_id in call.body.items():
        need(hs, call, event_id in room.by_id, f"{name} for an event that is not in the room")
    return Response(200, {})
