#include "grow.h"

#include "proto/table.h"

#include <assert.h>

enum { LONGEST = 12, MOST_UNKNOWN = 3 };

static void grow_any(struct choices *c, unsigned depth, struct buf *out);
static void grow_object(struct choices *c, const struct parley_message_info *info,
                        const struct object_info *object, struct buf *out);

/* One of the texts of an array. */
#define PICK(c, texts, out)                                                                        \
    buf_append_str(out, str_from_z((texts)[choose(c, sizeof(texts) / sizeof((texts)[0]))]))

static void grow_space(struct choices *c, struct buf *out)
{
    static const char *const spaces[] = {"", "", "", "", "", " ", "\t", "\r\n", "  "};

    PICK(c, spaces, out);
}

/* Characters of one to four bytes, as they are or escaped. */
static void grow_characters(struct choices *c, size_t count, struct buf *out)
{
    static const char *const characters[] = {
        "a",   "z",       "0",   " ",    "/",    "\x7f",    "\xc3\xa9",       "\xe2\x82\xac",
        "\\/", "\\u0000", "\\n", "\\\"", "\\\\", "\\u00e9", "\\uD83C\\uDF0D", "\xf0\x9f\x8c\x8d",
        "\\b", "\\u20AC"};

    while (count-- > 0) {
        PICK(c, characters, out);
    }
}

static void grow_string(struct choices *c, const struct field_info *field, struct buf *out)
{
    size_t longest = field->max_length < LONGEST ? field->max_length : LONGEST;
    size_t length = field->min_length + choose(c, (uint32_t)(longest - field->min_length) + 1);

    buf_append_char(out, '"');
    grow_characters(c, length, out);
    buf_append_char(out, '"');
}

/* A word with some of its letters escaped. */
static void grow_name(struct choices *c, struct str name, struct buf *out)
{
    bool escapes = choose(c, 16) == 0;

    buf_append_char(out, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (escapes && choose(c, 3) == 0) {
            buf_printf(out, "\\u%04x", (unsigned)(uint8_t)name.ptr[i]);
        } else {
            buf_append_char(out, name.ptr[i]);
        }
    }
    buf_append_char(out, '"');
}

static void grow_number(struct choices *c, const struct field_info *field, struct buf *out)
{
    static const double values[] = {0,    1,  0.5,   0.1,    1e-7,  3, 99.5, 1700000000.123,
                                    1e20, -1, -0.25, -1e300, 5e-324};
    double value = values[choose(c, sizeof(values) / sizeof(values[0]))];

    if (value < field->min || value > field->max) {
        value = field->min + choose(c, 9) / 8.0;
    }
    if (choose(c, 2) == 0) {
        buf_printf(out, "%.17g", value);
    } else {
        buf_printf(out, "%.17E", value);
    }
}

/* Every lower limit of the table is small, and no integer has an upper one. */
static void grow_integer(struct choices *c, const struct field_info *field, struct buf *out)
{
    int least = field->min > -1000 ? (int)field->min : -1000;

    buf_printf(out, "%d", least + (int)choose(c, 5000));
    if (choose(c, 3) == 0) {
        buf_append_str(out, choose(c, 2) == 0 ? STR(".0") : STR("e0"));
    }
}

static void grow_array_of(struct choices *c, const struct field_info *field, struct buf *out,
                          void (*grow)(struct choices *, const struct field_info *, struct buf *))
{
    uint32_t count = choose(c, field->max_length < 4 ? (uint32_t)field->max_length + 1 : 5);

    buf_append_char(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        buf_append_str(out, i > 0 ? STR(",") : STR(""));
        grow(c, field, out);
    }
    buf_append_char(out, ']');
}

static void grow_text(struct choices *c, const struct field_info *field, struct buf *out)
{
    (void)field;
    buf_append_char(out, '"');
    grow_characters(c, choose(c, LONGEST), out);
    buf_append_char(out, '"');
}

static void grow_shape(struct choices *c, const struct field_info *field, struct buf *out)
{
    grow_object(c, NULL, field->shape, out);
}

/* Any object. */
static void grow_free(struct choices *c, const struct field_info *field, struct buf *out)
{
    uint32_t count = choose(c, 4);

    (void)field;
    buf_append_char(out, '{');
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(out, "%s\"k%u\":", i > 0 ? "," : "", i);
        grow_any(c, 3, out);
    }
    buf_append_char(out, '}');
}

static void grow_any(struct choices *c, unsigned depth, struct buf *out)
{
    static const char *const values[] = {"null",    "true",
                                         "false",   "0",
                                         "-0",      "0.10",
                                         "1E2",     "12345678901234567890123",
                                         "-1.0",    "\"\"",
                                         "\"1E2\"", "[]",
                                         "{}",      "{\"a\":{\"b\":[]}}"};
    uint32_t kind = depth > 0 ? choose(c, 8) : 0;

    if (kind < 6) {
        PICK(c, values, out);
    } else if (kind == 6) {
        grow_text(c, NULL, out);
    } else {
        buf_append_char(out, '[');
        grow_any(c, depth - 1, out);
        buf_append_char(out, ',');
        grow_any(c, depth - 1, out);
        buf_append_char(out, ']');
    }
}

static void grow_value(struct choices *c, const struct parley_message_info *info,
                       const struct field_info *field, struct buf *out)
{
    uint32_t words = 0;

    if ((field->flags & FIELD_NULLABLE) != 0 && choose(c, 4) == 0) {
        buf_append_str(out, STR("null"));
        return;
    }
    switch ((enum field_kind)field->kind) {
    case FIELD_TYPE:
        grow_name(c, info->type, out);
        break;
    case FIELD_STRING:
        grow_string(c, field, out);
        break;
    case FIELD_CHOICE:
        while (field->words[words].len > 0) {
            words++;
        }
        grow_name(c, field->words[choose(c, words)], out);
        break;
    case FIELD_NUMBER:
        grow_number(c, field, out);
        break;
    case FIELD_INTEGER:
        grow_integer(c, field, out);
        break;
    case FIELD_BOOLEAN:
        buf_append_str(out, choose(c, 2) == 0 ? STR("true") : STR("false"));
        break;
    case FIELD_SHAPE:
        if (field->array_is != NULL && choose(c, 3) == 0) {
            grow_array_of(c, field->array_is, out, grow_text);
        } else {
            grow_shape(c, field, out);
        }
        break;
    case FIELD_OBJECT:
        grow_free(c, field, out);
        break;
    case FIELD_ANY:
        grow_any(c, 3, out);
        break;
    case FIELD_STRINGS:
        grow_array_of(c, field, out, grow_text);
        break;
    case FIELD_SHAPES:
        grow_array_of(c, field, out, grow_shape);
        break;
    case FIELD_OBJECTS:
        grow_array_of(c, field, out, grow_free);
        break;
    case FIELD_KIND_COUNT:
        assert(false);
    }
}

static void begin_member(struct choices *c, uint32_t *count, struct buf *out)
{
    grow_space(c, out);
    buf_append_str(out, (*count)++ > 0 ? STR(",") : STR(""));
    grow_space(c, out);
}

static void grow_unknown(struct choices *c, uint32_t number, uint32_t *count, struct buf *out)
{
    begin_member(c, count, out);
    buf_printf(out, "\"x%u", number);
    grow_characters(c, choose(c, 3), out);
    buf_append_str(out, STR("\":"));
    grow_any(c, 3, out);
}

/* Under its own name, or under another one. */
static void grow_member(struct choices *c, const struct parley_message_info *info,
                        const struct field_info *field, uint32_t *count, struct buf *out)
{
    struct str name = field->name;

    if (field->also != NULL && choose(c, 4) == 0) {
        name = field->also[0];
    }
    begin_member(c, count, out);
    grow_name(c, name, out);
    grow_space(c, out);
    buf_append_char(out, ':');
    grow_space(c, out);
    grow_value(c, info, field, out);
}

/* Its fields from one of them on, round to that again. */
static void grow_object(struct choices *c, const struct parley_message_info *info,
                        const struct object_info *object, struct buf *out)
{
    uint32_t first = object->count > 0 ? choose(c, object->count) : 0;
    uint32_t count = 0;

    buf_append_char(out, '{');
    for (uint32_t i = 0; i < object->count; i++) {
        const struct field_info *field = &object->fields[(first + i) % object->count];
        bool required = (field->flags & FIELD_REQUIRED) != 0 || field->kind == FIELD_TYPE ||
                        (field->flags & FIELD_BODY) != 0;
        if (required || choose(c, 2) == 0) {
            grow_member(c, info, field, &count, out);
        }
    }
    for (uint32_t i = choose(c, MOST_UNKNOWN + 1); i > 0; i--) {
        grow_unknown(c, i, &count, out);
    }
    grow_space(c, out);
    buf_append_char(out, '}');
}

void grow_message(struct choices *c, enum parley_type type, struct buf *out)
{
    const struct parley_message_info *info = parley_type_info(type);

    grow_space(c, out);
    grow_object(c, info, &info->object, out);
    grow_space(c, out);
}

/* --- mutations -------------------------------------------------------------------------------- */

/* Puts `piece` in the place of `len` bytes at `at`. */
static void replace(struct buf *text, size_t at, size_t len, struct str piece)
{
    struct buf changed;

    buf_init(&changed, text->len + piece.len);
    buf_append(&changed, text->data, at);
    buf_append_str(&changed, piece);
    buf_append(&changed, text->data + at + len, text->len - at - len);
    assert(!changed.failed);
    buf_fini(text);
    *text = changed;
}

void grow_mutation(struct choices *c, struct buf *text)
{
    static const char *const tokens[] = {
        "null", "true",      "0",       "-1", "1.5", "1e999", "NaN", "\"\"", "\"x\"", "[]",   "{}",
        "[7]",  "{\"a\":1}", "\\ud800", ",",  "}",   "]",     "\"",  "\\",   "\xff",  "\x01", " "};

    for (uint32_t times = 1 + choose(c, 3); times > 0 && text->len > 0; times--) {
        size_t at = choose(c, (uint32_t)text->len);
        size_t len = choose(c, (uint32_t)(text->len - at < 24 ? text->len - at : 24) + 1);
        size_t from;
        struct buf piece;

        buf_init(&piece, 32);
        switch (choose(c, 4)) {
        case 0:
            buf_append_char(&piece, (char)choose(c, 256));
            len = 1;
            break;
        case 1: /* from elsewhere in the text */
            from = choose(c, (uint32_t)text->len);
            buf_append_str(&piece, str_slice(buf_str(text), from, from + choose(c, 32)));
            break;
        case 2:
            PICK(c, tokens, &piece);
            break;
        default: /* taken away */
            break;
        }
        replace(text, at, len, buf_str(&piece));
        buf_fini(&piece);
    }
}
