"""What the exporters of the message table share: their command line, names, and the words of comments."""
import json
import sys

import tables as message_tables

BANNER = "Made from schema/messages.toml by schema/{program}; do not edit."

SENDERS = {
    "client": "Sent by clients.",
    "gateway": "Sent by the gateway only.",
    "both": "Sent by clients and by the gateway.",
    "agent": "Sent by agents.",
}
AGENT_IDS = {
    "sender": "`agent_id` is the sender.",
    "subject": "`agent_id` is the agent that it is about.",
    "assignee": "`agent_id` is the agent that has the task, or null.",
    "visitor": "`agent_id` is the visitor.",
    "gateway": "`agent_id` is `gateway`.",
}
LENGTHS = {"string": " characters", "array": " elements", "object": " members"}


def class_name(name):
    """`visitor_state` as the name of a type: VisitorState."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def span_text(low, high, unit):
    """`0 to 1`, `up to 64 characters`, or nothing where there is no limit."""
    if low is None and high is None:
        return ""
    span = f"up to {high}" if low is None else f"{low} or more" if high is None else f"{low} to {high}"
    return f" Allowed: {span}{unit}."


def name_text(field, name):
    """What a field is, where it stands under this one of its names."""
    if name != field.name:
        return f"The same as `{field.name}`."
    text = field.text
    if field.array_is:
        text += f" An array of strings in its place is its `{field.array_is}`."
    names = " or ".join(f"`{other}`" for other in field.also)
    if names:
        text += f" {'Required, but may' if field.required else 'May'} be called {names} instead."
    return text


def field_text(field, name):
    """name_text, and the limits that a type cannot say."""
    if name != field.name:
        return name_text(field, name)
    return (
        name_text(field, name)
        + span_text(field.min, field.max, "")
        + span_text(field.min_length, field.max_length, LENGTHS.get(field.kind, ""))
    )


def must_choose(fields):
    """The required fields that may stand under names of different meaning: one of these has to be there.

    Where the names are spellings of one (`same`), the types of languages let each be absent instead, for
    else no message of the world were a plain record.
    """
    return [field for field in fields if field.required and field.also and not field.same]


def message_text(message):
    """What a message is, who sends it and whom its `agent_id` names."""
    parts = [message.text, SENDERS[message.direction], AGENT_IDS.get(message.agent_id)]
    return " ".join(part for part in parts if part)


def shapes_in_order(tables):
    """The shapes, each behind those that it uses."""
    ordered = {}

    def visit(shape):
        for field in shape.fields:
            used = field.shape or field.items_of
            if used:
                visit(tables.shapes[used])
        ordered.setdefault(shape.name, shape)

    for shape in tables.shapes.values():
        visit(shape)
    return list(ordered.values())


def json_text(value, depth=0, width=110):
    """JSON as people like to read it: what fits stands in one line."""
    line = json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, (dict, list)) or len(line) + 2 * depth <= width:
        return line
    inner = "  " * (depth + 1)
    if isinstance(value, dict):
        opening, closing = "{", "}"
        parts = [f"{json.dumps(key)}: {json_text(item, depth + 1)}" for key, item in value.items()]
    else:
        opening, closing = "[", "]"
        parts = [json_text(item, depth + 1) for item in value]
    return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + f"\n{'  ' * depth}{closing}"


def run(usage, render, options=()):
    """The command: render(tables, OPTION...) of the table, written to a file.

    `options` has, for each argument before the files, the words it may be.
    """
    arguments = sys.argv[1:]
    if len(arguments) != len(options) + 2 or any(
        word not in words for word, words in zip(arguments, options)
    ):
        sys.exit(usage)
    source, target = arguments[-2:]
    try:
        text = render(message_tables.load(source), *arguments[:-2])
    except message_tables.TableError as error:
        sys.exit(str(error))
    with open(target, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
