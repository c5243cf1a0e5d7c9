#include "oracle.h"

#include <jansson.h>

/* The first name of a member and another one, in the object of the message or in its body. */
static const char *const names[][2] = {
    {"agent_id", "agentId"},
    {"target_id", "targetId"},
    {"state", "status"},
};

/* A member of `text` under another name becomes one under the first, if that is how it is written.
 */
static void take_first_names(json_t *text, const json_t *written)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        json_t *other = json_object_get(text, names[i][1]);
        if (other != NULL && json_object_get(text, names[i][0]) == NULL &&
            json_object_get(written, names[i][0]) != NULL) {
            json_object_set(text, names[i][0], other);
            json_object_del(text, names[i][1]);
        }
    }
}

static bool is_same(json_t *text, json_t *written);

static bool is_same_object(json_t *text, json_t *written)
{
    const char *key;
    json_t *value;

    take_first_names(text, written);
    if (json_object_size(text) != json_object_size(written)) {
        return false;
    }
    json_object_foreach(text, key, value)
    {
        if (!is_same(value, json_object_get(written, key))) {
            return false;
        }
    }
    return true;
}

static bool is_same(json_t *text, json_t *written)
{
    if (json_is_number(text) && json_is_number(written)) {
        double a = json_number_value(text);
        double b = json_number_value(written);
        return a == b;
    }
    if (json_is_array(text) && json_is_object(written)) {
        /* An array in place of capabilities is written as the object that it stands for. */
        return json_object_size(written) == 1 && is_same(text, json_object_get(written, "tools"));
    }
    if (json_is_object(text) && json_is_object(written)) {
        return is_same_object(text, written);
    }
    if (!json_is_array(text) || !json_is_array(written)) {
        return json_equal(text, written) == 1;
    }
    for (size_t i = 0; i < json_array_size(text); i++) {
        if (!is_same(json_array_get(text, i), json_array_get(written, i))) {
            return false;
        }
    }
    return json_array_size(text) == json_array_size(written);
}

/* NULL when the text cannot be read; *ret_unable when that is for want of jansson's abilities. */
static json_t *read_text(struct str text, bool *ret_unable)
{
    json_error_t error;
    json_t *value =
        json_loadb(text.ptr, text.len, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);

    if (value == NULL) {
        enum json_error_code code = json_error_code(&error);
        *ret_unable = code == json_error_numeric_overflow || code == json_error_null_byte_in_key;
    }
    return value;
}

bool oracle_same(struct str text, struct str written)
{
    bool unable = false;
    json_t *a = read_text(text, &unable);
    json_t *b = read_text(written, &unable);
    bool same = unable || (a != NULL && b != NULL && is_same(a, b));

    json_decref(a);
    json_decref(b);
    return same;
}
