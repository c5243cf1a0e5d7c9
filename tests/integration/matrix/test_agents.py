"""The three adapters with the real HTTP client: before the doubles of the APIs, and before the real gateway."""

import contextlib
import json
import os
import queue
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from agents import AIAgent, Answer, OpenAI
from harness.agent import Agent
from harness.gateway import Gateway

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 30
ODD = "null-choices comments crlf cr no-done no-space multi-line split bom role-only null-content no-newline".split()


class Driver:
    """An adapter as a process: what it says is [event, turn, text, failure, sentence]."""

    def __init__(self, *arguments):
        program = ROOT / (os.environ.get("PARLEY_PROGRAM") or "build/parley")
        self.process = subprocess.Popen(
            [str(program.parent / "tests/agent-driver"), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.said = queue.Queue()
        self.texts = {}  # of `answering`, by turn
        self.sessions = {}
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        self.process.stdout.close()
        assert self.process.returncode == 0

    def read(self):
        for line in self.process.stdout:
            self.said.put(json.loads(line))

    def tell(self, *fields):
        self.process.stdin.write("\t".join(map(str, fields)) + "\n")
        self.process.stdin.flush()

    def wait(self, event, turn=0):
        while True:
            said = self.said.get(timeout=PATIENCE)
            if said[0] == "answering":
                self.texts.setdefault(said[1], []).append(said[2])
            elif said[0] == "session":
                self.sessions[said[1]] = said[2]
            if said[:2] == [event, turn]:
                return said[2:]

    def ask(self, turn, question, session=""):
        """(text, failure, sentence)"""
        self.tell("ask", turn, session, question)
        return tuple(self.wait("answered", turn))


# --- openai -------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", [(), *((each,) for each in ODD), tuple(each for each in ODD if each != "cr")])
def test_openai_streams(odd):
    with OpenAI("sesame") as api, Driver("openai", api.url, "sesame") as driver:
        gate = threading.Event()
        api.script = lambda question: Answer("Grüße, *dear* 日本 \U0001f600 world", gate=gate, odd=odd)
        driver.tell("ask", 1, "", "hello")
        # What has come is told before the end.
        assert driver.wait("answering", 1)[0].startswith("Grüße, ")
        gate.set()
        assert driver.wait("answered", 1) == ["Grüße, *dear* 日本 \U0001f600 world", "", ""]
        assert api.questions() == ["hello"]


def test_openai_tries_again():
    with OpenAI() as api, Driver("openai", api.url) as driver:
        api.fail("503")
        api.fail("429")
        api.fail("cut")
        assert driver.ask(1, "hello") == ("echo: hello", "", "")
        assert [status for _, _, status in api.requests] == [503, 429, 0, 200]


def test_openai_fails():
    answers = {
        "cut": Answer("one two three", cut_after=2),
        "error": Answer("one two", error="http://10.0.0.1 has the key sk-1"),
        "refused": Answer(status=400),
        "nothing": Answer(pieces=[]),
    }
    with OpenAI("sesame") as api, Driver("openai", api.url, "sesame") as driver:
        api.script = answers.get
        assert driver.ask(1, "cut") == ("one two ", "broken", "it ended the connection")
        assert driver.ask(2, "error") == ("one two", "broken", "it broke off with an error")
        assert driver.ask(3, "refused") == ("", "refused", "it refused the request")
        assert driver.ask(4, "nothing") == ("", "broken", "it said nothing")
        assert driver.ask(5, "well") == ("echo: well", "", "")
    with OpenAI("sesame") as api, Driver("openai", api.url, "wrong") as driver:
        assert driver.ask(1, "x") == ("", "refused", "it does not accept the key of this bridge")


def test_openai_stops_and_runs_out():
    gate = threading.Event()
    with OpenAI() as api, Driver("openai", api.url, "", 1000) as driver:
        api.script = lambda question: Answer("one two", gate=gate) if question != "three" else None
        driver.tell("ask", 1, "", "one")
        driver.wait("answering", 1)
        driver.tell("stop", 1)
        api.wait(lambda: api.asked[0].gone.is_set(), "the end of the request")
        assert driver.ask(2, "two") == ("one two", "timeout", "")
        assert driver.ask(3, "three") == ("echo: three", "", "")
        gate.set()


def test_openai_many_at_once():
    with OpenAI() as api, Driver("openai", api.url) as driver:
        for turn in range(1, 51):
            driver.tell("ask", turn, "", f"question {turn}")
        answers = {}
        while len(answers) < 50:
            said = driver.said.get(timeout=PATIENCE)
            if said[0] == "answered":
                answers[said[1]] = said[2]
        assert answers == {turn: f"echo: question {turn}" for turn in range(1, 51)}


# --- aiagent ------------------------------------------------------------------------------------


def test_aiagent_answers():
    with AIAgent("sesame", polls=3) as api, Driver("aiagent", api.url, "sesame") as driver:
        api.script = lambda question: Answer(pieces=["one", "two"]) if question == "parts" else None
        assert driver.ask(1, "hello") == ("echo: hello", "", "")
        session = driver.sessions[1]
        assert [each.name for each in api.sessions.values()] == ["matrix:room"]
        assert driver.ask(2, "parts", session) == ("one\n\ntwo", "", "")
        assert list(api.sessions) == [session]
        assert [each.key for each in api.asked] == ["key-1", "key-2"]


def test_aiagent_tries_each_step_again():
    with AIAgent() as api, Driver("aiagent", api.url) as driver:
        seen = []

        def hook(before):
            if before:
                seen.append(len(seen))
                if len(seen) in (1, 3, 5):
                    api.fail(("503", "cut", "429")[len(seen) // 2])

        api.hook = hook
        assert driver.ask(1, "hello") == ("echo: hello", "", "")
        assert api.questions() == ["hello"]


def test_aiagent_fails():
    with AIAgent() as api, Driver("aiagent", api.url) as driver:
        api.script = lambda question: Answer(error="no") if question == "error" else Answer(status=400)
        assert driver.ask(1, "error") == ("", "broken", "it says that it has failed")
        assert driver.ask(2, "refused") == ("", "refused", "it refused the request")
        assert driver.ask(3, "x", "no such") == ("", "refused", "it knows no such session or model")


# --- reachability -------------------------------------------------------------------------------


@pytest.mark.parametrize("adapter, double", [("openai", OpenAI), ("aiagent", AIAgent)])
def test_probes(adapter, double):
    with double("sesame") as api:
        with Driver(adapter, api.url, "sesame") as driver:
            driver.tell("probe")
            driver.wait("reachable")
            assert not api.asked and not getattr(api, "sessions", None)
            api.web.shut()
            driver.tell("probe")
            assert driver.wait("away")[2] == "nobody answers there"
            api.web.open(api.web.port)
        with Driver(adapter, api.url, "wrong") as driver:
            driver.tell("probe")
            assert driver.wait("away")[2] == "it does not accept the key of this bridge"


# --- gateway ------------------------------------------------------------------------------------


@pytest.fixture
def gateway():
    with Gateway() as one:
        yield one


@pytest.fixture
def agents(gateway):
    """agents(command, *options) -> `parley agent run demo.x`, registered."""
    with contextlib.ExitStack() as stack:

        def start(command, *options):
            agent = Agent(gateway.url, "--exec", command, *options)
            stack.callback(agent.process.kill)
            agent.says("ready")
            return agent

        yield start


@pytest.fixture
def driver(gateway):
    with Driver("gateway", gateway.ws_url("/ws")) as one:
        one.wait("reachable")
        yield one


@pytest.fixture
def hasty(gateway):
    """A driver whose turns have a second."""
    with Driver("gateway", gateway.ws_url("/ws"), "", 1000) as one:
        one.wait("reachable")
        yield one


@contextlib.contextmanager
def relay(port, to):
    """Whoever connects to `port` is connected with `to`."""
    ends = []

    def pump(one, other):
        with contextlib.suppress(OSError):
            while piece := one.recv(65536):
                other.sendall(piece)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_WR)

    def serve(listener):
        with contextlib.suppress(OSError):
            while True:
                pair = [listener.accept()[0], socket.create_connection(("127.0.0.1", to))]
                ends.extend(pair)
                for way in (pair, pair[::-1]):
                    threading.Thread(target=pump, args=way, daemon=True).start()

    with socket.create_server(("127.0.0.1", port)) as listener:
        threading.Thread(target=serve, args=[listener], daemon=True).start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for end in ends:
                end.close()


def test_gateway_answers(driver, agents):
    agents("cat")
    assert driver.ask(1, "ping \U0001f600") == ("ping \U0001f600", "", "")


def test_gateway_tells_the_conversation(driver, agents):
    agents("""python3 -c 'import json, sys; print(json.load(sys.stdin)["conversation"])'""")
    assert driver.ask(1, "which?") == ("!room:test//7", "", "")


def test_gateway_streams(driver, agents):
    agents("sh -c 'cat >/dev/null; for n in 1 2 3; do echo line $n; done'", "--stream")
    assert driver.ask(1, "count") == ("line 1\nline 2\nline 3", "", "")
    assert driver.texts[1][0] == "line 1"


def test_gateway_joins_pieces(driver, agents):
    agents("""sh -c 'cat >/dev/null; echo "{\\"delta\\":\\"a \\"}"; echo "{\\"delta\\":\\"b\\"}"'""", "--stream")
    assert driver.ask(1, "x") == ("a b", "", "")


def test_gateway_stop_reaches_the_program(driver, agents):
    agent = agents("sh -c 'echo begun; exec sleep 1000'", "--stream")
    driver.tell("ask", 1, "", "x")
    driver.wait("answering", 1)
    assert agent.children()
    driver.tell("stop", 1)
    wait_until(lambda: not agent.children())


def wait_until(claim):
    for _ in range(PATIENCE * 100):
        if claim():
            return
        threading.Event().wait(0.01)
    raise AssertionError("not so in time")


def test_gateway_fails(driver, hasty, agents):
    assert hasty.ask(1, "x") == ("", "away", "nobody who can do it is there")
    agents("false")
    assert driver.ask(2, "x") == ("", "broken", "it says that it has failed")


def test_gateway_tries_again(driver, hasty, agents):
    """As long as nobody is there."""
    driver.tell("ask", 1, "", "ping")
    assert hasty.ask(1, "x")[1] == "away"
    agents("cat")
    assert driver.wait("answered", 1) == ["ping", "", ""]


def test_gateway_tries_again_when_an_agent_is_lost(driver, agents):
    first = agents("sleep 1000")
    driver.tell("ask", 1, "", "ping")
    wait_until(first.children)
    first.process.kill()
    agents("cat")
    assert driver.wait("answered", 1) == ["ping", "", ""]


def test_gateway_finds_it_too_large():
    with Gateway("--set", "limits.message_bytes=4KiB") as gateway:
        agent = Agent(gateway.url, "--exec", "cat")
        try:
            agent.says("ready")
            with Driver("gateway", gateway.ws_url("/ws"), "", 5000) as driver:
                driver.wait("reachable")
                driver.tell("ask", 1, "", "small")
                text, failure, sentence = driver.ask(2, "x" * 5000)
                assert (text, failure) == ("", "refused")
                assert "limits.message_bytes" in sentence
                # The others, and the connection, live.
                assert driver.ask(3, "ping") == ("ping", "", "")
        finally:
            agent.process.kill()


def test_gateway_closes_at_what_is_too_large():
    """The request is not sent again and again, with an end of the connection each time."""
    with Gateway("--set", "limits.message_bytes=4KiB", "--set", "limits.frame_bytes=4KiB") as gateway:
        agent = Agent(gateway.url, "--exec", "cat")
        try:
            agent.says("ready")
            with Driver("gateway", gateway.ws_url("/ws"), "", 20000) as driver:
                driver.wait("reachable")
                driver.tell("ask", 1, "", "x" * 5000)
                text, failure, sentence = driver.wait("answered", 1)
                assert (text, failure) == ("", "refused")
                assert driver.ask(2, "ping") == ("ping", "", "")
                assert "limits.message_bytes" in sentence
        finally:
            agent.process.kill()


def test_gateway_runs_out(gateway, agents):
    agents("sleep 1000")
    with Driver("gateway", gateway.ws_url("/ws"), "", 500) as driver:
        assert driver.ask(1, "x")[1] == "timeout"


def driver_left_alone():
    """A driver whose gateway has gone, and the port where it may come again."""
    with Gateway() as gateway:
        driver = Driver("gateway", gateway.ws_url("/ws"))
        driver.wait("reachable")
    driver.wait("away")
    return driver, gateway.port


def test_gateway_comes_again():
    driver, port = driver_left_alone()
    with driver:
        driver.tell("ask", 1, "", "meanwhile")
        with Gateway(port=port) as again:
            agent = Agent(again.url, "--exec", "cat")
            try:
                agent.says("ready")
                driver.wait("reachable")
                assert driver.wait("answered", 1) == ["meanwhile", "", ""]
            finally:
                agent.process.kill()


def test_gateway_is_asked_before_it_is_told_of_people():
    """What is above limits.rate is dropped, and people are many."""
    driver, port = driver_left_alone()
    with driver:
        for i in range(60):
            driver.tell("person", "!abc:test", f"@person{i}:test")
        driver.tell("ask", 1, "", "ping")
        with Gateway("--set", "limits.rate=20") as again:
            agent = Agent(again.url, "--exec", "cat")
            try:
                agent.says("ready")
                with relay(port, again.port):
                    assert driver.wait("answered", 1) == ["ping", "", ""]
            finally:
                agent.process.kill()


def test_gateway_wants_a_key(tmp_path):
    key = "a-secret-of-32-characters-at-least"
    path = tmp_path / "token"
    path.write_text(key)
    path.chmod(0o600)
    with Gateway("--set", "auth.mode=token", "--set", f"auth.token_file={path}") as gateway:
        with Driver("gateway", gateway.ws_url("/ws"), "wrong-secret-of-32-characters-at-all") as driver:
            assert driver.wait("away")[2] == "it does not accept the key of this bridge"
        with Driver("gateway", gateway.ws_url("/ws"), key, 1000) as driver:
            driver.wait("reachable")
            assert driver.ask(1, "x")[2] == "nobody who can do it is there"


def test_gateway_knows_the_people(gateway, hasty):
    hasty.tell("person", "!abc:test", "@alice:test")
    # The answer comes behind all that was said before.
    assert hasty.ask(1, "x")[1] == "away"
    observer = gateway.control()
    observer.join("matrix:abc:test")
    for word, person, status in (("person", "@bob:test", "online"), ("gone", "@bob:test", "offline")):
        hasty.tell(word, "!abc:test", person)
        said = observer.take("presence")["payload"]
        assert said == {"deviceId": person, "status": status, "sessionKey": "matrix:abc:test"}


def test_gateway_knows_the_bridge(gateway, hasty):
    assert hasty.ask(1, "x")[1] == "away"  # behind what it says of itself
    hello = gateway.control().ask("connect", {"deviceId": "desk", "role": "control", "protocolVersion": 2})
    assert [(one["deviceId"], one["role"]) for one in hello["payload"]["presence"]] == [("@bot:test", "webchat")]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "wss://127.0.0.1:1", "ws://", "ws://[::1", "ws://127.0.0.1:1/ws"])
def test_gateway_is_not_there(url):
    with Driver("gateway", url) as driver:
        sentence = driver.wait("away")[2]
        assert "127" not in sentence and sentence
