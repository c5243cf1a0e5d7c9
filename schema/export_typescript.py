#!/usr/bin/python3
"""Make TypeScript of the table of messages: an interface for each message, and a union by `type` for each dialect.

usage: export_typescript.py messages.toml OUTPUT

Types say kinds, enumerations and what is required; ranges and lengths stand in the comments. Members that the table
does not know are allowed, as on the wire, so each object has an index signature.
"""
from exporting import (
    BANNER,
    class_name,
    field_text,
    message_text,
    must_choose,
    name_text,
    run,
    shapes_in_order,
)
from tables import DIALECTS

KINDS = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "object": "JsonObject",
    "array": "unknown[]",
    "any": "unknown",
}


def value_type(field):
    """The type of a field's value."""
    if field.enum:
        text = " | ".join(f'"{word}"' for word in field.enum)
    elif field.shape:
        text = class_name(field.shape) + (" | string[]" if field.array_is else "")
    elif field.items_of:
        text = class_name(field.items_of) + "[]"
    elif field.items:
        text = KINDS[field.items] + "[]"
    else:
        text = KINDS[field.kind]
    return text + (" | null" if field.nullable else "")


def comment(text, indent=""):
    return f"{indent}/** {text} */\n"


def member(field, name, required, kind=None):
    mark = "" if required else "?"
    return f"{name}{mark}: {kind or value_type(field)};"


def choices_of(fields):
    """For each field that has to be there under one of several names: `({ a: T } | { b: T })`."""
    for field in must_choose(fields):
        names = (field.name, *field.also)
        yield "(" + " | ".join(f"{{ {member(field, name, True)} }}" for name in names) + ")"


def object_lines(fields, kinds):
    """The members of an interface; `kinds` has those whose type comes from elsewhere, by name."""
    for field in fields:
        kind = kinds.get(field.name)
        for name in (field.name, *field.also):
            yield comment((name_text if kind else field_text)(field, name), "  ")
            yield f"  {member(field, name, field.required and not field.also, kind)}\n"
    yield "  [member: string]: unknown;\n"


def object_type(name, text, fields, kinds, base=None):
    """An exported type; an interface unless one of several names has to be there."""
    others = ([base] if base else []) + list(choices_of(fields))
    lines = "".join(object_lines(fields, kinds))
    if len(others) > bool(base):
        return f"{comment(text)}export type {name} = {{\n{lines}}} & {' & '.join(others)};\n\n"
    heritage = f" extends {base}" if base else ""
    return f"{comment(text)}export interface {name}{heritage} {{\n{lines}}}\n\n"


def envelope_name(dialect):
    return class_name(dialect) + "Envelope"


def message_types(tables, message):
    """The type of a message, before it that of its body, where the table says something of it."""
    envelope = tables.envelopes[message.dialect]
    name = class_name(message.name)
    kinds = {"type": f'"{message.type}"'}
    if message.fields:
        kinds[envelope.body] = name + class_name(envelope.body)
        text = f"What stands in the `{envelope.body}` of {{@link {name}Message}}."
        yield object_type(kinds[envelope.body], text, message.fields, {})
    shares, members = tables.split(message)
    base = envelope_name(message.dialect) if shares else None
    yield object_type(name + "Message", message_text(message), members, kinds, base)


def union_type(name, text, members):
    lines = "".join(f"\n  | {member}" for member in members)
    return f"{comment(text)}export type {name} ={lines};\n\n"


def render(tables):
    parts = [
        f"// {BANNER.format(program='export_typescript.py')}\n\n",
        comment("Any JSON object."),
        "export interface JsonObject {\n  [member: string]: unknown;\n}\n\n",
    ]
    for shape in shapes_in_order(tables):
        parts.append(object_type(class_name(shape.name), shape.text, shape.fields, {}))
    for dialect in DIALECTS:
        text = tables.envelopes[dialect].text
        parts.append(object_type(envelope_name(dialect), text, tables.around(dialect), {}))
    for message in tables.messages:
        parts.extend(message_types(tables, message))
    for dialect in DIALECTS:
        names = [class_name(message.name) + "Message" for message in tables.of(dialect)]
        text = f"Any message of the {dialect} dialect; `type` says which."
        parts.append(union_type(class_name(dialect) + "Message", text, names))
    return "".join(parts).rstrip("\n") + "\n"


if __name__ == "__main__":
    run(__doc__, render)
