"""`parley call` before a server that is strict about the dialect: what it asks, prints and ends with."""

import contextlib
import os
import pty
import signal
import subprocess

import pytest

from harness import PATIENCE
from harness.fake_control import FakeControl
from harness.gateway import environment, program, run_parley

OK, FAILED, USAGE, UNAVAILABLE, TRY_AGAIN, PROTOCOL, REFUSED = 0, 1, 2, 69, 75, 76, 77
INTERRUPTED = 130


class Call:
    """The command as a process, and its request as the gateway got it."""

    def __init__(self, control, *arguments, stdin="", stdout=subprocess.PIPE, **variables):
        self.process = subprocess.Popen(
            [program(), "call", *arguments],
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=environment(PARLEY_URL=control.url, **variables),
        )
        self.process.stdin.write(stdin.encode())
        self.process.stdin.close()
        self.peer = control.accept()
        self.frame = self.peer.take("route_request")
        self.request = self.frame["payload"]

    def answer(self, done=True, ok=True, **more):
        payload = {"requestId": "call", "ok": ok, **more, "done": done, "agentId": "a"}
        self.peer.tell("route_response", payload, replyTo=self.frame["id"])

    def error(self, code, message="so it is; do otherwise"):
        self.peer.error(code, message, self.frame["id"])

    def end(self, code=OK):
        """Reads to the end; what was printed, as bytes and text."""
        assert self.process.wait(PATIENCE) == code, self.process.stderr.read()
        out = self.process.stdout.read() if self.process.stdout else None
        talk = self.process.stderr.read().decode()
        assert code != OK or talk == "", talk
        return out, talk


@pytest.fixture
def call(control):
    with contextlib.ExitStack() as stack:

        def start(*arguments, **options):
            started = Call(control, *arguments, **options)
            stack.callback(started.process.kill)
            return started

        yield start


# --- what is asked ---------------------------------------------------------------------------


def test_request(call):
    asked = call("demo.x", '{"a":1}', "--agent", "a-1", "--timeout", "2m", "--stream")
    assert asked.request == {
        "capability": "demo.x",
        "agentId": "a-1",
        "request": {"a": 1},
        "timeoutMs": 120000,
        "stream": True,
    }
    asked.answer()
    assert asked.end()[0] == b""


def test_defaults(call):
    asked = call("demo.x")
    assert asked.request == {"capability": "demo.x", "request": None, "timeoutMs": 30000, "stream": False}
    asked.answer(result=1)
    assert asked.end()[0] == b"1\n"


def test_standard_input(call):
    asked = call("demo.x", "-", stdin='\n["x",\n1.50]\n')
    assert asked.request["request"] == ["x", 1.5]
    asked.answer(result=None)
    assert asked.end()[0] == b"null\n"


def test_huge_request(call):
    asked = call("demo.x", "-", stdin=f'"{"x" * 500_000}"')
    assert len(asked.request["request"]) == 500_000
    asked.answer(result=True)
    assert asked.end()[0] == b"true\n"


@pytest.mark.parametrize(
    "words, says",
    [
        ([], "CAPABILITY"),
        ([""], "CAPABILITY"),
        (["x" * 257], "CAPABILITY"),
        (["x", "hello"], "'\"hello\"'"),
        (["x", "{} {}"], "JSON"),
        (["x", "-"], "JSON"),
        (["x", "{}", "more"], "more"),
        (["x", "--agent", "no spaces"], "no spaces"),
        (["x", "--timeout", "5"], "5"),
        (["x", "--timeout", "0s"], "0s"),
    ],
)
def test_wrong_use(words, says):
    done = run_parley("call", *words, url="http://127.0.0.1:1")
    assert done.returncode == USAGE and says in done.stderr and done.stdout == "", done


def test_too_deep():
    """What could not be inside of a message is not sent."""
    deep = "[" * 63 + "]" * 63
    done = run_parley("call", "x", deep, url="http://127.0.0.1:1")
    assert done.returncode == USAGE and "deep" in done.stderr, done


# --- what is printed -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "result, text, raw",
    [
        ('"HELLO"', "HELLO", '"HELLO"'),
        ('"two\\nlines"', "two\nlines", '"two\\nlines"'),
        ('""', "", '""'),
        ('"\\u001b[2J"', "\x1b[2J", '"\\u001b[2J"'),
        ("[1, 0.10,\n 1E2]", "[1, 0.10,  1E2]", "[1, 0.10,  1E2]"),
        ('{"a":"b"}', '{"a":"b"}', '{"a":"b"}'),
        ("12345678901234567890", "12345678901234567890", "12345678901234567890"),
    ],
)
@pytest.mark.parametrize("json", [False, True])
def test_result(call, result, text, raw, json):
    asked = call("demo.x", *(["--json"] if json else []))
    payload = '{"requestId":"call","ok":true,"result":%s,"done":true}' % result
    head = '{"type":"route_response","id":"m-1","payload":%s,"timestamp":1,"replyTo":"%s"}'
    asked.peer.say(head % (payload, asked.frame["id"]))
    assert asked.end()[0].decode() == (raw if json else text) + "\n"


def test_terminal(call):
    """Nothing in an answer moves the cursor; its lines stay lines."""
    ours, theirs = pty.openpty()
    asked = call("demo.x", stdout=theirs)
    os.close(theirs)
    asked.answer(result="one\x1b[2J\ntwo \u009b \u202e")
    assert asked.process.wait(PATIENCE) == OK
    seen = b""
    with contextlib.suppress(OSError):
        while part := os.read(ours, 4096):
            seen += part
    os.close(ours)
    assert seen == b"one\\x1b[2J\r\ntwo \\u009b \\u202e\r\n"


def test_stream(call):
    """Each part is there before the next one is sent."""
    asked = call("demo.x", "--stream")
    for part, line in [("one", b"one\n"), ("", b"\n"), ({"n": 2}, b'{"n": 2}\n')]:
        asked.answer(done=False, result=part)
        assert asked.process.stdout.readline() == line
    asked.answer()
    assert asked.end()[0] == b""


def test_stream_for_a_slow_reader(call):
    """What comes faster than it is read is kept: nobody waits for stdout, and all of it stands before the word of the end."""
    asked = call("demo.x", "--stream")
    for number in range(20):
        asked.answer(done=False, result=f"{number:0900000}")
    asked.answer(ok=False, error={"code": "X", "message": "y"})
    assert asked.process.stdout.read() == b"".join(b"%0900000d\n" % number for number in range(20))
    assert asked.end(FAILED)[1] == "parley: X: y\n"


def test_stream_for_nobody(call):
    """There is an end to what is kept, and a sentence."""
    asked = call("demo.x", "--stream")
    for number in range(80):
        asked.answer(done=False, result=f"{number:0900000}")
    assert "what reads stdout is too slow: more than 64 MiB" in asked.process.stderr.readline().decode()
    printed = asked.process.stdout.read()
    assert len(printed) > 64 << 20 and printed.startswith(b"0" * 900_000 + b"\n" + b"0" * 899_999 + b"1\n")
    asked.end(FAILED)
    asked.peer.gone()


def test_parts_without_stream(call):
    asked = call("demo.x")
    asked.answer(done=False, result="one")
    asked.answer(done=False, result="two")
    asked.answer(result="end")
    assert asked.end()[0] == b"one\ntwo\nend\n"


def test_parts_of_a_failure(call):
    """All or nothing, without --stream."""
    asked = call("demo.x")
    asked.answer(done=False, result="one")
    asked.answer(ok=False, error={"code": "X", "message": "y"})
    assert asked.end(FAILED) == (b"", "parley: X: y\n")


def test_what_others_are_told(call):
    """Frames that are not the answer are none of its business."""
    asked = call("demo.x")
    asked.peer.tell("route_response", {"requestId": "other", "ok": True, "result": "no", "done": True}, replyTo="other")
    asked.peer.tell("chat", {"message": "hi"})
    asked.peer.error("NO_ROUTE", "no", "other")
    asked.answer(result="yes")
    assert asked.end()[0] == b"yes\n"


def test_big_answer(call):
    asked = call("demo.x")
    asked.answer(result="x" * 900_000)
    assert len(asked.process.stdout.read()) == 900_001
    asked.end()


# --- failures --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code, exit_code",
    [
        ("NO_AGENT", UNAVAILABLE),
        ("TARGET_OFFLINE", UNAVAILABLE),
        ("TARGET_NOT_FOUND", UNAVAILABLE),
        ("AGENT_GONE", UNAVAILABLE),
        ("ROUTE_TIMEOUT", TRY_AGAIN),
        ("QUEUE_FULL", TRY_AGAIN),
        ("RATE_LIMITED", TRY_AGAIN),
        ("LIMIT_REACHED", TRY_AGAIN),
        ("SHUTTING_DOWN", TRY_AGAIN),
        ("AUTH_REQUIRED", REFUSED),
        ("FORBIDDEN", REFUSED),
        ("MESSAGE_TOO_LARGE", FAILED),
        ("INVALID_MESSAGE", FAILED),
        ("SOMETHING_NEW", FAILED),
    ],
)
def test_error(call, code, exit_code):
    asked = call("demo.x")
    asked.error(code)
    out, talk = asked.end(exit_code)
    assert out == b"" and f"{code}: so it is; do otherwise" in talk
    assert ("--token-file" in talk) == (code == "AUTH_REQUIRED")


def test_error_about_no_message_in_particular(call):
    asked = call("demo.x")
    asked.peer.error("MESSAGE_TOO_LARGE", "send less")
    asked.end(FAILED)


@pytest.mark.parametrize(
    "error, talk",
    [
        (
            {"code": "HANDLER_ERROR", "message": "the program failed", "exit": 3, "stderr": "a\x1b[2J\nb"},
            "parley: HANDLER_ERROR: the program failed; its exit code was 3\nparley:   a\\x1b[2J\nparley:   b\n",
        ),
        (
            {"code": "HANDLER_ERROR", "message": "ended", "signal": 9, "stderr": ""},
            "parley: HANDLER_ERROR: ended; the signal was 9\n",
        ),
        ("just words", "parley: just words\n"),
        ({"reason": 1}, 'parley: {"reason":1}\n'),
        (None, "parley: null\n"),
    ],
)
def test_failure_of_the_agent(call, error, talk):
    asked = call("demo.x")
    asked.answer(ok=False, error=error)
    assert asked.end(FAILED) == (b"", talk)


def test_failure_without_a_word(call):
    asked = call("demo.x")
    asked.answer(ok=False)
    assert "without a word" in asked.end(FAILED)[1]


def test_no_gateway():
    done = run_parley("call", "x", url="http://127.0.0.1:1")
    assert done.returncode == UNAVAILABLE and "no gateway" in done.stderr, done


def test_wrong_credential(tmp_path):
    with FakeControl(token="s3cret") as fake:
        done = run_parley("call", "x", url=fake.url)
        assert done.returncode == REFUSED and "AUTH_FAILED" in done.stderr and "--token-file" in done.stderr
        file = tmp_path / "token"
        file.write_text("s3cret\n")
        asked = Call(fake, "x", "--token-file", str(file))
        asked.answer(result=1)
        assert asked.end()[0] == b"1\n"


def test_files_without_an_end(tmp_path):
    """What is longer than it may be is not read on, so that a device or a pipe may go on for ever."""
    done = run_parley("call", "x", "--token-file", "/dev/zero", url="http://127.0.0.1:1")
    assert done.returncode == USAGE and "/dev/zero: its first line is no token" in done.stderr, done
    done = run_parley("call", "x", "--token-file", str(tmp_path), url="http://127.0.0.1:1")
    assert done.returncode == USAGE and "Is a directory" in done.stderr, done
    for words, says in (
        (["call", "x", "-"], "a request is at most 256 MiB"),
        (["call", "x", "--token-file", "-"], "at most 4096 printable characters"),
        (["bench", "chat", "--template", "/dev/stdin"], "is longer than 1024 KiB"),
    ):
        with subprocess.Popen(["yes", "x" * 10_000], stdout=subprocess.PIPE) as endless:
            done = subprocess.run(
                [program(), *words], stdin=endless.stdout, capture_output=True, text=True, timeout=PATIENCE
            )
            endless.stdout.close()
        assert done.returncode == USAGE and says in done.stderr, done
    with open("/dev/zero") as endless:
        words = [program(), "bench", "plot", "--svg", str(tmp_path / "plot.svg")]
        done = subprocess.run(words, stdin=endless, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == FAILED and "line 1 of standard input" in done.stderr, done


@pytest.mark.parametrize("code, exit_code", [(1001, UNAVAILABLE), (1013, TRY_AGAIN), (4401, REFUSED), (4408, REFUSED)])
def test_closed(call, code, exit_code):
    asked = call("demo.x")
    asked.peer.close(code, "come back later")
    assert "come back later" in asked.end(exit_code)[1]


def test_gateway_vanishes(call):
    asked = call("demo.x", "--stream")
    asked.answer(done=False, result="one")
    assert asked.process.stdout.readline() == b"one\n"
    asked.peer.abort()
    assert "limits.send_queue_bytes" in asked.end(UNAVAILABLE)[1]


def test_silent_gateway(call):
    """The gateway says itself that the time is over; one that does not is not waited for."""
    asked = call("demo.x", "--timeout", "1ms")
    assert "in time" in asked.end(TRY_AGAIN)[1]


@pytest.mark.parametrize("text", ["[]", "{}", '{"type":7}', "nonsense"])
def test_not_this_dialect(call, text):
    asked = call("demo.x")
    asked.peer.say(text)
    asked.end(PROTOCOL)


# --- interruption ----------------------------------------------------------------------------


def test_interrupt(call):
    asked = call("demo.x")
    asked.process.send_signal(signal.SIGINT)
    assert asked.peer.take("route_cancel")["payload"] == {"requestId": asked.frame["id"]}
    asked.error("ROUTE_CANCELLED")
    assert asked.end(INTERRUPTED) == (b"", "")
    asked.peer.gone()


def test_answer_behind_an_interrupt(call):
    """What crosses the cancel on its way is not printed any more."""
    asked = call("demo.x", "--stream")
    asked.process.send_signal(signal.SIGINT)
    asked.peer.take("route_cancel")
    asked.answer(done=False, result="late")
    asked.error("ROUTE_CANCELLED")
    assert asked.end(INTERRUPTED)[0] == b""


def test_interrupt_twice(call):
    asked = call("demo.x")
    asked.process.send_signal(signal.SIGINT)
    asked.peer.take("route_cancel")
    asked.process.send_signal(signal.SIGINT)
    asked.end(INTERRUPTED)
    asked.peer.gone()


def test_interrupt_that_nobody_answers(call):
    asked = call("demo.x")
    asked.process.send_signal(signal.SIGINT)
    asked.peer.take("route_cancel")
    asked.end(INTERRUPTED)


def test_interrupt_while_nobody_reads(call):
    """A full pipe does not keep it from hearing."""
    ours, theirs = os.pipe()
    asked = call("demo.x", "--stream", stdout=theirs)
    os.close(theirs)
    asked.answer(done=False, result="x" * 900_000)
    assert len(os.read(ours, 1)) == 1
    asked.process.send_signal(signal.SIGINT)
    asked.peer.take("route_cancel")
    asked.error("ROUTE_CANCELLED")
    assert asked.end(INTERRUPTED)[1] == ""
    os.close(ours)


def test_nobody_listens(call):
    """The reader of a pipe has gone: so does it, and the gateway sees it go."""
    ours, theirs = os.pipe()
    asked = call("demo.x", "--stream", stdout=theirs)
    os.close(theirs)
    os.close(ours)
    asked.answer(done=False, result="one")
    assert asked.process.wait(PATIENCE) in (-signal.SIGPIPE, FAILED)
    asked.peer.gone()


def test_a_hundred_at_once(control):
    """Each gets its own answer."""
    calls = [Call(control, "demo.x", str(n)) for n in range(100)]
    for asked in reversed(calls):
        asked.answer(result=asked.request["request"])
    for n, asked in enumerate(calls):
        assert asked.end()[0] == b"%d\n" % n
