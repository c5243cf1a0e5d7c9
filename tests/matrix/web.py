"""An HTTP/1.1 server that is strict about what it reads and can break off anywhere: the ground that
the doubles of the homeserver and of the agents stand on."""

import asyncio
import json
import os
import re
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import unquote_to_bytes

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
TARGET = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/%?-]*\Z")
ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# How long a test waits for what only a hang keeps from happening.
PATIENCE = float(os.environ.get("PATIENCE", "30"))
MAX_HEAD, MAX_BODY = 64 << 10, 8 << 20


class BadRequest(Exception):
    """What came is no HTTP/1.1, or not as it should be written."""


class Cut(Exception):
    """The connection is to end, with whatever has been written."""


def refuse_duplicates(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands there twice")
    return members


def refuse_constant(name):
    raise ValueError(f"{name} is no JSON")


def read_json(data):
    """Strictly: no duplicate members, no NaN, UTF-8."""
    return json.loads(data.decode(), object_pairs_hook=refuse_duplicates, parse_constant=refuse_constant)


def unescape(text):
    if ESCAPE.search(text):
        raise BadRequest(f"a broken escape in {text!r}")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise BadRequest(f"no UTF-8 in {text!r}") from None


@dataclass
class Request:
    method: str
    target: str
    headers: dict  # names in lower case
    body: bytes
    connection: object
    received: float = field(default_factory=time.monotonic)
    segments: list = field(default_factory=list)  # of the path, unescaped
    query: list = field(default_factory=list)  # pairs, unescaped

    def __post_init__(self):
        path, _, query = self.target.partition("?")
        self.path = path
        self.segments = [unescape(part) for part in path[1:].split("/")]
        pairs = [part.partition("=") for part in query.split("&") if part]
        self.query = [(unescape(name.replace("+", " ")), unescape(value.replace("+", " "))) for name, _, value in pairs]

    def json(self):
        return read_json(self.body)


@dataclass
class Response:
    status: int = 200
    body: object = b""  # bytes, or what is written as JSON, or an asynchronous iterator of bytes
    headers: dict = field(default_factory=dict)
    cut_after: int = -1  # so many bytes of the whole are sent, then the connection ends
    written: object = None  # called when it has been handed to the kernel

    def encode(self):
        """The whole, as it is sent."""
        body = self.body
        if not isinstance(body, bytes):
            body = json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", **self.headers, "Content-Length": str(len(body))}
        return head_of(self.status, headers) + body


def head_of(status, headers):
    lines = [f"HTTP/1.1 {status} {'OK' if status == 200 else 'Answer'}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Connection(asyncio.Protocol):
    """One client's. Requests are answered one after the other; `gone` is set as soon as it leaves."""

    def __init__(self, web):
        self.web = web
        self.buffer = bytearray()
        self.busy = False
        self.gone = asyncio.Event()
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport
        self.web.connections.add(self)

    def connection_lost(self, error):
        self.gone.set()
        self.web.connections.discard(self)

    def data_received(self, data):
        self.buffer += data
        self.advance()

    def eof_received(self):
        self.gone.set()
        return False

    def abort(self):
        """Ends it with a reset, as a process that dies does."""
        self.gone.set()
        self.transport.abort()

    def advance(self):
        if self.busy or self.gone.is_set():
            return
        try:
            request = self.read_request()
        except BadRequest as error:
            self.web.bad_request(str(error))
            self.transport.write(Response(400, {"errcode": "M_UNRECOGNIZED", "error": str(error)}).encode())
            self.transport.close()
            return
        if request:
            self.busy = True
            self.web.spawn(self.serve(request))

    def read_request(self):
        """The next request that is whole, or None."""
        head, separator, _ = bytes(self.buffer).partition(b"\r\n\r\n")
        if not separator:
            if len(self.buffer) > MAX_HEAD:
                raise BadRequest("the head is too long")
            return None
        method, target, headers = read_head(head)
        length = headers.get("content-length", "0")
        if not re.fullmatch("[0-9]{1,8}", length) or "transfer-encoding" in headers:
            raise BadRequest("no plain Content-Length")
        begin, end = len(head) + 4, len(head) + 4 + int(length)
        if int(length) > MAX_BODY:
            raise BadRequest("the body is too long")
        if len(self.buffer) < end:
            if headers.get("expect", "").lower() == "100-continue" and len(self.buffer) == begin:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        body = bytes(self.buffer[begin:end])
        del self.buffer[:end]
        return Request(method, target, headers, body, self)

    async def serve(self, request):
        try:
            response = await self.web.handler(request)
            response.headers.setdefault("Date", formatdate(time.time() + self.web.clock_ahead_s, usegmt=True))
            if hasattr(response.body, "__aiter__"):
                await self.stream(response)
            else:
                self.write(response)
        except Cut:
            self.abort()
            return
        self.busy = False
        if not self.gone.is_set():
            self.advance()

    def write(self, response):
        data = response.encode()
        if response.cut_after >= 0:
            self.transport.write(data[: response.cut_after])
            raise Cut
        self.transport.write(data)
        if response.written:
            response.written()

    async def stream(self, response):
        """In chunks, each one of what the iterator gives."""
        self.transport.write(head_of(response.status, {**response.headers, "Transfer-Encoding": "chunked"}))
        async for piece in response.body:
            if self.gone.is_set():
                break
            self.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await response.body.aclose()
        self.transport.write(b"0\r\n\r\n")


def read_head(head):
    """(method, target, headers), or BadRequest."""
    try:
        first, *lines = head.decode("ascii").split("\r\n")
    except UnicodeDecodeError:
        raise BadRequest("a head that is not ASCII") from None
    words = first.split(" ")
    if len(words) != 3 or words[2] != "HTTP/1.1" or not TOKEN.match(words[0]):
        raise BadRequest(f"no request line: {first!r}")
    if not TARGET.match(words[1]):
        raise BadRequest(f"no origin form: {words[1]!r}")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not TOKEN.match(name):
            raise BadRequest(f"no header: {line!r}")
        if name.lower() in headers:
            raise BadRequest(f"{name} stands there twice")
        headers[name.lower()] = value.strip(" \t")
    if "host" not in headers:
        raise BadRequest("no Host")
    return words[0], words[1], headers


class Web:
    """A server in a thread of its own, whose loop runs all of `handler`."""

    def __init__(self, handler, bad_request, tls=None):
        self.handler = handler
        self.bad_request = bad_request
        self.tls = tls
        self.connections = set()
        self.tasks = set()
        self.port = 0
        self.clock_ahead_s = 0  # of the Date that responses have
        self.server = None
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, coroutine):
        """Runs a coroutine in the loop, from another thread, and waits for what it returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def call(self, function, *arguments, **options):
        """The same for a function."""

        async def inside():
            return function(*arguments, **options)

        return self.run(inside())

    def spawn(self, coroutine):
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.ended)

    def ended(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception():
            self.bad_request(f"the double failed: {task.exception()!r}")

    def open(self, port=0):
        async def listen():
            return await self.loop.create_server(lambda: Connection(self), "127.0.0.1", port, ssl=self.tls)

        self.server = self.run(listen())
        self.port = self.server.sockets[0].getsockname()[1]

    def shut(self):
        """Listens no more and cuts every connection; `open(self.port)` brings it back."""

        def end():
            self.server.close()
            for connection in list(self.connections):
                connection.abort()

        self.call(end)

    def close(self):
        self.shut()

        async def end():
            tasks = [task for task in self.tasks if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()
