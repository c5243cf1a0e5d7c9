"""A server that plays the gateway's HTTP API, strictly: it answers what it was told to, and remembers what it was asked.

It holds the commands to the contract where the real gateway cannot be made to answer what a test is about.
"""

import json
import socket
import threading

from . import PATIENCE

REASONS = {200: "OK", 201: "Created", 202: "Accepted"}


class Request:
    def __init__(self, head, body):
        lines = head.decode("ascii").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ")
        fields = [line.split(": ", 1) for line in lines[1:]]
        self.fields = {name.lower(): value for name, value in fields}
        assert len(self.fields) == len(fields), f"a field stands twice: {head!r}"
        self.body = body

    def check(self, host):
        """What holds of every request."""
        assert self.version == "HTTP/1.1"
        assert self.fields["host"] == host
        assert self.fields["user-agent"].startswith("parley/")
        if self.method == "POST":
            assert self.fields["content-type"] == "application/json"
            assert isinstance(self.json, dict)
        else:
            assert self.method == "GET"
            assert not {"content-type", "content-length"} & set(self.fields) and self.body == b""

    @property
    def json(self):
        return json.loads(self.body)


class FakeGateway:
    """answer(status, object or bytes): what every request gets from now on; then(…): what those after it get.

    Use as a context manager.
    """

    def __init__(self, unix=None):
        self.requests = []
        self.problems = []
        self._answers = []
        if unix:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.bind(str(unix))
            self.url, self._host = f"unix:{unix}", "localhost"
        else:
            self._socket = socket.socket()
            self._socket.bind(("127.0.0.1", 0))
            self._host = f"127.0.0.1:{self._socket.getsockname()[1]}"
            self.url = f"http://{self._host}"
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._socket.close()
        if kind is None:
            assert not self.problems, self.problems

    def answer(self, status, content):
        self._answers.clear()
        return self.then(status, content)

    def then(self, status, content):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        head = f"HTTP/1.1 {status} {REASONS.get(status, 'No')}\r\nContent-Type: application/json\r\n"
        self._answers.append(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return self

    def refuse(self, status, code, message, **details):
        return self.answer(status, {"error": {"code": code, "message": message, "details": details}})

    @property
    def last(self):
        return self.requests[-1]

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(PATIENCE)
                try:
                    request = self._read(connection)
                    request.check(self._host)
                    self.requests.append(request)
                    connection.sendall(self._answers[0])
                    if len(self._answers) > 1:
                        self._answers.pop(0)
                except (AssertionError, KeyError, ValueError, OSError) as problem:
                    self.problems.append(repr(problem))

    @staticmethod
    def _read(connection):
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65536)
            assert part, "the request ended in its head"
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        request = Request(head, body)
        missing = int(request.fields.get("content-length", 0)) - len(body)
        while missing > 0:
            part = connection.recv(missing)
            assert part, "the request ended in its body"
            request.body += part
            missing -= len(part)
        assert missing == 0, "more was sent than Content-Length says"
        return request
