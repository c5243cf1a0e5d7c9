"""What a reviewer broke once, from outside: each of these failed before it was mended."""

import fcntl
import json
import os
import signal
import socket
import subprocess

import pytest

from harness import PATIENCE
from harness.gateway import environment, program, run_parley
from harness.raw import CLOSE, TEXT, Frames, close_code, exchange, frame, receive_all, upgrade_head

PING = '{"type":"ping"}'


def pongs(frames):
    return sum(opcode == TEXT and b'"pong"' in payload for opcode, payload in frames)


@pytest.mark.threads
def test_answers_reach_a_peer_that_says_nothing_more(gateway):
    """Half-closed after its messages, after its close frame, or right behind the upgrade."""
    for _ in range(20):
        client = Frames(gateway.open_socket(), gateway.host)
        client.next()
        client.send(frame(TEXT, PING) * 3)
        client.socket.shutdown(socket.SHUT_WR)
        assert pongs(client.until_end()) == 3
        client.close()

        client = Frames(gateway.open_socket(), gateway.host)
        client.next()
        client.send(frame(TEXT, PING) * 3 + frame(CLOSE, b"\x03\xe8"))
        client.socket.shutdown(socket.SHUT_WR)
        frames = client.until_end()
        assert pongs(frames) == 3 and close_code(frames) == 1000
        client.close()

        with gateway.open_socket() as s:
            s.sendall(upgrade_head(gateway.host) + frame(TEXT, PING))
            s.shutdown(socket.SHUT_WR)
            assert b'"pong"' in receive_all(s)


@pytest.mark.threads
def test_others_hear_once_that_a_half_closed_agent_has_left(gateway):
    witness = gateway.client()
    for number in range(20):
        agent = gateway.agent(f"agent-{number}")
        agent.socket.shutdown(socket.SHUT_WR)
        agent.wait(lambda agent=agent: agent.ended, "the end")
        assert witness.take("agent_joined")["agentId"] == f"agent-{number}"
        assert witness.take("agent_left")["agentId"] == f"agent-{number}"
    witness.heard_nothing()


def test_a_long_answer_comes_whole(tcp_gateway):
    """Longer than limits.send_queue_bytes and than any socket takes at once."""
    for number in range(300):
        # A world for each few: who came first would else hear of all of the others.
        tcp_gateway.agent(f"agent-{number}", world=f"w{number // 10}", capabilities=["x" * 12000])
    request = f"GET /api/gateway/status HTTP/1.1\r\nHost: {tcp_gateway.host}\r\nConnection: close\r\n\r\n"
    _, _, body = exchange(tcp_gateway.open_socket(), request.encode()).partition(b"\r\n\r\n")
    status = json.loads(body)
    # A list ends where it has become long; there is more to be had at /api/gateway/agents.
    assert status["total"] == 300 and 0 < len(status["agents"]) < 300 and len(body) > 2 << 20


def read_ready(stream):
    """The port, from the first line of the log."""
    line = stream.readline().decode()
    return int(next(word for word in line.split() if word.startswith("port=")).removeprefix("port="))


def test_a_log_that_nobody_reads_stops_nobody(threads):
    """Lines are lost, and the first one that finds room again says how many."""
    with subprocess.Popen(
        [program(), "serve", "--port", "0", "--threads", str(threads)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(),
        bufsize=0,
    ) as process:
        try:
            port = read_ready(process.stderr)
            # Full with the first line; without that, events that come too often are left out before it is.
            fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, 4096)
            with socket.create_connection(("127.0.0.1", port)) as s:
                client = Frames(s, "localhost")
                client.next()
                for number in range(100):
                    client.send(frame(TEXT, f'{{"type":"agent_register","agentId":"a{number}"}}'))
                    assert client.next()[0] == TEXT
            assert b"lost_lines=" not in process.stderr.read(1 << 20)
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
            assert b"lost_lines=" in process.stderr.read()
        finally:
            process.kill()


def test_a_log_that_cannot_be_written():
    """The disk is full: lines are lost, and everybody is served."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with open("/dev/full", "wb") as full:
        command = [program(), "serve", "--port", str(port), "--set", "log.level=debug"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=full, stderr=full, env=environment())
    try:
        while run_parley("status", url=f"http://127.0.0.1:{port}").returncode != 0:
            assert process.poll() is None
        with socket.create_connection(("127.0.0.1", port)) as s:
            client = Frames(s, f"127.0.0.1:{port}")
            client.next()
            for _ in range(100):
                client.send(frame(TEXT, PING))
                assert client.next() == (TEXT, b'{"type":"pong"}')
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("closed", ["0", "1", "2", "0 1 2"])
def test_without_standard_files(closed):
    """No socket and no event gets their numbers, where the log would be written."""
    holes = " ".join(f"{fd}>&-" for fd in closed.split())
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    process = subprocess.Popen(
        ["bash", "-c", f'exec "$0" serve --port {port} {holes}', program()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    try:
        while run_parley("status", url=f"http://127.0.0.1:{port}").returncode != 0:
            assert process.poll() is None
        for fd in closed.split():
            assert os.readlink(f"/proc/{process.pid}/fd/{fd}") == "/dev/null"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("command", ["status", "version", "help"])
@pytest.mark.parametrize("stdout", [">&-", ">/dev/full"])
def test_an_answer_that_cannot_be_written(tcp_gateway, command, stdout):
    result = subprocess.run(
        ["bash", "-c", f'exec "$0" {command} {stdout}', program()],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        env=environment(PARLEY_URL=tcp_gateway.url),
    )
    assert result.returncode == 1
