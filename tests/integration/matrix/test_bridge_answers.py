"""Questions and answers: once, in order, where they were asked, whole."""

import re
import threading

import pytest

from agents import AIAgent, Answer
from homeserver import Fault
from person import Person
from place import ALICE, BOB, BOT

FENCE = "`" * 3


@pytest.mark.parametrize("adapter", ["openai", "aiagent"])
def test_first_answer(build, adapter):
    place = build(adapter)
    place.start()
    answer = place.answer("what time is it?")
    assert answer.msgtype == "m.text" and answer.thread == ""
    asked = place.agent.asked[0]
    assert asked.question == "what time is it?"
    assert asked.key or adapter == "openai", "that API knows no key"
    place.wait(lambda: not place.homeserver.typing_in(place.room), "no more typing")
    room = place.homeserver.room(place.room)
    assert (BOT, True) in room.typing_log, "it typed while the agent worked"
    assert room.receipts[-1][1:4] == (BOT, answer.reply_to, "m.read")


def test_a_foreign_client_hears_it(place):
    with Person(place.homeserver.url, BOB) as bob:
        bob.say(place.room, "hello from nio")
        heard = bob.hears(BOT, place.room, "echo: hello from nio")
        assert heard.source["content"]["m.mentions"] is not None


def test_json_is_yaml(build):
    place = build("openai")
    place.start(json_file=True)
    place.answer("one")


def test_what_was_said_before_is_not_answered(build):
    place = build("openai")
    place.ask("old")
    place.start()
    place.answer("new")
    assert place.agent.questions() == ["new"]


def test_what_is_no_question(place):
    asked = place.ask("one")
    place.wait_said("echo: one", reply_to=asked)
    place.ask("a notice", msgtype="m.notice")
    place.ask("a picture", msgtype="m.image", url="mxc://example.org/x")
    place.homeserver.send_event(ALICE, place.room, "m.sticker", {"body": "hi", "url": "mxc://example.org/x", "info": {}})
    place.homeserver.send_event(ALICE, place.room, "m.room.message", {"body": 7, "msgtype": ["m.text"]})
    place.homeserver.send_event(ALICE, place.room, "m.room.message", {})
    place.homeserver.edit(ALICE, place.room, asked, "one, edited too late")
    place.answer("two")
    assert place.agent.questions() == ["one", "two"]


def test_order_in_a_room(place):
    questions = [f"question {number}" for number in range(8)]
    for text in questions:
        place.ask(text)
    place.wait(lambda: len(place.said()) >= len(questions), "all answers")
    assert place.bodies() == [f"echo: {text}" for text in questions]
    assert place.agent.questions() == questions


def test_one_turn_at_a_time_in_a_room_and_many_at_once(build):
    place = build("openai", rooms=2)
    gate = threading.Event()
    place.agent.script = lambda question: Answer(f"echo: {question}", gate=gate) if "slow" in question else None
    place.start()
    place.ask("slow")
    place.agent.wait(lambda: "slow" in place.agent.questions())
    place.ask("behind it")
    place.answer("elsewhere", place.rooms[1])
    assert place.agent.questions() == ["slow", "elsewhere"]
    gate.set()
    place.wait_said("echo: behind it")
    assert place.bodies() == ["echo: slow", "echo: behind it"]


def test_threads(place):
    gate = threading.Event()
    place.agent.script = lambda question: Answer(f"echo: {question}", gate=gate) if "slow" in question else None
    root = place.ask("slow")
    place.agent.wait(lambda: place.agent.asked)
    answer = place.answer("in the thread", thread=root)
    assert answer.thread == root, "a thread is not held up by what it hangs on"
    gate.set()
    assert place.wait_said("echo: slow", reply_to=root).thread == ""
    place.answer("again there", thread=root)
    place.answer("again outside")
    heard = {asked.question: [one["content"] for one in asked.history] for asked in place.agent.asked}
    assert heard["again there"] == ["in the thread", "echo: in the thread"], "a thread is its own session"
    assert heard["again outside"] == ["slow", "echo: slow"]


def test_a_reply_is_asked_without_what_it_quotes(place):
    first = place.answer("first")
    quoted = f"> <{BOT}> echo: first\n\nand then?"
    event_id = place.ask(quoted, reply_to=first.event_id)
    place.wait_said("echo: and then[?]", reply_to=event_id)
    assert place.agent.questions() == ["first", "and then?"]


def test_emotes(place):
    place.ask("waves", msgtype="m.emote")
    place.agent.wait(lambda: place.agent.asked)
    assert "waves" in place.agent.questions()[0]


def test_a_streamed_answer_grows(place):
    gate = threading.Event()
    words = [f"word{number} " for number in range(200)]
    place.agent.script = lambda question: Answer(pieces=words, pace_s=0.005, gate=gate)
    asked = place.ask("tell")
    first = place.wait_said("word0")
    assert first.reply_to == asked and not place.agent.asked[0].ended, "the first text before the last"
    gate.set()
    place.wait(lambda: place.bodies() == ["".join(words).strip()], "the whole")
    edits = place.said()[0].edits
    assert 1 <= len(edits) <= 30, len(edits)
    for before, after in zip([first.body, *edits], edits):
        assert len(after) >= len(before), "it only grows"


def test_long_answers_are_split(place):
    paragraphs = [f"Paragraph {number}: " + "lorem ipsum dolor sit amet " * 60 for number in range(160)]
    whole = "\n\n".join(paragraphs)
    place.agent.script = lambda question: Answer(whole, pieces=[whole]) if question == "long" else None
    place.ask("long")
    place.answer("next")
    pieces = [shown.body for shown in place.said() if not shown.body.startswith("echo")]
    assert len(pieces) >= 4, "64 KiB is the most that one event has"
    assert re.findall(r"\S+", " ".join(pieces)) == re.findall(r"\S+", whole), "nothing lost, nothing twice"


def test_fences_are_closed_and_opened_again(place):
    lines = "\n".join(f"line_{number} = compute({number})" for number in range(6000))
    whole = f"Look:\n\n{FENCE}python\n{lines}\n{FENCE}\n\nThat is all."
    place.agent.script = lambda question: Answer(whole, pieces=[whole]) if question == "code" else None
    place.ask("code")
    place.answer("next")
    pieces = [shown for shown in place.said() if not shown.body.startswith("echo")]
    assert len(pieces) >= 3
    for shown in pieces:
        formatted = shown.content["formatted_body"]
        assert formatted.count("<pre>") == formatted.count("</pre>") >= 1
    numbers = re.findall(r"line_(\d+) =", "\n".join(shown.body for shown in pieces))
    assert numbers == [str(number) for number in range(6000)]


def test_markdown_and_what_would_be_html(place):
    text = "**bold** and <script>alert(1)</script> [x](javascript:alert(1)) [y](https://example.org/?a=1&b=2)\n\n- one\n- two"
    place.agent.script = lambda question: Answer(text, pieces=[text])
    place.ask("x")
    content = place.wait_said("bold").content
    formatted = content["formatted_body"]
    assert "<strong>bold</strong>" in formatted and "<li>" in formatted
    assert "<script" not in formatted and "javascript:" not in re.sub(r"<[^>]*>", "", formatted) + "".join(
        re.findall(r'href="([^"]*)"', formatted)
    ).replace("https://", "")
    assert "https://example.org/?a=1&amp;b=2" in formatted


@pytest.mark.parametrize("text", ["", "  \n", "\u0000", "😀" * 2000, "a\r\nb", "<mx-reply>x</mx-reply>"], ids=range(6))
def test_odd_answers(place, text):
    """Something is said to each question; an answer that is nothing is a failure that is told."""
    place.agent.script = lambda question: Answer(text, pieces=[text]) if question == "odd" else None
    asked = place.ask("odd")
    place.wait(lambda: any(shown.reply_to == asked for shown in place.said()), "a word about it")
    place.answer("next")


def test_polling_waits_until_it_is_done(build):
    agent = AIAgent(polls=7)
    place = build("aiagent", agent=agent)
    place.start()
    place.answer("patience")
    polls = [path for method, path, _ in agent.requests if method == "GET" and "/messages" in path]
    assert len(polls) >= 8
    assert not agent.overlaps


def test_a_differently_shaped_aiagent(build):
    shape = {"create": "/v2/chats", "messages": "/v2/chats/{session}/log", "wrap": "data", "content": "text"}
    place = build("aiagent", agent=AIAgent(shape=shape), config={"agent": SHAPED})
    place.start()
    place.answer("elsewhere")


SHAPED = {
    "create_path": "/v2/chats",
    "create_id": "/data/id",
    "ask_path": "/v2/chats/{session}/log",
    "ask_id": "/data/message_id",
    "poll_path": "/v2/chats/{session}/log?after={message}",
    "poll_status": "/data/status",
    "poll_messages": "/data/messages",
    "content_field": "text",
}

ODD = "null-choices comments crlf no-done no-space multi-line split bom role-only null-content no-newline".split()


@pytest.mark.parametrize("odd", ODD)
def test_odd_streams(place, odd):
    place.agent.script = lambda question: Answer(f"Grüße 👋: {question}", odd=(odd,))
    asked = place.ask("wer da?")
    place.wait_said(r"Grüße 👋: wer da\?\Z", reply_to=asked)


def test_a_slow_homeserver(place):
    place.homeserver.fault(Fault("slow", path="/(send|typing|receipt)/", seconds=0.2))
    place.answer("one")
    place.answer("two")
