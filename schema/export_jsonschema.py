#!/usr/bin/python3
"""Make JSON Schema (2020-12) of the table of messages: one document that decides over any message of a dialect.

usage: export_jsonschema.py world|gateway messages.toml OUTPUT

The type chooses the schema by if and then: a validator that stops at the first fault names the member that is wrong,
and one that lists all lists nothing of other types, as it would with oneOf. Inside the messages stand only keywords
that mean the same in draft 7, so that AsyncAPI takes the same schemas; none has a list of types, and what is required
is declared where it is required, so that the strictest validators take them without options.
"""
from exporting import BANNER, json_text, message_text, name_text, run
from tables import DIALECTS

UNSEEN = (
    "One message of the {dialect} dialect. What no JSON Schema can see is refused by Parley besides: a member that"
    " stands twice in an object, or under two names of one meaning with two values, an escape of a lone surrogate,"
    " more than 64 objects and arrays in each other, text behind the message."
)


def value_schema(tables, field, name):
    """The schema of the value of a field, where it stands under this one of its names."""
    schema = {"description": name_text(field, name)}
    if field.kind == "any":
        return schema
    kinds = [kind_schema(tables, field)]
    if field.array_is:
        members = tables.shapes[field.shape].fields
        kinds += [kind_schema(tables, member) for member in members if member.name == field.array_is]
    if field.nullable:
        kinds.append({"type": "null"})
    return schema | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds})


def kind_schema(tables, field):
    """What is asked of a field's value when it is not null."""
    schema = {"type": field.kind}
    if field.enum:
        schema["enum"] = list(field.enum)
    limits = {"minimum": field.min, "maximum": field.max}
    noun = {"string": "Length", "array": "Items", "object": "Properties"}.get(field.kind)
    if noun:
        limits["min" + noun] = field.min_length
        limits["max" + noun] = field.max_length
    schema.update((key, value) for key, value in limits.items() if value is not None)
    if field.items_of:
        schema["items"] = object_schema(tables, tables.shapes[field.items_of].fields)
    elif field.items and field.items != "any":
        schema["items"] = {"type": field.items}
    if field.shape:
        schema.update(members_schema(tables, tables.shapes[field.shape].fields))
    return schema


def members_schema(tables, fields):
    """`properties`, and what is required of them; a field may stand under one of its other names."""
    schema = {
        "properties": {
            name: value_schema(tables, field, name)
            for field in fields
            for name in (field.name, *field.also)
        }
    }
    required = [field.name for field in fields if field.required and not field.also]
    if required:
        schema["required"] = required
    choices = [
        {
            "anyOf": [
                {"properties": {name: True}, "required": [name]}
                for name in (field.name, *field.also)
            ]
        }
        for field in fields
        if field.required and field.also
    ]
    if len(choices) == 1:
        schema.update(choices[0])
    elif choices:
        schema["allOf"] = choices
    return schema


def object_schema(tables, fields):
    return {"type": "object"} | members_schema(tables, fields)


def envelope_schema(tables, dialect):
    """The schema of what messages have around their type and body."""
    text = tables.envelopes[dialect].text
    return {"description": text} | object_schema(tables, tables.around(dialect))


def message_schema(tables, message, schemas="#/$defs"):
    """The schema of a whole message; `schemas` is where that of its envelope stands in the document."""
    envelope = tables.envelopes[message.dialect]
    shares, members = tables.split(message)
    schema = {"title": message.name, "description": message_text(message)}
    schema |= object_schema(tables, members)
    if shares:
        around = {"$ref": f"{schemas}/{message.dialect}_envelope"}
        schema["allOf"] = [around, *schema.get("allOf", [])]
    schema["properties"]["type"] = {"const": message.type}
    body = schema["properties"][envelope.body]
    body.update(members_schema(tables, message.fields))
    return schema


def dialect_schema(tables, dialect):
    """The document of a dialect."""
    messages = tables.of(dialect)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:parley:{dialect}",
        "$comment": BANNER.format(program="export_jsonschema.py"),
        "title": f"A message of the {dialect} dialect of Parley",
        "description": UNSEEN.format(dialect=dialect),
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": [message.type for message in messages]}},
        "allOf": [
            {
                "if": {"properties": {"type": {"const": message.type}}, "required": ["type"]},
                "then": {"$ref": f"#/$defs/{message.name}"},
            }
            for message in messages
        ],
        "$defs": {f"{dialect}_envelope": envelope_schema(tables, dialect)}
        | {message.name: message_schema(tables, message) for message in messages},
    }


def render(tables, dialect):
    return json_text(dialect_schema(tables, dialect)) + "\n"


if __name__ == "__main__":
    run(__doc__, render, [DIALECTS])
