"""What the doubles of the agents have in common: a server, a script, and a record of what was asked."""

import asyncio
import contextlib
import re
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from web import PATIENCE, Cut, Response, Web  # noqa: E402


@dataclass
class Answer:
    """What the agent does with one question."""

    text: str = ""
    pieces: list = None  # the text as it is streamed, or several messages; None: word by word, or one
    status: int = 200
    headers: dict = field(default_factory=dict)
    body: object = None  # of an answer that is an error
    error: str = ""  # said inside of an answer that began well
    cut_after: int = -1  # so many pieces, then the connection ends
    delay_s: float = 0.0  # before anything, and
    pace_s: float = 0.0  # before each piece
    gate: object = None  # an Event (threading): the answer's end waits for it
    odd: tuple = ()  # see openai.py

    def split(self):
        return self.pieces if self.pieces is not None else re.findall(r"\s*\S+\s*", self.text) or [self.text]


def echo(question):
    """The answer that names its question: tests match the two by it."""
    return Answer(f"echo: {question}")


@dataclass
class Asked:
    """One question as it came."""

    question: str
    key: str = ""
    session: str = ""
    history: list = field(default_factory=list)
    model: str = ""
    gone: object = None  # an asyncio.Event: the asker has left before the end
    ended: bool = False
    started: float = 0.0  # when it was here, and
    last: float = 0.0  # when the end of its answer was given away


class AgentDouble:
    """`script(question)` gives an Answer, or None for what `echo` would say; it may be changed at any time."""

    def __init__(self, api_key="", script=None):
        self.api_key = api_key
        self.script = script or echo
        self.asked = []
        self.requests = []  # (method, path, status)
        self.violations = []
        self.faults = []  # (what is to happen, how often): "503", "429", "cut"
        self.hook = None  # as that of the homeserver
        self.news = threading.Condition()
        self.web = Web(self.handle, self.violation)
        self.web.open()
        self.url = f"http://127.0.0.1:{self.web.port}"

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.web.close()
        if kind is None:
            self.check()

    def check(self):
        assert not self.violations, "\n".join(self.violations[:20])

    def violation(self, text):
        with self.news:
            self.violations.append(text)
            self.news.notify_all()

    def restart(self):
        self.web.shut()
        self.web.open(self.web.port)

    def fail(self, what, times=1):
        """The next requests: a status, or "cut"."""
        self.faults += [what] * times

    def wait(self, claim, what="", patience=PATIENCE):
        deadline = time.monotonic() + patience
        with self.news:
            while not (found := claim()):
                left = deadline - time.monotonic()
                assert left > 0, f"not so in time: {what or claim}"
                self.news.wait(min(left, 0.05))
        return found

    def questions(self):
        return [each.question for each in list(self.asked)]

    def note(self, asked):
        with self.news:
            self.asked.append(asked)
            self.news.notify_all()
        return asked

    def script_for(self, question):
        return self.script(question) or echo(question)

    # --- requests ---------------------------------------------------------------------------

    async def handle(self, request):
        if self.hook:
            self.hook(True)
        try:
            response = await self.judge(request)
        except Cut:
            self.requests.append((request.method, request.path, 0))
            raise
        with self.news:
            self.requests.append((request.method, request.path, response.status))
            self.news.notify_all()
        if self.hook:
            self.hook(False)
        return response

    async def judge(self, request):
        if self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
            return self.refuse(401, "invalid_api_key")
        if not self.api_key and "authorization" in request.headers:
            self.violation("a credential where none is configured")
        if self.faults:
            what = self.faults.pop(0)
            if what == "cut":
                raise Cut
            return self.refuse(int(what), "overloaded", {"Retry-After": "0"} if what == "429" else {})
        if request.method == "POST":
            kind = request.headers.get("content-type", "").partition(";")[0]
            if kind != "application/json":
                self.violation(f"{request.path}: Content-Type is {kind!r}")
            try:
                body = request.json()
            except ValueError as error:
                self.violation(f"{request.path}: no JSON: {error}")
                return self.refuse(400, "no JSON")
        else:
            body = {}
            if request.body:
                self.violation(f"{request.method} {request.path} has a body")
        return await self.answer(request, body)

    def refuse(self, status, text, headers=None):
        return Response(status, {"error": {"message": text, "type": text}}, headers or {})

    async def answer(self, request, body):
        raise NotImplementedError

    @staticmethod
    async def pause(seconds, gone):
        """Waits, unless the asker leaves before."""
        if seconds > 0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(gone.wait(), seconds)

    @staticmethod
    async def pass_gate(answer, gone):
        while answer.gate and not answer.gate.is_set() and not gone.is_set():
            await asyncio.sleep(0.005)
