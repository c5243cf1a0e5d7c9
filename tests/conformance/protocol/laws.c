#include "laws.h"

#include "base/buf.h"
#include "proto/table.h"
#include "json/reader.h"

#include <assert.h>
#include <stdlib.h>

static void check_printable(const char *text, size_t cap)
{
    size_t len = strnlen(text, cap);

    assert(len < cap);
    for (size_t i = 0; i < len; i++) {
        assert((uint8_t)text[i] >= 0x20 && text[i] != 0x7f);
    }
}

static void check_problem(struct str text, const struct parley_problem *problem)
{
    char sentence[1024], cut[8];

    assert(problem->fault != PARLEY_FINE && problem->fault != PARLEY_NO_MEMORY);
    assert(problem->position <= text.len);
    check_printable(problem->path, sizeof(problem->path));
    check_printable(problem->expected, sizeof(problem->expected));
    check_printable(problem->found, sizeof(problem->found));
    assert(problem->expected[0] != '\0' && problem->found[0] != '\0');
    size_t len = parley_problem_text(problem, sentence, sizeof(sentence));
    assert(len == strlen(sentence));
    assert(parley_problem_text(problem, cut, sizeof(cut)) < sizeof(cut));
    if (!json_valid(text)) {
        assert(problem->fault == PARLEY_NOT_JSON || problem->fault == PARLEY_TOO_DEEP);
    }
}

static bool same_problem(const struct parley_problem *a, const struct parley_problem *b)
{
    return a->fault == b->fault && a->position == b->position && strcmp(a->path, b->path) == 0 &&
           strcmp(a->expected, b->expected) == 0 && strcmp(a->found, b->found) == 0;
}

static void *new_message(enum parley_type type)
{
    void *message = malloc(parley_type_size(type));

    assert(message != NULL);
    parley_message_init(parley_type_info(type), message);
    return message;
}

static void free_message(enum parley_type type, void *message)
{
    parley_message_fini(parley_type_info(type), message);
    free(message);
}

/* Checks the text, and compares with decoding it. Returns whether it is a message. */
static bool judge(enum parley_dialect dialect, enum parley_strictness strictness, struct str text,
                  enum parley_type *ret_type)
{
    struct parley_problem problem, decoding;
    bool ok = parley_check(dialect, strictness, text.ptr, text.len, ret_type, &problem);

    if (!ok) {
        check_problem(text, &problem);
    }
    if (*ret_type == PARLEY_TYPE_NONE) {
        assert(!ok);
        return false;
    }
    void *message = new_message(*ret_type);
    bool decoded = parley_message_from_json(parley_type_info(*ret_type), message, strictness,
                                            text.ptr, text.len, &decoding);
    assert(decoded == ok);
    assert(ok || same_problem(&problem, &decoding));
    free_message(*ret_type, message);
    return ok;
}

/* Decodes a message and encodes it. */
static char *pass(enum parley_type type, struct str text, size_t *ret_len)
{
    const struct parley_message_info *info = parley_type_info(type);
    void *message = new_message(type);
    char *written = NULL;
    bool ok = parley_message_from_json(info, message, PARLEY_STRICT, text.ptr, text.len, NULL);

    assert(ok);
    ok = parley_message_validate(info, message, NULL) &&
         parley_message_to_json(info, message, &written, ret_len, NULL);
    assert(ok && written[*ret_len] == '\0');
    free_message(type, message);
    return written;
}

/* --- what is kept ----------------------------------------------------------------------------- */

static const struct field_info *find_field(const struct object_info *info, struct str key)
{
    for (size_t i = 0; i < info->count; i++) {
        const struct field_info *field = &info->fields[i];
        if (str_equal(field->name, key)) {
            return field;
        }
        for (const struct str *name = field->also; name != NULL && name->len > 0; name++) {
            if (str_equal(*name, key)) {
                return field;
            }
        }
    }
    return NULL;
}

static void check_kept(const struct object_info *info, struct str object, struct str written);

static void check_shapes_kept(const struct object_info *shape, struct str list, struct str written)
{
    struct json_iter before = json_iter_of(list);
    struct json_iter after = json_iter_of(written);

    for (struct str a, b; json_next_element(&before, &a);) {
        bool there = json_next_element(&after, &b);
        assert(there);
        check_kept(shape, a, b);
    }
}

static void check_member_kept(const struct object_info *info, struct str object, struct str key,
                              struct str value, struct str written)
{
    const struct field_info *field = find_field(info, key);
    struct str after = json_get(written, key);

    if (field != NULL && after.len == 0) {
        after = json_get(written, field->name);
    }
    assert(after.len > 0);
    bool is_first =
        field != NULL && (str_equal(field->name, key) || json_get(object, field->name).len == 0);
    if (!is_first || field->kind == FIELD_ANY || field->kind == FIELD_OBJECT ||
        field->kind == FIELD_OBJECTS || json_kind_of(value) == JSON_NULL) {
        assert(str_equal(value, after));
    } else if (field->kind == FIELD_SHAPE) {
        check_kept(field->shape, value, after);
    } else if (field->kind == FIELD_SHAPES) {
        check_shapes_kept(field->shape, value, after);
    }
}

static void check_kept(const struct object_info *info, struct str object, struct str written)
{
    struct json_iter it = json_iter_of(object);
    struct buf key;

    buf_init(&key, object.len);
    for (struct str raw_key, value; json_next_member(&it, &raw_key, &value);) {
        buf_clear(&key);
        json_unescape(raw_key, &key);
        assert(!key.failed);
        const struct field_info *field = find_field(info, buf_str(&key));
        if (field == NULL || (field->flags & FIELD_SAME) == 0) {
            check_member_kept(info, object, buf_str(&key), value, written);
        }
    }
    buf_fini(&key);
}

bool laws_hold(enum parley_dialect dialect, struct str text, char **ret_written, size_t *ret_len)
{
    enum parley_type type, type_received;
    size_t len, again_len;
    bool received = judge(dialect, PARLEY_RECEIVED, text, &type_received);
    bool ok = judge(dialect, PARLEY_STRICT, text, &type);

    assert(type == type_received);
    assert(received || !ok);
    if (!ok) {
        return false;
    }
    char *written = pass(type, text, &len);
    char *again = pass(type, str_make(written, len), &again_len);
    assert(str_equal(str_make(written, len), str_make(again, again_len)));
    check_kept(&parley_type_info(type)->object, text, str_make(written, len));
    free(again);
    if (ret_written == NULL) {
        free(written);
        return true;
    }
    *ret_written = written;
    *ret_len = len;
    return true;
}
