#!/usr/bin/python3
"""Make Python of the table of messages: a TypedDict for each message, and a union by `type` for each dialect.

usage: export_python.py messages.toml OUTPUT

For Python 3.11 and its standard library alone. Types say kinds, enumerations and what is required; ranges and
lengths stand in the docstrings of the members.
"""
import keyword

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
    "string": "str",
    "number": "float",
    "integer": "int",
    "boolean": "bool",
    "object": "JsonObject",
    "array": "list[object]",
    "any": "object",
}
HEAD = '''"""The messages of Parley, as types.

A TypedDict knows the members of the table only, and says nothing of others; on the wire they are allowed everywhere.
"""
from typing import Literal, NotRequired, TypeAlias, TypedDict, Union

JsonObject: TypeAlias = dict[str, object]
"""Any JSON object."""
'''


def value_type(field):
    """The type of a field's value."""
    if field.enum:
        text = "Literal[" + ", ".join(f'"{word}"' for word in field.enum) + "]"
    elif field.shape:
        text = class_name(field.shape) + (" | list[str]" if field.array_is else "")
    elif field.items_of:
        text = f"list[{class_name(field.items_of)}]"
    elif field.items:
        text = f"list[{KINDS[field.items]}]"
    else:
        text = KINDS[field.kind]
    return text + (" | None" if field.nullable else "")


def members_of(fields, kinds, chosen):
    """(name, type, text) of each member; `kinds` has the types that come from elsewhere, by name.

    Of a field with a name in `chosen` that one is required, and those before it are absent; so no object fits two
    choices.
    """
    for field in fields:
        names = (field.name, *field.also)
        first = next((at for at, name in enumerate(names) if name in chosen), None)
        for name in names[first or 0 :]:
            kind = kinds.get(name, value_type(field))
            required = field.required and not field.also or name in chosen
            if not required:
                kind = f"NotRequired[{kind}]"
            yield name, kind, (name_text if name in kinds else field_text)(field, name)


def typed_dict(name, text, members, base):
    """A class; or a call, with comments, where a name is a word of Python and could not stand in a class."""
    if base == "TypedDict" and any(keyword.iskeyword(member) for member, _, _ in members):
        lines = "".join(f'        # {said}\n        "{member}": {kind},\n' for member, kind, said in members)
        return f'\n\n{name} = TypedDict(\n    "{name}",\n    {{\n{lines}    }},\n)\n"""{text}"""\n'
    lines = "".join(f'\n    {member}: {kind}\n    """{said}"""\n' for member, kind, said in members)
    return f'\n\nclass {name}({base}):\n    """{text}"""\n{lines}'


def object_types(name, text, fields, kinds, base="TypedDict"):
    """The type of an object; a union where a field has to be there under one of several names."""
    choices = must_choose(fields)
    if not choices:
        return typed_dict(name, text, list(members_of(fields, kinds, ())), base)
    variants = [()]
    for field in choices:
        variants = [chosen + (other,) for chosen in variants for other in (field.name, *field.also)]
    parts, names = [], []
    for chosen in variants:
        names.append("_".join((name, *chosen)))
        parts.append(typed_dict(names[-1], text, list(members_of(fields, kinds, chosen)), base))
    return "".join(parts) + "\n\n" + union_type(name, text, names)


def envelope_name(dialect):
    return class_name(dialect) + "Envelope"


def union_type(name, text, members):
    lines = "".join(f"    {member},\n" for member in members)
    return f'{name}: TypeAlias = Union[\n{lines}]\n"""{text}"""\n'


def message_types(tables, message):
    """The type of a message, before it that of its body, where the table says something of it."""
    envelope = tables.envelopes[message.dialect]
    name = class_name(message.name)
    kinds = {"type": f'Literal["{message.type}"]'}
    if message.fields:
        kinds[envelope.body] = name + class_name(envelope.body)
        text = f"What stands in the `{envelope.body}` of {name}Message."
        yield object_types(kinds[envelope.body], text, message.fields, {})
    shares, members = tables.split(message)
    base = envelope_name(message.dialect) if shares else "TypedDict"
    yield object_types(name + "Message", message_text(message), members, kinds, base)


def render(tables):
    parts = [f"# {BANNER.format(program='export_python.py')}\n{HEAD}"]
    for shape in shapes_in_order(tables):
        parts.append(object_types(class_name(shape.name), shape.text, shape.fields, {}))
    for dialect in DIALECTS:
        text = tables.envelopes[dialect].text
        parts.append(object_types(envelope_name(dialect), text, tables.around(dialect), {}))
    for message in tables.messages:
        parts.extend(message_types(tables, message))
    for dialect in DIALECTS:
        names = [class_name(message.name) + "Message" for message in tables.of(dialect)]
        text = f"Any message of the {dialect} dialect; `type` says which."
        parts.append("\n\n" + union_type(class_name(dialect) + "Message", text, names))
    return "".join(parts)


if __name__ == "__main__":
    run(__doc__, render)
