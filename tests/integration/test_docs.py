"""docs/protocol.md keeps its word: the conversation in its examples is held with a gateway.

The info string of a fenced block says what it is: `json sent` is what the reader sends, `json heard` what the
reader then hears, `json others` what the agent `door` hears, `json GET PATH` the answer to a request. Nothing else
may be heard between one `json sent` and the next.
"""

import json
import re

import pytest

from harness.gateway import ROOT

TEXT = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
KINDS = ("sent", "heard", "others", "GET")

# Members that differ from run to run, or that are for people: only their type is compared.
VARYING = {"client_id", "connected_at", "message", "server", "started_at", "ts", "uptime_seconds", "version"}
# The test says a little more than the document does.
COUNTS = {"delivered", "received"}


def examples():
    """(kind, text, line) of each fenced block."""
    for found in re.finditer(r"^```(.*)\n([^`]*)^```$", TEXT, re.M):
        line = TEXT.count("\n", 0, found.start()) + 1
        yield found[1].removeprefix("json "), found[2].strip(), line


EXAMPLES = list(examples())


def assert_holds(shown, real, where):
    """Whatever the document shows is so; the real thing may have more members."""
    kind = (int, float) if isinstance(shown, (int, float)) and not isinstance(shown, bool) else type(shown)
    assert isinstance(real, kind), f"{where}: {real!r}, not {shown!r}"
    if isinstance(shown, dict):
        for name, value in shown.items():
            assert name in real, f"{where}: there is no {name!r} in {real!r}"
            assert_holds(value, real[name], f"{where}.{name}")
    elif isinstance(shown, list):
        assert len(shown) == len(real), f"{where}: {real!r}, not {shown!r}"
        for number, pair in enumerate(zip(shown, real)):
            assert_holds(*pair, f"{where}[{number}]")
    elif where.rpartition(".")[2] not in VARYING | COUNTS:
        assert real == shown, f"{where}: {real!r}, not {shown!r}"


class Reader:
    """A client and the messages it has heard and the document has not told of yet."""

    def __init__(self, client):
        self.client = client
        self.texts = []

    def settle(self):
        """Hears all that was there; a message to itself is the mark, since a ping may be an example."""
        mark = f'{{"type":"mark","target_id":"{self.client.greeting["data"]["client_id"]}"}}'
        self.client.send(mark)
        while (text := self.client.text()) != mark:
            self.texts.append(text)

    def check(self, shown, line, sent):
        assert self.texts, f"line {line}: nothing was heard"
        text = self.texts.pop(0)
        assert_holds(json.loads(shown), json.loads(text), f"line {line}")
        if json.loads(text)["type"] == json.loads(sent or "{}").get("type"):
            assert text == sent, f"line {line}: not the bytes that were sent"


@pytest.mark.threads
@pytest.mark.parametrize("threads", [1, 4])
def test_the_conversation(start, threads):
    gateway = start(threads=threads)
    door, you = Reader(gateway.agent("door", role="device")), Reader(gateway.client())
    you.texts.append(json.dumps(you.client.greeting))
    sent = None
    for kind, text, line in EXAMPLES:
        if kind == "sent":
            assert (you.texts, door.texts) == ([], []), f"before line {line}: what the document is silent about"
            sent = text
            you.client.send(sent)
            you.settle()
            door.settle()
        elif kind.startswith("GET "):
            code, _, body = gateway.request(kind.removeprefix("GET "))
            assert code == 200
            assert_holds(json.loads(text), json.loads(body), f"line {line}")
        else:
            (you if kind == "heard" else door).check(text, line, sent)
    assert (you.texts, door.texts) == ([], []), "what the document is silent about"


def test_every_example_takes_part():
    kinds = [kind.partition(" ")[0] for kind, _, _ in EXAMPLES]
    assert set(kinds) == set(KINDS), "each kind, and no other"
    assert len(kinds) == TEXT.count("```") // 2
    assert "`{\"" not in re.sub(r"`\{\"type\", ", "", TEXT), "examples are blocks, so that they are tried"
    for kind, text, line in EXAMPLES:
        assert "\n" not in text or kind != "sent", f"line {line}: what is sent is on one line"


def test_types_that_only_the_gateway_sends(start):
    client = start().client()
    listed = re.search(r"^Types that only the gateway sends [^:]*: ([^.]*)\.", TEXT, re.M)[1]
    types = re.findall(r"`([a-z_]+)`", listed)
    assert len(types) >= 10
    for name in types:
        client.send({"type": name})
        assert client.error("FORBIDDEN")["details"]["type"] == name


def test_members_of_the_status(start):
    """The table and the gateway name the same members."""
    gateway = start()
    gateway.agent("timmy")
    status = gateway.status()
    table = TEXT[TEXT.index("| Member | What it is |") :].split("\n\n", 1)[0]
    rows = [row.strip("| ").split(" | ") for row in table.splitlines()[2:]]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row[0])} == set(status)
    inner = {"agents": status["agents"][0], "messages": status["messages"], "limits": status["limits"]}
    for first, text in rows:
        name = first.strip("`")
        if name in inner:
            assert set(re.findall(r"`(\w+)`", text)) == set(inner[name])


@pytest.mark.parametrize("path", ["/health", "/healthz"])
def test_members_of_the_health(start, path):
    shown = re.search(r"`/health`.*`\{([^}]*)\}`", TEXT)[1]
    assert set(shown.split(", ")) == set(json.loads(start().request(path)[2]))


def test_paths(start):
    """Every path of the first table is served as it says."""
    gateway = start()
    table = TEXT[TEXT.index("| Path | What is there |") :].split("\n\n", 1)[0]
    paths = re.findall(r"`(/[^`]*)`", "\n".join(row.split("|")[1] for row in table.splitlines()))
    assert len(paths) >= 9
    for path in paths:
        assert gateway.request(path)[0] == (426 if "ws" in path or "world" in path else 200), path
