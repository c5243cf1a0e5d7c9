#include "proto/borrow.h"
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
 * Whether the text is one JSON object with a type; *ret_type is that, raw. `members` and `inner`
 * are to be finished in either case.
 */
static bool open_text(const struct report *r, size_t len, struct object_members *members,
                      struct object_members *inner, struct raw_value *ret_type)
{
    static const struct field_info type = {
        .name = {"type", 4}, .kind = FIELD_TYPE, .min_length = 1, .max_length = SIZE_MAX};
    const struct step path = {.name = type.name};
    size_t i = 0;

    if (!object_members_scan(members, inner, r, len)) {
        return false;
    }
    while (i < members->count && !str_equal(members->all[i].key, type.name)) {
        i++;
    }
    if (i == members->count) {
        return report_missing(r, &type, NULL, r->text);
    }
    struct raw_value raw = members->all[i].value;
    if (*raw.ptr != '"') {
        return report_value(r, PARLEY_WRONG_KIND, &type, &path, raw_text(raw));
    }
    *ret_type = raw;
    return true;
}

/* The type that a raw string names. */
static enum parley_type find_type(enum parley_dialect dialect, struct raw_value raw)
{
    char name[64];
    struct str text = str_make(raw.ptr + 1, raw.len - 2);

    if (raw.escaped) {
        size_t len = json_unescape_to(raw_text(raw), name, sizeof(name));
        text = str_make(name, len <= sizeof(name) ? len : 0);
    }
    return parley_type_find(dialect, text.ptr, text.len);
}

void parley_message_init(const struct parley_message_info *info, void *message)
{
    uint32_t body = info->object.fields[info->body].offset;

    memset(message, 0, info->object.size);
    *(enum parley_is *)(void *)((char *)message + body) = PARLEY_SET;
}

void parley_message_fini(const struct parley_message_info *info, void *message)
{
    if (message != NULL) {
        memory_free(memory_of(message));
        parley_message_init(info, message);
    }
}

/* A text that is a message of this type, into `message`, which is empty; or the check alone. */
static bool decode_text(const struct parley_message_info *info, const struct decoding *d,
                        struct str text, void *message)
{
    struct decoding inside = *d;
    struct object_members members, inner;
    struct raw_value type;

    inside.inner = &inner;
    bool ok = open_text(&d->report, text.len, &members, &inner, &type);
    if (ok && !raw_is(type, info->type)) {
        ok = report_type(&d->report, PARLEY_OTHER_TYPE, raw_text(type), info->type.ptr);
    }
    ok = ok && decode_members(&inside, &info->object, text, &members, message, NULL);
    object_members_fini(&inner);
    object_members_fini(&members);
    return ok;
}

/* A problem needs somewhere to go, so nobody below has to ask whether it is wanted. */
static struct decoding decoding_of(struct str text, enum parley_strictness strictness,
                                   struct parley_problem *problem)
{
    return (struct decoding){.report = {.problem = problem, .text = text.ptr},
                             .strictness = strictness};
}

/* Positions are offsets of 32 bits. */
static bool check_length(const struct report *r, size_t len)
{
    return len <= UINT32_MAX ||
           report_other(r, PARLEY_WRONG_LENGTH, NULL, r->text, "less than 4 GiB", "more");
}

/* Into `message`, which has no memory but for the text, perhaps; on failure it is empty. */
static bool decode_whole(const struct parley_message_info *info, void *message,
                         enum parley_strictness strictness, struct str text,
                         struct parley_problem *problem)
{
    struct decoding d = decoding_of(text, strictness, problem);

    d.memory = memory_of(message);
    /* What is not in the text is not in the message: its body, too. */
    memset((char *)message + sizeof(void *), 0, info->object.size - sizeof(void *));
    if (!decode_text(info, &d, text, message)) {
        parley_message_fini(info, message);
        return false;
    }
    return true;
}

/* The text in memory of the message, whose first it is; NULL: it is too long, or there is none. */
static const char *copy_text(void *message, const struct report *r, size_t len)
{
    char *copy = check_length(r, len) ? memory_take(memory_of(message), len) : NULL;

    if (copy != NULL) {
        memcpy(copy, r->text, len);
    } else if (len <= UINT32_MAX) {
        (void)report_no_memory(r, NULL, r->text);
    }
    return copy;
}

bool parley_message_from_json(const struct parley_message_info *info, void *message,
                              enum parley_strictness strictness, const char *text, size_t len,
                              struct parley_problem *ret_problem)
{
    struct parley_problem unwanted = {.fault = PARLEY_FINE};
    const struct report r = {.problem = ret_problem != NULL ? ret_problem : &unwanted,
                             .text = len > 0 ? text : ""};

    memory_free(memory_of(message));
    const char *copy = copy_text(message, &r, len);
    if (copy == NULL) {
        parley_message_fini(info, message);
        return false;
    }
    return decode_whole(info, message, strictness, str_make(copy, len), r.problem);
}

bool message_borrow(const struct parley_message_info *info, void *message,
                    enum parley_strictness strictness, struct str text,
                    struct parley_problem *ret_problem)
{
    memory_free(memory_of(message));
    return decode_whole(info, message, strictness, text, ret_problem);
}

bool parley_check(enum parley_dialect dialect, enum parley_strictness strictness, const char *text,
                  size_t len, enum parley_type *ret_type, struct parley_problem *ret_problem)
{
    struct parley_problem unwanted;
    struct str whole = str_make(len > 0 ? text : "", len);
    struct decoding d =
        decoding_of(whole, strictness, ret_problem != NULL ? ret_problem : &unwanted);
    enum parley_type type = PARLEY_TYPE_NONE;
    struct object_members members, inner;
    struct raw_value raw;
    bool ok = false;

    if (!check_length(&d.report, len)) {
        return false;
    }
    d.inner = &inner;
    if (open_text(&d.report, len, &members, &inner, &raw)) {
        type = find_type(dialect, raw);
        ok = type != PARLEY_TYPE_NONE
                 ? decode_members(&d, &message_table[type]->object, whole, &members, NULL, NULL)
                 : report_type(&d.report, PARLEY_UNKNOWN_TYPE, raw_text(raw), NULL);
    }
    object_members_fini(&inner);
    object_members_fini(&members);
    if (ret_type != NULL) {
        *ret_type = type;
    }
    return ok;
}

/* Encodes and checks what was made. */
static bool encode_and_check(const struct parley_message_info *info, const void *message,
                             struct buf *out, struct parley_problem *ret_problem)
{
    if (!encode_message(info, message, out, ret_problem)) {
        return false;
    }
    struct decoding d = decoding_of(buf_str(out), PARLEY_STRICT, ret_problem);
    return check_length(&d.report, out->len) && decode_text(info, &d, buf_str(out), NULL);
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
