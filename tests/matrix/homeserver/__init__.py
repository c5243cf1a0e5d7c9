"""A homeserver of our own for tests: strict, and able to fail in every way that we know of."""

from . import account, membership, sending, syncing
from .faults import Fault, limited
from .rooms import BAN, ENCRYPTION, INVITE, JOIN, LEAVE
from .server import Homeserver

__all__ = ["BAN", "ENCRYPTION", "INVITE", "JOIN", "LEAVE", "Fault", "Homeserver", "limited"]
ROUTES = (account, membership, sending, syncing)  # which register themselves
