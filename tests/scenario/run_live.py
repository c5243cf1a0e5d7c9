#!/usr/bin/python3
"""Plays scenario files against a live daemon; README.md beside this file says what the lines mean.

usage: run_live.py FILE...      (the program: $PARLEY_PROGRAM, else build/parley)
"""

import json
import select
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from harness import PATIENCE
from harness.access import bearer, token_line
from harness.control import Control
from harness.gateway import Gateway

HASTE = 100  # by which the times of the heartbeat are divided
MEMORY_ONLY = "# memory only"
# Lines that begin with one of these are of nobody.
NAMELESS = ("advance", "drain", "metric", "set", "token")


def lines_of(path):
    """(number, words) of each line that does something; words are at most three."""
    text = Path(path).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        if line and not line.startswith("#"):
            yield number, line.split(" ", 1 if line.split(" ")[0] in NAMELESS else 2)


def is_for_live(path):
    with open(path, encoding="utf-8") as file:
        return file.readline().rstrip() != MEMORY_ONLY


def settings_of(path):
    """What the lines `set` and `token` say; short times where the clock is moved."""
    lines = [words for _, words in lines_of(path)]
    settings = dict(words[1].split(" ", 1) for words in lines if words[0] == "set")
    if any(words[0] == "advance" for words in lines):
        settings |= {"heartbeat.interval": f"{30000 // HASTE}ms", "heartbeat.timeout": f"{60000 // HASTE}ms"}
    tokens = [words[1].partition(" ") for words in lines if words[0] == "token"]
    if tokens:
        settings["auth.mode"] = "token"
        settings["auth.tokens"] = ",".join(token_line(name, grants, token=name) for name, _, grants in tokens)
    return settings


def matches(pattern, value, exact=False):
    if pattern == "*":
        return True
    if isinstance(pattern, dict):
        if not isinstance(value, dict) or (exact and set(pattern) != set(value)):
            return False
        return all(k in value and matches(v, value[k], exact) for k, v in pattern.items())
    if isinstance(pattern, list):
        if not isinstance(value, list) or len(pattern) != len(value):
            return False
        return all(matches(*pair, exact) for pair in zip(pattern, value))
    return pattern == value and isinstance(pattern, bool) == isinstance(value, bool)


class Player:
    def __init__(self, gateway):
        self.gateway = gateway
        self.clients = {}
        self.requests = {}  # name -> the id of the last request that it was given
        self.pings = {}  # name -> WebSocket pings already expected
        self.unsettled = None  # who sent last, and has not been seen to be dealt with

    def pump_until(self, claim, what):
        """Everyone reads, and answers pings, until it is so."""
        deadline = time.monotonic() + PATIENCE
        while not claim():
            live = {c.fileno(): c for c in self.clients.values() if not c.ended}
            poller = select.poll()
            for fd in live:
                poller.register(fd, select.POLLIN)
            left = deadline - time.monotonic()
            assert left > 0, f"waited for {what}"
            for fd, _ in poller.poll(min(left, 0.05) * 1000):
                live[fd].pull()

    def next_text(self, name):
        client = self.clients[name]
        self.pump_until(lambda: client.heard or client.ended, f"a message to {name}")
        assert client.heard, f"{name} was closed: {client.end}"
        return client.heard.popleft()

    def expect(self, name, pattern, exact=False):
        text = self.next_text(name)
        assert matches(pattern, json.loads(text), exact), f"{name} heard {text}"
        return json.loads(text)

    def settle(self, name=None):
        """The last sender's message has been dealt with before another one (or `name`) acts."""
        last = self.unsettled
        if last == name:
            return
        self.unsettled = None
        if last is None or self.clients[last].ended:
            return
        client, kept = self.clients[last], []
        client.send(client.PING)
        while json.loads(text := self.next_text(last)).get("type") != "pong":
            kept.append(text)
        client.heard.extendleft(reversed(kept))

    def wait_count(self):
        alive = sum(not client.ended for client in self.clients.values())
        self.wait_metric("clients", lambda count: count == alive)

    def wait_metric(self, metric, claim):
        def ask():
            status = self.gateway.status()  # without `agents`, where it takes a credential
            return claim(status["connections"] if metric == "clients" else len(status["agents"]))

        self.pump_until(ask, f"the metric {metric}")

    # --- verbs ---------------------------------------------------------------------------------

    def play(self, words):
        words = [self.put_ids(word) for word in words]
        if words[0] in ("advance", "set", "token"):
            return
        if words[0] == "drain":
            self.settle()
            self.gateway.terminate()
            return
        if words[0] == "metric":
            metric, operator, number = words[1].split(" ")
            claims = {"==": int.__eq__, ">=": int.__ge__, "<=": int.__le__}
            self.wait_metric(metric, lambda count: claims[operator](count, int(number)))
            return
        name, verb, rest = words + [""] * (3 - len(words))
        getattr(self, "do_" + verb.replace("-", "_"))(name, rest)

    def put_ids(self, text):
        for name in sorted(self.clients, key=len, reverse=True):
            text = text.replace(f"${name}", self.clients[name].id)
            if name in self.requests:
                text = text.replace(f"@{name}", self.requests[name])
        return text

    def do_connect(self, name, rest):
        world, _, token = rest.partition(" ")
        self.settle()
        self.clients[name] = self.gateway.client(world=world or None, headers=[bearer(token)] if token else [])
        self.pings[name] = 0

    def do_connect_control(self, name, token):
        self.settle()
        self.clients[name] = self.gateway.control(headers=[bearer(token)] if token else [])
        self.pings[name] = 0

    def do_greeting(self, name, rest):
        greeting = self.clients[name].greeting
        assert matches(json.loads(rest), greeting), greeting

    def do_register(self, name, rest):
        agent_id, _, members = rest.partition(" ")
        message = {"type": "agent_register", "agentId": agent_id, **json.loads(members or "{}")}
        self.do_send(name, json.dumps(message))
        self.expect(name, {"type": "connection_ack", "data": {"agent_id": agent_id}})

    def do_send(self, name, text):
        self.settle(name)
        self.clients[name].send(text)
        self.unsettled = name

    def do_send_many(self, name, rest):
        count, _, text = rest.partition(" ")
        self.settle(name)
        for number in range(1, int(count) + 1):
            self.clients[name].send(text.replace("#", str(number)))
        self.unsettled = name

    def do_send_binary(self, name, text):
        self.settle(name)
        self.clients[name].send(text.encode())
        self.unsettled = name

    def do_expect(self, name, rest):
        self.expect(name, json.loads(rest))

    def do_expect_request(self, name, rest):
        self.requests[name] = self.expect(name, json.loads(rest))["id"]

    def do_expect_exact(self, name, rest):
        self.expect(name, json.loads(rest), exact=True)

    def do_expect_text(self, name, rest):
        text = self.next_text(name)
        assert text == rest, f"{name} heard {text}"

    def do_expect_error(self, name, code):
        said = {"code": code, "message": "*", "details": "*"}
        if isinstance(self.clients[name], Control):
            self.expect(name, {"type": "error", "id": "*", "payload": said, "timestamp": "*"})
        else:
            self.expect(name, {"type": "error", "agent_id": "gateway", "data": said, "ts": "*"})

    def do_expect_nothing(self, name, _):
        self.settle()
        self.clients[name].send(self.clients[name].PING)
        self.expect(name, {"type": "pong"})

    def do_expect_ping(self, name, _):
        client = self.clients[name]
        self.pump_until(lambda: client.pings > self.pings[name] or client.ended, f"a ping to {name}")
        assert client.pings > self.pings[name], f"{name} was closed: {client.end}"
        self.pings[name] = client.pings

    def do_expect_close(self, name, rest):
        code, _, reason = rest.partition(" ")
        client = self.clients[name]
        self.pump_until(lambda: client.heard or client.ended, f"{name} to be closed")
        assert not client.heard, f"{name} heard {client.heard[0]}"
        assert client.end[0] == int(code) and reason in ("", client.end[1]), client.end

    def do_close(self, name, _):
        self.settle()
        client = self.clients[name]
        client.engine.send_close(1000)
        client.push()
        self.pump_until(lambda: client.ended, f"the end of {name}")
        assert client.end[0] == 1000, client.end
        self.wait_count()

    def do_abort(self, name, _):
        self.settle()
        self.clients[name].abort()
        self.wait_count()

    def do_mute(self, name, _):
        self.clients[name].pongs = False


def play_file(path, gateway):
    player = Player(gateway)
    for number, words in lines_of(path):
        try:
            player.play(words)
        except Exception as failure:
            raise AssertionError(f"{path}:{number}: {' '.join(words)}\n{failure}") from failure


def main(paths):
    failed = 0
    for path in paths:
        if not is_for_live(path):
            print(f"{path}: memory only")
            continue
        try:
            with Gateway(settings=settings_of(path)) as gateway:
                play_file(path, gateway)
            print(f"{path}: ok")
        except AssertionError as failure:
            failed += 1
            print(f"FAILED: {failure}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else __doc__)
