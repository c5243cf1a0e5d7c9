"""What is measured, and against whom: the rows of the comparison."""

import dataclasses

EVERYBODY = ("parley", "bun", "ws", "rawsend")


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure. `options` go to parley-bench, the mode first; `figure` is the member of its answer that counts, or
    two names with a blank between for one inside of another. A target is a ratio of another hub, or with "" a limit
    in `unit`."""

    key: str
    title: str
    options: tuple
    section: str = "deliveries"
    seconds: bool = True  # it runs for a time, which --seconds sets
    figure: str = "cpu_ns_each"
    unit: str = "ns"
    targets: tuple = ()
    hubs: tuple = EVERYBODY
    dialects: tuple = ()  # of a hub, where it is not its usual one
    wrapping: tuple = ()  # "tls", "deflate" or both: what the connections are wrapped in


def fanout(clients, window, target, hubs=EVERYBODY):
    return Row(
        key=f"fanout-{clients}-{window}",
        title=f"fan-out to {clients:,}, {window} under way",
        options=("fanout", "--clients", str(clients), "--window", str(window)),
        targets=(("bun", target),),
        hubs=hubs,
    )


def large(kib, targets=()):
    return Row(
        key=f"fanout-{kib}k",
        title=f"fan-out of {kib} KiB to 100, 1 under way",
        options=("fanout", "--clients", "100", "--size", str(kib * 1024)),
        section="large",
        targets=targets,
        hubs=(*EVERYBODY, "sendfile", "uring"),
    )


def requests(window):
    return Row(
        key=f"requests-{window}",
        title=f"request and answer, {window} under way",
        options=("requests", "--window", str(window)),
        section="requests",
        targets=(("nats-tcp", 1.0), ("ws", 0.5)),
        hubs=("parley", "nats", "nats-tcp", "bun", "ws"),
        dialects=(("parley", "gateway"),),
    )


def sessions(count, joins):
    """Sessions of three. A connection is in as many of them as `joins` says: 30,000 connections are more than many
    machines allow a process."""
    return Row(
        key=f"sessions-{count}",
        title=f"{count:,} session{'s' if count > 1 else ''} of three, 16 under way",
        options=("chat", "--clients", "3", "--sessions", str(count), "--joins", str(joins), "--window", "16"),
        section="sessions",
        hubs=("parley", "nats"),
        dialects=(("parley", "gateway"),),
    )


def wrapped(key, title, options, wrapping=(), **members):
    return Row(
        key=key, title=title, options=options, section="wrapped", hubs=("parley", "bun", "ws"), wrapping=wrapping,
        **members,
    )


def growth(members):
    return Row(
        key=f"growth-{members}",
        title=f"fan-out to {members:,}, 1 under way",
        options=("fanout", "--clients", str(members)),
        section="growth",
    )


ROWS = (
    fanout(1000, 1, 0.86, hubs=(*EVERYBODY, "uring")),
    fanout(100, 16, 0.85),
    fanout(100, 64, 0.6),
    fanout(100, 256, 0.35),
    Row(
        key="chat-300",
        title="chat: 300 clients, 300 under way",
        options=("chat", "--clients", "300"),
        targets=(("bun", 0.3),),
    ),
    Row(
        key="pairs-50",
        title="50 directed pairs, ping-pong",
        options=("pairs", "--clients", "100"),
        targets=(("bun", 0.85),),
    ),
    Row(
        key="pair",
        title="one directed pair, one way, median",
        options=("pairs", "--clients", "2"),
        figure="latency_ns p50",
        targets=(("", 8000), ("bun", 0.33)),  # a round trip of 16 us, where all others need 48
    ),
    Row(
        key="probe-10000",
        title="one pair while 10,000 hear 5 broadcasts a second, p99.9",
        options=("probe", "--clients", "10000", "--seconds", "6"),  # 3,000 messages, for three to count
        seconds=False,
        figure="latency_ns p99.9",
        targets=(("", 3e6),),
        hubs=("parley", "bun"),  # more than ws can do at all
    ),
    Row(
        key="stop-1000",
        title="stopped for 100 ms at 1,500 a second to 1,000: lag",
        options=("stop", "--clients", "1000", "--seconds", "4"),
        seconds=False,
        figure="lag_ns",
        targets=(("", 130e6),),
        hubs=("parley", "bun"),  # more than ws can do at all
    ),
    Row(
        key="stalled-50",
        title="memory for 50 who do not read, 10 MiB published",
        options=("stalled", "--clients", "50"),
        seconds=False,
        figure="pss_anon_growth",
        unit="B",
        targets=(("", 16e6),),
        hubs=("parley", "bun", "ws"),
    ),
    Row(
        key="idle-10000",
        title="memory per idle connection, of 10,000",
        options=("idle", "--clients", "10000"),
        seconds=False,
        figure="pss_anon_each",
        unit="B",
        targets=(("", 256),),
        hubs=("parley", "bun", "ws"),
    ),
    Row(
        key="connect",
        title="CPU time per connect",
        options=("connect", "--clients", "8000"),
        seconds=False,
        targets=(("", 11000),),
    ),
    large(16),
    large(64, targets=(("bun", 0.5),)),
    large(256),
    requests(1),
    requests(16),
    requests(64),
    sessions(1, 1),
    sessions(100, 10),
    sessions(10000, 10),
    Row(
        key="sessions-memory",
        title="memory per membership, 10,000 sessions of three",
        options=("idle", "--clients", "3", "--sessions", "10000", "--joins", "10"),
        section="sessions",
        seconds=False,
        figure="pss_anon_each",
        unit="B",
        targets=(("", 200),),
        hubs=("parley", "nats"),
        dialects=(("parley", "gateway"),),
    ),
    wrapped("wrapped-none", "fan-out of 2 KiB to 100, plain", ("fanout", "--clients", "100", "--size", "2048")),
    wrapped(
        "deflate-100", "the same, compressed", ("fanout", "--clients", "100", "--size", "2048", "--deflate"), ("deflate",),
    ),
    wrapped("tls-100", "the same by TLS", ("fanout", "--clients", "100", "--size", "2048"), ("tls",)),
    wrapped(
        "tls-deflate-100", "the same, compressed by TLS", ("fanout", "--clients", "100", "--size", "2048", "--deflate"),
        ("tls", "deflate"),
    ),
    wrapped(
        "tls-connect", "CPU time per connect by TLS, full handshake", ("connect", "--clients", "1000"), ("tls",),
        seconds=False,
    ),
    Row(
        key="threads-64",
        title="fan-out to 100, 64 under way",
        options=("fanout", "--clients", "100", "--window", "64"),
        section="threads",
        hubs=("parley", "parley-2", "parley-4"),
    ),
    Row(
        key="threads-1",
        title="fan-out to 1,000, 1 under way",
        options=("fanout", "--clients", "1000"),
        section="threads",
        hubs=("parley", "parley-2", "parley-4"),
    ),
    growth(10),
    growth(100),
    growth(1000),
    growth(10000),
)
