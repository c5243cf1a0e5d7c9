"""The API of sessions and messages that is polled:

    POST /api/sessions {name} -> {id}
    POST /api/sessions/{id}/messages {content, idempotency_key} -> {message_id}
    GET  /api/sessions/{id}/messages?after={message_id} -> {status: running|done|error, messages: [{id, role, content}]}

`shape` moves it elsewhere, for a bridge that is configured so: its paths and the names of its members.
"""

import asyncio
import itertools
import time
from dataclasses import dataclass, field

from web import Response

from .base import AgentDouble, Asked

SHAPE = {
    "create": "/api/sessions",
    "messages": "/api/sessions/{session}/messages",
    "name": "name",
    "content": "content",
    "key": "idempotency_key",
    "wrap": "",  # a member around every answer: /data/id instead of /id
    "id": "id",
    "message_id": "message_id",
}


@dataclass
class Session:
    id: str
    name: str
    messages: list = field(default_factory=list)
    keys: dict = field(default_factory=dict)  # idempotency key: (content, message id)


@dataclass
class Pending:
    """A question and its answer, as long as that is not there."""

    session: Session
    asked: Asked
    answer: object
    ready: float
    polls: int = 0


class AIAgent(AgentDouble):
    """What was asked is in `asked`: question, key, session (its name); `sessions` by id."""

    def __init__(self, api_key="", script=None, shape=None, polls=1):
        self.sessions = {}
        self.pending = {}
        self.numbers = itertools.count(1)
        self.shape = {**SHAPE, **(shape or {})}
        self.polls = polls  # so many polls say `running`
        self.overlaps = []  # sessions that were asked while a question was open (as after /stop)
        super().__init__(api_key, script)

    def wrapped(self, body):
        return {self.shape["wrap"]: body} if self.shape["wrap"] else body

    async def answer(self, request, body):
        if request.path == self.shape["create"] and request.method == "POST":
            return self.create(body)
        before, _, behind = self.shape["messages"].partition("{session}")
        path = request.path
        if not (path.startswith(before) and path.endswith(behind) and len(path) > len(before + behind)):
            return self.refuse(404, f"no {request.method} {path}")
        session = self.sessions.get(path[len(before) : len(path) - len(behind)])
        if not session:
            return self.refuse(404, "no such session")
        if request.method == "POST":
            return await self.ask(session, body, request.connection.gone)
        return self.poll(session, dict(request.query).get("after", ""))

    def create(self, body):
        name = body.get(self.shape["name"])
        if not isinstance(name, str) or not name:
            self.violation(f"a session is to be called {name!r}")
        session = Session(f"s{next(self.numbers)}", name)
        self.sessions[session.id] = session
        return Response(200, self.wrapped({self.shape["id"]: session.id}))

    async def ask(self, session, body, gone):
        content, key = body.get(self.shape["content"]), body.get(self.shape["key"])
        if not isinstance(content, str) or not content or not isinstance(key, str) or not key:
            self.violation(f"a message with content {content!r} and key {key!r}")
            return self.refuse(400, "content")
        if key in session.keys:
            if session.keys[key][0] != content:
                self.violation("an idempotency key was used for something else")
            return Response(200, self.wrapped({self.shape["message_id"]: session.keys[key][1]}))
        if any(pending.session is session for pending in self.pending.values()):
            self.overlaps.append(session.name)
        asked = self.note(Asked(content, key, session.name, list(session.messages)))
        answer = self.script_for(content)
        if answer.status != 200:
            return Response(answer.status, {"error": "no"}, answer.headers)
        message_id = f"m{next(self.numbers)}"
        session.keys[key] = (content, message_id)
        session.messages.append({"id": message_id, "role": "user", "content": content})
        self.pending[message_id] = Pending(session, asked, answer, time.monotonic() + answer.delay_s)
        if answer.pace_s:
            await asyncio.sleep(answer.pace_s)
        return Response(200, self.wrapped({self.shape["message_id"]: message_id}))

    def poll(self, session, after):
        ids = [message["id"] for message in session.messages]
        if after not in ids:
            self.violation(f"a poll after {after!r}, which nobody has said")
            return self.refuse(404, "no such message")
        pending = self.pending.get(after)
        if pending:
            pending.polls += 1
            open_gate = not pending.answer.gate or pending.answer.gate.is_set()
            if pending.polls <= self.polls or time.monotonic() < pending.ready or not open_gate:
                return self.said(session, ids.index(after), "running")
            del self.pending[after]
            if pending.answer.error:
                return self.said(session, ids.index(after), "error", pending.answer.error)
            for text in pending.answer.pieces or [pending.answer.text]:
                number = next(self.numbers)
                session.messages.append({"id": f"m{number}", "role": "assistant", "content": text})
            pending.asked.ended = True
        return self.said(session, ids.index(after), "done")

    def said(self, session, at, status, error=None):
        body = {"status": status, "messages": session.messages[at + 1 :]}
        return Response(200, self.wrapped({**body, "error": error} if error else body))
