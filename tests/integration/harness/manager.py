"""A service manager of our own: the notify socket of sd_notify(3)."""

import collections
import socket

from . import PATIENCE


class Manager:
    """Listens on a path, or on "@name" in the abstract namespace. Use as a context manager."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path.replace("@", "\0", 1) if self.path[0] == "@" else self.path)
        self.socket.settimeout(PATIENCE)
        self.told = collections.deque()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def prefix(self, **more):
        """What to start a program with, so that it finds this manager."""
        return ["env", f"NOTIFY_SOCKET={self.path}", *(f"{name}={value}" for name, value in more.items())]

    def wait(self, name):
        """The next datagram that has this variable, as a dict; earlier ones are passed over."""
        while True:
            try:
                text = self.socket.recv(4096).decode()
            except TimeoutError:
                raise AssertionError(f"the manager was not told {name}; but {list(self.told)}") from None
            message = dict(line.split("=", 1) for line in text.splitlines())
            self.told.append(message)
            if name in message:
                return message
