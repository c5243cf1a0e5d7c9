"""/sync, with its long poll, and /messages."""

import asyncio

from web import Response

from .errors import Invalid, UnknownToken
from .account import filter_of
from .routes import joined_room, need, number, route, strictly
from .sync import Sync, check_event_filter, page, read_token, ROOM_EVENT_FILTER

LONGEST_MS = 600_000


def token_of(hs, call, name):
    try:
        return read_token(call.query[name], name)
    except Invalid as error:
        raise strictly(hs, call)(error) from None


@route("GET", "sync", "filter", "since", "full_state", "set_presence", "timeout")
async def sync(hs, call):
    presence = call.query.get("set_presence", "online")
    need(hs, call, presence in ("online", "offline", "unavailable"), f"set_presence={presence!r}")
    need(hs, call, call.query.get("full_state", "false") in ("true", "false"), "full_state")
    timeout_ms = number(hs, call, "timeout", 0, 0, LONGEST_MS)
    wanted = filter_of(hs, call, call.query["filter"]) if "filter" in call.query else {}
    since = token_of(hs, call, "since") - 1 if "since" in call.query else 0
    need(hs, call, since <= hs.rooms.pos, "since is ahead of everything")
    ended = [one for one in call.device.syncs if not one.is_set()]
    if ended and hs.is_subject(call):
        hs.violation(f"{call.user.id} has more than one sync open on {call.device.id}")
    with hs.news:
        call.device.told = max(call.device.told, since)
        hs.news.notify_all()
    return await wait_for_news(hs, call, since, wanted, timeout_ms)


async def wait_for_news(hs, call, since, wanted, timeout_ms):
    woken, over = asyncio.Event(), asyncio.Event()
    loop, gone = asyncio.get_running_loop(), call.request.connection.gone
    deadline = loop.time() + timeout_ms / 1000
    kinds = {fault.kind for fault in call.faults}
    call.user.waiters.add(woken)
    call.device.syncs.append(over)
    leaver = loop.create_task(wait_gone(gone, woken, over))
    try:
        while True:
            woken.clear()
            response = Sync(hs.rooms, call.device, since, wanted, gap="gap" in kinds, repeat="repeat" in kinds).collect()
            left = deadline - loop.time()
            if response.is_new() or "since" not in call.query or left <= 0 or gone.is_set():
                break
            if call.pair.revoked or call.user.locked or call.user.deactivated:
                hs.people.authenticate(call.pair.access)
            try:
                await asyncio.wait_for(woken.wait(), left)
            except asyncio.TimeoutError:
                pass
    finally:
        leaver.cancel()
        over.set()
        call.user.waiters.discard(woken)
        call.device.syncs.remove(over)
    if call.pair.revoked and not call.pair.after:
        raise UnknownToken(soft=call.pair.soft)
    return Response(200, response.response(), written=hs.on_sync_written and (lambda: hs.on_sync_written(response)))


async def wait_gone(gone, woken, over):
    await gone.wait()
    over.set()
    woken.set()


@route("GET", "rooms/{room}/messages", "from", "to", "dir", "limit", "filter")
async def messages(hs, call):
    room = joined_room(hs, call)
    direction = call.query.get("dir")
    need(hs, call, direction in ("b", "f"), f"dir={direction!r}")
    limit = min(number(hs, call, "limit", 10, 1, 10_000), hs.page_limit)
    wanted = {}
    if "filter" in call.query:
        from web import read_json

        try:
            wanted = read_json(call.query["filter"].encode())
            check_event_filter("filter", wanted, ROOM_EVENT_FILTER)
        except (ValueError, Invalid) as error:
            raise strictly(hs, call)(Invalid(str(error))) from None
    begin = token_of(hs, call, "from") if "from" in call.query else hs.rooms.pos + 1 if direction == "b" else 0
    end = token_of(hs, call, "to") if "to" in call.query else None
    return Response(200, page(room, call.device, direction, begin, end, limit, wanted))
