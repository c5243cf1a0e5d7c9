"""Users, their devices, and tokens: how long each one holds, and which one comes after which."""

import secrets
import time
from dataclasses import dataclass, field

from .errors import Forbidden, MatrixError, UnknownToken

# Requests with the old token may still be under way when a new one is first used.
GRACE_S = 1.0


@dataclass
class Pair:
    """An access token and, when the client wants one, its refresh token."""

    device: object
    access: str
    refresh: str = ""
    expires: float = float("inf")
    first_used: float = 0.0
    before: object = None
    after: object = None
    revoked: bool = False
    soft: bool = False


@dataclass
class Device:
    id: str
    user: object
    pairs: list = field(default_factory=list)
    transactions: dict = field(default_factory=dict)  # (path, without the id; id): (content, event id)
    told: int = 0  # what it has seen for certain: the highest `since` of its syncs
    syncs: list = field(default_factory=list)  # those that are open


@dataclass
class User:
    id: str
    password: str
    name: str = ""
    devices: dict = field(default_factory=dict)
    filters: list = field(default_factory=list)
    data: dict = field(default_factory=dict)
    locked: bool = False
    deactivated: bool = False
    waiters: set = field(default_factory=set)

    @property
    def localpart(self):
        return self.id[1:].partition(":")[0]

    def wake(self):
        for waiter in self.waiters:
            waiter.set()


class People:
    def __init__(self, log):
        self.log = log  # .violation(text), .first_use(pair)
        self.users = {}
        self.access = {}
        self.refreshes = {}
        self.lifetime_s = None  # of access tokens from now on
        self.gives_refresh = True

    def add(self, user_id, password="secret"):
        user = self.users[user_id] = User(user_id, password)
        user.name = user.localpart.capitalize()
        return user

    # --- what is issued ---------------------------------------------------------------------

    def issue(self, device, wants_refresh, before=None):
        pair = Pair(device, "at_" + secrets.token_urlsafe(24), before=before)
        if wants_refresh and self.gives_refresh:
            pair.refresh = "rt_" + secrets.token_urlsafe(24)
            self.refreshes[pair.refresh] = pair
            if self.lifetime_s:
                pair.expires = time.monotonic() + self.lifetime_s
        self.access[pair.access] = pair
        device.pairs.append(pair)
        return pair

    def login(self, user, device_id, wants_refresh):
        """A new pair for a device, which is made when it is not there; its older ones are dead."""
        device = user.devices.get(device_id)
        if not device:
            device = user.devices[device_id] = Device(device_id, user)
        for pair in device.pairs:
            pair.revoked = True
        return self.issue(device, wants_refresh)

    def refresh(self, token):
        pair = self.refreshes.get(token)
        if not pair or pair.revoked:
            raise UnknownToken(soft=bool(pair and pair.soft))
        self.refuse_account(pair.device.user)
        if pair.after and pair.after.first_used:
            self.log.violation("a refresh token is used after the pair that it gave has been used")
            raise UnknownToken(soft=False)
        if pair.after:
            pair.after.revoked = True
        pair.after = self.issue(pair.device, True, before=pair)
        return pair.after

    @staticmethod
    def answer(pair):
        body = {"access_token": pair.access}
        if pair.refresh:
            body["refresh_token"] = pair.refresh
        if pair.expires < float("inf"):
            body["expires_in_ms"] = max(1, int((pair.expires - time.monotonic()) * 1000))
        return body

    # --- what is presented ------------------------------------------------------------------

    def refuse_account(self, user):
        if user.deactivated:
            raise MatrixError(403, "M_USER_DEACTIVATED", "This account has been deactivated")
        if user.locked:
            raise MatrixError(401, "M_USER_LOCKED", "This account has been locked", soft_logout=True)

    def check_password(self, name, server_name, password):
        user = self.users.get(name) or self.users.get(f"@{name}:{server_name}")
        if not user or (user.password != password and not user.deactivated):
            raise Forbidden("Invalid username or password")
        self.refuse_account(user)
        return user

    def authenticate(self, token):
        if not token:
            raise MatrixError(401, "M_MISSING_TOKEN", "Missing access token")
        pair = self.access.get(token)
        if not pair:
            raise UnknownToken(soft=False)
        self.refuse_account(pair.device.user)
        now = time.monotonic()
        if pair.revoked or now >= pair.expires:
            if pair.after and pair.after.first_used and now > pair.after.first_used + GRACE_S:
                self.log.violation("an access token is used after the one that came after it")
            raise UnknownToken(soft=pair.soft or not pair.revoked)
        if not pair.first_used:
            pair.first_used = now
            if pair.before:
                pair.before.revoked = True
            self.log.first_use(pair)
        return pair

    # --- what ends them ---------------------------------------------------------------------

    def end(self, user, soft):
        """Logs a user out everywhere."""
        for device in user.devices.values():
            for pair in device.pairs:
                pair.revoked, pair.soft = True, soft
            for sync in device.syncs:
                sync.set()
        if not soft:
            user.devices.clear()
        user.wake()
