#!/usr/bin/python3
"""How long one client waits while others misbehave: among thousands that connect and say nothing, in a
world of a thousand, and beside one that floods it. Prints a table; --write puts it into bench/FLOOD.md."""

import argparse
import contextlib
import multiprocessing
import os
import pathlib
import resource
import select
import socket
import ssl
import struct
import sys
import time

import compare
import hubs
import results

HERE = pathlib.Path(__file__).resolve().parent
FORK = multiprocessing.get_context("fork")

HALF_A_HEAD = b"GET /ws/ma"
PONG = b"\x8a\x80" + bytes(4)  # unsolicited, a sign of life
SOURCES = 8  # loopback addresses that the silent ones come from
PATIENCE = 30

INTRODUCTION = """\
# Floods

What one well-behaved client notices of those that are not: medians and tails of its waiting times, on one
machine with the clients that make the load. What is measured: `bench/README.md`. Written by `script/bench flood --write`.
"""


# --- a client, as small as it can be ----------------------------------------------------------


def frame(text):
    """A masked text frame; a key of zeros leaves the payload as it is."""
    data = text.encode()
    size = struct.pack("!B", 0x80 | len(data)) if len(data) < 126 else struct.pack("!BH", 0xFE, len(data))
    return b"\x81" + size + bytes(4) + data


class Client:
    def __init__(self, port, tls=None):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.buffer = b""
        self.socket.sendall(
            b"GET /ws/matrix HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        while b"\r\n\r\n" not in self.buffer:
            self._receive()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        if b" 101 " not in head:
            raise compare.RunFailed(f"no upgrade: {head[:100]!r}")
        self.wait_for(b'"connection_ack"')

    def _receive(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise compare.RunFailed("the gateway has closed the connection of a client that did no wrong")
        self.buffer += data

    def _take(self, count):
        while len(self.buffer) < count:
            self._receive()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def wait_for(self, part):
        """Reads messages up to the one with this in it."""
        while True:
            size = self._take(2)[1]
            if size == 126:
                (size,) = struct.unpack("!H", self._take(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", self._take(8))
            if part in self._take(size):
                return

    def send(self, text):
        self.socket.sendall(frame(text))

    def hear_nothing(self):
        """From now on only replies; so a wait is the gateway's and not that of reading."""
        self.send('{"type":"subscribe","types":["nothing"]}')
        self.ping()

    def ping(self):
        self.send('{"type":"ping"}')
        self.wait_for(b'"pong"')

    def close(self):
        self.socket.close()


# --- those that make the load, each in a process of its own -----------------------------------


def work_beside(work, ready, arguments):
    os.nice(10)  # the probe shares the CPU, and what is asked is how long the gateway lets it wait
    work(ready, *arguments)


@contextlib.contextmanager
def beside(work, *arguments):
    """Runs work(ready, *arguments) in a process beside this one, which ends with the block."""
    here, there = FORK.Pipe()
    process = FORK.Process(target=work_beside, args=(work, there, arguments), daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(PATIENCE):
            raise compare.RunFailed("the load does not start")
        here.recv()
        yield
        if not process.is_alive():
            raise compare.RunFailed("the load has ended before the measurement")
    finally:
        process.kill()
        process.join()


def be_a_crowd(ready, port, count, rate):
    """`count` clients that read what comes, and one more that speaks to them `rate` times a second. Each
    shows every 50 broadcasts that it is alive, so that the heartbeat leaves it in peace."""
    clients = [Client(port) for _ in range(count)]
    speaker = Client(port)
    speaker.hear_nothing()
    poller = select.epoll()
    sockets = {client.socket.fileno(): client.socket for client in clients}
    for number in sockets:
        poller.register(number, select.EPOLLIN)
    text = frame('{"type":"scene_update","agent_id":"crowd","data":{"text":"' + "." * 64 + '"}}')
    ready.send(None)
    due = time.monotonic()
    turn = 0
    while True:
        for number, _ in poller.poll(max(0.0, due - time.monotonic())):
            if not sockets[number].recv(1 << 18):
                return
        if time.monotonic() >= due:
            speaker.socket.sendall(text)
            for client in clients[turn % 50 :: 50]:
                client.socket.sendall(PONG)
            turn += 1
            due += 1 / rate


def be_a_flood(ready, port):
    """One client that says as much as the gateway takes, to everybody."""
    client = Client(port)
    client.hear_nothing()
    block = frame('{"type":"bark","agent_id":"flood","data":{"text":"' + "!" * 64 + '"}}') * 256
    client.socket.settimeout(None)
    ready.send(None)
    while True:
        client.socket.sendall(block)


def client_hello():
    """The first words of a handshake, which cost who says them nothing, and who answers them a signature."""
    heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(heard, said, server_hostname="127.0.0.1")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return said.read()


def be_handshaking(ready, port, at_once):
    """One address that keeps `at_once` handshakes under way, and ends none: with the answer it hangs up."""
    hello = client_hello()
    poller = select.epoll()
    sockets = {}
    ready.send(None)
    while True:
        while len(sockets) < at_once:
            each = socket.create_connection(("127.0.0.1", port), PATIENCE, ("127.0.0.9", 0))
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # no TIME_WAIT
            each.sendall(hello)
            sockets[each.fileno()] = each
            poller.register(each, select.EPOLLIN)
        for number, _ in poller.poll():
            sockets.pop(number).close()


@contextlib.contextmanager
def silent(port, count):
    """`count` connections that never become clients; every other has sent 10 bytes of a head."""
    with contextlib.ExitStack() as stack:
        opened = []
        for number in range(count):
            source = (f"127.0.0.{2 + number % SOURCES}", 0)
            each = socket.create_connection(("127.0.0.1", port), PATIENCE, source)
            opened.append(stack.enter_context(each))
            if number % 2 == 0:
                each.sendall(HALF_A_HEAD)
        yield opened


def still_open(connections):
    poller = select.poll()
    for each in connections:
        poller.register(each, select.POLLIN)
    return len(connections) - len(poller.poll(0))


# --- what is measured -------------------------------------------------------------------------


def time_of(work):
    start = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - start) / 1000


def time_arrivals(port, count, tls=None):
    """Microseconds from connect() to the acknowledgement of the registration, `count` times."""

    def arrive(number):
        client = Client(port, tls)
        client.send(f'{{"type":"agent_register","agentId":"probe-{number}"}}')
        client.wait_for(b'"connection_ack"')
        client.close()

    return [time_of(lambda: arrive(number)) for number in range(count)]


def time_pings(port, count, pause, tls=None):
    client = Client(port, tls)
    client.hear_nothing()
    times = []
    for _ in range(count):
        times.append(time_of(client.ping))
        time.sleep(pause)
    client.close()
    return times


def summarize(title, times):
    ordered = sorted(times)

    def quantile(q):
        return ordered[min(len(ordered) - 1, int(q * len(ordered)))]

    return {
        "title": title, "count": len(ordered), "p50": quantile(0.5), "p99": quantile(0.99),
        "p99.9": quantile(0.999), "worst": ordered[-1],
    }


def measure(arguments, port):
    """One line of the table after the other."""

    def pings():
        return time_pings(port, arguments.pings, 0.002)

    yield summarize("arrival, nobody else there", time_arrivals(port, arguments.arrivals))
    with silent(port, arguments.silent) as connections:
        times = time_arrivals(port, arguments.arrivals)
        left = still_open(connections)
    yield summarize(f"arrival, {arguments.silent:,} silent connections ({left:,} still open after it)", times)
    yield summarize("ping, nobody else there", pings())
    crowd = f"{arguments.crowd:,} clients hear 5 broadcasts a second"
    with beside(be_a_crowd, port, arguments.crowd, 5):
        yield summarize(f"ping, {crowd}", pings())
        with beside(be_a_flood, port):
            yield summarize(f"ping, {crowd}, and one floods them", pings())


def measure_handshakes(arguments, port):
    """The same of a gateway that speaks TLS."""
    tls = ssl.create_default_context(cafile=compare.key_and_certificate()[1])

    def lines(who):
        yield summarize(f"arrival by TLS, {who}", time_arrivals(port, arguments.arrivals, tls))
        yield summarize(f"ping by TLS, {who}", time_pings(port, arguments.pings, 0.002, tls))

    yield from lines("nobody else there")
    with beside(be_handshaking, port, arguments.handshakes):
        yield from lines(f"an address begins {arguments.handshakes} handshakes at a time")


def cells(line):
    return [f"{line[key] / 1000:.2f}" for key in ("p50", "p99", "p99.9", "worst")]


def render(run, lines):
    shown = "\n".join(
        f"| {each['title']} | {each['count']:,} | {' | '.join(cells(each))} |" for each in lines
    )
    virtual = ", virtual" if run["virtual"] else ""
    return f"""{INTRODUCTION}
| Milliseconds of a probe | probes | median | p99 | p99.9 | worst |
|---|---|---|---|---|---|
{shown}

| | |
|---|---|
| Date | {run["date"]} |
| Commit | {run["commit"]} |
| Machine | {run["cpu"]}, {run["cpus"]} CPUs{virtual}; load average at the start {run["load_average"]} |
| Kernel | Linux {run["kernel"]} |
| Command | `{run["command"]}` |
| CPUs | gateway {run["server_cpu"]} (threads: {run["threads"]}), all clients {run["load_cpu"]} |
"""


def parse_arguments():
    parser = argparse.ArgumentParser(prog="script/bench flood", description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="Meson's directory")
    parser.add_argument("--silent", type=int, default=3000, help="connections that say nothing (3000)")
    parser.add_argument("--crowd", type=int, default=1000, help="clients of the world (1000)")
    parser.add_argument("--handshakes", type=int, default=200, help="of TLS that are begun at a time (200)")
    parser.add_argument("--arrivals", type=int, default=50, help="of the probe (50)")
    parser.add_argument("--pings", type=int, default=2000, help="of the probe, each time (2000)")
    parser.add_argument("--threads", type=int, default=1, help="of the gateway (1)")
    parser.add_argument("--server-cpu", type=int, help="the gateway's CPU (the first)")
    parser.add_argument("--load-cpu", type=int, help="the clients' CPU (the last)")
    parser.add_argument("--write", action="store_true", help="write bench/FLOOD.md")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    compare.choose_cpus(arguments)
    arguments.rounds, arguments.seconds = 1, 0
    hub = next((each for each in hubs.find_hubs(arguments.build) if each.name == "parley"), None)
    if hub is None:
        sys.exit("script/bench: there is no parley in " + str(arguments.build))
    run = results.describe_machine(arguments, [hub])
    run["threads"] = arguments.threads
    run["command"] = run["command"].replace("script/bench", "script/bench flood", 1)
    serve = hubs.Hub("parley", (*hub.command[:2], "--threads", str(arguments.threads), "--port"))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    lines = []
    for wrapping, what in (((), measure), (("tls",), measure_handshakes)):
        with compare.running(serve, arguments.server_cpu, wrapping) as (_, port):
            os.sched_setaffinity(0, {arguments.load_cpu})
            for line in what(arguments, port):
                lines.append(line)
                print(f"{line['title']}: median, p99, p99.9, worst: {', '.join(cells(line))} ms", flush=True)
    if arguments.write:
        (HERE / "FLOOD.md").write_text(render(run, lines))
        print("written: bench/FLOOD.md")


if __name__ == "__main__":
    main()
