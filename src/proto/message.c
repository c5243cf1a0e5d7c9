#include "proto/decode.h"
#include "proto/encode.h"
#include "proto/memory.h"
#include "json/reader.h"

#include <stdlib.h>

/* The struct of every message begins with it. */
static void **memory_of(void *message)
{
    return message;
}

/*
 * Whether the text is one JSON object with a type; *ret_type is that, raw. A problem needs
 * somewhere to go, so nobody below has to ask whether it is wanted.
 */
static bool open_text(const struct report *r, size_t len, struct str *ret_type)
{
    static const struct field_info type = {
        .name = {"type", 4}, .kind = FIELD_TYPE, .min_length = 1, .max_length = SIZE_MAX};
    const struct step path = {.name = type.name};
    struct wire wire;

    if (len > UINT32_MAX) {
        return report_other(r, PARLEY_WRONG_LENGTH, NULL, r->text, "less than 4 GiB", "more");
    }
    wire_scan(r->text, len, 1u << WIRE_TYPE, &wire);
    if (wire.status != WIRE_OK) {
        return report_scan(r, &wire);
    }
    struct str raw = wire_raw(&wire, r->text, WIRE_TYPE);
    if (raw.len == 0) {
        return report_missing(r, &type, NULL, r->text);
    }
    if (*raw.ptr != '"') {
        return report_value(r, PARLEY_WRONG_KIND, &type, &path, raw);
    }
    *ret_type = raw;
    return true;
}

/* The type that a raw string names. */
static enum parley_type find_type(enum parley_dialect dialect, struct str raw)
{
    char name[64];
    struct str text;

    if (!json_string_plain(raw, &text)) {
        size_t len = json_unescape_to(raw, name, sizeof(name));
        text = str_make(name, len <= sizeof(name) ? len : 0);
    }
    return parley_type_find(dialect, text.ptr, text.len);
}

void parley_message_init(const struct parley_message_info *info, void *message)
{
    memset(message, 0, info->object.size);
    for (size_t i = 0; i < info->object.count; i++) {
        const struct field_info *field = &info->object.fields[i];
        if ((field->flags & FIELD_BODY) != 0) {
            *(enum parley_is *)(void *)((char *)message + field->offset) = PARLEY_SET;
        }
    }
}

void parley_message_fini(const struct parley_message_info *info, void *message)
{
    if (message != NULL) {
        memory_free(memory_of(message));
        parley_message_init(info, message);
    }
}

static bool decode_message(const struct parley_message_info *info, void *message,
                           enum parley_strictness strictness, struct str text,
                           struct parley_problem *ret_problem)
{
    struct decoding d = {.report = {.problem = ret_problem, .text = text.ptr},
                         .strictness = strictness,
                         .memory = memory_of(message)};
    struct str type;

    if (!open_text(&d.report, text.len, &type)) {
        return false;
    }
    if (!json_string_is(type, info->type)) {
        return report_type(&d.report, PARLEY_OTHER_TYPE, type, info->type.ptr);
    }
    char *copy = memory_take(d.memory, text.len);
    if (copy == NULL) {
        return report_no_memory(&d.report, NULL, text.ptr);
    }
    memcpy(copy, text.ptr, text.len);
    d.report.text = copy;
    memset((char *)message + sizeof(void *), 0, info->object.size - sizeof(void *));
    return decode_object(&d, &info->object, str_make(copy, text.len), message, NULL);
}

bool parley_message_from_json(const struct parley_message_info *info, void *message,
                              enum parley_strictness strictness, const char *text, size_t len,
                              struct parley_problem *ret_problem)
{
    struct parley_problem unwanted;

    parley_message_fini(info, message);
    if (!decode_message(info, message, strictness, str_make(len > 0 ? text : "", len),
                        ret_problem != NULL ? ret_problem : &unwanted)) {
        parley_message_fini(info, message);
        return false;
    }
    return true;
}

/* Whether text of a known type is a message of it. */
static bool check_text(const struct parley_message_info *info, enum parley_strictness strictness,
                       struct str text, struct parley_problem *ret_problem)
{
    struct decoding d = {.report = {.problem = ret_problem, .text = text.ptr},
                         .strictness = strictness};

    return decode_object(&d, &info->object, text, NULL, NULL);
}

bool parley_check(enum parley_dialect dialect, enum parley_strictness strictness, const char *text,
                  size_t len, enum parley_type *ret_type, struct parley_problem *ret_problem)
{
    struct parley_problem unwanted;
    struct report r = {.problem = ret_problem != NULL ? ret_problem : &unwanted,
                       .text = len > 0 ? text : ""};
    struct str raw;

    if (ret_type != NULL) {
        *ret_type = PARLEY_TYPE_NONE;
    }
    if (!open_text(&r, len, &raw)) {
        return false;
    }
    enum parley_type type = find_type(dialect, raw);
    if (type == PARLEY_TYPE_NONE) {
        return report_type(&r, PARLEY_UNKNOWN_TYPE, raw, NULL);
    }
    if (ret_type != NULL) {
        *ret_type = type;
    }
    return check_text(message_table[type], strictness, str_make(text, len), r.problem);
}

/* Encodes and checks what was made. */
static bool encode_and_check(const struct parley_message_info *info, const void *message,
                             struct buf *out, struct parley_problem *ret_problem)
{
    struct report r = {.problem = ret_problem};
    struct str type;

    if (!encode_message(info, message, out, ret_problem)) {
        return false;
    }
    r.text = out->data;
    return open_text(&r, out->len, &type) &&
           check_text(info, PARLEY_STRICT, buf_str(out), ret_problem);
}

bool parley_message_to_json(const struct parley_message_info *info, const void *message,
                            char **ret_text, size_t *ret_len, struct parley_problem *ret_problem)
{
    struct parley_problem unwanted;
    struct buf out;

    buf_init(&out, SIZE_MAX);
    if (!encode_and_check(info, message, &out, ret_problem != NULL ? ret_problem : &unwanted)) {
        buf_fini(&out);
        return false;
    }
    size_t len = out.len;
    buf_append_char(&out, '\0');
    if (out.failed) {
        struct report r = {.problem = ret_problem != NULL ? ret_problem : &unwanted};
        buf_fini(&out);
        return report_no_memory(&r, NULL, NULL);
    }
    *ret_text = out.data;
    *ret_len = len;
    return true;
}

bool parley_message_validate(const struct parley_message_info *info, const void *message,
                             struct parley_problem *ret_problem)
{
    struct parley_problem unwanted;
    struct buf out;

    buf_init(&out, SIZE_MAX);
    bool valid =
        encode_and_check(info, message, &out, ret_problem != NULL ? ret_problem : &unwanted);
    buf_fini(&out);
    return valid;
}
