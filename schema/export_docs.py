"""The messages for people: docs/messages.md."""

from exporting import field_text, message_text

TITLES = {"world": "The world", "gateway": "The gateway dialect"}
INTRODUCTION = """
# Messages

Every type of message of both dialects, and what is checked of it. The table that this page is made of also makes the
C structs of `parley/protocol.h`, the JSON Schemas, AsyncAPI, TypeScript and Python that `parley protocol` prints, and
is what `parley protocol check` goes by. How messages travel is told in [the protocol](protocol.md).

Members that do not stand here are allowed everywhere, and kept. A number is one that a double can hold; an integer is one without a
fraction, however it is spelled, and fits in 64 bits. A length is in characters (Unicode code points) of a string. No member may stand twice in an
object that is described here.

"""
MEMBERS = "| Member | Kind | | What it is |\n|---|---|---|---|\n"


def kind_of(field):
    words = [field.kind]
    if field.enum:
        words = [" or ".join(f"`{word}`" for word in field.enum)]
    elif field.shape:
        words = [f"[{field.shape}](#{field.shape})"] + ["or array of strings"] * bool(field.array_is)
    elif field.items_of:
        words = [f"array of [{field.items_of}](#{field.items_of})"]
    elif field.items:
        words = [f"array of {field.items}s"]
    return " ".join(words + ["or null"] * field.nullable)


def row(field, prefix=""):
    needed = "required" if field.required else ""
    return f"| `{prefix}{field.name}` | {kind_of(field)} | {needed} | {field_text(field, field.name)} |\n"


def message_lines(tables, message):
    body = tables.envelopes[message.dialect].body
    yield f"### `{message.type}`\n\n{message_text(message)}"
    if message.bare:
        yield " Nothing but `type` is needed of what every message has."
    yield "\n\n"
    if message.top or message.fields:
        yield MEMBERS
        yield from (row(field) for field in message.top)
        yield from (row(field, body + ".") for field in message.fields)
        yield "\n"


def dialect_lines(tables, dialect):
    envelope = tables.envelopes[dialect]
    yield f"## {TITLES[dialect]}\n\n{envelope.text}\n\n{MEMBERS}"
    yield from map(row, envelope.fields)
    if dialect == "world":
        yield "\nA gateway that is set to check what it receives does without `agent_id`, `ts` and an empty `data`.\n"
    yield "\n"
    known = [message for message in tables.of(dialect) if not message.typed]
    for message in tables.of(dialect):
        if message.typed:
            yield from message_lines(tables, message)
    if known:
        yield "### Types that are known by name\n\nTheir `data` may be any object.\n\n"
        yield "| Type | What it says |\n|---|---|\n"
        for message in known:
            yield f"| `{message.type}` | {message_text(message)} |\n"
        yield "\n"


def messages_md(tables):
    yield INTRODUCTION
    for dialect in tables.envelopes:
        yield from dialect_lines(tables, dialect)
    yield "## Objects inside of messages\n"
    for shape in tables.shapes.values():
        yield f"\n### {shape.name}\n\n{shape.text}\n\n{MEMBERS}"
        yield from map(row, shape.fields)
