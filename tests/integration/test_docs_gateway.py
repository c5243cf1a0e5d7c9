"""docs/gateway-protocol.md keeps its word: the conversation in its examples is held with a gateway.

The info string of a fenced block says who does what: `json NAME sends`, `json NAME hears` (of `you`: `send`, `hear`). Nobody may
hear anything that the document is silent about.
"""

import json
import re

import pytest

from harness.gateway import ROOT

TEXT = (ROOT / "docs" / "gateway-protocol.md").read_text(encoding="utf-8")
CLIENT_ID = re.compile(r"c-[a-z2-7]{13}")

# Members that differ from run to run, or that are for people: only their type is compared.
VARYING = {"message", "timestamp", "ts", "uptime", "stateVersion", "connectedAt", "checkedAt", "version"}


def examples():
    """(name, whether it sends, text, line) of each fenced block."""
    for found in re.finditer(r"^```(.*)\n([^`]*(?:`[^`]+`[^`]*)*)^```$", TEXT, re.M):
        line = TEXT.count("\n", 0, found.start()) + 1
        words = re.fullmatch(r"json (you|phone|timmy) (sends?|hears?)", found[1])
        assert words, f"line {line}: what is {found[1]!r}?"
        yield words[1], words[2].startswith("send"), found[2].strip(), line


class Conversation:
    def __init__(self, gateway):
        phone = gateway.control()
        phone.ask("connect", {"deviceId": "phone", "role": "webchat", "protocolVersion": 2})
        self.clients = {"phone": phone, "timmy": gateway.agent("timmy"), "you": gateway.control()}
        self.heard = {name: [] for name in self.clients}
        self.heard["you"].append(json.dumps(self.clients["you"].greeting))
        self.ids = {}  # of the document -> of the gateway
        self.sent = None

    def with_real_ids(self, text):
        return CLIENT_ID.sub(lambda found: self.ids[found[0]], text)

    def send(self, name, text, line):
        assert not any(self.heard.values()), f"before line {line}: what the document is silent about: {self.heard}"
        assert "\n" not in text, f"line {line}: what is sent is on one line"
        self.sent = self.with_real_ids(text)
        self.clients[name].send(self.sent)
        # Its own pong says that it was dealt with; then everybody hears what there is.
        for other in (name, *self.clients):
            self.heard[other] += self.clients[other].barrier_texts()

    def hear(self, name, text, line):
        assert self.heard[name], f"line {line}: {name} heard nothing"
        real = self.heard[name].pop(0)
        self.compare(json.loads(text), json.loads(real), f"line {line}")
        if json.loads(real)["id" if name != "timmy" else "type"] == json.loads(self.sent or "{}").get("id"):
            payload = re.search(r'"payload":(\{.*?\}),"', self.sent)[1]
            assert payload in real, f"line {line}: not the bytes that were sent"

    def compare(self, shown, real, where):
        """Whatever the document shows is so; only `limits` may have more members."""
        kind = (int, float) if isinstance(shown, (int, float)) and not isinstance(shown, bool) else type(shown)
        assert isinstance(real, kind), f"{where}: {real!r}, not {shown!r}"
        member = where.rpartition(".")[2]
        if isinstance(shown, dict):
            assert list(shown) == list(real)[: len(shown)], f"{where}: {real!r}, not {shown!r}"
            assert len(shown) == len(real) or member == "limits", f"{where}: {real!r}, not {shown!r}"
            for name, value in shown.items():
                self.compare(value, real[name], f"{where}.{name}")
        elif isinstance(shown, list):
            assert len(shown) == len(real), f"{where}: {real!r}, not {shown!r}"
            for number, pair in enumerate(zip(shown, real)):
                self.compare(*pair, f"{where}[{number}]")
        elif isinstance(shown, str) and CLIENT_ID.fullmatch(shown):
            assert self.ids.setdefault(shown, real) == real, f"{where}: {real!r} is not {shown!r}"
        elif member == "id" and shown.startswith("msg-"):
            assert re.fullmatch(r"msg-\d+-\d{13}", real), f"{where}: {real!r}"
        elif member not in VARYING:
            assert real == shown, f"{where}: {real!r}, not {shown!r}"


@pytest.mark.threads
@pytest.mark.parametrize("threads", [1, 4])
def test_the_conversation(start, threads):
    conversation = Conversation(start(threads=threads))
    for name, sends, text, line in examples():
        (conversation.send if sends else conversation.hear)(name, text, line)
    assert not any(conversation.heard.values()), "what the document is silent about"


def test_types_that_only_the_gateway_sends(start):
    client = start().control()
    listed = re.search(r"^Types that only the gateway sends [^:]*: ([^.]*)\.", TEXT, re.M | re.S)[1]
    types = re.findall(r"`([a-z_]+)`", listed)
    assert len(types) >= 10
    for name in types:
        client.say(name, target=client.id)
        assert client.error("FORBIDDEN")["details"]["type"] == name


def test_codes(start):
    """Those of its table are codes of the gateway."""
    table = TEXT[TEXT.index("| Code | When |") :].split("\n\n", 1)[0]
    codes = re.findall(r"`([A-Z_]{6,})`", table)
    known = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert len(codes) >= 10 and all(f"`{code}`" in known for code in codes)
