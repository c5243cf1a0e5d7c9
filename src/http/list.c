#include "http/head.h"

/* The index of the first comma that stands in no quoted string, or the length. */
static size_t find_comma(struct str s)
{
    bool quoted = false;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"') {
            quoted = !quoted;
        } else if (quoted && s.ptr[i] == '\\') {
            i++;
        } else if (!quoted && s.ptr[i] == ',') {
            return i;
        }
    }
    return s.len;
}

bool http_list_next(struct str *list, struct str *ret_element)
{
    while (list->len > 0) {
        size_t comma = find_comma(*list);
        struct str element = str_trim(str_slice(*list, 0, comma));
        *list = str_slice(*list, comma + 1, list->len);
        if (element.len > 0) {
            *ret_element = element;
            return true;
        }
    }
    return false;
}

bool http_list_has(struct str list, struct str token)
{
    struct str element;

    while (http_list_next(&list, &element)) {
        if (str_equal_nocase(element, token)) {
            return true;
        }
    }
    return false;
}
