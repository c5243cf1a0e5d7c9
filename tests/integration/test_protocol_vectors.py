"""The vectors of the protocol against `parley protocol` and, by ajv, against the JSON Schema it prints; and random
changes of the good ones, about which the two have to agree."""

import copy
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "conformance" / "protocol"))

import vectors  # noqa: E402

DIALECTS = ("world", "gateway")
SEED = int(os.environ.get("PARLEY_TEST_SEED", "4"))
CHANGED = 8  # changed messages for each good vector
# What is put into messages: every kind, and what stands at the edges of the table's ranges.
# No number beyond 2**53: in a member that is an integer the schema allows it, and the program has 64 bits.
VALUES = [
    None, True, False, 0, -1, 1, 2, 0.5, 1.0, 1.5, 100, 101, -0.0, 1e15, 2**53, "", "x", "bark", "pending", "busy",
    "online", "gateway", "é" * 128, "é" * 129, "🌍" * 256, "🌍" * 257, [], ["x"], [7], ["x"] * 257, [{}], {}, {"w": 1, "h": 2},
    {"success": True}, {"agent_id": "x"}, {"deviceId": "x"},
]  # fmt: skip

needs_node = pytest.mark.skipif(
    not shutil.which("node") or not (ROOT / "tests" / "node_modules" / "ajv").exists(),
    reason="there is no node, or the npm packages of tests/package.json are not installed",
)


def run(command, text=b"", codes=(0,)):
    done = subprocess.run(command, input=text, capture_output=True, timeout=120)
    assert done.returncode in codes, done.stderr.decode()
    return done.stdout


def parley(*arguments, text=b"", codes=(0,)):
    return run([os.environ["PARLEY_PROGRAM"], "protocol", *arguments], text, codes)


def judged(output, count):
    lines = [json.loads(line) for line in output.split(b"\n")[:-1]]
    assert len(lines) == count
    return lines


def by_parley(action, dialect, texts):
    text = b"".join(one + b"\n" for one in texts)
    output = parley(action, "--dialect", dialect, "--json", text=text, codes=(0, 1))
    return judged(output, len(texts))


@pytest.fixture(scope="module")
def by_ajv(tmp_path_factory):
    """A function that judges texts by the schema that the program prints."""
    folder = tmp_path_factory.mktemp("schema")

    def judge(dialect, texts):
        schema = folder / f"{dialect}.json"
        if not schema.exists():
            schema.write_bytes(parley("schema", "--dialect", dialect))
        script = ROOT / "tests" / "protocol" / "judge.mjs"
        text = b"".join(one + b"\n" for one in texts)
        return judged(run(["node", script, schema], text), len(texts))

    return judge


@pytest.fixture(scope="module")
def found():
    """The vectors of the strict level."""
    return [vector for vector in vectors.vectors() if vector.level != "known"]


def differences(own, verdicts):
    return [
        (vector.name, vector.text[:300], verdict)
        for vector, verdict in zip(own, verdicts)
        if verdict["ok"] != vector.ok or verdict.get("wrong")
    ]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_program_decides_as_the_vectors(dialect, found):
    own = [vector for vector in found if vector.dialect == dialect]
    verdicts = by_parley("check", dialect, [vector.text for vector in own])
    for vector, verdict in zip(own, verdicts):
        said = (verdict.get("path"), verdict.get("position"))
        wanted = (
            said[0] if vector.path is None else vector.path,
            said[1] if vector.position is None else vector.position,
        )
        verdict["wrong"] = not vector.ok and said != wanted
    assert differences(own, verdicts) == []


@needs_node
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_schema_decides_as_the_vectors(dialect, found, by_ajv):
    own = [vector for vector in found if vector.dialect == dialect and vector.schema]
    assert len(own) > 2000
    verdicts = by_ajv(dialect, [vector.text for vector in own])
    assert differences(own, verdicts) == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_good_messages_make_round_trips(dialect, found):
    own = [vector.text for vector in found if vector.dialect == dialect and vector.ok]
    once = parley("roundtrip", "--dialect", dialect, text=b"\n".join(own) + b"\n")
    assert once.count(b"\n") == len(own)
    assert parley("roundtrip", "--dialect", dialect, text=once) == once
    verdicts = by_parley("roundtrip", dialect, own)
    assert [verdict["encoded"] for verdict in verdicts] == [json.loads(line) for line in once.split(b"\n")[:-1]]


def places(value, path=()):
    """Every place in a message but its own, as a list of keys and indexes."""
    inner = []
    if isinstance(value, dict):
        inner = list(value)
    elif isinstance(value, list):
        inner = range(len(value))
    for step in inner:
        yield (*path, step)
        yield from places(value[step], (*path, step))


def change(chance, message, words):
    """One change: a value for another, a member away, a member more, or one under another's name."""
    steps = chance.choice(list(places(message)))
    inside = message
    for step in steps[:-1]:
        inside = inside[step]
    last = steps[-1]
    kind = chance.randrange(4)
    if kind == 0:
        inside[last] = copy.deepcopy(chance.choice(VALUES))
    elif kind == 1:
        del inside[last]
    elif kind == 2 and isinstance(inside, dict):
        inside[chance.choice(words)] = copy.deepcopy(chance.choice(VALUES))
    elif isinstance(inside, dict):
        inside[chance.choice(words)] = inside.pop(last)


def has_conflict(message):
    """Two names of one member with two values: what a JSON Schema cannot see."""
    pairs = (("agent_id", "agentId"), ("target_id", "targetId"))
    return any(
        first in message and other in message and message[first] != message[other]
        for first, other in pairs
    )


def changed_messages(dialect, found):
    """Changes of the good messages, with those that are no messages of the schema's world left out."""
    chance = random.Random(SEED)
    good = [json.loads(vector.text) for vector in found if vector.dialect == dialect and ": good " in vector.name]
    words = sorted({step for message in good for path in places(message) for step in path if isinstance(step, str)})
    for message in good * CHANGED:
        changed = copy.deepcopy(message)
        for _ in range(chance.choice((1, 1, 2, 3))):
            if changed:
                change(chance, changed, words)
        if not has_conflict(changed):
            yield json.dumps(changed, ensure_ascii=chance.random() < 0.5).encode()


@needs_node
@pytest.mark.parametrize("dialect", DIALECTS)
def test_program_and_schema_agree_about_changed_messages(dialect, found, by_ajv):
    texts = list(changed_messages(dialect, found))
    verdicts = list(zip(texts, by_parley("check", dialect, texts), by_ajv(dialect, texts)))
    assert [row for row in verdicts if row[1]["ok"] != row[2]["ok"]] == []
    accepted = sum(row[1]["ok"] for row in verdicts)
    assert 200 < accepted < len(texts) - 200, "the changes are either all harmless or all fatal"
