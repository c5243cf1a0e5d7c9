"""Making rooms, joining and leaving them, and what stands about them."""

from web import Response

from .errors import Forbidden, NotFound
from .rooms import INVITE, JOIN
from .routes import joined_room, need, room_of, route
from .sync import client_event


@route("POST", "createRoom")
async def create_room(hs, call):
    body = call.body
    need(hs, call, body.get("preset", "private_chat") in ("private_chat", "public_chat", "trusted_private_chat"), "preset")
    alias = f"#{body['room_alias_name']}:{hs.name}" if body.get("room_alias_name") else ""
    room = hs.rooms.create(
        call.user.id,
        name=body.get("name", ""),
        public=body.get("preset") == "public_chat" or body.get("visibility") == "public",
        invite=body.get("invite", ()),
        alias=alias,
        initial=body.get("initial_state", ()),
    )
    return Response(200, {"room_id": room.id})


def join_one(hs, call, room):
    if hs.no_joins:
        raise Forbidden("Not now")
    hs.rooms.join(room, call.user.id, call.user.name)
    return Response(200, {"room_id": room.id})


@route("POST", "join/{room}", "server_name", "via")
async def join(hs, call):
    name = call.params["room"]
    need(hs, call, name[:1] in "!#" and ":" in name, f"{name!r} is neither a room id nor an alias")
    room = hs.rooms.all.get(hs.rooms.aliases.get(name, name))
    if not room:
        raise NotFound("Can't find that room")
    return join_one(hs, call, room)


@route("POST", "rooms/{room}/join", "server_name", "via")
async def join_by_id(hs, call):
    return join_one(hs, call, room_of(hs, call))


@route("POST", "rooms/{room}/leave")
async def leave(hs, call):
    hs.rooms.leave(room_of(hs, call), call.user.id)
    return Response(200, {})


@route("POST", "rooms/{room}/forget")
async def forget(hs, call):
    need(hs, call, room_of(hs, call).membership(call.user.id) != JOIN, "still joined")
    return Response(200, {})


@route("POST", "rooms/{room}/invite")
async def invite(hs, call):
    room, user_id = joined_room(hs, call), call.body.get("user_id")
    need(hs, call, isinstance(user_id, str) and user_id[:1] == "@", f"user_id is {user_id!r}")
    if room.membership(user_id) == JOIN:
        raise Forbidden("They are in the room already")
    hs.rooms.member(room, call.user.id, user_id, INVITE)
    return Response(200, {})


@route("GET", "joined_rooms")
async def joined_rooms(hs, call):
    return Response(
        200, {"joined_rooms": [room.id for room in hs.rooms.all.values() if room.membership(call.user.id) == JOIN]}
    )


@route("GET", "rooms/{room}/joined_members")
async def joined_members(hs, call):
    room = joined_room(hs, call)
    users = hs.people.users
    joined = {
        user_id: {"display_name": users[user_id].name if user_id in users else None} for user_id in room.members(JOIN)
    }
    return Response(200, {"joined": joined})


@route("GET", "rooms/{room}/members", "at", "membership", "not_membership")
async def members(hs, call):
    room = joined_room(hs, call)
    wanted, unwanted = call.query.get("membership"), call.query.get("not_membership")
    chunk = []
    for (kind, _), event in room.state.items():
        membership = event.content.get("membership")
        if kind == "m.room.member" and membership != unwanted and wanted in (None, membership):
            chunk.append(client_event(event, call.device, room.id))
    return Response(200, {"chunk": chunk})


@route("GET", "rooms/{room}/state")
async def state(hs, call):
    room = joined_room(hs, call)
    return Response(200, [client_event(event, call.device, room.id) for event in room.state.values()])


def state_event(hs, call):
    event = joined_room(hs, call).state.get((call.params["type"], call.params.get("state_key", "")))
    if not event:
        raise NotFound("Event not found")
    return Response(200, event.content)


@route("GET", "rooms/{room}/state/{type}")
async def get_state(hs, call):
    return state_event(hs, call)


@route("GET", "rooms/{room}/state/{type}/{state_key}")
async def get_state_of(hs, call):
    return state_event(hs, call)


@route("GET", "directory/room/{alias}", is_open=True)
async def resolve(hs, call):
    if call.params["alias"] not in hs.rooms.aliases:
        raise NotFound("Room alias not found")
    return Response(200, {"room_id": hs.rooms.aliases[call.params["alias"]], "servers": [hs.name]})


@route("GET", "rooms/{room}/event/{event}")
async def event(hs, call):
    room = joined_room(hs, call)
    found = room.by_id.get(call.params["event"])
    if not found:
        raise NotFound("Event not found")
    return Response(200, client_event(found, call.device, room.id))
