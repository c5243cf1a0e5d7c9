#include "oracle.h"

#include <jansson.h>

enum { FLAGS = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL };

enum oracle_verdict oracle_judge(struct str text)
{
    json_error_t error;
    json_t *value = json_loadb(text.ptr, text.len, FLAGS, &error);

    if (value != NULL) {
        json_decref(value);
        return ORACLE_ACCEPTS;
    }
    switch (json_error_code(&error)) {
    case json_error_numeric_overflow:
        return ORACLE_OVERFLOW;
    case json_error_null_byte_in_key:
        return ORACLE_NUL_KEY;
    default:
        return ORACLE_REFUSES;
    }
}

static void append_text(const char *bytes, size_t len, struct buf *out)
{
    buf_append_char(out, 's');
    buf_append_uint(out, len);
    buf_append_char(out, ':');
    buf_append(out, bytes, len);
}

static void describe(json_t *value, struct buf *out)
{
    const char *key;
    json_t *inner;
    size_t i;

    switch (json_typeof(value)) {
    case JSON_OBJECT:
        buf_append_char(out, '{');
        json_object_foreach(value, key, inner)
        {
            append_text(key, strlen(key), out);
            describe(inner, out);
        }
        buf_append_char(out, '}');
        break;
    case JSON_ARRAY:
        buf_append_char(out, '[');
        json_array_foreach(value, i, inner)
        {
            describe(inner, out);
        }
        buf_append_char(out, ']');
        break;
    case JSON_STRING:
        append_text(json_string_value(value), json_string_length(value), out);
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        buf_append_char(out, 'n');
        break;
    case JSON_TRUE:
        buf_append_char(out, 't');
        break;
    case JSON_FALSE:
        buf_append_char(out, 'f');
        break;
    case JSON_NULL:
        buf_append_char(out, 'z');
        break;
    }
}

bool oracle_describe(struct str text, struct buf *out)
{
    json_t *value = json_loadb(text.ptr, text.len, FLAGS | JSON_REJECT_DUPLICATES, NULL);

    if (value == NULL) {
        return false;
    }
    describe(value, out);
    json_decref(value);
    return true;
}
