#include "json/pointer.h"

#include "json/reader.h"

enum { MAX_NAME = 256 };

bool json_pointer_valid(struct str pointer)
{
    if (pointer.len > 0 && pointer.ptr[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < pointer.len; i++) {
        if (pointer.ptr[i] == '~' &&
            (i + 1 == pointer.len || (pointer.ptr[i + 1] != '0' && pointer.ptr[i + 1] != '1'))) {
            return false;
        }
    }
    return true;
}

/* A part as the name that it is (section 4); false when it is longer than any that is looked for.
 */
static bool unescape(struct str part, char name[MAX_NAME], size_t *ret_len)
{
    size_t len = 0;

    for (size_t i = 0; i < part.len; i++) {
        char c = part.ptr[i];
        if (len == MAX_NAME) {
            return false;
        }
        if (c == '~' && i + 1 < part.len) {
            c = part.ptr[++i] == '1' ? '/' : '~';
        }
        name[len++] = c;
    }
    *ret_len = len;
    return true;
}

/* "0", or digits that do not begin with one. */
static struct str element(struct str array, struct str part)
{
    struct json_iter it = json_iter_of(array);
    struct str value = {0};
    uint64_t index;

    if (!str_to_uint(part, UINT32_MAX, &index) || (part.len > 1 && part.ptr[0] == '0')) {
        return value;
    }
    for (uint64_t i = 0; i <= index; i++) {
        if (!json_next_element(&it, &value)) {
            return (struct str){0};
        }
    }
    return value;
}

struct str json_point(struct str value, struct str pointer)
{
    char name[MAX_NAME];
    size_t len;

    while (pointer.len > 0 && value.len > 0) {
        struct str rest = str_slice(pointer, 1, pointer.len);
        struct str part = str_slice(rest, 0, str_find(rest, '/'));
        pointer = str_slice(rest, part.len, rest.len);
        if (!unescape(part, name, &len)) {
            return (struct str){0};
        }
        value = json_kind_of(value) == JSON_ARRAY ? element(value, part)
                                                  : json_get(value, str_make(name, len));
    }
    return value;
}
