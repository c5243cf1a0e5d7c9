"""POST /v1/chat/completions with a stream of server-sent events, and what is odd about real ones:

    null-choices   events whose `choices` is null, or an empty list (usage, content filters)
    comments       lines that begin with a colon; empty events; `event:` and `id:` lines
    crlf           lines end in CR LF;   cr: in CR alone
    no-done        the stream ends without [DONE]
    no-space       "data:" with nothing behind the colon
    multi-line     an event in several data: lines
    split          each byte is a piece of its own, so characters come in parts
    bom            begins with a byte order mark
    role-only      the first event has a role and no content, the last has a finish_reason
    null-content   content is null beside tool_calls of nothing
    no-newline     the last event has no empty line behind it
"""

import json
import time

from web import Cut, Response

from .base import AgentDouble, Asked

ROLES = {"system", "user", "assistant"}


def has_text(message):
    return isinstance(message, dict) and message.get("role") in ROLES and isinstance(message.get("content"), str)


class OpenAI(AgentDouble):
    """What was asked is in `asked`: question, history, key (Idempotency-Key), model."""

    models = ("test-model",)

    async def answer(self, request, body):
        if (request.method, request.path) == ("GET", "/v1/models"):
            return Response(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})
        if (request.method, request.path) != ("POST", "/v1/chat/completions"):
            return self.refuse(404, f"no {request.method} {request.path}")
        messages = body.get("messages")
        if body.get("stream") is not True:
            self.violation("stream is not true")
        if not isinstance(body.get("model"), str) or not body["model"]:
            self.violation("no model")
        if not isinstance(messages, list) or not messages or not all(map(has_text, messages)):
            self.violation(f"messages: {messages!r}")
            return self.refuse(400, "messages")
        if messages[-1]["role"] != "user":
            self.violation("the last message is not the user's")
        roles = [message["role"] for message in messages if message["role"] != "system"]
        if any(a == b for a, b in zip(roles, roles[1:])):
            self.violation(f"roles do not alternate: {roles}")
        gone = request.connection.gone
        key = request.headers.get("idempotency-key", "")
        asked = Asked(messages[-1]["content"], key, "", messages[:-1], body.get("model", ""), gone)
        asked.started = request.received
        self.note(asked)
        answer = self.script_for(asked.question)
        if answer.status != 200:
            await self.pause(answer.delay_s, gone)
            body = answer.body if answer.body is not None else {"error": {"message": "no", "type": "server_error"}}
            return Response(answer.status, body, answer.headers)
        return Response(200, self.stream(asked, answer), {"Content-Type": "text/event-stream", **answer.headers})

    async def stream(self, asked, answer):
        await self.pause(answer.delay_s, asked.gone)
        writer = Writer(answer.odd)
        for data in writer.begin():
            yield data
        for number, text in enumerate(answer.split()):
            if number == answer.cut_after:
                raise Cut
            await self.pause(answer.pace_s, asked.gone)
            for data in writer.piece(text):
                yield data
        await self.pass_gate(answer, asked.gone)
        if answer.cut_after >= len(answer.split()):
            raise Cut
        if answer.error:
            yield writer.event({"error": {"message": answer.error, "type": "server_error", "code": None}})
            return
        asked.last = time.monotonic()
        for data in writer.end():
            yield data
        with self.news:
            asked.ended = True
            self.news.notify_all()


class Writer:
    """Server-sent events, written oddly."""

    def __init__(self, odd):
        self.odd = set(odd)
        self.newline = "\r\n" if "crlf" in self.odd else "\r" if "cr" in self.odd else "\n"

    def lines(self, *lines):
        return self.newline.join([*lines, ""]).encode()

    def event(self, value):
        text = json.dumps(value, ensure_ascii=False, indent=1 if "multi-line" in self.odd else None)
        colon = "data:" if "no-space" in self.odd else "data: "
        return self.lines(*(colon + line for line in text.split("\n")), "")

    def chunk(self, delta, finish=None):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return self.event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "choices": [choice]})

    def whole(self, data):
        """Its bytes as they are written: all at once, or one by one."""
        if "split" in self.odd:
            yield from (data[at : at + 1] for at in range(len(data)))
        else:
            yield data

    def begin(self):
        if "bom" in self.odd:
            yield b"\xef\xbb\xbf"
        if "comments" in self.odd:
            yield self.lines(": hello", "", "", ":", "event: ping", "data", "", "retry: 3000", "id: 7", "")
        if "null-choices" in self.odd:
            yield self.event({"choices": [], "prompt_filter_results": []})
            yield self.event({"choices": None})
            yield self.event({"object": "chat.completion.chunk"})
        if "role-only" in self.odd:
            yield self.chunk({"role": "assistant"})
        if "null-content" in self.odd:
            yield self.chunk({"role": "assistant", "content": None, "tool_calls": []})
            yield self.chunk({"content": ""})

    def piece(self, text):
        if "comments" in self.odd:
            yield self.lines(": ping", "")
        yield from self.whole(self.chunk({"content": text}))
        if "null-choices" in self.odd:
            yield self.event({"choices": [], "usage": None})

    def end(self):
        if "role-only" in self.odd:
            yield self.chunk({}, "stop")
        if "null-choices" in self.odd:
            yield self.event({"choices": [], "usage": {"total_tokens": 7}})
        if "no-newline" in self.odd:
            yield b"data: [DONE]"
        elif "no-done" not in self.odd:
            yield self.lines("data:[DONE]" if "no-space" in self.odd else "data: [DONE]", "")
