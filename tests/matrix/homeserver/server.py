"""The homeserver double: what comes in is matched with a route, authenticated, judged, applied, and kept
in a log. What the specification forbids is refused, and is a violation, which fails the test."""

import asyncio
import contextlib
import json
import threading
import time
from dataclasses import dataclass, field

from web import PATIENCE, Cut, Response, Web

from . import routes
from .errors import MatrixError
from .faults import Faults
from .people import People
from .persons import Persons
from .rooms import JOIN, Rooms

ALL_VERSIONS = [f"v1.{minor}" for minor in range(1, 12)]


@dataclass
class Call:
    """A request on its way through a route."""

    request: object
    route: object = None
    params: dict = field(default_factory=dict)
    query: dict = field(default_factory=dict)
    faults: list = field(default_factory=list)
    body: object = None
    pair: object = None
    user: object = None
    device: object = None
    started: float = field(default_factory=time.monotonic)
    status: int = 0


class Homeserver(Persons):
    """Starts at once. A context manager: at its end there must have been no violation."""

    def __init__(self, name="example.org", *, versions=None, seed=0, tls=None, log_file=None):
        self.name = name
        self.versions = versions or ALL_VERSIONS
        self.subjects = set()  # users whose client is under test: for them our own contract holds too
        self.credentials_file = None  # of a subject: a token has to stand there before it is used
        self.violations = []
        self.log = []  # of Calls that are over
        self.log_file = open(log_file, "a", encoding="utf-8") if log_file else None
        self.news = threading.Condition()
        self.faults = Faults(seed)
        self.people = People(self)
        self.rooms = Rooms(name, self.told)
        self.not_before = {}
        self.page_limit = 100
        self.early_tolerance_s = 0.02
        self.on_sync_written = None  # (Sync): told when its response has been written
        self.hook = None  # (whether before): told when a request has come, and when it is applied
        scheme = "https" if tls else "http"
        self.web = Web(self.handle, self.violation, tls)
        self.web.open()
        self.url = f"{scheme}://127.0.0.1:{self.web.port}"

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.web.close()
        if self.log_file:
            self.log_file.close()
        if kind is None:
            self.check()

    # --- what is noted ----------------------------------------------------------------------

    def violation(self, text):
        with self.news:
            self.violations.append(text)
            self.news.notify_all()

    def check(self):
        assert not self.violations, "\n".join(self.violations[:20])

    def is_subject(self, call):
        return call.user is not None and call.user.id in self.subjects

    def first_use(self, pair):
        if pair.device.user.id not in self.subjects or not self.credentials_file:
            return
        with open(self.credentials_file, encoding="utf-8") as file:
            text = file.read()
        if pair.access not in text or (pair.refresh and pair.refresh not in text):
            self.violation("a token is used before it stands in the credentials file")

    def told(self, room, event):
        """Something is new in a room: wakes those who wait in a sync, and in a test."""
        ids = room.members(JOIN) if event is None or event.type != "m.room.member" else None
        for user_id in ids if ids is not None else {*room.members(JOIN), event.state_key}:
            if user := self.people.users.get(user_id):
                user.wake()
        with self.news:
            self.news.notify_all()

    def note(self, call, response):
        call.status = response.status
        with self.news:
            self.log.append(call)
            self.news.notify_all()
        if self.log_file:
            entry = {
                "at": round(call.started, 4),
                "user": call.user.id if call.user else None,
                "method": call.request.method,
                "path": call.request.path,
                "status": call.status,
                "body": call.body if call.route and call.route.name not in ("login", "refresh") else None,
            }
            self.log_file.write(json.dumps(entry) + "\n")
            self.log_file.flush()

    def wait(self, claim, what="", patience=PATIENCE):
        """Waits until `claim()` holds, looked at whenever something happens; returns what it gives.
        `what` it is, a text or a function that makes one, stands in the error."""
        deadline = time.monotonic() + patience
        with self.news:
            while not (found := claim()):
                left = deadline - time.monotonic()
                assert left > 0, f"not so in time: {what() if callable(what) else what or claim}"
                self.news.wait(min(left, 0.05))
        return found

    # --- what goes wrong --------------------------------------------------------------------

    def fault(self, fault):
        return self.web.call(self.faults.add, fault)

    def restart(self):
        """Cuts every connection and listens again; what it knew it knows."""
        self.web.shut()
        self.web.open(self.web.port)

    def soft_logout(self, user_id):
        self.web.call(self.people.end, self.people.users[user_id], True)

    def hard_logout(self, user_id):
        self.web.call(self.people.end, self.people.users[user_id], False)

    def set_user(self, user_id, **members):
        """locked=True, deactivated=True, password="x" …"""

        def change():
            user = self.people.users[user_id]
            for name, value in members.items():
                assert hasattr(user, name), name
                setattr(user, name, value)
            user.wake()

        self.web.call(change)

    # --- requests ---------------------------------------------------------------------------

    async def handle(self, request):
        call = Call(request)
        call.faults = self.faults.of(request)
        self.tell_hook(True)
        try:
            response = await self.answer(call)
        except MatrixError as error:
            response = error.response()
        if response.status == 429 and not any(fault.kind[:3] == "cut" for fault in call.faults):
            self.remember_limit(call, response)
        self.note(call, response)
        self.tell_hook(False)
        for fault in call.faults:
            if fault.kind == "cut-after":
                raise Cut
            if fault.kind == "cut-half":
                response.cut_after = len(response.encode()) // 2
        return response

    async def answer(self, call):
        for fault in call.faults:
            if fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
        with contextlib.suppress(MatrixError):
            routes.match(self, call, probe=True)
        self.refuse_early(call)
        for fault in call.faults:
            if fault.kind == "cut":
                raise Cut
            if fault.kind == "status":
                body = fault.body if fault.body is not None else {"errcode": "M_UNKNOWN", "error": "a fault"}
                return Response(fault.status, body, dict(fault.headers))
            if fault.kind == "garbage":
                return Response(200, b"<html>\xff upstream says hello", {"Content-Type": "text/html"})
        routes.match(self, call)
        return await call.route.function(self, call)

    def tell_hook(self, is_before):
        if self.hook:
            self.hook(is_before)

    # --- 429 --------------------------------------------------------------------------------

    def limit_key(self, call):
        name = call.route.name if call.route else call.request.path
        return call.request.headers.get("authorization"), name, call.params.get("room", "")

    def remember_limit(self, call, response):
        body = response.body if isinstance(response.body, dict) else {}
        after = body.get("retry_after_ms")
        if after is None:
            after = float(response.headers.get("Retry-After", 0)) * 1000
        self.not_before[self.limit_key(call)] = time.monotonic() + after / 1000

    def refuse_early(self, call):
        left = self.not_before.get(self.limit_key(call), 0) - time.monotonic()
        if left > self.early_tolerance_s:
            self.violation(f"{call.request.path} comes {left:.3f} s before its 429 has run out")

    def forget_limits(self):
        """For a client that has been killed and cannot remember."""
        self.not_before.clear()
