"""Clients that stop reading: what they miss is counted exactly, and nobody else waits for them."""

import json

import pytest

from harness.client import Closed

CHUNK = "x" * 32768


def shout(speaker, witness, numbers):
    """Barks in step with a witness, so that only those lag who do not read."""
    heard = []
    for number in numbers:
        speaker.send(f'{{"type":"bark","n":{number},"x":"{CHUNK}"}}')
        if number % 8 == 7:
            speaker.barrier()
            heard += [m["n"] for m in witness.barrier()]
    speaker.barrier()
    heard += [m["n"] for m in witness.barrier()]
    assert heard == list(numbers)


@pytest.mark.threads
def test_a_stalled_reader_is_told_exactly_what_it_missed(gateway):
    """SLOW_CLIENT with the count, then a fresh roster, then everything again."""
    speaker, witness = gateway.client(), gateway.client()
    filtered = gateway.client(receive_buffer=4096)
    filtered.send({"type": "subscribe", "types": ["bark"]})
    filtered.barrier()
    stalled = [gateway.client(receive_buffer=4096) for _ in range(3)] + [filtered]
    total = 480  # 15 MiB: the limit, and more than any socket takes
    shout(speaker, witness, range(total))
    newcomer = gateway.agent("newcomer", role="late")
    assert speaker.take("agent_joined") and witness.take("agent_joined")

    for client in stalled:
        heard = []
        while not (heard and isinstance(heard[-1], dict) and heard[-1]["type"] == "connection_ack"):
            message = client.next()
            heard.append(message["n"] if message["type"] == "bark" else message)
        *numbers, notice, ack = heard
        assert notice["type"] == "error" and notice["data"]["code"] == "SLOW_CLIENT", notice
        assert numbers == list(range(len(numbers))), "what it got is whole and in order"
        assert 0 < len(numbers) < total
        missed = total - len(numbers) + (client is not filtered)
        assert notice["data"]["details"]["dropped"] == missed, (notice, len(numbers))
        assert [(a["agent_id"], a["role"]) for a in ack["data"]["agents"]] == [("newcomer", "late")]
        assert ack["data"]["client_id"] == client.greeting["data"]["client_id"]

    # And all is as before.
    newcomer.send({"type": "bark", "n": total})
    for client in (*stalled, speaker, witness):
        assert client.next() == {"type": "bark", "n": total}
        client.heard_nothing()
    assert gateway.status()["messages"]["dropped"] > 0


def test_slow_twice(tcp_gateway):
    speaker, witness = tcp_gateway.client(), tcp_gateway.client()
    stalled = tcp_gateway.client(receive_buffer=4096)
    at = 0
    for _ in range(2):
        shout(speaker, witness, range(at, at + 400))
        numbers = []
        while (message := stalled.next())["type"] == "bark":
            numbers.append(message["n"])
        assert numbers == list(range(at, at + len(numbers)))
        assert message["data"]["code"] == "SLOW_CLIENT"
        assert message["data"]["details"]["dropped"] == 400 - len(numbers)
        stalled.take("connection_ack")
        stalled.heard_nothing()
        at += 400


def test_a_stalled_reader_is_closed_when_asked_for(start, threads):
    gateway = start(threads=threads, settings={"slow_client": "close"})
    speaker, witness = gateway.client(), gateway.client()
    stalled = gateway.client(receive_buffer=4096)
    shout(speaker, witness, range(400))
    reason, messages = stalled.wait_closed(1013)
    assert reason
    assert [m["n"] for m in messages] == list(range(len(messages)))


def test_directed_messages_are_never_dropped(tcp_gateway):
    """A reader that cannot take what is for it alone is closed, and its sender sees it gone."""
    speaker, watcher = tcp_gateway.client(), tcp_gateway.client()
    stalled = tcp_gateway.client(receive_buffer=4096)
    stalled.register("stalled")
    watcher.take("agent_joined")
    speaker.take("agent_joined")
    for number in range(400):
        speaker.send(f'{{"type":"bark","target_id":"stalled","n":{number},"x":"{CHUNK}"}}')
    speaker.barrier()
    assert watcher.take("agent_left")["agent_id"] == "stalled"
    stalled.wait(lambda: stalled.ended, "the end of the stalled reader")
    assert stalled.end[0] in (1013, 1006)
    numbers = [json.loads(text)["n"] for text in stalled.heard]
    assert numbers == list(range(len(numbers)))
    speaker.send({"type": "bark", "target_id": "stalled"})
    while speaker.next()["type"] != "error":
        pass


def test_a_stalled_reader_that_goes(tcp_gateway):
    """One that is reset while it lags leaves nothing behind."""
    speaker, witness = tcp_gateway.client(), tcp_gateway.client()
    stalled = tcp_gateway.client(receive_buffer=4096)
    shout(speaker, witness, range(400))
    stalled.abort()
    tcp_gateway.wait_status(lambda status: status["connections"] == 2)
    speaker.send({"type": "bark", "n": 1})
    assert witness.next()["n"] == 1


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def test_fifty_stalled_readers_cost_little(start):
    """10 MB published to 50 who do not read: a cursor each, not a copy each."""
    gateway = start(threads=1)
    speaker, witness = gateway.client(), gateway.client()
    stalled = [gateway.client(receive_buffer=4096) for _ in range(50)]
    before = resident_kib(gateway.process.pid)
    shout(speaker, witness, range(320))
    grown = resident_kib(gateway.process.pid) - before
    assert gateway.status()["connections"] == 2 + len(stalled)
    print(f"resident memory grew by {grown} KiB")
    assert grown < 32 * 1024


# --- the heartbeat ---------------------------------------------------------------------------

SHORT = {"heartbeat.interval": "200ms", "heartbeat.timeout": "600ms"}


@pytest.fixture
def beating(start, threads):
    return start(threads=threads, settings=SHORT)


def test_silence_is_asked_and_an_answer_is_life(beating):
    client = beating.client()
    client.wait(lambda: client.pings >= 8, "eight pings, longer than the timeout")
    client.heard_nothing()


def test_silence_is_closed(beating):
    watcher, silent = beating.client(), beating.client(pongs=False)
    silent.register("silent")
    watcher.take("agent_joined")
    assert watcher.take("agent_left")["agent_id"] == "silent"
    reason, messages = silent.wait_closed(1001)
    assert reason == "heartbeat timeout"
    assert messages == [] and silent.pings >= 1


def test_a_peer_that_is_gone_without_a_word(beating):
    """No close, no answer, nothing read: it is pruned, and the others hear of it."""
    watcher, frozen = beating.client(), beating.client()
    frozen.register("frozen")
    watcher.take("agent_joined")
    assert watcher.take("agent_left")["agent_id"] == "frozen"
    beating.wait_status(lambda status: status["connections"] == 1)


def test_any_frame_is_life(beating):
    """One that never answers a ping but speaks is not closed."""
    client, watcher = beating.client(pongs=False), beating.client()
    for _ in range(6):
        seen = client.pings
        try:
            client.wait(lambda: client.pings > seen, "a ping")
        except Closed as closed:
            raise AssertionError("closed although it spoke") from closed
        client.send({"type": "bark"})
        watcher.wait(lambda: watcher.heard, "the bark")
        watcher.heard.clear()
    client.heard_nothing()
