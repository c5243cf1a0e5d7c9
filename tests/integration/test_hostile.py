"""Clients that break the rules, or keep them in the worst way; everyone else goes on."""

import contextlib
import os
import random
import socket
import struct
import threading
import time

import pytest

from harness.raw import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frames,
    close_code,
    frame,
    receive_all,
    upgrade_head,
    wait_until,
)
from harness.siege import metric

PING_TEXT = '{"type":"ping"}'
BARK = '{"type":"bark","n":%d}'


def raw(gateway, **options):
    """An upgraded raw connection whose greeting has been read."""
    connection = Frames(gateway.open_socket(**options), gateway.host)
    opcode, payload = connection.next()
    assert opcode == TEXT and b"connection_ack" in payload
    return connection


def reason(code, text=b""):
    return struct.pack("!H", code) + text


VIOLATIONS = {
    "a reserved bit": (frame(TEXT, PING_TEXT, rsv=4), 1002),
    "another reserved bit": (frame(TEXT, PING_TEXT, rsv=1), 1002),
    "a reserved opcode": (frame(3, b"x"), 1002),
    "a reserved control opcode": (frame(11), 1002),
    "no mask": (frame(TEXT, PING_TEXT, mask=False), 1002),
    "a fragmented ping": (frame(PING, b"x", fin=False), 1002),
    "a long ping": (frame(PING, b"x" * 126), 1002),
    "a continuation of nothing": (frame(CONTINUATION, b"x"), 1002),
    "a message in a message": (frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"), 1002),
    "a length not minimal": (b"\x81\xfe\x00\x05abcd" + bytes(5), 1002),
    "a 64-bit length not minimal": (b"\x81\xff" + struct.pack("!Q", 5) + b"abcd" + bytes(5), 1002),
    "a length with the high bit": (b"\x81\xff" + struct.pack("!Q", 1 << 63) + b"abcd", 1002),
    "a close of one byte": (frame(CLOSE, b"\x03"), 1002),
    "close code 999": (frame(CLOSE, reason(999)), 1002),
    "close code 1005": (frame(CLOSE, reason(1005)), 1002),
    "close code 1006": (frame(CLOSE, reason(1006)), 1002),
    "close code 1015": (frame(CLOSE, reason(1015)), 1002),
    "close code 2000": (frame(CLOSE, reason(2000)), 1002),
    "close code 5000": (frame(CLOSE, reason(5000)), 1002),
    "a close reason not UTF-8": (frame(CLOSE, reason(1000, b"\xff")), 1007),
    "text not UTF-8": (frame(TEXT, b'{"type":"\xff"}'), 1007),
    "text cut in a character": (frame(TEXT, b"\xe2\x82"), 1007),
    "an overlong form": (frame(TEXT, b"\xc0\xaf"), 1007),
    "a surrogate": (frame(TEXT, b"\xed\xa0\x80"), 1007),
    "bad UTF-8 across fragments": (frame(TEXT, b"\xe2", fin=False) + frame(CONTINUATION, b"\x28\xa1"), 1007),
    "bad UTF-8 in an unfinished frame": (frame(TEXT, b'{"a":"\xff', length=1000), 1007),
    "bad UTF-8 in an unfinished message": (frame(TEXT, b'{"a":"\xff', fin=False, length=1000), 1007),
    "ten MiB and one byte": (frame(BINARY, b"", length=(10 << 20) + 1), 1009),
    "ten MiB in fragments": (
        frame(BINARY, b"x" * (6 << 20), fin=False) + frame(CONTINUATION, b"", length=(4 << 20) + 1),
        1009,
    ),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violation_after_valid_messages(tcp_gateway, name):
    """What came before it in the same write is heard and answered; what comes after is not."""
    violation, code = VIOLATIONS[name]
    hearer = tcp_gateway.client()
    bad = raw(tcp_gateway)
    before = frame(TEXT, BARK % 1) + frame(TEXT, PING_TEXT) + frame(TEXT, BARK % 2)
    bad.send(before + violation + frame(TEXT, BARK % 3))
    answers = bad.until_end()
    bad.close()
    assert b'"pong"' in answers[0][1] and len(answers) == 2
    assert close_code(answers) == code
    assert hearer.barrier_texts() == [BARK % 1, BARK % 2]


@pytest.mark.parametrize(
    "sent, answered",
    [(b"", 1005), (reason(1000), 1000), (reason(1001, b"bye"), 1001), (reason(3000), 3000), (reason(4999), 4999)],
)
def test_the_closing_handshake(tcp_gateway, sent, answered):
    connection = raw(tcp_gateway)
    connection.send(frame(CLOSE, sent) + frame(TEXT, PING_TEXT))
    frames = connection.until_end()
    assert len(frames) == 1, "nothing is answered after a close"
    assert close_code(frames) in (answered, 1000)


def test_a_half_closed_connection_is_read_to_its_end(tcp_gateway):
    hearer, agent = tcp_gateway.client(), raw(tcp_gateway)
    agent.send(frame(TEXT, '{"type":"agent_register","agentId":"t"}') + frame(TEXT, BARK % 1))
    agent.socket.shutdown(socket.SHUT_WR)
    agent.until_end()
    heard = [hearer.next()["type"] for _ in range(3)]
    assert heard == ["agent_joined", "bark", "agent_left"]


def test_a_message_of_65536_fragments(tcp_gateway):
    hearer, sender = tcp_gateway.client(), raw(tcp_gateway)
    text = '{"type":"bark","data":"x%s"}' % ("é" * 32755)
    data = text.encode()
    assert len(data) == 65536
    last = len(data) - 1
    frames = b"".join(
        frame(TEXT if at == 0 else CONTINUATION, data[at : at + 1], fin=at == last) + (frame(PING) if at == 9 else b"")
        for at in range(len(data))
    )
    sender.send(frames)
    assert hearer.text() == text
    assert sender.next() == (PONG, b"")
    sender.close()


def test_empty_fragments(tcp_gateway):
    hearer, sender = tcp_gateway.client(), raw(tcp_gateway)
    sender.send(frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 1000)
    sender.send(frame(CONTINUATION, BARK % 7, fin=False) + frame(CONTINUATION))
    assert hearer.text() == BARK % 7
    sender.close()


def pass_the_hub(client):
    """A WebSocket ping is answered by the reactor; this one by the hub, behind all that came before."""
    client.send(frame(TEXT, '{"type":"ping"}'))
    assert client.next() == (TEXT, b'{"type":"pong"}')


@pytest.mark.parametrize("size", [1, 7])
def test_a_writer_of_single_bytes(tcp_gateway, size):
    hearer, sender = tcp_gateway.client(), raw(tcp_gateway)
    sender.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = b"".join(frame(TEXT, BARK % n) for n in range(20)) + frame(PING, b"done")
    for at in range(0, len(data), size):
        sender.send(data[at : at + size])
    assert sender.next() == (PONG, b"done")
    pass_the_hub(sender)
    assert hearer.barrier_texts() == [BARK % n for n in range(20)]
    sender.close()


@pytest.mark.parametrize("seed", range(5))
def test_messages_cut_anywhere(tcp_gateway, seed):
    """Messages of many sizes in writes of many sizes arrive whole and in order."""
    dice = random.Random(seed)
    texts = [BARK % n + " " * dice.choice([0, 1, 90, 110, 3000, 65500, 70000]) for n in range(60)]
    hearer, sender = tcp_gateway.client(), raw(tcp_gateway)
    data = b"".join(frame(dice.choice([TEXT, BINARY]), text) for text in texts)
    at = 0
    while at < len(data):
        size = dice.choice([1, 2, 13, 1000, 16384, 100000])
        sender.send(data[at : at + size])
        at += size
    sender.send(frame(PING, b"done"))
    assert sender.next() == (PONG, b"done")
    pass_the_hub(sender)
    assert hearer.barrier_texts() == texts
    sender.close()


# --- floods ----------------------------------------------------------------------------------


class Probe(threading.Thread):
    """A client that asks and is answered, again and again, and opens anew now and then."""

    def __init__(self, gateway):
        super().__init__(daemon=True)
        self.gateway, self.rounds, self.worst, self.failure = gateway, 0, 0.0, None
        self.over = threading.Event()

    def run(self):
        try:
            while not self.over.is_set():
                client = self.gateway.client()
                for _ in range(20):
                    began = time.monotonic()
                    client.barrier()
                    self.worst = max(self.worst, time.monotonic() - began)
                    self.rounds += 1
                client.close()
        except BaseException as failure:
            self.failure = failure

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            # Answered throughout, and still so after the flood.
            goal = self.rounds + 40
            wait_until(lambda: self.failure or self.rounds >= goal, "the probe is answered")
        self.over.set()
        self.join()
        print(f"probe: {self.rounds} rounds, the longest {self.worst * 1000:.1f} ms")
        if kind is None and self.failure:
            raise self.failure


def test_a_ping_flood(tcp_gateway):
    flood = frame(PING, b"x" * 125) * 1000
    with Probe(tcp_gateway):
        bad = raw(tcp_gateway, receive_buffer=4096)
        for _ in range(100):
            bad.send(flood)
        bad.send(frame(PING, b"the last"))
        pongs = 0
        while True:
            opcode, payload = bad.next()
            assert opcode == PONG
            pongs += 1
            if payload == b"the last":
                break
        assert pongs <= 100_001
        bad.close()


def test_a_flood_of_errors(tcp_gateway):
    """A client that reads none of its answers is closed before they grow without a limit."""
    bad = raw(tcp_gateway, receive_buffer=4096)
    bad.socket.settimeout(0.2)
    flood = frame(TEXT, "nonsense") * 10_000
    with Probe(tcp_gateway):
        with contextlib.suppress(OSError):
            for _ in range(20):
                bad.socket.sendall(flood)
    bad.close()


@pytest.mark.threads
def test_silent_connections(tcp_gateway):
    """Some hundreds that never say a word, more by the moment, do not shut a real client out."""
    silent = []
    try:
        with Probe(tcp_gateway):
            for _ in range(600):
                silent.append(tcp_gateway.open_socket())
    finally:
        for s in silent:
            s.close()


def test_half_open_handshakes(tcp_gateway):
    """Heads that never end are refused after ten seconds; nobody else waits for them."""
    head = upgrade_head(tcp_gateway.host)[:-2]
    with Probe(tcp_gateway):
        halves = [tcp_gateway.open_socket() for _ in range(100)]
        for s in halves:
            s.sendall(head)
    for s in halves:
        answer = receive_all(s)
        assert answer.startswith(b"HTTP/1.1 408 "), answer[:200]
        s.close()


def test_connections_that_come_and_go(tcp_gateway):
    hearer = tcp_gateway.client()
    with Probe(tcp_gateway):
        for number in range(300):
            s = tcp_gateway.open_socket()
            if number % 3 == 0:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if number % 3 != 1:
                s.sendall(upgrade_head(tcp_gateway.host)[: 10 + number])
            s.close()
    tcp_gateway.wait_status(lambda status: status["connections"] <= 2)
    hearer.heard_nothing()


# --- no descriptors left -----------------------------------------------------------------------


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_no_descriptors_left(start, threads):
    gateway = start(threads=threads, prefix=["prlimit", "--nofile=80:80"])
    clients = [gateway.client() for _ in range(10)]
    more = [gateway.open_socket() for _ in range(200)]
    for s in more:
        with contextlib.suppress(OSError):
            s.sendall(upgrade_head(gateway.host))
    heard = []
    for number, speaker in enumerate(clients):
        speaker.send(BARK % number)
        heard.append(speaker.barrier_texts())
    for number, client in enumerate(clients):
        assert heard[number] + client.barrier_texts() == [BARK % n for n in range(10) if n != number]
    before = cpu_seconds(gateway.process.pid)
    time.sleep(1)  # long enough to tell a loop that spins from one that sleeps
    used = cpu_seconds(gateway.process.pid) - before
    assert used < 0.5, f"{used} s of CPU in one second of having no descriptors"
    for s in more:
        s.close()
    newcomer = wait_until(lambda: try_client(gateway), "a new client gets in")
    newcomer.send(BARK % 99)
    assert clients[0].text() == BARK % 99


def test_who_never_finishes_keeps_nobody_out(start, threads):
    """A flood that holds all descriptors, and ends no request: whoever does gets in all the same."""
    gateway = start(threads=threads, prefix=["prlimit", "--nofile=80:80"])
    flood = [gateway.open_socket() for _ in range(200)]
    for s in flood:
        with contextlib.suppress(OSError):
            s.sendall(b"GET / HTTP/1.1\r\n")
    descriptors = f"/proc/{gateway.process.pid}/fd"
    wait_until(lambda: len(os.listdir(descriptors)) == 80, "they hold all descriptors")
    client = wait_until(lambda: try_client(gateway), "a new client gets in")
    client.barrier_texts()
    for s in flood:
        s.close()
    # Until they are gone, who asks is a newcomer like others.
    wait_until(lambda: try_metric(gateway, "parley_connections_displaced_total"), "somebody had to go")
    assert metric(gateway, "parley_connection_timeouts_total") == 0


def try_metric(gateway, name):
    try:
        return metric(gateway, name)
    except (AssertionError, EOFError, OSError):
        return None


def try_client(gateway):
    try:
        client = gateway.client()
    except (AssertionError, EOFError, OSError):
        return None
    return client if client.response.status_code == 101 else None
