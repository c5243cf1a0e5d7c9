#include "proto/encode.h"

#include "base/utf8.h"
#include "proto/number.h"
#include "json/reader.h"
#include "json/scan.h"
#include "json/writer.h"

#include <float.h>

struct encoding {
    struct json_writer writer;
    const struct parley_message_info *info;
    struct parley_problem *problem;
};

static bool encode_object(struct encoding *e, const struct object_info *info, const char *in,
                          const struct step *path);

/* What cannot be said; its place is where the text has got to. */
static bool refuse(struct encoding *e, enum parley_fault fault, const struct step *path,
                   const char *expected, const char *found)
{
    struct buf *out = e->writer.out;
    struct report report = {.problem = e->problem, .text = out->data};

    return report_other(&report, fault, path, out->data + out->len, expected, found);
}

static bool encode_text(struct encoding *e, const char *ptr, size_t len, const struct step *path)
{
    if (!utf8_valid(ptr, len)) {
        return refuse(e, PARLEY_NOT_JSON, path, "text in UTF-8", "other bytes");
    }
    json_string(&e->writer, str_make(ptr, len));
    return true;
}

static bool encode_choice(struct encoding *e, const struct field_info *field, int choice,
                          const struct step *path)
{
    int count = 0;

    while (field->words[count].len > 0) {
        count++;
    }
    if (choice < 0 || choice >= count) {
        return refuse(e, PARLEY_WRONG_WORD, path, "a value of the member's enum", "another number");
    }
    json_string(&e->writer, field->words[choice]);
    return true;
}

static bool encode_number(struct encoding *e, double value, const struct step *path)
{
    struct buf text;

    if (!(value >= -DBL_MAX && value <= DBL_MAX)) {
        return refuse(e, PARLEY_OUT_OF_RANGE, path, "a finite number", "none");
    }
    buf_init(&text, SIZE_MAX);
    number_write(&text, value);
    if (text.failed) {
        e->writer.out->failed = true;
    }
    json_raw(&e->writer, buf_str(&text));
    buf_fini(&text);
    return true;
}

static bool encode_raw(struct encoding *e, const struct parley_json *value, const struct step *path)
{
    struct str raw = str_make(value->ptr, value->len);

    if (value->len > UINT32_MAX || !json_valid(raw)) {
        return refuse(e, PARLEY_NOT_JSON, path, "one JSON value", "something else");
    }
    json_raw(&e->writer, raw);
    return true;
}

static bool encode_strings(struct encoding *e, const struct parley_strings *list,
                           const struct step *path)
{
    struct step step = {.up = path};

    json_begin_array(&e->writer);
    for (; step.index < list->count; step.index++) {
        const struct parley_text *text = &list->items[step.index];
        if (!encode_text(e, text->ptr, text->len, &step)) {
            return false;
        }
    }
    json_end_array(&e->writer);
    return true;
}

static bool encode_shapes(struct encoding *e, const struct object_info *shape,
                          const struct list_value *list, const struct step *path)
{
    struct step step = {.up = path};

    json_begin_array(&e->writer);
    for (; step.index < list->count; step.index++) {
        const char *items = list->items;
        if (!encode_object(e, shape, items + step.index * shape->size, &step)) {
            return false;
        }
    }
    json_end_array(&e->writer);
    return true;
}

static bool encode_value(struct encoding *e, const struct field_info *field, const void *in,
                         const struct step *path)
{
    const struct parley_string *string = in;
    const struct parley_number *number = in;
    const struct parley_integer *integer = in;
    const struct parley_boolean *boolean = in;
    const struct parley_choice *choice = in;

    switch ((enum field_kind)field->kind) {
    case FIELD_STRING:
        return encode_text(e, string->ptr, string->len, path);
    case FIELD_CHOICE:
        return encode_choice(e, field, choice->value, path);
    case FIELD_NUMBER:
        return encode_number(e, number->value, path);
    case FIELD_INTEGER:
        json_int(&e->writer, integer->value);
        return true;
    case FIELD_BOOLEAN:
        json_bool(&e->writer, boolean->value);
        return true;
    case FIELD_SHAPE:
        return encode_object(e, field->shape, in, path);
    case FIELD_STRINGS:
        return encode_strings(e, in, path);
    case FIELD_SHAPES:
        return encode_shapes(e, field->shape, in, path);
    case FIELD_OBJECT:
    case FIELD_OBJECTS:
    case FIELD_ANY:
        return encode_raw(e, in, path);
    case FIELD_TYPE:
    case FIELD_KIND_COUNT:
        break;
    }
    return true;
}

/* A member that the description does not know: a key, a colon and a value, and nothing else. */
static bool encode_other(struct encoding *e, const struct parley_text *text,
                         const struct step *path)
{
    struct scan s;
    struct str key;
    const char *at = NULL;

    if (text->len <= UINT32_MAX) {
        scan_init(&s, str_make(text->ptr, text->len));
        at = scan_key(&s, scan_space(s.text, s.end), &key);
        at = at != NULL ? scan_value(&s, at) : NULL;
    }
    if (at == NULL || scan_end(&s, at) == NULL) {
        return refuse(e, PARLEY_NOT_JSON, path, "a member, \"name\": value", "something else");
    }
    json_raw_members(&e->writer, str_make(text->ptr, text->len));
    return true;
}

static bool encode_field(struct encoding *e, const struct field_info *field, const char *in,
                         const struct step *path)
{
    enum parley_is is;

    if (field->kind == FIELD_TYPE) {
        json_key_string(&e->writer, field->name, e->info->type);
        return true;
    }
    memcpy(&is, in + field->offset, sizeof(is));
    if (is == PARLEY_ABSENT) {
        return true;
    }
    json_key(&e->writer, field->name);
    if (is == PARLEY_NULL) {
        json_null(&e->writer);
        return true;
    }
    return encode_value(e, field, in + field->offset, path);
}

static bool encode_object(struct encoding *e, const struct object_info *info, const char *in,
                          const struct step *path)
{
    const struct parley_members *more = (const void *)(in + info->more);

    json_begin_object(&e->writer);
    for (size_t i = 0; i < info->count; i++) {
        struct step step = {.up = path, .name = info->fields[i].name};
        if (!encode_field(e, &info->fields[i], in, &step)) {
            return false;
        }
    }
    for (size_t i = 0; i < more->count; i++) {
        if (!encode_other(e, &more->items[i], path)) {
            return false;
        }
    }
    json_end_object(&e->writer);
    return true;
}

bool encode_message(const struct parley_message_info *info, const void *message, struct buf *out,
                    struct parley_problem *ret_problem)
{
    struct encoding e = {.info = info, .problem = ret_problem};

    json_writer_init(&e.writer, out);
    if (!encode_object(&e, &info->object, message, NULL)) {
        return false;
    }
    return !out->failed || refuse(&e, PARLEY_NO_MEMORY, NULL, "enough memory", "too little");
}
