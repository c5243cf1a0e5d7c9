"""The table of messages, schema/messages.toml: loaded, checked, and as plain values.

Everything that is made of the table (C, JSON Schema, AsyncAPI, TypeScript, Python) starts with load(). What is
wrong with the table is a TableError, whose text names the entry and the member: nobody behind has to look again.

A message is an envelope (the members of the dialect) around a body, the object `data` or `payload`:

    Tables   .envelopes {dialect: Envelope}  .messages [Message]  .shapes {name: Shape}
    Message  .fields are the members of its body, .top those it has beside the members of its envelope
    Shape    the members of an object that stands inside a body, by name; shapes may use shapes, but not in a circle
"""
import re
import tomllib
from dataclasses import dataclass, replace

DIALECTS = ("world", "gateway")
BODY = {"world": "data", "gateway": "payload"}
KINDS = ("string", "number", "integer", "boolean", "object", "array", "any")
DIRECTIONS = ("client", "gateway", "both", "agent")
AGENT_IDS = ("sender", "subject", "assignee", "visitor", "gateway")

NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
MEMBER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class TableError(Exception):
    """What is wrong with the table, where; for people."""


@dataclass(frozen=True)
class Field:
    """One member of an object. Lengths are characters, elements or members, as the kind has it."""

    name: str
    kind: str
    text: str
    required: bool = False
    nullable: bool = False
    min: int | float | None = None
    max: int | float | None = None
    enum: tuple[str, ...] = ()
    min_length: int | None = None
    max_length: int | None = None
    items: str | None = None  # of an array: the kind of its elements
    items_of: str | None = None  # of an array of objects: their shape
    shape: str | None = None  # of an object
    array_is: str | None = None  # of an object with a shape: its member that an array of strings in its place is
    also: tuple[str, ...] = ()  # other names that are accepted for it
    same: bool = False  # those may stand beside `name`, with the same value
    relaxed: bool = False  # of an envelope: a gateway that checks what it receives does without


@dataclass(frozen=True)
class Shape:
    name: str
    text: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Envelope:
    """The members that all messages of a dialect have; `body` is the one that holds a message's own."""

    dialect: str
    text: str
    fields: tuple[Field, ...]
    body: str


@dataclass(frozen=True)
class Message:
    dialect: str
    type: str
    name: str
    direction: str
    text: str
    typed: bool
    bare: bool  # of the envelope's own members only `type` is required
    agent_id: str | None
    fields: tuple[Field, ...]
    top: tuple[Field, ...]


@dataclass(frozen=True)
class Tables:
    envelopes: dict[str, Envelope]
    messages: tuple[Message, ...]
    shapes: dict[str, Shape]

    def of(self, dialect):
        """The messages of a dialect, in the order of the table."""
        return [message for message in self.messages if message.dialect == dialect]

    def members_of(self, message):
        """The top level of a message: the envelope's members, replaced and followed by its own.

        The body is required also when something inside it is.
        """
        envelope = self.envelopes[message.dialect]
        members = {}
        for field in envelope.fields:
            required = field.required and (field.name == "type" or not message.bare)
            if field.name == envelope.body:
                required = required or any(inner.required for inner in message.fields)
            members[field.name] = replace(field, required=required)
        members.update((field.name, field) for field in message.top)
        return tuple(members.values())

    def around(self, dialect):
        """The members of an envelope that are the same for all types: all but `type` and the body."""
        envelope = self.envelopes[dialect]
        return tuple(field for field in envelope.fields if field.name not in ("type", envelope.body))

    def split(self, message):
        """Whether a message has around() as it is, and its other members; else False and all its members."""
        around = {field.name for field in self.around(message.dialect)}
        members = self.members_of(message)
        if message.bare or any(field.name in around for field in message.top):
            return False, members
        return True, tuple(field for field in members if field.name not in around)


def refuse(where, problem):
    raise TableError(f"{where}: {problem}")


class Entry:
    """A table of TOML whose keys are taken one by one, so that what is left over can be refused."""

    def __init__(self, where, table):
        if not isinstance(table, dict):
            refuse(where, "is not a table")
        self.where = where
        self.left = dict(table)

    def take(self, key, types, fallback=None, needed=False):
        """The value of `key`; True and False are no numbers here, as in TOML."""
        if key not in self.left:
            if needed:
                refuse(self.where, f"lacks `{key}`")
            return fallback
        value = self.left.pop(key)
        types = types if isinstance(types, tuple) else (types,)
        if type(value) not in types:
            wanted = " or ".join(kind.__name__ for kind in types)
            refuse(self.where, f"`{key}` is {value!r}, not of type {wanted}")
        return value

    def word(self, key, words, **how):
        value = self.take(key, str, **how)
        if value is not None and value not in words:
            refuse(self.where, f"`{key}` is {value!r}, not one of {', '.join(words)}")
        return value

    def match(self, key, pattern):
        value = self.take(key, str, needed=True)
        if not pattern.fullmatch(value):
            refuse(self.where, f"`{key}` is {value!r}, which does not match {pattern.pattern}")
        return value

    def names(self, key, pattern=None):
        """A list of different strings, not empty when it is there."""
        if key not in self.left:
            return ()
        values = self.take(key, list)
        if not values or len(set(map(str, values))) < len(values):
            refuse(self.where, f"`{key}` is empty or names something twice")
        for value in values:
            if not isinstance(value, str) or pattern and not pattern.fullmatch(value):
                refuse(self.where, f"`{key}` has {value!r}, which is no name")
        return tuple(values)

    def sentence(self, needed=True):
        """`text`: one line that can stand in a comment of any language."""
        value = self.take("text", str, fallback="", needed=needed)
        if needed and not value.strip():
            refuse(self.where, "`text` is empty")
        if not value.isprintable() or "*/" in value or '"""' in value or "\\" in value:
            refuse(self.where, "`text` has a character that cannot stand in every comment")
        return value

    def done(self):
        if self.left:
            refuse(self.where, f"has a key that nobody knows: `{next(iter(self.left))}`")


def check_range(entry, low, high, what):
    if low is not None and high is not None and low > high:
        refuse(entry.where, f"`min{what}` {low} is above `max{what}` {high}")


def read_limits(entry, kind):
    """Range, lengths and enumeration, each allowed for the kinds it means something for."""
    numeric = {"number": (int, float), "integer": (int,)}.get(kind)
    limits = {}
    for key in ("min", "max"):
        if key in entry.left and not numeric:
            refuse(entry.where, f"`{key}` is for numbers, and this is of kind {kind}")
        limits[key] = entry.take(key, numeric or int)
    for key in ("min_length", "max_length"):
        if key in entry.left and kind not in ("string", "array", "object"):
            refuse(entry.where, f"`{key}` is not for kind {kind}")
        limits[key] = entry.take(key, int)
        if limits[key] is not None and limits[key] < 0:
            refuse(entry.where, f"`{key}` is negative")
    check_range(entry, limits["min"], limits["max"], "")
    check_range(entry, limits["min_length"], limits["max_length"], "_length")
    limits["enum"] = entry.names("enum")
    if limits["enum"] and kind != "string":
        refuse(entry.where, f"`enum` is for strings, and this is of kind {kind}")
    return limits


def read_inside(entry, kind):
    """What an array or an object has inside."""
    inside = {
        "items": entry.word("items", KINDS),
        "items_of": entry.take("items_of", str),
        "shape": entry.take("shape", str),
        "array_is": entry.take("array_is", str),
    }
    owners = {"items": "array", "items_of": "array", "shape": "object", "array_is": "object"}
    for key, owner in owners.items():
        if inside[key] is not None and kind != owner:
            refuse(entry.where, f"`{key}` is for kind {owner}, and this is of kind {kind}")
    if kind == "array" and (inside["items"] is None) == (inside["items_of"] is None):
        refuse(entry.where, "an array needs either `items` or `items_of`")
    if inside["array_is"] is not None and inside["shape"] is None:
        refuse(entry.where, "`array_is` names a member of a shape, and there is no `shape`")
    return inside


def read_field(where, table):
    """Gives the field and whether it stands at the top level of its message."""
    entry = Entry(where, table)
    name = entry.match("name", MEMBER)
    entry.where = f"{where} `{name}`"
    kind = entry.word("kind", KINDS, needed=True)
    field = Field(
        name=name,
        kind=kind,
        text=entry.sentence(),
        required=entry.take("required", bool, False),
        nullable=entry.take("nullable", bool, False),
        also=entry.names("also", MEMBER),
        same=entry.take("same", bool, False),
        relaxed=entry.take("relaxed", bool, False),
        **read_limits(entry, kind),
        **read_inside(entry, kind),
    )
    if field.nullable and kind == "any":
        refuse(entry.where, "`nullable` says nothing new about kind any")
    if field.same and not field.also:
        refuse(entry.where, "`same` is about the names of `also`, and there are none")
    at_top = entry.word("at", ("top",)) is not None
    entry.done()
    return field, at_top


def read_fields(entry, owner):
    """The fields of an entry (a message, shape or envelope): those of its object, those of the top level."""
    inner, top = [], []
    for index, table in enumerate(entry.take("field", list, []), 1):
        field, at_top = read_field(f"{entry.where}, field {index}", table)
        if at_top and owner != "message":
            refuse(entry.where, f"field `{field.name}`: `at` is for the fields of messages")
        if field.relaxed and owner != "envelope":
            refuse(entry.where, f"field `{field.name}`: `relaxed` is for envelopes")
        (top if at_top else inner).append(field)
    for group in (inner, top):
        check_names(entry.where, group)
    return tuple(inner), tuple(top)


def check_names(where, fields):
    """No name, first or other, stands for two fields of one object."""
    seen = set()
    for field in fields:
        for name in (field.name, *field.also):
            if name in seen:
                refuse(where, f"field `{field.name}`: the name `{name}` is taken in this object")
            seen.add(name)


def read_envelope(dialect, table):
    entry = Entry(f"[envelope.{dialect}]", table)
    text = entry.sentence(needed=False)
    fields, _ = read_fields(entry, "envelope")
    entry.done()
    kinds = {field.name: (field.kind, field.nullable, field.also) for field in fields}
    for name, kind in (("type", "string"), (BODY[dialect], "object")):
        if kinds.get(name) != (kind, False, ()):
            refuse(entry.where, f"needs a field `{name}` of kind {kind}, never null, of one name")
    for field in fields:
        if field.required and field.also and not field.same:
            refuse(entry.where, f"field `{field.name}`: the names of `also` have to be the `same` here")
    return Envelope(dialect, text, fields, BODY[dialect])


def read_shape(index, table):
    entry = Entry(f"[[shape]] {index}", table)
    name = entry.match("name", NAME)
    entry.where = f"[[shape]] `{name}`"
    text = entry.sentence(needed=False)
    fields, _ = read_fields(entry, "shape")
    entry.done()
    return Shape(name, text, fields)


def read_message(index, table, envelopes):
    entry = Entry(f"[[message]] {index}", table)
    dialect = entry.word("dialect", DIALECTS, needed=True)
    kind = entry.match("type", NAME)
    entry.where = f"[[message]] {dialect} `{kind}`"
    fields, top = read_fields(entry, "message")
    message = Message(
        dialect=dialect,
        type=kind,
        name=entry.match("name", NAME),
        direction=entry.word("direction", DIRECTIONS, needed=True),
        text=entry.sentence(),
        typed=entry.take("typed", bool, needed=True),
        bare=entry.take("bare", bool, False),
        agent_id=entry.word("agent_id", AGENT_IDS),
        fields=fields,
        top=top,
    )
    entry.done()
    check_message(entry.where, message, envelopes[dialect])
    return message


def check_message(where, message, envelope):
    if message.dialect != "world" and (message.agent_id or message.bare):
        refuse(where, "`agent_id` and `bare` are for messages of the world")
    if message.dialect == "world" and not message.agent_id:
        refuse(where, "lacks `agent_id`")
    if not message.typed and message.dialect == "gateway":
        refuse(where, "all types of the gateway are typed")
    if not message.typed and (message.fields or message.top):
        refuse(where, "has fields, and so is `typed`")
    for field in message.top:
        if field.name in ("type", envelope.body):
            refuse(where, f"field `{field.name}`: this member of the envelope cannot be replaced")
    replaced = {field.name for field in message.top}
    kept = tuple(field for field in envelope.fields if field.name not in replaced)
    check_names(where, kept + message.top)


def check_unique(messages, shapes):
    """Types within a dialect and names over all, since each becomes an identifier."""
    types, names = set(), set()
    for message in messages:
        where = f"[[message]] {message.dialect} `{message.type}`"
        if (message.dialect, message.type) in types:
            refuse(where, "stands there twice")
        if message.name in names or message.name.endswith("_envelope"):
            refuse(where, f"the name `{message.name}` is taken")
        types.add((message.dialect, message.type))
        names.add(message.name)
    for shape in shapes:
        where = f"[[shape]] `{shape.name}`"
        if shape.name in names or shape.name.endswith(("_message", "_data", "_payload", "_envelope")):
            refuse(where, "another type has this name, or makes it")
        names.add(shape.name)


def check_shapes(where, fields, shapes, inside=()):
    """Every shape that is named is there, and none contains itself."""
    for field in fields:
        used = field.shape or field.items_of
        if used is None:
            continue
        if used not in shapes:
            refuse(where, f"field `{field.name}`: there is no shape `{used}`")
        if used in inside:
            refuse(where, f"field `{field.name}`: the shape `{used}` contains itself")
        check_shapes(f"[[shape]] `{used}`", shapes[used].fields, shapes, inside + (used,))
        if field.array_is and not any(
            member.name == field.array_is and member.items == "string" for member in shapes[used].fields
        ):
            refuse(where, f"field `{field.name}`: the shape `{used}` has no array of strings `{field.array_is}`")


def parse(table):
    """Tables of the TOML that was read; TableError for what is wrong with it."""
    entry = Entry("the table", table)
    envelope = Entry("[envelope]", entry.take("envelope", dict, needed=True))
    envelopes = {
        dialect: read_envelope(dialect, envelope.take(dialect, dict, needed=True))
        for dialect in DIALECTS
    }
    envelope.done()
    shapes = [read_shape(*numbered) for numbered in enumerate(entry.take("shape", list, []), 1)]
    messages = tuple(
        read_message(index, found, envelopes)
        for index, found in enumerate(entry.take("message", list, needed=True), 1)
    )
    entry.done()
    check_unique(messages, shapes)
    tables = Tables(envelopes, messages, {shape.name: shape for shape in shapes})
    for shape in shapes:
        check_shapes(f"[[shape]] `{shape.name}`", shape.fields, tables.shapes, (shape.name,))
    for message in messages:
        where = f"[[message]] {message.dialect} `{message.type}`"
        check_shapes(where, message.fields + message.top, tables.shapes)
    for found in envelopes.values():
        check_shapes(f"[envelope.{found.dialect}]", found.fields, tables.shapes)
    return tables


def load(path):
    """The tables of a file; TableError names the file as well."""
    try:
        with open(path, "rb") as file:
            return parse(tomllib.load(file))
    except (tomllib.TOMLDecodeError, TableError) as error:
        raise TableError(f"{path}: {error}") from None
