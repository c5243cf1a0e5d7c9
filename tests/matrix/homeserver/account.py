"""Finding the server, logging in, tokens, filters, profiles."""

import secrets

from web import Response

from .errors import Forbidden, Invalid, MatrixError, NotFound
from .routes import need, own_user, route, strictly
from .sync import check_filter


@route("GET", ".well-known/matrix/client", is_open=True, version="")
async def well_known(hs, call):
    return Response(200, {"m.homeserver": {"base_url": hs.url}, "org.example.other": {"x": 1}})


@route("GET", "_matrix/client/versions", is_open=True, version="")
async def versions(hs, call):
    return Response(200, {"versions": ["r0.6.1", *hs.versions], "unstable_features": {"org.example.a": True}})


# --- tokens ----------------------------------------------------------------------------------


@route("GET", "login", is_open=True)
async def login_flows(hs, call):
    return Response(200, {"flows": [{"type": "m.login.sso"}, {"type": "m.login.password"}]})


@route("POST", "login", is_open=True)
async def login(hs, call):
    body = call.body
    need(hs, call, body.get("type") == "m.login.password", f"type is {body.get('type')!r}")
    identifier = body.get("identifier")
    good = isinstance(identifier, dict) and identifier.get("type") == "m.id.user" and identifier.get("user")
    need(hs, call, good, "no identifier of the type m.id.user")
    for name, kind in (("password", str), ("device_id", str), ("refresh_token", bool), ("initial_device_display_name", str)):
        need(hs, call, name not in body or isinstance(body[name], kind), f"{name} is {body.get(name)!r}")
    need(hs, call, "password" in body, "no password")
    user = hs.people.check_password(identifier["user"], hs.name, body["password"])
    device_id = body.get("device_id") or secrets.token_hex(5).upper()
    pair = hs.people.login(user, device_id, body.get("refresh_token", False))
    call.user = user
    return Response(
        200,
        {
            "user_id": user.id,
            "device_id": device_id,
            "home_server": hs.name,
            "well_known": {"m.homeserver": {"base_url": hs.url}},
            **hs.people.answer(pair),
        },
    )


def is_old(hs):
    """Whether the refresh of tokens still has its first place (before v1.3)."""
    return not any(int(version.partition(".")[2]) >= 3 for version in hs.versions)


async def give_new_pair(hs, call, right_place):
    if not right_place:
        hs.violation(f"{call.request.path}: this server has it elsewhere")
        raise MatrixError(404, "M_UNRECOGNIZED", "Unrecognized request")
    token = call.body.get("refresh_token")
    need(hs, call, isinstance(token, str) and token, "no refresh_token")
    pair = hs.people.refresh(token)
    call.user = pair.device.user
    return Response(200, hs.people.answer(pair))


@route("POST", "refresh", is_open=True)
async def refresh(hs, call):
    return await give_new_pair(hs, call, not is_old(hs))


@route("POST", "refresh", is_open=True, version="v1")
async def refresh_old(hs, call):
    return await give_new_pair(hs, call, is_old(hs))


@route("POST", "logout")
async def logout(hs, call):
    for pair in call.device.pairs:
        pair.revoked = True
    del call.user.devices[call.device.id]
    return Response(200, {})


@route("GET", "account/whoami")
async def whoami(hs, call):
    return Response(200, {"user_id": call.user.id, "device_id": call.device.id, "is_guest": False})


@route("GET", "capabilities")
async def capabilities(hs, call):
    return Response(200, {"capabilities": {"m.room_versions": {"default": "10", "available": {"10": "stable"}}}})


@route("GET", "devices")
async def devices(hs, call):
    return Response(200, {"devices": [{"device_id": name} for name in call.user.devices]})


@route("GET", "devices/{device}")
async def device(hs, call):
    if call.params["device"] not in call.user.devices:
        raise NotFound("Unknown device")
    return Response(200, {"device_id": call.params["device"]})


# --- what is kept for a user -----------------------------------------------------------------


@route("POST", "user/{user}/filter")
async def define_filter(hs, call):
    own_user(hs, call)
    try:
        call.user.filters.append(check_filter(call.body))
    except Invalid as error:
        raise strictly(hs, call)(error) from None
    return Response(200, {"filter_id": f"f{len(call.user.filters) - 1}"})


def filter_of(hs, call, text):
    """The filter that a parameter names, or is."""
    if text[:1] == "{":
        from web import read_json

        try:
            return check_filter(read_json(text.encode()))
        except (ValueError, Invalid) as error:
            raise strictly(hs, call)(Invalid(str(error))) from None
    if text[:1] != "f" or not text[1:].isdigit() or int(text[1:]) >= len(call.user.filters):
        raise strictly(hs, call)(NotFound("No such filter"))
    return call.user.filters[int(text[1:])]


@route("GET", "user/{user}/filter/{filter}")
async def get_filter(hs, call):
    own_user(hs, call)
    return Response(200, filter_of(hs, call, call.params["filter"]))


@route("GET", "user/{user}/account_data/{type}")
async def get_account_data(hs, call):
    own_user(hs, call)
    if call.params["type"] not in call.user.data:
        raise NotFound("No such account data")
    return Response(200, call.user.data[call.params["type"]])


@route("PUT", "user/{user}/account_data/{type}")
async def put_account_data(hs, call):
    own_user(hs, call)
    call.user.data[call.params["type"]] = call.body
    return Response(200, {})


def profile_of(hs, call):
    user = hs.people.users.get(call.params["user"])
    if not user:
        raise NotFound("Unknown user")
    return user


@route("GET", "profile/{user}", is_open=True)
async def profile(hs, call):
    return Response(200, {"displayname": profile_of(hs, call).name})


@route("GET", "profile/{user}/displayname", is_open=True)
async def displayname(hs, call):
    return Response(200, {"displayname": profile_of(hs, call).name})


@route("PUT", "profile/{user}/displayname")
async def set_displayname(hs, call):
    own_user(hs, call)
    call.user.name = call.body.get("displayname", "")
    return Response(200, {})


@route("PUT", "presence/{user}/status")
async def set_presence(hs, call):
    own_user(hs, call)
    need(hs, call, call.body.get("presence") in ("online", "offline", "unavailable"), "no such presence")
    return Response(200, {})


@route("POST", "_control/{verb}", is_open=True, version="")
async def control(hs, call):
    if call.params["verb"] not in hs.CONTROLS:
        raise Forbidden("That is no control")
    return Response(200, {"result": await hs.control(call.params["verb"], call.body)})
