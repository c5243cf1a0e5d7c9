"""docs/protocol.md keeps its word: the conversations in its examples are held with a gateway.

The info string of a fenced block says what it is: `json sent` is what the reader sends, `json heard` what the
reader then hears, `json others` what the agent `door` hears, `json GET PATH` the answer to a request; `http sent` is a request,
`http heard` its answer. Nothing else may be heard between one that is sent and the next. What ends in `, with tokens` is the
conversation with a gateway that asks for them.
"""

import hashlib
import json
import re

import pytest

from harness.gateway import ROOT, run_parley

TEXT = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
KINDS = {"json sent", "json heard", "json others", "json GET", "http sent", "http heard"}
WITH_TOKENS = ", with tokens"

# Members that differ from run to run, or that are for people: only their type is compared.
VARYING = {"client_id", "connected_at", "message", "server", "started_at", "ts", "uptime_seconds", "version"}
# The test says a little more than the document does.
COUNTS = {"delivered", "received"}


def examples(with_tokens):
    """(kind, text, line) of each fenced block of a conversation."""
    for found in re.finditer(r"^```(.*)\n([^`]*(?:`[^`]+`[^`]*)*)^```$", TEXT, re.M):
        line = TEXT.count("\n", 0, found.start()) + 1
        if found[1].endswith(WITH_TOKENS) == with_tokens:
            yield found[1].removesuffix(WITH_TOKENS), found[2].strip(), line


EXAMPLES = list(examples(False))
EXAMPLES_WITH_TOKENS = list(examples(True))


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

    def mark(self):
        """What it sends to hear it again: a message to itself, since a ping may be an example."""
        text = f'{{"type":"mark","target_id":"{self.client.greeting["data"]["client_id"]}"}}'
        return text, text

    def settle(self):
        """Hears all that was there."""
        sent, heard = self.mark()
        self.client.send(sent)
        while (text := self.client.text()) != heard:
            self.texts.append(text)

    def check(self, shown, line, sent):
        assert self.texts, f"line {line}: nothing was heard"
        text = self.texts.pop(0)
        assert_holds(json.loads(shown), json.loads(text), f"line {line}")
        if json.loads(text)["type"] == json.loads(sent or "{}").get("type"):
            assert text == sent, f"line {line}: not the bytes that were sent"


class Stranger(Reader):
    """One that may send little: its mark is a pong."""

    def mark(self):
        return '{"type":"ping"}', '{"type":"pong"}'


def ask(gateway, request):
    """(status, body) of the answer to a request as the document has it."""
    head, _, body = request.partition("\n\n")
    first, *headers = head.splitlines()
    method, path = first.split(" ")
    if body:
        headers.append(f"Content-Length: {len(body)}")
    status, _, answer = gateway.request(path, method, headers, body.encode())
    return status, answer


def check_answer(answer, shown, line):
    status, body = answer
    number, _, text = shown.partition("\n")
    assert status == int(number), f"line {line}: {status} {body}"
    assert_holds(json.loads(text), json.loads(body), f"line {line}")


def hold(gateway, conversation, you, door):
    """Goes through a conversation; `you` has said nothing yet."""
    you.texts.append(json.dumps(you.client.greeting))
    sent = answer = None
    for kind, text, line in conversation:
        if kind.endswith("sent"):
            assert (you.texts, door.texts) == ([], []), f"before line {line}: what the document is silent about"
            if kind == "json sent":
                sent = text
                you.client.send(sent)
            else:
                sent, answer = None, ask(gateway, text)
            you.settle()
            door.settle()
        elif kind.startswith("json GET "):
            code, _, body = gateway.request(kind.removeprefix("json GET "))
            assert code == 200
            assert_holds(json.loads(text), json.loads(body), f"line {line}")
        elif kind == "http heard":
            check_answer(answer, text, line)
        else:
            (you if kind == "json heard" else door).check(text, line, sent)
    assert (you.texts, door.texts) == ([], []), "what the document is silent about"


@pytest.mark.threads
@pytest.mark.parametrize("threads", [1, 4])
def test_the_conversation(start, threads):
    gateway = start(threads=threads)
    door, you = Reader(gateway.agent("door", role="device")), Reader(gateway.client())
    hold(gateway, EXAMPLES, you, door)


def token_line(token, name, grants):
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()} {name} {grants}\n"


@pytest.mark.threads
@pytest.mark.parametrize("threads", [1, 4])
def test_the_conversation_with_tokens(start, tmp_path, threads):
    """Yours is the token that registers, the administrator's the one that publishes; both stand in the document."""
    yours = re.search(r'"mood":"ok","token":"([\w-]+)"', TEXT)[1]
    admins = re.search(r"POST /api/gateway/publish\nAuthorization: Bearer ([\w-]+)", TEXT)[1]
    tokens = tmp_path / "tokens"
    tokens.write_text(
        token_line(yours, "timmy", "publish=bark|thought sessions=world:ma*")
        + token_line(admins, "ops", "publish=* sessions=* act_as=house admin")
        + token_line("the-token-of-the-door", "door", "publish=* sessions=*")
    )
    tokens.chmod(0o600)
    gateway = start("--token-file", str(tokens), threads=threads)
    door = Stranger(gateway.client(headers=[("Authorization", "Bearer the-token-of-the-door")]))
    door.client.register("door", role="device")
    hold(gateway, EXAMPLES_WITH_TOKENS, Stranger(gateway.client()), door)


def test_every_example_takes_part():
    shown = EXAMPLES + EXAMPLES_WITH_TOKENS
    kinds = {re.match(r"(json|http) \w+", kind)[0] for kind, _, _ in shown}
    assert kinds == KINDS, "each kind, and no other"
    assert len(shown) == len(re.findall("^```", TEXT, re.M)) // 2
    assert "`{\"" not in re.sub(r"`\{\"(type\", |reason\"\})", "", TEXT), "examples are blocks, so that they are tried"
    for kind, text, line in shown:
        assert "\n" not in text or kind != "json sent", f"line {line}: what is sent is on one line"


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


# --- docs/access.md --------------------------------------------------------------------------

ACCESS = (ROOT / "docs" / "access.md").read_text(encoding="utf-8")


def box(kind):
    return re.search(rf"^```{kind}\n(.*?)^```$", ACCESS, re.M | re.S)[1]


def test_the_configuration_for_proxies(tmp_path):
    (tmp_path / "parley.yaml").write_text(box("yaml"))
    done = run_parley("config", "check", "--config", str(tmp_path / "parley.yaml"))
    assert (done.returncode, done.stderr) == (0, ""), done


def test_the_request_for_a_ticket(start, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(token_line("TOKEN", "ops", "publish=* sessions=* admin"))
    tokens.chmod(0o600)
    gateway = start("--token-file", str(tokens))
    status, body = ask(gateway, box("http").strip())
    assert status == 201, body
    assert set(json.loads(body)) == set(re.search(r"is 201 with `\{([^}]*)\}`", ACCESS)[1].replace('"', "").split(","))
    visitor = gateway.client(f"/ws/matrix?ticket={json.loads(body)['ticket']}")
    assert visitor.register("visitor-7")["data"]["agent_id"] == "visitor-7"
    visitor.send({"type": "scene_clear"})
    assert visitor.error("FORBIDDEN")["details"] == {"rule": "grant:publish"}


def test_the_table_of_origins(start):
    table = ACCESS[ACCESS.index("| In `origins` | Lets in | Not |") :].split("\n\n", 1)[0].splitlines()[2:]
    assert len(table) >= 4
    for row in table:
        pattern, allowed, refused = ([*re.findall(r"`(\S+://[^`]*|null|\*)`", cell)] for cell in row.strip("| ").split(" | "))
        gateway = start(settings={"origins": pattern[0]})
        for origin in allowed or (["https://example.org", "http://localhost"] if pattern == ["*"] else pattern):
            assert gateway.request("/health", headers=[f"Origin: {origin}"])[0] == 200, (pattern, origin)
        for origin in refused:
            assert gateway.request("/health", headers=[f"Origin: {origin}"])[0] == 403, (pattern, origin)
