"""`parley agent run` before a server that is strict about the dialect: programs as agents, and how they end."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time

import pytest

from harness import PATIENCE
from harness.control import FakeControl
from harness.gateway import environment, program, run_parley

OK, FAILED, USAGE, UNAVAILABLE, TRY_AGAIN, PROTOCOL, REFUSED = 0, 1, 2, 69, 75, 76, 77


@pytest.fixture
def control():
    with FakeControl() as fake:
        yield fake


class Agent:
    """The command as a process; its stderr is read by the line."""

    def __init__(self, url, *arguments, **variables):
        self.process = subprocess.Popen(
            [program(), "agent", "run", "demo.x", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(PARLEY_URL=url, **variables),
        )
        self.talk = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self._news:
                self.talk.append(line)
                self._news.notify_all()

    def says(self, text, times=1):
        with self._news:
            done = self._news.wait_for(lambda: sum(text in line for line in self.talk) >= times, PATIENCE)
            assert done, (text, self.talk)

    def wait(self):
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self.process.stdout.read() == ""
        return code

    def children(self):
        """Processes below it: {pid: state}."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        with open(path) as f:
            pids = f.read().split()
        return {int(pid): state_of(pid) for pid in pids}

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def state_of(pid):
    """As /proc has it: R, S, Z, …; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return None


def await_claim(claim, what):
    """Looks until it is so: for what only the kernel knows, and tells nobody."""
    deadline = time.monotonic() + PATIENCE
    while not (found := claim()):
        assert time.monotonic() < deadline, what
        threading.Event().wait(0.005)
    return found


@pytest.fixture
def run(control):
    with contextlib.ExitStack() as stack:

        def start(*arguments, **variables):
            agent = Agent(control.url, *arguments, **variables)
            stack.callback(agent.process.kill)
            return agent

        yield start


def serve(control, run, command, *arguments, message_bytes=1 << 20, **variables):
    agent = run("--exec", command, *arguments, **variables)
    peer = control.accept()
    peer.registered = peer.register(message_bytes)
    agent.says("ready")
    return agent, peer


def leave(agent, peer):
    agent.process.terminate()
    peer.end()
    assert agent.wait() == OK


def ask(peer, name, request=None):
    peer.ask(name, request)
    return peer.answer(name)


def failed(payload, code="HANDLER_ERROR"):
    assert payload["ok"] is False and payload["done"] is True, payload
    assert payload["error"]["code"] == code and payload["error"]["message"], payload
    return payload["error"]


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
    peer.tell("chat", {"message": "hi"}, id="m-1", source="c-x")
    reply = peer.take("chat_complete")
    assert reply["replyTo"] == "m-1" and json.loads(reply["payload"]["content"]) == {"message": "hi"}
    leave(agent, peer)


def test_chat_stream_and_failure(control, run):
    agent, peer = serve(control, run, "echo a; echo b; exit 2", "--chat", "--stream")
    peer.tell("chat", {"message": "hi"}, id="m-1", source="c-x")
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
    peer.pause()
    peer.ask("r-1", None)
    await_claim(lambda: "pipe_w" in wchan(agent), "the program waits for us")
    assert resident(agent) < 16 << 20
    peer.resume()
    for number in range(1, lines + 1):
        assert peer.answer("r-1")["result"] == f"{number:0600}"
    assert peer.answer("r-1")["done"] is True
    leave(agent, peer)


def wchan(agent):
    """What the program, or its shell's child, sleeps in."""
    found = ""
    for pid in list(agent.children()):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/wchan") as f:
            found += f.read()
    return found


def resident(agent):
    with open(f"/proc/{agent.process.pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# --- several at a time -----------------------------------------------------------------------


def test_a_hundred_at_a_time(control, run, tmp_path):
    """They all run at once: each waits for the last one."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    agent, peer = serve(control, run, f"read x; : <{gate}; echo $x", "--concurrency", "100")
    for n in range(100):
        peer.ask(f"r-{n}", n)
    await_claim(lambda: len(agent.children()) == 100, "a hundred programs")
    with open(gate, "w"):
        answers = [peer.answer() for _ in range(100)]
    assert sorted(answer["result"] for answer in answers) == list(range(100))
    assert all(answer["requestId"] == f"r-{answer['result']}" for answer in answers)
    await_claim(lambda: not agent.children(), "no zombies")
    leave(agent, peer)


def test_more_than_it_asked_for(control, run, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    agent, peer = serve(control, run, f"cat {gate}")
    for n in range(3):
        peer.ask(f"r-{n}", n)
    failed(peer.answer("r-2"), "LIMIT_REACHED")
    gate.write_text("1")
    assert peer.answer("r-0")["result"] == 1
    gate.write_text("2")
    assert peer.answer("r-1")["result"] == 2
    leave(agent, peer)


def test_nothing_leaks(control, run):
    agent, peer = serve(control, run, "cat")
    ask(peer, "r-0")
    await_claim(lambda: not agent.children(), "reaped")
    before = agent.descriptors()
    for n in range(1, 50):
        assert ask(peer, f"r-{n}", n)["result"] == n
    await_claim(lambda: not agent.children(), "reaped")
    assert agent.descriptors() == before
    leave(agent, peer)


def test_what_a_program_inherits(control, run):
    """Three pipes and nothing else, a group of its own, no signal blocked or ignored but what ours were."""
    command = "ls -l /proc/self/fd | grep -c -- '->'; ps -o pgid= $$; echo $$; grep -E 'Sig(Blk|Ign)' /proc/self/status"
    agent, peer = serve(control, run, command)
    count, group, pid, blocked, ignored = ask(peer, "r-1")["result"].split("\n")
    assert int(count) == 4, "and the directory that ls reads"
    assert group.strip() == pid
    assert int(blocked.split()[1], 16) == 0
    assert int(ignored.split()[1], 16) & (1 << (signal.SIGPIPE - 1)) == 0
    leave(agent, peer)


# --- the end of a request --------------------------------------------------------------------


def test_cancel(control, run, tmp_path):
    """SIGTERM goes to the whole group; a program may say goodbye; nothing is answered."""
    note = tmp_path / "note"
    command = f"trap 'echo bye; echo term >{note}; exit' TERM; echo on; sleep 1000 & wait"
    agent, peer = serve(control, run, command, "--stream")
    peer.ask("r-1", None)
    assert peer.answer("r-1")["result"] == "on"
    peer.cancel("r-1")
    await_claim(lambda: not agent.children(), "the program is gone")
    assert note.read_text() == "term\n"
    leave(agent, peer)


def test_cancel_of_nobody(control, run):
    agent, peer = serve(control, run, "cat")
    peer.cancel("r-9")
    peer.tell("route_cancel", {})
    peer.tell("route_cancel", {"requestId": 7})
    assert ask(peer, "r-1", 1)["result"] == 1
    leave(agent, peer)


def test_a_program_that_ignores_sigterm(control, run):
    """It is killed after five seconds; until then its place is taken, and the next request waits."""
    agent, peer = serve(control, run, "read x; trap '' TERM; echo $x; while [ $x = 1 ]; do sleep 1000; done", "--stream")
    peer.ask("r-1", 1)
    assert peer.answer("r-1")["result"] == 1
    (pid,) = agent.children()
    started = time.monotonic()
    peer.cancel("r-1")
    peer.ask("r-2", 2)
    assert peer.answer("r-2")["result"] == 2
    assert time.monotonic() - started > 4.5 and state_of(pid) is None
    assert peer.answer("r-2")["done"] is True
    leave(agent, peer)


def test_timeout(control, run):
    agent, peer = serve(control, run, "sleep 1000", "--timeout", "50ms")
    assert "longer" in failed(ask(peer, "r-1"))["message"]
    await_claim(lambda: not agent.children(), "the program is gone")
    leave(agent, peer)


def test_what_a_program_leaves_behind(control, run, tmp_path):
    """Its group is killed with it. One that left the group lives on, and holds nothing up."""
    note = tmp_path / "pids"
    command = f"sleep 1000 & echo $! >{note}; setsid sh -c 'echo $$ >>{note}; exec sleep 1000' & while [ $(wc -l <{note}) -lt 2 ]; do :; done; echo ok"
    agent, peer = serve(control, run, command)
    assert ask(peer, "r-1")["result"] == "ok"
    inside, outside = note.read_text().split()
    await_claim(lambda: state_of(inside) in (None, "Z"), "what was in the group is gone")
    assert state_of(outside) == "S"
    os.kill(int(outside), signal.SIGKILL)
    leave(agent, peer)


# --- the end of a connection -----------------------------------------------------------------


@pytest.mark.parametrize("how", ["abort", "close"])
def test_connection_lost(control, run, how):
    """What runs is ended, and the agent comes back."""
    agent, peer = serve(control, run, "read x; [ $x = 2 ] || sleep 1000; echo $x", "--id", "me")
    peer.ask("r-1", 1)
    await_claim(agent.children, "it runs")
    peer.abort() if how == "abort" else peer.close(1001, "the gateway is stopping")
    peer = control.accept()
    assert not agent.children()
    assert peer.register()["agentId"] == "me"
    agent.says("ready again")
    assert ask(peer, "r-1", 2)["result"] == 2
    leave(agent, peer)


def test_gateway_restarts(run):
    """It waits for a gateway that is away, as long as that takes."""
    with FakeControl() as first:
        agent = Agent(first.url, "--exec", "cat", "--id", "me")
        first.accept().register()
        agent.says("ready")
        port = first.port
    agent.says("trying again")
    with FakeControl(port=port) as second:
        peer = second.accept()
        assert peer.register()["agentId"] == "me"
        assert ask(peer, "r-1", 1)["result"] == 1
        leave(agent, peer)
    assert sum("trying again" in line for line in agent.talk) == 1, agent.talk


@pytest.mark.parametrize("code", [4401, 4403, 4408, 4409, 1008])
def test_closed_for_good(control, run, code):
    """Who was told not to come back does not: two agents of one id would throw each other out for ever."""
    agent, peer = serve(control, run, "sleep 1000")
    peer.ask("r-1", 1)
    await_claim(agent.children, "it runs")
    peer.close(code, "do something else")
    assert agent.wait() == REFUSED
    assert "do something else" in "".join(agent.talk)


def test_not_this_dialect(control, run):
    agent, peer = serve(control, run, "cat")
    peer.say('{"no":"type"}')
    assert agent.wait() == PROTOCOL


def test_talk_of_the_gateway(control, run):
    agent, peer = serve(control, run, "cat")
    peer.error("SLOW_CLIENT", "read \x1b[2J faster")
    agent.says("SLOW_CLIENT: read \\x1b[2J faster")
    leave(agent, peer)


# --- the end of the agent --------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal(control, run, number, tmp_path):
    """What runs may end and is answered; then the agent says goodbye."""
    go = tmp_path / "go"
    os.mkfifo(go)
    agent, peer = serve(control, run, f"cat {go}")
    peer.ask("r-1", None)
    await_claim(agent.children, "it runs")
    agent.process.send_signal(number)
    assert peer.take("agent_heartbeat")["payload"] == {"status": "busy"}
    go.write_text("done")
    assert peer.answer("r-1")["result"] == "done"
    peer.bid_farewell()
    assert agent.wait() == OK


def test_second_signal(control, run):
    agent, peer = serve(control, run, "sleep 1000")
    peer.ask("r-1", None)
    await_claim(agent.children, "it runs")
    agent.process.terminate()
    peer.take("agent_heartbeat")
    agent.process.terminate()
    failed(peer.answer("r-1"), "SHUTTING_DOWN")
    peer.bid_farewell()
    assert agent.wait() == OK


def test_signal_while_nobody_is_there(control, run):
    agent, peer = serve(control, run, "cat")
    control.stop()
    agent.says("trying again")
    agent.process.terminate()
    assert agent.wait() == OK


def test_signal_while_connecting():
    """A gateway that takes the connection and says nothing does not hold up the end."""
    import socket

    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        agent = Agent(f"http://127.0.0.1:{mute.getsockname()[1]}", "--exec", "cat")
        connection, _ = mute.accept()
        with connection:
            connection.recv(1)
            agent.process.terminate()
            assert agent.wait() == OK
