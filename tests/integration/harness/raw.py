"""Bytes by hand: HTTP exchanges on a socket, and WebSocket frames that no honest client sends."""

import os
import socket
import struct
import time

from . import PATIENCE

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def receive_all(s, patience=PATIENCE):
    """Everything until the peer closes. A reset counts as a close: what came before is returned."""
    s.settimeout(patience)
    parts = []
    try:
        while part := s.recv(65536):
            parts.append(part)
    except ConnectionError:
        pass
    except TimeoutError:
        raise AssertionError(f"the connection was not closed; so far {b''.join(parts)[:400]!r}") from None
    return b"".join(parts)


def exchange(s, request):
    """Sends, then reads to the end. The peer may close before it has taken everything."""
    with s:
        try:
            s.sendall(request)
        except ConnectionError:
            pass
        return receive_all(s)


def split_response(answer, head_only=False):
    """(status, headers, body, rest) of the first response in `answer`."""
    head, found, rest = answer.partition(b"\r\n\r\n")
    assert found, f"no HTTP response in {answer[:400]!r}"
    status_line, *lines = head.decode("latin-1").split("\r\n")
    version, code, _reason = status_line.split(" ", 2)
    assert version == "HTTP/1.1", status_line
    headers = {}
    for line in lines:
        name, colon, value = line.partition(": ")
        assert colon, line
        name = name.lower()
        assert name not in headers or name == "connection", f"{name} twice"
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    length = 0 if head_only or int(code) in (101, 204, 304) else int(headers.get("content-length", 0))
    assert len(rest) >= length, f"the body is cut: {len(rest)} of {length} bytes"
    return int(code), headers, rest[:length], rest[length:]


def read_response(s, buffered=b"", head_only=False):
    """(status, headers, body, rest) of one response on a connection that stays open."""
    while True:
        head, found, rest = buffered.partition(b"\r\n\r\n")
        if found:
            length = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:") and not head_only:
                    length = int(line.split(b":")[1])
            if len(rest) >= length:
                return split_response(buffered, head_only)
        part = s.recv(65536)
        assert part, f"closed in the middle of a response: {buffered[:400]!r}"
        buffered += part


def upgrade_head(host, path="/ws/matrix", extra=(), version="13", key="dGhlIHNhbXBsZSBub25jZQ=="):
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        f"Sec-WebSocket-Version: {version}",
        *extra,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def frame(opcode, payload=b"", *, fin=True, rsv=0, mask=True, length=None):
    """One frame. `length` announces another length than that of the payload."""
    if isinstance(payload, str):
        payload = payload.encode()
    size = len(payload) if length is None else length
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    bit = 0x80 if mask else 0
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    if not mask:
        return head + payload
    key = os.urandom(4)
    padded = payload + b"\0" * (-len(payload) % 4)
    words = int.from_bytes(padded, "big") ^ int.from_bytes(key * (len(padded) // 4), "big")
    return head + key + words.to_bytes(len(padded), "big")[: len(payload)]


def abort(s):
    """Closes with a reset, so that the peer sees an aborted connection (TCP)."""
    try:
        if s.family != socket.AF_UNIX:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    s.close()


class Frames:
    """A raw socket that has been upgraded: reads server frames one by one.

    `fields` are lines of the head. With `may_fail` the upgrade may be refused: see `status` and `body`.
    """

    def __init__(self, s, host, path="/ws/matrix", fields=(), may_fail=False):
        self.socket = s
        s.settimeout(PATIENCE)
        s.sendall(upgrade_head(host, path, fields))
        self.status, self.fields, self.body, self.buffer = read_response(s)
        assert self.status == 101 or may_fail, self.status

    def send(self, data):
        """The peer may have closed already; what it said before is still there to be read."""
        try:
            self.socket.sendall(data)
        except ConnectionError:
            pass

    def _take(self, count):
        while len(self.buffer) < count:
            try:
                part = self.socket.recv(65536)
            except ConnectionError:
                return None
            if not part:
                return None
            self.buffer += part
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def next(self):
        """(opcode, payload), or None when the connection has ended."""
        head = self._take(2)
        if head is None:
            return None
        assert not head[1] & 0x80, "a server's frame is not masked"
        assert head[0] & 0x80 and not head[0] & 0x70, f"FIN and no reserved bit: {head[0]:#x}"
        size = head[1] & 0x7F
        if size == 126:
            size = struct.unpack("!H", self._take(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self._take(8))[0]
        return head[0] & 0x0F, self._take(size)

    def until_end(self):
        """All frames until the connection ends. It must end, and within the patience."""
        frames = []
        try:
            while (found := self.next()) is not None:
                frames.append(found)
        except TimeoutError:
            raise AssertionError(f"not closed; frames so far: {frames!r:.400}") from None
        return frames

    def close(self):
        self.socket.close()


def close_code(frames):
    """The code of the close frame, which must be the last of the frames."""
    assert frames and frames[-1][0] == CLOSE, f"no close frame at the end: {frames!r:.400}"
    assert [opcode for opcode, _ in frames].count(CLOSE) == 1, "one close frame"
    payload = frames[-1][1]
    return struct.unpack("!H", payload[:2])[0] if payload else 1005


def wait_until(claim, what):
    """Asks again and again until `claim()` holds; returns what it returned."""
    deadline = time.monotonic() + PATIENCE
    while not (found := claim()):
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.005)
    return found
