"""A world client on python3-websockets' own protocol engine, with the socket in our hands.

The codec is theirs, the socket is ours: so a test can stop reading, reset the connection, or
drive a hundred clients from one thread. Blocking calls end when what they wait for is there.
"""

import contextlib
import json
import select
import socket
import time
from collections import deque

import websockets.client
from websockets.frames import OP_BINARY, OP_CLOSE, OP_CONT, OP_PING, OP_PONG, OP_TEXT
from websockets.uri import parse_uri

from . import PATIENCE
from .raw import abort

# The engine's name up to version 10, and after it.
Engine = getattr(websockets.client, "ClientProtocol", None) or websockets.client.ClientConnection


def dump(message):
    return message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))


class Closed(AssertionError):
    """The peer has closed; `code` and `reason` say how (1006: without a word)."""

    def __init__(self, code, reason):
        super().__init__(f"closed with {code} {reason!r}")
        self.code, self.reason = code, reason


class Client:
    GREETING = "connection_ack"
    PING = '{"type":"ping"}'

    def __init__(self, s, host, path="/ws/matrix", *, origin=None, headers=(), subprotocols=None, pongs=True):
        self.socket = s
        self.engine = Engine(
            parse_uri(f"ws://{host}{path}"), origin=origin, subprotocols=subprotocols, max_size=None
        )
        self.headers = list(headers)
        self.pongs = pongs  # whether pings are answered
        self.heard = deque()  # texts not yet taken by the test
        self.pings = 0  # WebSocket pings seen
        self.binary_heard = 0  # frames that should have been text
        self.response = None  # the HTTP answer to the upgrade
        self.ended = False  # the transport is gone
        self.greeting = self.registered = None
        self._parts = []
        self._out = bytearray()
        self._finish = False

    # --- the transport -----------------------------------------------------------------------

    def fileno(self):
        return self.socket.fileno()

    def wants_write(self):
        return bool(self._out)

    def push(self):
        """Moves what the engine has to say into the socket, as far as it goes."""
        for data in self.engine.data_to_send():
            self._out += data
            self._finish |= not data  # how the engine says that it is done
        while self._out:
            try:
                sent = self.socket.send(self._out[: 1 << 18], socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            except BlockingIOError:
                return
            except OSError:
                self._out.clear()
                return
            del self._out[:sent]
        if self._finish:
            self._finish = False
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)

    def pull(self):
        """Takes what has come, without waiting. Returns the number of messages that it made."""
        before = len(self.heard)
        try:
            data = self.socket.recv(1 << 18, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
        except OSError:
            data = b""
        if data:
            self.engine.receive_data(data)
        elif not self.ended:
            self.ended = True
            self.engine.receive_eof()
        for event in self.engine.events_received():
            self._take(event)
        self.push()
        return len(self.heard) - before

    def _take(self, event):
        if not hasattr(event, "opcode"):
            self.response = event
        elif event.opcode in (OP_TEXT, OP_BINARY, OP_CONT):
            self.binary_heard += event.opcode is OP_BINARY
            self._parts.append(bytes(event.data))
            if event.fin:
                self.heard.append(b"".join(self._parts).decode())
                self._parts.clear()
        elif event.opcode is OP_PING:
            self.pings += 1
            if not self.pongs:
                self.engine.data_to_send()  # the pong that the engine has made
        elif event.opcode is not OP_CLOSE:
            assert event.opcode is OP_PONG

    def wait(self, claim, what, patience=PATIENCE):
        """Reads until `claim()` holds. An end of the connection before that raises Closed."""
        deadline = time.monotonic() + patience
        poller = select.poll()
        self.push()
        while not claim():
            if self.ended:
                raise Closed(*self.end)
            left = deadline - time.monotonic()
            assert left > 0, f"waited {patience} s for {what}"
            poller.register(self.socket, select.POLLIN | (select.POLLOUT if self._out else 0))
            for _, happened in poller.poll(left * 1000):
                if happened & select.POLLOUT:
                    self.push()
                if happened & ~select.POLLOUT:
                    self.pull()

    def begin(self):
        """Sends the upgrade request and does not wait for the answer."""
        request = self.engine.connect()
        for name, value in self.headers:
            request.headers[name] = value
        self.engine.send_request(request)
        self.push()

    def open(self):
        self.begin()
        self.wait(lambda: self.response is not None, "the answer to the upgrade")
        if self.response.status_code == 101:
            self.greeting = self.take(self.GREETING)

    @property
    def id(self):
        return self.greeting["data"]["client_id"]

    # --- what it says ------------------------------------------------------------------------

    def send(self, message):
        """A dict as compact JSON, a str as it is, bytes as a binary frame."""
        if isinstance(message, (bytes, bytearray)):
            self.engine.send_binary(bytes(message))
        else:
            self.engine.send_text(dump(message).encode())
        self.push()

    def send_bytes(self, data):
        """Raw bytes onto the socket, past the engine."""
        self._out += data
        self.push()

    def register(self, agent_id, **members):
        self.send({"type": "agent_register", "agentId": agent_id, **members})
        self.registered = self.take("connection_ack")
        return self.registered

    def close(self, code=1000, reason=""):
        """The closing handshake, to the end of the transport. Returns the code that came back."""
        self.engine.send_close(code, reason)
        self.wait(lambda: self.ended, "the end of the closing handshake")
        return self.engine.close_rcvd.code if self.engine.close_rcvd else 1006

    def abort(self):
        self.ended = True
        self._out.clear()
        abort(self.socket)

    # --- what it hears -----------------------------------------------------------------------

    @property
    def end(self):
        rcvd = self.engine.close_rcvd
        return (rcvd.code, rcvd.reason) if rcvd else (1006, "")

    def text(self):
        """The next message as the text it came as."""
        self.wait(lambda: self.heard, "a message")
        return self.heard.popleft()

    def next(self):
        """The next message, decoded."""
        return json.loads(self.text())

    def take(self, kind):
        """The next message, which must be of this type."""
        message = self.next()
        assert message.get("type") == kind, f"not {kind} but {message!r:.400}"
        return message

    def barrier(self):
        """All that was there to be heard before the pong of a ping sent now, decoded.

        When it returns, the gateway has dealt with everything that this client said before.
        """
        return [json.loads(text) for text in self.barrier_texts()]

    def barrier_texts(self):
        self.send(self.PING)
        texts = []
        while True:
            text = self.text()
            if '"pong"' in text and json.loads(text).get("type") == "pong":
                return texts
            texts.append(text)

    def heard_nothing(self):
        rest = self.barrier()
        assert rest == [], f"heard what it must not hear: {rest!r:.400}"

    def error(self, code):
        """The next message, which must be this error; returns its data."""
        message = self.take("error")
        data = message["data"]
        assert data["code"] == code, data
        assert message["agent_id"] == "gateway" and message["agentId"] == "gateway", message
        assert isinstance(message["ts"], (int, float)), message
        assert isinstance(data["message"], str) and data["message"], data
        assert isinstance(data["details"], dict), data
        return data

    def wait_closed(self, code):
        """Reads to the end; it must be closed with this code. Returns (reason, decoded messages)."""
        self.wait(lambda: self.ended, f"a close with {code}")
        got, reason = self.end
        assert got == code, f"closed with {got} {reason!r}, not {code}"
        messages = [json.loads(text) for text in self.heard]
        self.heard.clear()
        return reason, messages
