"""`parley agent run` before a server that is strict about the dialect: what it registers, gives to programs and answers."""

import contextlib
import json
import os
import threading
import time

import pytest

from harness.agent import Agent, ask, await_claim, failed, leave, serve
from harness.fake_control import FakeControl
from harness.gateway import run_parley

OK, USAGE, UNAVAILABLE, TRY_AGAIN, REFUSED = 0, 2, 69, 75, 77


# --- what it registers -----------------------------------------------------------------------


def test_registration(control, run):
    options = ("--id", "u-1", "--name", "Übung", "--stream", "--chat", "--concurrency", "7")
    agent, peer = serve(control, run, "cat", *options)
    assert peer.registered == {
        "agentId": "u-1",
        "name": "Übung",
        "type": "cli",
        "capabilities": {"chat": True, "tools": ["demo.x"], "streaming": True, "modes": [], "custom": {}},
        "maxConcurrent": 7,
    }
    leave(agent, peer)


def test_default_id(control, run):
    agent, peer = serve(control, run, "cat")
    registered = peer.registered
    assert registered["agentId"].startswith("demo.x@")
    assert registered["agentId"].endswith(f":{agent.process.pid}")
    assert registered["name"] == registered["agentId"] and registered["maxConcurrent"] == 1
    assert not registered["capabilities"]["chat"] and not registered["capabilities"]["streaming"]
    leave(agent, peer)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["walk", "x", "--exec", "cat"],
        ["run"],
        ["run", "x"],
        ["run", "", "--exec", "cat"],
        ["run", "y" * 257, "--exec", "cat"],
        ["run", "x", "--exec", ""],
        ["run", "x", "--exec", "cat", "--id", "no spaces"],
        ["run", "x", "--exec", "cat", "--id", "i" * 129],
        ["run", "x", "--exec", "cat", "--name", "n" * 100_000],
        ["run", "x", "--exec", "cat", "--concurrency", "0"],
        ["run", "x", "--exec", "cat", "--concurrency", "257"],
        ["run", "x", "--exec", "cat", "--timeout", "30"],
        ["run", "x", "--exec", "cat", "--timeout", "25h"],
        ["run", "x", "cat"],
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_wrong_use(words):
    done = run_parley("agent", *words)
    assert done.returncode == USAGE and done.stdout == "" and done.stderr.startswith("parley: "), done


def test_no_gateway():
    done = run_parley("agent", "run", "x", "--exec", "cat", url="http://127.0.0.1:1")
    assert done.returncode == UNAVAILABLE and "no gateway" in done.stderr, done


@pytest.mark.parametrize(
    "code, exit_code",
    [("AGENT_ID_TAKEN", REFUSED), ("AUTH_REQUIRED", REFUSED), ("FORBIDDEN", REFUSED), ("LIMIT_REACHED", TRY_AGAIN)],
)
def test_registration_refused(control, run, code, exit_code):
    agent = run("--exec", "cat")
    peer = control.accept()
    peer.take("connect")
    peer.error(code, "so it is; do otherwise", peer.take("agent_register")["id"])
    assert agent.wait() == exit_code
    assert f"{code}: so it is; do otherwise" in "".join(agent.talk)


def test_credential(tmp_path):
    with FakeControl(token="s3cret") as fake:
        done = run_parley("agent", "run", "x", "--exec", "cat", url=fake.url)
        assert done.returncode == REFUSED and "AUTH_FAILED" in done.stderr, done
        agent = Agent(fake.url, "--exec", "env", PARLEY_TOKEN="s3cret", PARLEY_AUTH__TOKENS="s4cret", KEPT="kept")
        peer = fake.accept()
        peer.register()
        text = ask(peer, "r-1")["result"]
        assert "KEPT=kept" in text and "cret" not in text and "PARLEY_URL=" in text
        leave(agent, peer)


# --- answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command, result",
    [
        ("cat", {"a": [1, 0.5, "x"]}),
        ("tr a-z A-Z", {"A": [1, 0.5, "X"]}),
        ("echo plain text", "plain text"),
        ("printf 'two\\nlines\\n'", "two\nlines"),
        ("printf 'no end'", "no end"),
        ("printf '\\n\\n'", "\n"),
        ("true", ""),
        ("echo 12", 12),
        ("echo null", None),
        ("echo '{\"a\":'", '{"a":'),
        ("printf '\\377\\000x'", "\ufffd\0x"),
        ("printf '[1,\\n 2]\\n'", [1, 2]),
        ("echo to stderr >&2; echo fine", "fine"),
        ("exec <&-; echo deaf", "deaf"),
        ("exec >&-; sleep 0", ""),
        ("sleep 1000 & echo first", "first"),
    ],
)
def test_answers(control, run, command, result):
    agent, peer = serve(control, run, command)
    payload = ask(peer, "r-1", {"a": [1, 0.5, "x"]})
    assert payload == {"requestId": "r-1", "ok": True, "result": result, "done": True}
    leave(agent, peer)


def test_bytes_of_numbers_stay(control, run):
    """Neither a request nor an answer is rewritten."""
    agent, peer = serve(control, run, "cat")
    payload = '{"capability":"demo.x","request":{"n": [0.10,\n1E2,12345678901234567890]}}'
    peer.say('{"type":"route_request","id":"r-1","payload":%s,"timestamp":1,"source":"c-x"}' % payload)
    peer.take("route_response")
    agent.process.terminate()
    peer.end()
    assert agent.wait() == OK


def test_number_of_lines_and_variables(control, run):
    command = "wc -l; env | grep -E '^PARLEY_(REQ|CAP|SOU)' | sort"
    agent, peer = serve(control, run, command)
    payload = '{"capability":"demo.x","request":{"a":\r\n"b\\nc"}}'
    peer.say('{"type":"route_request","id":"r-1","payload":%s,"timestamp":1,"source":"c-\\u0078"}' % payload)
    lines = peer.answer("r-1")["result"].split("\n")
    assert lines == ["1", "PARLEY_CAPABILITY=demo.x", "PARLEY_REQUEST_ID=r-1", "PARLEY_SOURCE=c-x"]
    leave(agent, peer)


def test_deep_json_is_text(control, run):
    """What is JSON by itself, but too deep inside of a message, goes as text."""
    deep = "[" * 63 + "]" * 63
    agent, peer = serve(control, run, f"echo '{deep}'")
    assert ask(peer, "r-1")["result"] == deep
    leave(agent, peer)


def test_failures(control, run):
    agent, peer = serve(control, run, 'read line; eval "$(echo $line | tr -d \\")"')
    error = failed(ask(peer, "r-1", "echo lost; echo bad >&2; exit 3"))
    assert error["exit"] == 3 and error["stderr"] == "bad" and "signal" not in error
    error = failed(ask(peer, "r-2", "kill -9 $$"))
    assert error["signal"] == 9 and "exit" not in error
    error = failed(ask(peer, "r-3", "no-such-program-at-all"))
    assert error["exit"] == 127 and "not found" in error["stderr"]
    error = failed(ask(peer, "r-4", "head -c 100000 /dev/zero | tr '\\\\0' x >&2; echo end >&2; exit 1"))
    assert len(error["stderr"]) <= 4096 and error["stderr"].endswith("xxend")
    leave(agent, peer)


def test_stream(control, run):
    agent, peer = serve(control, run, "printf 'one\\n\\n{\"n\":2}\\nlast'", "--stream")
    peer.ask("r-1", None)
    parts = [peer.answer("r-1") for _ in range(5)]
    assert [part.get("result", "-") for part in parts] == ["one", "", {"n": 2}, "last", "-"]
    assert [part["done"] for part in parts] == [False] * 4 + [True]
    assert all(part["ok"] for part in parts)
    leave(agent, peer)


def test_stream_comes_as_it_is_printed(control, run, tmp_path):
    """The second line is printed only when the first one has been heard."""
    go = tmp_path / "go"
    os.mkfifo(go)
    agent, peer = serve(control, run, f"echo one; cat {go}; exit 4", "--stream")
    peer.ask("r-1", None)
    assert peer.answer("r-1")["result"] == "one"
    go.write_text("two\n")
    assert peer.answer("r-1")["result"] == "two"
    assert failed(peer.answer("r-1"))["exit"] == 4
    leave(agent, peer)


def test_chat(control, run):
    agent, peer = serve(control, run, "cat", "--chat")
    peer.tell("chat", {"message": "hi"}, id="m-1", source="c-x", deadline=1 << 41)
    reply = peer.take("chat_complete")
    assert reply["replyTo"] == "m-1" and json.loads(reply["payload"]["content"]) == {"message": "hi"}
    leave(agent, peer)


def test_chat_stream_and_failure(control, run):
    agent, peer = serve(control, run, "echo a; echo b; exit 2", "--chat", "--stream")
    peer.tell("chat", {"message": "hi"}, id="m-1", source="c-x", deadline=1 << 41)
    parts = [peer.take("chat_stream") for _ in range(2)]
    assert [part["payload"] for part in parts] == [
        {"content": "a", "done": False, "index": 0},
        {"content": "b", "done": False, "index": 1},
    ]
    error = peer.take("error")
    assert error["replyTo"] == "m-1" and error["payload"]["details"]["exit"] == 2
    leave(agent, peer)


# --- limits ----------------------------------------------------------------------------------


def test_huge_request(control, run):
    """A program gets all of it, though its pipe holds a fraction."""
    agent, peer = serve(control, run, "wc -c")
    assert ask(peer, "r-1", "x" * 5_000_000)["result"] == 5_000_003
    leave(agent, peer)


@pytest.mark.parametrize("command", ["true", "exec <&-; sleep 0; echo", "head -c 1 >/dev/null"])
def test_huge_request_that_nobody_reads(control, run, command):
    agent, peer = serve(control, run, command)
    assert ask(peer, "r-1", "x" * 5_000_000)["ok"] is True
    leave(agent, peer)


@pytest.mark.parametrize("command", ["yes", "cat /dev/zero", "yes >&2 & yes", "trap '' TERM; yes"])
@pytest.mark.parametrize("stream", [False, True])
def test_endless_output(control, run, command, stream):
    """Without --stream, or in one line, it is more than a message may have. As lines it is a stream until it is cancelled."""
    agent, peer = serve(control, run, command, *(["--stream"] if stream else []))
    peer.ask("r-1", None)
    if stream and "zero" not in command:
        for _ in range(100):
            assert peer.answer("r-1")["result"] == "y"
        peer.cancel("r-1")
    else:
        failed(peer.answer("r-1"))
    await_claim(lambda: not agent.children(), "the program is ended")
    agent.process.terminate()
    while (frame := peer.next())["type"] == "route_response":
        assert frame["payload"]["done"] is False
    assert frame["type"] == "agent_heartbeat"
    peer.bid_farewell()
    assert agent.wait() == OK


def test_limit_of_the_gateway(control, run):
    """A message is no longer than the gateway says that it takes."""
    agent, peer = serve(control, run, 'read n; head -c $n /dev/zero | tr "\\0" x', message_bytes=8192)
    assert len(ask(peer, "r-1", 7000)["result"]) == 7000
    failed(ask(peer, "r-2", 8192))
    leave(agent, peer)


def test_escapes_count(control, run):
    """What is short as bytes may be long as JSON."""
    agent, peer = serve(control, run, "head -c 5000 /dev/zero", message_bytes=8192)
    failed(ask(peer, "r-1"))
    leave(agent, peer)


def test_slow_gateway(control, run):
    """A program waits for a gateway that does not read; nothing is lost, and little is kept."""
    lines = 20_000
    agent, peer = serve(control, run, f"exec seq -f %0600g {lines}", "--stream")
    before = resident(agent)
    peer.pause()
    peer.ask("r-1", None)
    await_claim(lambda: all(is_stuck(agent) for _ in range(50)), "the program waits for us, and goes on waiting")
    assert resident(agent) < before + (4 << 20)
    peer.resume()
    for number in range(1, lines + 1):
        assert peer.answer("r-1")["result"] == f"{number:0600}"
    assert peer.answer("r-1")["done"] is True
    leave(agent, peer)


def test_pace(control, run):
    """No faster than the asker may be expected to read: a quarter of what may wait for him, then four times that a second."""
    queue, lines = 64 << 10, 400
    agent, peer = serve(control, run, f"exec seq -f %0600g {lines}", "--stream", send_queue_bytes=queue)
    began, used = time.monotonic(), processor_time(agent)
    peer.ask("r-1", None)
    for number in range(1, lines + 1):
        assert peer.answer("r-1")["result"] == f"{number:0600}"
    assert peer.answer("r-1")["done"] is True
    took = time.monotonic() - began
    assert took >= (lines * 600 - queue) / (4 * queue)
    assert processor_time(agent) - used < took / 2, "it sleeps meanwhile"
    leave(agent, peer)


def processor_time(agent):
    with open(f"/proc/{agent.process.pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_stuck(agent):
    """Whether its program sleeps in writing to a pipe."""
    threading.Event().wait(0.002)
    for pid in agent.children():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/wchan") as f:
            return "pipe_w" in f.read()
    return False


def resident(agent):
    with open(f"/proc/{agent.process.pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
