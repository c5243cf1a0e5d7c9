"""The doubles of the agents, before a plain client: that their oddities are there, and their strictness."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

from agents import AIAgent, Answer, OpenAI
from agents.aiagent import SHAPE

ODD = "null-choices comments crlf cr no-done no-space multi-line split bom role-only null-content no-newline".split()


def ask(agent, method, path, body=None, headers=None):
    """(status, headers, bytes)"""
    connection = http.client.HTTPConnection(urlsplit(agent.url).netloc, timeout=30)
    data = None if body is None else json.dumps(body).encode()
    headers = {**({"Content-Type": "application/json"} if data else {}), **(headers or {})}
    try:
        connection.request(method, path, data, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def complete(agent, *said, **headers):
    roles = ["user", "assistant"] * len(said)
    messages = [{"role": role, "content": text} for role, text in zip(roles, said)]
    body = {"model": "test-model", "stream": True, "messages": messages}
    return ask(agent, "POST", "/v1/chat/completions", body, headers)


def text_of(stream):
    """What a stream says, by a reader of its own that forgives everything."""
    text = ""
    for line in stream.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").split("\n\n"):
        data = "\n".join(part[5:] for part in line.split("\n") if part.startswith("data:"))
        if data.strip() in ("", "[DONE]"):
            continue
        for choice in json.loads(data).get("choices") or []:
            text += choice["delta"].get("content") or ""
    return text


@pytest.mark.parametrize("odd", [(), *[(each,) for each in ODD], tuple(each for each in ODD if each != "cr")], ids=str)
def test_a_stream(odd):
    with OpenAI(script=lambda question: Answer(f"Grüße: {question} 👋", odd=odd)) as agent:
        status, headers, body = complete(agent, "wer da?")
        assert status == 200 and headers["Content-Type"] == "text/event-stream"
        assert text_of(body) == "Grüße: wer da? 👋"
        assert (b"[DONE]" in body) == (not {"no-done"} & set(odd) or "no-newline" in odd)
        assert agent.asked[0].ended and agent.questions() == ["wer da?"]


def test_history_and_its_breaches():
    with OpenAI() as agent:
        complete(agent, "one", "echo: one", "two")
        assert [message["content"] for message in agent.asked[0].history] == ["one", "echo: one"]
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "a"}] * 2}
        ask(agent, "POST", "/v1/chat/completions", body)
        assert "alternate" in agent.violations.pop()
        ask(agent, "POST", "/v1/chat/completions", {**body, "stream": False})
        assert "stream" in agent.violations[0]
        agent.violations.clear()


def test_failures():
    with OpenAI(api_key="k") as agent:
        assert complete(agent, "x")[0] == 401
        key = {"Authorization": "Bearer k"}
        agent.fail("503")
        agent.fail("429")
        agent.fail("cut")
        assert [complete(agent, "x", **key)[0] for _ in range(2)] == [503, 429]
        with pytest.raises(http.client.HTTPException):
            complete(agent, "x", **key)
        agent.script = lambda question: Answer("one two three", cut_after=2)
        with pytest.raises(http.client.HTTPException):
            complete(agent, "x", **key)
        agent.script = lambda question: Answer("one", error="too hot")
        status, _, body = complete(agent, "x", **key)
        assert status == 200 and b"too hot" in body and b"[DONE]" not in body


@pytest.mark.parametrize("shape", [{}, {"create": "/v2/chats", "messages": "/v2/chats/{session}/log", "wrap": "data"}])
def test_sessions(shape):
    shape = {**SHAPE, **shape}

    def unwrap(answer):
        body = json.loads(answer[2])
        return body[shape["wrap"]] if shape["wrap"] else body

    with AIAgent(shape=shape) as agent:
        session = unwrap(ask(agent, "POST", shape["create"], {"name": "matrix:tea:1"}))["id"]
        path = shape["messages"].replace("{session}", session)
        body = {"content": "wer da?", "idempotency_key": "k1"}
        first = unwrap(ask(agent, "POST", path, body))["message_id"]
        assert unwrap(ask(agent, "POST", path, body))["message_id"] == first
        assert unwrap(ask(agent, "GET", f"{path}?after={first}")) == {"status": "running", "messages": []}
        for _ in range(2):
            done = unwrap(ask(agent, "GET", f"{path}?after={first}"))
            assert done["status"] == "done"
            assert [message["content"] for message in done["messages"]] == ["echo: wer da?"]
        assert len(agent.asked) == 1 and agent.sessions[session].name == "matrix:tea:1"
        ask(agent, "POST", path, {**body, "content": "x"})
        assert "something else" in agent.violations.pop()
        ask(agent, "GET", f"{path}?after=m99")
        assert "nobody has said" in agent.violations.pop()
