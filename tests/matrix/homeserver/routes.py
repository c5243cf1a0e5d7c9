"""Which function answers which path, with which parameters; everything else is a violation."""

from dataclasses import dataclass

from .errors import Forbidden, Invalid, MatrixError, NotFound

TABLE = []
API = {"v3", "r0"}


@dataclass(frozen=True)
class Route:
    name: str
    method: str
    pattern: tuple
    function: object
    query: frozenset
    is_open: bool  # needs no token
    version: str  # "v3"; "" for what stands outside of it


def route(method, path, *query, is_open=False, version="v3"):
    """Registers a function: async (homeserver, call) -> Response."""

    def register(function):
        pattern = tuple(path.split("/"))
        TABLE.append(Route(function.__name__, method, pattern, function, frozenset(query), is_open, version))
        return function

    return register


def fits(pattern, segments):
    """The parameters of a path, or None."""
    if len(pattern) != len(segments):
        return None
    params = {}
    for part, segment in zip(pattern, segments):
        if part[:1] == "{":
            params[part[1:-1]] = segment
        elif part != segment:
            return None
    return params


def find(request):
    """(route, parameters); or (None, methods that would do)"""
    segments, version = request.segments, ""
    if segments[:2] == ["_matrix", "client"] and len(segments) > 3:
        version, segments = segments[2], segments[3:]
    methods = set()
    for each in TABLE:
        if each.version != version and not (each.version == "v3" and version in API):
            continue
        params = fits(each.pattern, segments)
        if params is None or not all(params[name] or name == "state_key" for name in params):
            continue
        if each.method == request.method:
            return each, params
        methods.add(each.method)
    return None, methods


def match(homeserver, call, probe=False):
    """Fills in the call, or refuses. `probe`: only says what it would be."""
    request = call.request
    call.route, params = find(request)
    where = f"{request.method} {request.path}"
    if not call.route:
        if not probe:
            homeserver.violation(f"{where}: there is no such endpoint" + (f", only {sorted(params)}" if params else ""))
        raise MatrixError(405 if params else 404, "M_UNRECOGNIZED", "Unrecognized request")
    call.params = params
    if probe:
        return
    read_query(homeserver, call, where)
    if not call.route.is_open:
        authenticate(homeserver, call, where)
    read_body(homeserver, call, where)


def read_query(homeserver, call, where):
    names = [name for name, _ in call.request.query]
    if len(set(names)) != len(names) and set(names) - {"server_name", "via"}:
        homeserver.violation(f"{where}: a parameter stands there twice: {names}")
    for name in names:
        if name not in call.route.query and name != "access_token":
            homeserver.violation(f"{where}: there is no parameter {name}")
    call.query = dict(call.request.query)


def authenticate(homeserver, call, where):
    kind, _, token = call.request.headers.get("authorization", "").partition(" ")
    if kind and kind != "Bearer":
        homeserver.violation(f"{where}: Authorization is {kind!r}")
    by_query = call.query.pop("access_token", "")
    call.pair = homeserver.people.authenticate(token or by_query)
    call.device, call.user = call.pair.device, call.pair.device.user
    if homeserver.is_subject(call):
        if by_query:
            homeserver.violation(f"{where}: the token stands in the URL")
        if "/r0/" in call.request.path:
            homeserver.violation(f"{where}: r0 is none of the versions that were told")


def read_body(homeserver, call, where):
    request = call.request
    if request.method in ("GET", "DELETE"):
        if request.body:
            homeserver.violation(f"{where}: a body where none belongs")
        return
    kind = request.headers.get("content-type", "")
    if request.body and kind.partition(";")[0].strip().lower() != "application/json":
        homeserver.violation(f"{where}: Content-Type is {kind!r}")
    if not request.body:
        if homeserver.is_subject(call):
            homeserver.violation(f"{where}: no body, not even {{}}")
        call.body = {}
        return
    try:
        call.body = request.json()
    except ValueError as error:
        homeserver.violation(f"{where}: the body is no JSON: {error}")
        raise Invalid("Content not JSON.", "M_NOT_JSON") from None
    if not isinstance(call.body, dict):
        homeserver.violation(f"{where}: the body is no object")
        raise Invalid("Content must be an object.", "M_BAD_JSON")


# --- for the functions -----------------------------------------------------------------------


def strictly(homeserver, call):
    """What is raised by this is a violation too: for what a client can know beforehand."""

    def refuse(error):
        homeserver.violation(f"{call.request.method} {call.request.path}: {error}")
        return error

    return refuse


def need(homeserver, call, claim, text):
    if not claim:
        raise strictly(homeserver, call)(Invalid(text))


def own_user(homeserver, call):
    if call.params["user"] != call.user.id:
        raise strictly(homeserver, call)(Forbidden("That is somebody else's"))


def number(homeserver, call, name, default, least, most):
    text = call.query.get(name)
    if text is None:
        return default
    good = text.isdigit() and least <= int(text) <= most
    need(homeserver, call, good, f"{name}={text!r}")
    return int(text)


def room_of(homeserver, call, name="room"):
    room = homeserver.rooms.all.get(call.params[name])
    if not room:
        if call.params[name][:1] != "!":
            raise strictly(homeserver, call)(Invalid(f"{call.params[name]!r} is no room id"))
        raise NotFound("Unknown room")
    return room


def joined_room(homeserver, call):
    room = room_of(homeserver, call)
    if room.membership(call.user.id) != "join":
        raise Forbidden("You are not in this room")
    return room
