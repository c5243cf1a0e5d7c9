#include "json/fields.h"

#include "json/reader.h"

/* The place of a key in the list, or `count`. */
static size_t find_name(struct str key, const struct str *names, size_t count)
{
    size_t i = 0;

    while (i < count && !json_string_is(key, names[i])) {
        i++;
    }
    return i;
}

enum json_fields json_read_fields(struct str object, const struct str *names, size_t count,
                                  struct str *ret_raws, struct str *ret_key)
{
    struct json_iter it = json_iter_of(object);
    struct str key, raw;

    for (size_t i = 0; i < count; i++) {
        ret_raws[i] = STR("");
    }
    while (json_next_member(&it, &key, &raw)) {
        size_t i = find_name(key, names, count);
        if (i == count || ret_raws[i].len > 0) {
            *ret_key = key;
            return i == count ? JSON_FIELDS_UNKNOWN : JSON_FIELDS_TWICE;
        }
        ret_raws[i] = raw;
    }
    return JSON_FIELDS_READ;
}

bool json_join_strings(struct str array, char separator, struct buf *out)
{
    struct json_iter it = json_iter_of(array);
    struct str element;
    bool first = true;

    if (json_kind_of(array) != JSON_ARRAY) {
        return false;
    }
    while (json_next_element(&it, &element)) {
        if (!first) {
            buf_append_char(out, separator);
        }
        first = false;
        size_t from = out->len;
        json_unescape(element, out);
        struct str text = str_slice(buf_str(out), from, out->len);
        if (json_kind_of(element) != JSON_STRING || text.len == 0 ||
            str_find(text, separator) < text.len) {
            return false;
        }
    }
    return true;
}
