"""What is made of the message table for others, judged by others: ajv, the AsyncAPI parser, tsc and mypy."""

import copy
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.gateway import run_parley

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "schema"))

import tables as message_tables  # noqa: E402

TABLES = message_tables.load(ROOT / "schema" / "messages.toml")
DIALECTS = message_tables.DIALECTS
VECTORS = ROOT / "tests" / "conformance" / "protocol"
NODE = shutil.which("node")
MYPY = shutil.which("mypy")
PACKAGES = ROOT / "tests" / "node_modules"

needs_node = pytest.mark.skipif(
    not NODE or not (PACKAGES / "ajv").exists(),
    reason="there is no node, or the npm packages of tests/package.json are not installed",
)
needs_mypy = pytest.mark.skipif(not MYPY, reason="there is no mypy")

# The file, and what makes it.
EXPORTS = {
    "world.json": ["export_jsonschema.py", "world"],
    "gateway.json": ["export_jsonschema.py", "gateway"],
    "asyncapi.json": ["export_asyncapi.py"],
    "parley.ts": ["export_typescript.py"],
    "parley_messages.py": ["export_python.py"],
}
COMMANDS = {
    "world.json": ["schema"],
    "gateway.json": ["schema", "--dialect", "gateway"],
    "asyncapi.json": ["asyncapi"],
    "parley.ts": ["typescript"],
    "parley_messages.py": ["python"],
}

WORLD = {"agent_id": "timmy", "ts": 1}
GATEWAY = {"id": "1"}
# Messages that no judge may let pass: dialect, message, where the schema finds the fault.
WRONG = [
    ("world", {"type": "bark", "data": {}} | WORLD, "/data"),
    ("world", {"type": "bark"} | WORLD, ""),
    ("world", {"type": "bark", "data": {"text": 7}} | WORLD, "/data/text"),
    ("world", {"type": "bark", "data": {"text": None}} | WORLD, "/data/text"),
    ("world", {"type": "bark", "data": {"text": "x"}, "agent_id": "timmy"}, ""),
    ("world", {"type": "bark", "data": []} | WORLD, "/data"),
    ("world", {"type": "barked", "data": {"text": "x"}} | WORLD, "/type"),
    ("world", {"data": {"text": "x"}} | WORLD, ""),
    ("world", {"type": "agent_state", "data": {"mood": "x"}} | WORLD, "/data"),
    ("world", {"type": "agent_state", "data": {"status": 1}} | WORLD, "/data/status"),
    ("world", {"type": "task_update", "data": {"task_id": "t", "status": "done"}} | WORLD, "/data/status"),
    (
        "world",
        {"type": "visitor_state", "data": {"event": "x", "viewport": {"w": 1}}} | WORLD,
        "/data/viewport",
    ),
    ("world", {"type": "connection_ack", "data": {"client_id": "c", "agents": [{}]}} | WORLD, "/data/agents/0"),
    ("world", {"type": "agent_move", "data": 7} | WORLD, "/data"),
    ("gateway", {"type": "chat", "payload": {"message": "x"}}, ""),
    ("gateway", {"type": "chat"} | GATEWAY, ""),
    ("gateway", {"type": "bark", "payload": {}} | GATEWAY, "/type"),
    ("gateway", {"type": "monitor", "payload": {"types": [7]}} | GATEWAY, "/payload/types/0"),
    ("gateway", {"type": "presence", "payload": {"deviceId": "d", "status": "on"}} | GATEWAY, "/payload/status"),
]
# What only ranges and lengths forbid, which types of languages cannot say.
OUT_OF_RANGE = [
    ("world", {"type": "agent_state", "data": {"state": "x", "energy": 1.01}} | WORLD, "/data/energy"),
    ("world", {"type": "agent_state", "data": {"state": "x" * 257}} | WORLD, "/data/state"),
    ("world", {"type": "visitor_state", "data": {"event": "x", "count": -1}} | WORLD, "/data/count"),
    ("world", {"type": "visitor_state", "data": {"event": "x", "count": 1.5}} | WORLD, "/data/count"),
    ("world", {"type": "subscribe", "types": ["x"] * 1025}, "/types"),
    ("gateway", {"type": "ping", "id": ""}, "/id"),
]


def export(name, folder, **environment):
    script, *options = EXPORTS[name]
    target = folder / name
    command = [sys.executable, ROOT / "schema" / script, *options, ROOT / "schema" / "messages.toml", target]
    subprocess.run(command, check=True, env=os.environ | environment)
    return target


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    return {name: export(name, folder) for name in EXPORTS}


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def run_node(script, *arguments, text=""):
    command = [NODE, ROOT / "tests" / "protocol" / script, *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def verdicts(schema, messages):
    text = "".join(json.dumps(message) + "\n" for message in messages)
    lines = [json.loads(line) for line in run_node("judge.mjs", schema, text=text).splitlines()]
    assert len(lines) == len(messages)
    return lines


def good_messages(dialect):
    """The messages of the vectors that every judge has to take."""
    for path in sorted((VECTORS / dialect).glob("*.json")):
        vector = read_json(path)
        for name in vector["types"]:
            for message in vector.get("good", []):
                yield {"type": name} | message


def known_only(value, fields):
    """An object as Python's types know it: without members that the table does not have, 2.0 as the integer it is."""
    known = {name: field for field in fields for name in (field.name, *field.also)}
    return {name: known_value(inner, known[name]) for name, inner in value.items() if name in known}


def known_value(value, field):
    shape = field.shape or field.items_of
    if field.kind == "integer":
        return int(value)
    if not shape or value is None or field.array_is and isinstance(value, list):
        return value
    fields = TABLES.shapes[shape].fields
    return known_only(value, fields) if field.shape else [known_only(item, fields) for item in value]


def known_message(dialect, message):
    entry = next(entry for entry in TABLES.of(dialect) if entry.type == message["type"])
    found = known_only(message, TABLES.members_of(entry))
    body = TABLES.envelopes[dialect].body
    if entry.fields and body in found:
        found[body] = known_only(found[body], entry.fields)
    return found


@pytest.mark.parametrize("name", EXPORTS)
def test_each_run_makes_the_same(name, exported, tmp_path):
    for seed in ("1", "2"):
        assert export(name, tmp_path, PYTHONHASHSEED=seed).read_bytes() == exported[name].read_bytes()


@pytest.mark.parametrize("name", EXPORTS)
def test_texts_of_the_table_are_there(name, exported):
    text = exported[name].read_text(encoding="utf-8").replace('\\"', '"')
    for message in TABLES.messages:
        if name in ("world.json", "gateway.json") and message.dialect + ".json" != name:
            continue
        for said in (message, *message.fields, *message.top):
            assert said.text in text


@pytest.mark.parametrize("name", EXPORTS)
def test_the_program_prints_it(name, exported):
    done = run_parley("protocol", *COMMANDS[name])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == exported[name].read_text(encoding="utf-8")


def test_a_broken_table_makes_nothing(tmp_path):
    broken = tmp_path / "messages.toml"
    broken.write_text("[[message]]\ntype = 7\n")
    for script, *options in EXPORTS.values():
        command = [sys.executable, ROOT / "schema" / script, *options, broken, tmp_path / "out"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 1 and "messages.toml: " in done.stderr
    assert not (tmp_path / "out").exists()


@needs_node
@pytest.mark.parametrize("dialect", DIALECTS)
def test_schema_takes_the_good(dialect, exported):
    messages = list(good_messages(dialect))
    assert {message["type"] for message in messages} <= {entry.type for entry in TABLES.of(dialect)}
    for message, verdict in zip(messages, verdicts(exported[dialect + ".json"], messages)):
        assert verdict["ok"], (message, verdict)


@needs_node
@pytest.mark.parametrize("dialect", DIALECTS)
def test_schema_refuses_the_wrong_and_says_where(dialect, exported):
    cases = [(message, path) for found, message, path in WRONG + OUT_OF_RANGE if found == dialect]
    found = verdicts(exported[dialect + ".json"], [message for message, _ in cases])
    for (message, path), verdict in zip(cases, found):
        assert (verdict["ok"], verdict.get("path")) == (False, path), (message, verdict)


@needs_node
def test_asyncapi_is_valid(exported):
    found = json.loads(run_node("asyncapi.mjs", exported["asyncapi.json"]))
    assert found["faults"] == []
    assert {(name, made["action"], made["address"]) for name, made in found["operations"].items()} == {
        ("receive_world", "receive", "/ws/matrix"),
        ("send_world", "send", "/ws/matrix"),
        ("receive_gateway", "receive", "/ws"),
        ("send_gateway", "send", "/ws"),
    }
    for dialect in DIALECTS:
        received = found["operations"][f"receive_{dialect}"]["types"]
        sent = found["operations"][f"send_{dialect}"]["types"]
        for message in TABLES.of(dialect):
            assert (message.type in received) == (message.direction != "gateway")
            assert (message.type in sent) == (message.direction != "client")


@needs_node
@pytest.mark.parametrize("dialect", DIALECTS)
def test_asyncapi_has_the_schemas_and_examples_that_they_take(dialect, exported):
    text = exported["asyncapi.json"].read_text(encoding="utf-8")
    components = json.loads(text.replace('"#/components/schemas/', '"#/$defs/'))["components"]
    messages = components["messages"]
    schemas = read_json(exported[dialect + ".json"])["$defs"]
    envelope = dialect + "_envelope"
    assert components["schemas"][envelope] == schemas[envelope]
    examples = []
    for entry in TABLES.of(dialect):
        schema = schemas[entry.name]
        del schema["title"], schema["description"]
        assert messages[entry.name]["payload"] == schema
        own = [example["payload"] for example in messages[entry.name]["examples"]]
        assert own and all(example["type"] == entry.type for example in own)
        examples += own
    for example, verdict in zip(examples, verdicts(exported[dialect + ".json"], examples)):
        assert verdict["ok"], (example, verdict)


@needs_node
def test_the_asyncapi_parser_looks(exported, tmp_path):
    sound = read_json(exported["asyncapi.json"])
    broken = {name: copy.deepcopy(sound) for name in ("example", "reference", "action")}
    broken["example"]["components"]["messages"]["bark"]["examples"] = {}
    broken["reference"]["channels"]["world"]["messages"]["bark"]["$ref"] += "s"
    broken["action"]["operations"]["send_world"]["action"] = "shout"
    for name, document in broken.items():
        path = tmp_path / (name + ".json")
        path.write_text(json.dumps(document))
        assert json.loads(run_node("asyncapi.mjs", path))["faults"], name


TYPESCRIPT_USE = """
export function say(message: WorldMessage): string {
  switch (message.type) {
    case "bark":
    case "thought":
      return message.data.text;
    case "agent_move":
      return String(message.data["x"]);
    case "task_update": {
      const status: "pending" | "in_progress" | "completed" | "failed" = message.data.status;
      return status;
    }
    default:
      return "";
  }
}
// @ts-expect-error: a task has no text
export const text = (message: TaskUpdateMessage): string => message.data.text;
"""


def write_typescript(folder, exported, cases):
    """A program with each (dialect, message, is it good); a bad one has to be refused."""
    shutil.copy(exported["parley.ts"], folder)
    lines = ['import type { GatewayMessage, TaskUpdateMessage, WorldMessage } from "./parley";', TYPESCRIPT_USE]
    for number, (dialect, message, is_good) in enumerate(cases):
        if not is_good:
            lines.append("// @ts-expect-error")
        lines.append(f"export const m{number}: {dialect.capitalize()}Message = {json.dumps(message)};")
    path = folder / "use.ts"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def all_cases():
    good = [(dialect, message, True) for dialect in DIALECTS for message in good_messages(dialect)]
    return good + [(dialect, message, False) for dialect, message, _ in WRONG]


@needs_node
def test_typescript_takes_the_good_and_refuses_the_wrong(exported, tmp_path):
    path = write_typescript(tmp_path, exported, all_cases())
    command = [NODE, PACKAGES / "typescript" / "bin" / "tsc", "--strict", "--noEmit", "--target", "es2020"]
    done = subprocess.run([*command, path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


PYTHON_USE = """
def say(message: WorldMessage) -> str:
    if message["type"] == "bark":
        return message["data"]["text"]
    if message["type"] == "task_update":
        status: Literal["pending", "in_progress", "completed", "failed"] = message["data"]["status"]
        return status
    return ""
"""


def write_python(folder, exported, cases):
    """The program, and the lines that have to be refused."""
    shutil.copy(exported["parley_messages.py"], folder)
    lines = ["from typing import Literal", "from parley_messages import GatewayMessage, WorldMessage"]
    lines += PYTHON_USE.splitlines()
    refused = set()
    for number, (dialect, message, is_good) in enumerate(cases):
        value = known_message(dialect, message) if is_good else message
        lines.append(f"m{number}: {dialect.capitalize()}Message = {value!r}")
        if not is_good:
            refused.add(len(lines))
    lines.append("def text(message: WorldMessage) -> object:")
    lines.append('    return message["data"]["text"] if message["type"] == "task_update" else None')
    refused.add(len(lines))
    (folder / "use.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return refused


def run_mypy(folder, *files):
    command = [MYPY, "--strict", "--no-error-summary", "--cache-dir", os.devnull, *files]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@needs_mypy
def test_python_takes_the_good_and_refuses_the_wrong(exported, tmp_path):
    refused = write_python(tmp_path, exported, all_cases())
    done = run_mypy(tmp_path, "parley_messages.py")
    assert done.returncode == 0, done.stdout
    done = run_mypy(tmp_path, "use.py")
    faults = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert {line.split(":")[0] for line in faults} == {"use.py"}
    assert {int(line.split(":")[1]) for line in faults} == refused, done.stdout


def test_python_runs(exported):
    code = "import parley_messages as m; print(m.BarkData.__required_keys__, m.MonitorPayload.__doc__)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=exported["parley_messages.py"].parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "'text'" in done.stdout, done.stderr
