"""The messages as C: parley/messages.h with an enum of types, a struct and typed functions for each message, and the
table of descriptions that the engine in src/proto/ goes by. Declarations and data only; and docs/messages.md."""
import re

from exporting import field_text, shapes_in_order

LIMITLESS = {"min": "-DBL_MAX", "max": "DBL_MAX", "min_length": "0", "max_length": "SIZE_MAX"}
RAW = "struct parley_json"
SIMPLE = {
    "string": ("FIELD_STRING", "struct parley_string"),
    "number": ("FIELD_NUMBER", "struct parley_number"),
    "integer": ("FIELD_INTEGER", "struct parley_integer"),
    "boolean": ("FIELD_BOOLEAN", "struct parley_boolean"),
    "object": ("FIELD_OBJECT", RAW),
    "any": ("FIELD_ANY", RAW),
}
ARRAYS = {"string": ("FIELD_STRINGS", "struct parley_strings"), "object": ("FIELD_OBJECTS", RAW)}
DIALECTS = {"world": "PARLEY_WORLD", "gateway": "PARLEY_GATEWAY"}


def snake(name):
    """A member's name as C and Python spell it: timeoutMs is timeout_ms."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def text_of(literal):
    """A constant `struct str`."""
    return f'{{"{literal}", {len(literal)}}}'


class Object:
    """An object of the table with a struct of its own."""

    def __init__(self, struct, text, fields, body=None, constants=None):
        self.struct = struct  # without "struct parley_"
        self.text = text
        self.fields = fields
        self.body = body  # of a message: the Object that is its body
        self.constants = constants or struct  # what its enumerations are called by

    @property
    def info(self):
        return f"{self.struct}_object"


def shapes_of(tables):
    """The objects of the shapes, each behind those that it uses."""
    for shape in shapes_in_order(tables):
        yield Object(shape.name + "_shape", shape.text, shape.fields, constants=shape.name)


def objects_of(tables, message):
    """The body of a message and the message itself."""
    body_name = tables.envelopes[message.dialect].body
    body = Object(f"{message.name}_{body_name}", "", message.fields, constants=message.name)
    return body, Object(message.name, message.text, tables.members_of(message), body)


def is_body(owner, field):
    return owner.body is not None and field.name in ("data", "payload")


def kind_of(owner, field):
    """The kind of the engine, and the type of the value in C; None for a member without a value."""
    if owner.body is not None and field.name == "type":
        return "FIELD_TYPE", None
    if is_body(owner, field):
        return "FIELD_SHAPE", f"struct parley_{owner.body.struct}"
    if field.enum:
        return "FIELD_CHOICE", "struct parley_choice"
    if field.shape:
        return "FIELD_SHAPE", f"struct parley_{field.shape}_shape"
    if field.items_of:
        return "FIELD_SHAPES", f"struct parley_{field.items_of}_shapes"
    return ARRAYS[field.items] if field.kind == "array" else SIMPLE[field.kind]


def flags_of(owner, field):
    flags = [name for name in ("required", "nullable", "relaxed", "same") if getattr(field, name)]
    flags += ["body"] * is_body(owner, field)
    return " | ".join(f"FIELD_{flag.upper()}" for flag in flags) or "0"


def comment_of(field):
    """What a member is and what is asked of it."""
    parts = [field_text(field, field.name)]
    if field.enum:
        parts.append("One of " + ", ".join(field.enum) + ".")
    parts += ["Required."] * (field.required and not field.also) + ["May be null."] * field.nullable
    return " ".join(parts).replace("`", "")


def enums_of(owner):
    """An enum for each member that is one of several words."""
    for field in owner.fields:
        if field.enum:
            name = f"{owner.constants}_{snake(field.name)}"
            words = ", ".join(f"PARLEY_{name}_{word}".upper() for word in field.enum)
            yield f"enum parley_{name} {{ {words} }};\n"


def struct_of(owner):
    if owner.text:
        yield f"/* {owner.text} */\n"
    yield f"struct parley_{owner.struct} {{\n"
    yield "    void *memory; /* what decoding allocated; not for you */\n" if owner.body else "    enum parley_is is;\n"
    for field in owner.fields:
        type_name = kind_of(owner, field)[1]
        if type_name:
            yield f"    /* {comment_of(field)} */\n    {type_name} {snake(field.name)};\n"
    yield "    struct parley_members more; /* the other members */\n};\n\n"


def functions_of(message):
    name = message.name
    struct = f"struct parley_{name} *message"
    info = f"&parley_{name}_info"
    yield f"PARLEY_PUBLIC extern const struct parley_message_info parley_{name}_info;\n\n"
    yield f"static inline void parley_{name}_init({struct})\n{{\n    parley_message_init({info}, message);\n}}\n\n"
    yield f"static inline void parley_{name}_fini({struct})\n{{\n    parley_message_fini({info}, message);\n}}\n\n"
    yield (
        f"PARLEY_MUST_CHECK static inline bool parley_{name}_from_json({struct}, const char *text, size_t len,\n"
        "    struct parley_problem *ret_problem)\n{\n"
        f"    return parley_message_from_json({info}, message, PARLEY_STRICT, text, len, ret_problem);\n}}\n\n"
        f"PARLEY_MUST_CHECK static inline bool parley_{name}_to_json(const {struct}, char **ret_text, size_t *ret_len,\n"
        "    struct parley_problem *ret_problem)\n{\n"
        f"    return parley_message_to_json({info}, message, ret_text, ret_len, ret_problem);\n}}\n\n"
        f"PARLEY_MUST_CHECK static inline bool parley_{name}_validate(const {struct},\n"
        "    struct parley_problem *ret_problem)\n{\n"
        f"    return parley_message_validate({info}, message, ret_problem);\n}}\n\n"
    )


HEADER = """#ifndef PARLEY_MESSAGES_H
#define PARLEY_MESSAGES_H

/*
 * The messages of both dialects: an enum of their types, and for each a struct and the functions
 *
 *     parley_X_init       makes an empty message; members are then set by assignment
 *     parley_X_fini       frees what decoding has allocated; NULL is taken
 *     parley_X_from_json  decodes text, which is copied; an initialised message is decoded into
 *     parley_X_to_json    encodes; the text is returned owned, to be freed with free()
 *     parley_X_validate   whether it could be encoded
 *
 * which are parley_message_init, ... of parley/values.h for that type; contracts and ownership
 * stand there. Members of which nothing is said may be left out.
 */

#include "parley/values.h"

#ifdef __cplusplus
extern "C" {
#endif

"""


def messages_h(tables):
    yield HEADER
    yield "enum parley_type {\n    PARLEY_TYPE_NONE,\n"
    for message in tables.messages:
        yield f"    PARLEY_TYPE_{message.name.upper()}, /* {message.dialect} `{message.type}` */\n"
    yield "    PARLEY_TYPE_COUNT\n};\n\n"
    for shape in shapes_of(tables):
        yield from enums_of(shape)
        yield from struct_of(shape)
        name = shape.constants
        yield (
            f"struct parley_{name}_shapes {{\n    enum parley_is is;\n"
            f"    const struct parley_{name}_shape *items;\n    size_t count;\n}};\n\n"
        )
    for message in tables.messages:
        body, whole = objects_of(tables, message)
        for each in (body, whole):
            yield from enums_of(each)
            yield from struct_of(each)
        yield from functions_of(message)
    yield "#ifdef __cplusplus\n}\n#endif\n\n#endif\n"


def list_of(words):
    """A constant list of texts with an empty one behind, or NULL."""
    if not words:
        return "NULL"
    return "(const struct str[]){" + ", ".join(text_of(word) for word in words) + ', {"", 0}}'


def array_field(tables, field):
    """The description of the member that an array in place of an object is."""
    names = [member.name for member in tables.shapes[field.shape].fields]
    return f"&{field.shape}_shape_fields[{names.index(field.array_is)}]"


def field_info(tables, owner, field):
    kind, type_name = kind_of(owner, field)
    limits = {key: getattr(field, key) for key in LIMITLESS}
    limits = {key: LIMITLESS[key] if value is None else str(value) for key, value in limits.items()}
    shape = owner.body.struct if is_body(owner, field) else f"{field.shape or field.items_of}_shape"
    yield f"    {{.name = {text_of(field.name)}, .kind = {kind}, .flags = {flags_of(owner, field)},\n"
    if type_name:
        yield f"        .offset = offsetof(struct parley_{owner.struct}, {snake(field.name)}),\n"
    yield f"        .min = {limits['min']}, .max = {limits['max']},\n"
    yield f"        .min_length = {limits['min_length']}, .max_length = {limits['max_length']},\n"
    if kind in ("FIELD_SHAPE", "FIELD_SHAPES"):
        yield f"        .shape = &{shape}_object,\n"
    if field.array_is:
        yield f"        .array_is = {array_field(tables, field)},\n"
    yield f"        .words = {list_of(field.enum)}, .also = {list_of(field.also)}}},\n"


def object_value(owner):
    count = len(owner.fields)
    fields = f"{owner.struct}_fields" if count else "NULL"
    return (
        f"{{{fields}, {count}, sizeof(struct parley_{owner.struct}),\n"
        f"    offsetof(struct parley_{owner.struct}, more)}}"
    )


def fields_of(tables, owner):
    if owner.fields:
        yield f"static const struct field_info {owner.struct}_fields[] = {{\n"
        for field in owner.fields:
            yield from field_info(tables, owner, field)
        yield "};\n"
        yield f"_Static_assert({len(owner.fields)} <= MAX_FIELDS, \"one bit a field\");\n\n"


def object_info(tables, owner):
    yield from fields_of(tables, owner)
    yield f"static const struct object_info {owner.info} =\n    {object_value(owner)};\n\n"


def message_info(tables, message):
    body, whole = objects_of(tables, message)
    yield from object_info(tables, body)
    yield from fields_of(tables, whole)
    yield (
        f"const struct parley_message_info parley_{message.name}_info = {{\n"
        f"    .type = {text_of(message.type)}, .id = PARLEY_TYPE_{message.name.upper()},\n"
        f"    .dialect = {DIALECTS[message.dialect]}, .direction = PARLEY_FROM_{message.direction.upper()},\n"
        f"    .agent_id = PARLEY_ID_{(message.agent_id or 'none').upper()},\n"
        f"    .is_typed = {str(message.typed).lower()},\n"
        f"    .body = {[is_body(whole, field) for field in whole.fields].index(True)},\n"
        f"    .object = {object_value(whole)},\n}};\n\n"
    )


def messages_c(tables):
    yield '#include "proto/table.h"\n\n#include <float.h>\n\n'
    for shape in shapes_of(tables):
        yield from object_info(tables, shape)
    for message in tables.messages:
        yield from message_info(tables, message)
    yield "const struct parley_message_info *const message_table[PARLEY_TYPE_COUNT] = {\n"
    for message in tables.messages:
        yield f"    [PARLEY_TYPE_{message.name.upper()}] = &parley_{message.name}_info,\n"
    yield "};\n\nconst struct type_index type_index_table[] = {\n"
    for dialect, constant in DIALECTS.items():
        found = sorted(tables.of(dialect), key=lambda message: (len(message.type), message.type))
        names = ", ".join(f"PARLEY_TYPE_{message.name.upper()}" for message in found)
        yield f"    [{constant}] = {{(const uint8_t[]){{{names}}}, {len(found)}}},\n"
    yield "};\n"
