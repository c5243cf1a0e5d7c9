#!/usr/bin/python3
"""Make AsyncAPI 3 of the table of messages: both WebSocket paths, who may send what, a schema and examples of each.

usage: export_asyncapi.py messages.toml OUTPUT

The document describes the gateway, so its operation `receive` is what clients may send and `send` is what the
gateway makes itself; what it relays, it sends on as it came. The payloads are the schemas of export_jsonschema.py.
"""
from export_jsonschema import envelope_schema, message_schema
from exporting import BANNER, class_name, json_text, message_text, run
from tables import DIALECTS

VERSION = "1"  # of the protocol
CHANNELS = {
    "world": (
        "/ws/matrix",
        "The world: agents and browsers. Messages reach the other clients of the same world byte for byte.",
        {"world": "The world to enter; `main` without it."},
    ),
    "gateway": ("/ws", "The gateway dialect: sessions, chat, tools, and requests to agents.", {}),
}
QUERY = {
    "token": "A credential, for clients that can set no header.",
    "ticket": "A credential that works once, made by the administration.",
}
OPERATIONS = {
    "receive": ("client", "both", "agent"),
    "send": ("gateway", "both", "agent"),
}
SUMMARIES = {
    "receive": "What clients may send in the {dialect} dialect.",
    "send": "What the gateway makes itself in the {dialect} dialect; what it relays comes as it was sent.",
}

# What examples say where a member of this name is free to say anything.
SAID = {
    "id": "msg-7",
    "agent_id": "timmy",
    "agentId": "timmy",
    "target_id": "ada",
    "target": "ada",
    "source": "timmy",
    "ts": 1763000000.125,
    "timestamp": 1763000000125,
    "deadline": 1763000030125,
    "checkedAt": 1763000000000,
    "connectedAt": 1763000000000,
    "at": 1763000000125,
    "text": "Good morning.",
    "content": "It rained last night.",
    "message": "Good morning.",
    "state": "thinking",
    "event": "enter",
    "status": "ok",
    "role": "agent",
    "code": "TARGET_NOT_FOUND",
    "types": ["bark", "scene_*"],
    "request": {"question": "What is the weather?"},
    "result": {"answer": "Rain."},
}
KIND_TYPES = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
    "any": object,
}


def example_value(tables, field):
    """Some value that the field allows."""
    said = SAID.get(field.name)
    if field.enum:
        return field.enum[0]
    if field.shape:
        return example_object(tables, tables.shapes[field.shape].fields)
    if field.items_of:
        return [example_object(tables, tables.shapes[field.items_of].fields)]
    if said is not None and isinstance(said, KIND_TYPES[field.kind]):
        return said
    if field.min is not None and field.max is not None:
        return (field.min + field.max) / 2
    return {
        "string": field.name,
        "number": field.min or 0,
        "integer": field.min or 1,
        "boolean": True,
        "object": {},
        "array": [],
        "any": None,
    }[field.kind]


def example_object(tables, fields):
    return {field.name: example_value(tables, field) for field in fields}


def example_message(tables, message, wanted):
    """A message with the fields of its own that wanted(field) says."""
    envelope = tables.envelopes[message.dialect]
    own = {field.name for field in message.top} | {"timestamp", envelope.body}
    example = example_object(
        tables,
        [
            field
            for field in tables.members_of(message)
            if field.required or field.name in own and wanted(field)
        ],
    )
    example["type"] = message.type
    if message.agent_id == "gateway" and "agent_id" in example:
        example["agent_id"] = "gateway"
    if envelope.body in example:
        example[envelope.body] = example_object(tables, filter(wanted, message.fields))
    return example


def examples_of(tables, message):
    """The smallest message of its type, and one with all members where that is another one."""
    smallest = example_message(tables, message, lambda field: field.required)
    largest = example_message(tables, message, lambda field: True)
    found = [{"name": "smallest", "payload": smallest}]
    if largest != smallest:
        found.append(
            {
                "name": "largest",
                "summary": "Every member that the type has, also such as do not go together.",
                "payload": largest,
            }
        )
    return found


def message_object(tables, message):
    schema = message_schema(tables, message, "#/components/schemas")
    del schema["title"], schema["description"]
    return {
        "name": message.type,
        "title": class_name(message.name),
        "summary": message_text(message),
        "payload": schema,
        "examples": examples_of(tables, message),
    }


def channel_object(tables, dialect):
    address, description, query = CHANNELS[dialect]
    parameters = {
        name: {"type": "string", "description": text} for name, text in (query | QUERY).items()
    }
    return {
        "address": address,
        "description": description,
        "servers": [{"$ref": "#/servers/local"}],
        "messages": {
            message.name: {"$ref": f"#/components/messages/{message.name}"}
            for message in tables.of(dialect)
        },
        "bindings": {
            "ws": {"method": "GET", "query": {"type": "object", "properties": parameters}}
        },
    }


def operation_object(tables, dialect, action):
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{dialect}"},
        "summary": SUMMARIES[action].format(dialect=dialect),
        "messages": [
            {"$ref": f"#/channels/{dialect}/messages/{message.name}"}
            for message in tables.of(dialect)
            if message.direction in OPERATIONS[action]
        ],
    }


def document(tables):
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Parley",
            "version": VERSION,
            "description": "The messages of a Parley gateway: text frames, one JSON object each.",
            "license": {"name": "Apache-2.0"},
        },
        "x-source": BANNER.format(program="export_asyncapi.py"),
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "127.0.0.1:8765",
                "protocol": "ws",
                "description": "A gateway with its defaults.",
            }
        },
        "channels": {dialect: channel_object(tables, dialect) for dialect in DIALECTS},
        "operations": {
            f"{action}_{dialect}": operation_object(tables, dialect, action)
            for dialect in DIALECTS
            for action in OPERATIONS
        },
        "components": {
            "schemas": {
                f"{dialect}_envelope": envelope_schema(tables, dialect) for dialect in DIALECTS
            },
            "messages": {
                message.name: message_object(tables, message) for message in tables.messages
            }
        },
    }


def render(tables):
    return json_text(document(tables)) + "\n"


if __name__ == "__main__":
    run(__doc__, render)
