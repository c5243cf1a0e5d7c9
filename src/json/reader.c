#include "json/reader.h"

#include "json/scan.h"

bool json_valid(struct str text)
{
    struct scan s;

    scan_init(&s, text);
    const char *at = scan_value(&s, scan_space(s.text, s.end));
    return at != NULL && scan_end(&s, at) != NULL;
}

const uint8_t json_kind_by_byte[UINT8_MAX + 1] = {
    ['{'] = JSON_OBJECT, ['['] = JSON_ARRAY,  ['"'] = JSON_STRING, ['t'] = JSON_BOOL,
    ['f'] = JSON_BOOL,   ['n'] = JSON_NULL,   ['-'] = JSON_NUMBER, ['0'] = JSON_NUMBER,
    ['1'] = JSON_NUMBER, ['2'] = JSON_NUMBER, ['3'] = JSON_NUMBER, ['4'] = JSON_NUMBER,
    ['5'] = JSON_NUMBER, ['6'] = JSON_NUMBER, ['7'] = JSON_NUMBER, ['8'] = JSON_NUMBER,
    ['9'] = JSON_NUMBER,
};

enum json_kind json_kind_of(struct str value)
{
    size_t at = 0;

    while (at < value.len && scan_is_space(value.ptr[at])) {
        at++;
    }
    return at < value.len ? (enum json_kind)json_kind_by_byte[(uint8_t)value.ptr[at]] : JSON_NONE;
}

/* Behind a string; `at` is its opening quote. */
static const char *pass_string(const char *at, const char *end)
{
    for (at = scan_plain(at + 1, end); at < end && *at != '"'; at = scan_plain(at, end)) {
        at += *at == '\\' && end - at > 1 ? 2 : 1;
    }
    return at < end ? at + 1 : end;
}

/* Behind the bracket that closes the one at `at`. */
static const char *pass_brackets(const char *at, const char *end)
{
    size_t depth = 0;

    while (at < end) {
        if (*at == '"') {
            at = pass_string(at, end);
            continue;
        }
        if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            depth--;
        }
        at++;
        if (depth == 0) {
            break;
        }
    }
    return at;
}

static bool ends_scalar(char c)
{
    return c == ',' || c == ':' || c == '}' || c == ']' || scan_is_space(c);
}

/* Takes the value at it->at, which may be a key. Returns false when there is none. */
static bool take_value(struct json_iter *it, struct str *ret_value)
{
    const char *from = scan_space(it->at, it->end);
    const char *at = from;

    if (at < it->end && *at == '"') {
        at = pass_string(at, it->end);
    } else if (at < it->end && (*at == '{' || *at == '[')) {
        at = pass_brackets(at, it->end);
    } else {
        while (at < it->end && !ends_scalar(*at)) {
            at++;
        }
    }
    it->at = at;
    *ret_value = str_make(from, (size_t)(at - from));
    return at > from;
}

static void pass_char(struct json_iter *it, char c)
{
    it->at = scan_space(it->at, it->end);
    if (it->at < it->end && *it->at == c) {
        it->at++;
    }
}

struct json_iter json_iter_of(struct str value)
{
    enum json_kind kind = json_kind_of(value);

    if (kind != JSON_OBJECT && kind != JSON_ARRAY) {
        return (struct json_iter){.at = NULL, .end = NULL};
    }
    const char *end = value.ptr + value.len;
    return (struct json_iter){.at = scan_space(value.ptr, end) + 1, .end = end};
}

bool json_next_member(struct json_iter *it, struct str *ret_key, struct str *ret_value)
{
    pass_char(it, ',');
    if (!take_value(it, ret_key)) {
        return false;
    }
    pass_char(it, ':');
    return take_value(it, ret_value);
}

bool json_next_element(struct json_iter *it, struct str *ret_value)
{
    pass_char(it, ',');
    return take_value(it, ret_value);
}

struct str json_get(struct str object, struct str name)
{
    struct str key, value;

    if (json_kind_of(object) == JSON_OBJECT) {
        struct json_iter it = json_iter_of(object);
        while (json_next_member(&it, &key, &value)) {
            if (json_string_is(key, name)) {
                return value;
            }
        }
    }
    return str_make("", 0);
}
