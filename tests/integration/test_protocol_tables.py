"""The loader of the message table: what it gives, and that each fault of a table is told with its entry and member."""

import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "schema"))

import tables  # noqa: E402

SMALL = """
[[envelope.world.field]]
name = "type"
kind = "string"
required = true
text = "The type."
[[envelope.world.field]]
name = "agent_id"
also = ["agentId"]
same = true
kind = "string"
required = true
text = "The agent."
[[envelope.world.field]]
name = "data"
kind = "object"
text = "The data."
[[envelope.gateway.field]]
name = "type"
kind = "string"
required = true
text = "The type."
[[envelope.gateway.field]]
name = "payload"
kind = "object"
text = "The payload."

[[message]]
dialect = "world"
type = "bark"
name = "bark"
direction = "client"
agent_id = "sender"
typed = true
text = "Said aloud."
  [[message.field]]
  name = "text"
  kind = "string"
  required = true
  text = "What is said."
  [[message.field]]
  name = "view"
  kind = "object"
  shape = "size"
  text = "What is seen."
  [[message.field]]
  name = "agent_id"
  at = "top"
  kind = "string"
  max_length = 128
  text = "Who barks."
  [[message.field]]
  name = "id"
  at = "top"
  kind = "string"
  text = "The id."

[[message]]
dialect = "gateway"
type = "bark"
name = "gateway_bark"
direction = "both"
typed = true
text = "Said aloud."

[[shape]]
name = "size"
text = "A size."
  [[shape.field]]
  name = "w"
  kind = "number"
  min = 0
  text = "The width."
"""


def small():
    return tomllib.loads(SMALL)


def test_members_of_a_message():
    loaded = tables.parse(small())
    bark = loaded.of("world")[0]
    members = {field.name: field for field in loaded.members_of(bark)}
    assert list(members) == ["type", "agent_id", "data", "id"]
    assert members["agent_id"].max_length == 128 and not members["agent_id"].required
    assert members["data"].required, "something inside it is required"
    assert not members["id"].required
    other = loaded.of("gateway")[0]
    assert not {field.name: field for field in loaded.members_of(other)}["payload"].required


def test_what_all_messages_have_is_told_apart():
    loaded = tables.parse(small())
    assert [field.name for field in loaded.around("world")] == ["agent_id"]
    shares, members = loaded.split(loaded.of("world")[0])
    assert not shares and [field.name for field in members] == ["type", "agent_id", "data", "id"]
    shares, members = loaded.split(loaded.of("gateway")[0])
    assert shares and [field.name for field in members] == ["type", "payload"]


def test_a_bare_message_needs_its_type_only():
    table = small()
    bark = table["message"][0]
    bark["bare"] = True
    bark["field"] = bark["field"][1:2]
    loaded = tables.parse(table)
    assert [field.name for field in loaded.members_of(loaded.messages[0]) if field.required] == ["type"]


FIELD = "message.0.field.0"
WHERE = "[[message]] world `bark`"
TEXT = "[[message]] world `bark`, field 1 `text`"
VIEW = "[[message]] world `bark`, field 2 `view`"
# What is set where ("-" takes it away), and the two things that the error has to say.
FAULTS = [
    ("message.0.dialect", "moon", "[[message]] 1", "`dialect`"),
    ("message.0.type", "Bark!", "[[message]] 1", "`type`"),
    ("message.0.type", "-", "[[message]] 1", "lacks `type`"),
    ("message.0.name", "two words", WHERE, "`name`"),
    ("message.0.name", "gateway_bark", "[[message]] gateway `bark`", "`gateway_bark` is taken"),
    ("message.0.name", "world_envelope", WHERE, "`world_envelope` is taken"),
    ("message.1.dialect", "world", WHERE, "lacks `agent_id`"),
    ("message.0.direction", "up", WHERE, "`direction`"),
    ("message.0.agent_id", "nobody", WHERE, "`agent_id`"),
    ("message.1.agent_id", "sender", "[[message]] gateway `bark`", "`agent_id`"),
    ("message.1.typed", False, "[[message]] gateway `bark`", "typed"),
    ("message.0.typed", False, WHERE, "`typed`"),
    ("message.0.typed", 1, WHERE, "`typed`"),
    ("message.0.text", "", WHERE, "`text`"),
    ("message.0.text", "end */ of it", WHERE, "`text`"),
    ("message.0.text", "two\nlines", WHERE, "`text`"),
    ("message.0.colour", "red", WHERE, "`colour`"),
    (FIELD + ".name", "a-b", "[[message]] world `bark`, field 1", "`name`"),
    (FIELD + ".name", "view", WHERE, "`view` is taken"),
    (FIELD + ".also", ["view"], WHERE, "`view` is taken"),
    (FIELD + ".also", [], TEXT, "`also`"),
    (FIELD + ".also", ["a", "a"], TEXT, "`also`"),
    (FIELD + ".same", True, TEXT, "`same`"),
    (FIELD + ".relaxed", True, WHERE, "field `text`: `relaxed`"),
    (FIELD + ".kind", "text", TEXT, "`kind`"),
    (FIELD + ".kind", "-", TEXT, "lacks `kind`"),
    (FIELD + ".kind", "array", TEXT, "`items`"),
    (FIELD + ".text", "-", TEXT, "lacks `text`"),
    (FIELD + ".required", "yes", TEXT, "`required`"),
    (FIELD + ".min", 1, TEXT, "`min`"),
    (FIELD + ".min_length", -1, TEXT, "`min_length`"),
    (FIELD + ".max_length", 1.5, TEXT, "`max_length`"),
    (FIELD + ".enum", ["a", 1], TEXT, "`enum`"),
    (FIELD + ".items", "string", TEXT, "`items`"),
    (FIELD + ".shape", "size", TEXT, "`shape`"),
    (FIELD + ".at", "bottom", TEXT, "`at`"),
    (FIELD + ".colour", "red", TEXT, "`colour`"),
    ("message.0.field.1.shape", "height", WHERE, "field `view`: there is no shape `height`"),
    (FIELD + ".array_is", "w", TEXT, "`array_is`"),
    ("message.0.field.1.array_is", 7, VIEW, "`array_is`"),
    ("message.0.field.1.array_is", "w", WHERE, "field `view`: the shape `size` has no array of strings `w`"),
    ("message.0.field.1.nullable", "no", VIEW, "`nullable`"),
    ("message.0.field.2.name", "data", WHERE, "`data`"),
    ("shape.0.field.0.min", "0", "[[shape]] `size`, field 1 `w`", "`min`"),
    ("shape.0.field.0.max", -1, "[[shape]] `size`, field 1 `w`", "`min` 0 is above `max` -1"),
    ("shape.0.field.0.at", "top", "[[shape]] `size`", "field `w`: `at`"),
    ("shape.0.name", "bark", "[[shape]] `bark`", "this name"),
    ("shape.0.name", "big_data", "[[shape]] `big_data`", "this name"),
    ("envelope.world.field.2.kind", "array", "[envelope.world]", "`items`"),
    ("envelope.world.field.2.name", "body", "[envelope.world]", "`data`"),
    ("envelope.world.field.1.same", False, "[envelope.world]", "field `agent_id`"),
    ("envelope.moon", {}, "[envelope]", "`moon`"),
    ("messages", [], "the table", "`messages`"),
]


def put(table, path, value):
    *way, last = path.split(".")
    for step in way:
        table = table[int(step)] if isinstance(table, list) else table[step]
    if value == "-":
        del table[last]
    else:
        table[last] = value


@pytest.mark.parametrize("path, value, entry, member", FAULTS, ids=lambda value: str(value)[:40])
def test_a_fault_names_entry_and_member(path, value, entry, member):
    table = small()
    put(table, path, value)
    with pytest.raises(tables.TableError) as caught:
        tables.parse(table)
    assert str(caught.value).startswith(entry) and member in str(caught.value)


def test_a_type_stands_there_once():
    table = small()
    table["message"].append(table["message"][0] | {"name": "bark_again"})
    with pytest.raises(tables.TableError, match="world `bark`: stands there twice"):
        tables.parse(table)


def test_a_shape_does_not_contain_itself():
    table = small()
    inner = {"name": "inner", "kind": "array", "items_of": "size", "text": "More of them."}
    table["shape"][0]["field"].append(inner)
    with pytest.raises(tables.TableError, match="field `inner`: the shape `size` contains itself"):
        tables.parse(table)


def test_a_file_is_named(tmp_path):
    path = tmp_path / "messages.toml"
    path.write_text("[[message]\n")
    with pytest.raises(tables.TableError, match="messages.toml: "):
        tables.load(path)


def test_the_table_of_the_tree_loads():
    loaded = tables.load(ROOT / "schema" / "messages.toml")
    assert loaded.of("world") and loaded.of("gateway")
