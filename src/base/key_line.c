#include "base/key_line.h"

static const struct str names[KEY_ALGORITHMS] = {
    [KEY_HS256] = {"HS256", 5},
    [KEY_RS256] = {"RS256", 5},
    [KEY_ES256] = {"ES256", 5},
    [KEY_EDDSA] = {"EdDSA", 5},
};

struct str key_algorithm_name(enum key_algorithm algorithm)
{
    return names[algorithm];
}

enum key_algorithm key_algorithm_find(struct str name)
{
    unsigned algorithm = 0;

    while (algorithm < KEY_ALGORITHMS && !str_equal(names[algorithm], name)) {
        algorithm++;
    }
    return (enum key_algorithm)algorithm;
}

/* Takes "NAME=VALUE" once; whether it is that, and the value is not longer than `max`. */
static bool take_value(struct str field, struct str name, size_t max, struct str *ret_value)
{
    if (!str_starts_with(field, name) || ret_value->len > 0) {
        return false;
    }
    *ret_value = str_slice(field, name.len, field.len);
    return ret_value->len > 0 && ret_value->len <= max;
}

const char *key_line_parse(struct str line, struct key_line *ret_line)
{
    struct key_line parsed = {.file = STR(""), .kid = STR(""), .issuer = STR("")};
    struct str field;

    for (size_t i = 0; i < line.len; i++) {
        if ((unsigned char)line.ptr[i] < ' ' && line.ptr[i] != '\t') {
            return "has a control character in it";
        }
    }
    if (!str_next_field(&line, &field) ||
        (parsed.algorithm = key_algorithm_find(field)) == KEY_ALGORITHMS) {
        return "does not begin with one of HS256, RS256, ES256 and EdDSA";
    }
    if (!str_next_field(&line, &parsed.file)) {
        return "names no file; write the path of the key behind the algorithm";
    }
    if (parsed.file.ptr[0] != '/') {
        return "names its file by a relative path; write the whole one, from / on";
    }
    while (str_next_field(&line, &field)) {
        if (!take_value(field, STR("kid="), KEY_LINE_MAX_KID, &parsed.kid) &&
            !take_value(field, STR("iss="), KEY_LINE_MAX_ISSUER, &parsed.issuer)) {
            return "has a field behind the file that is neither kid=KID (at most 128 characters) "
                   "nor iss=ISSUER (at most 256), or is there twice";
        }
    }
    *ret_line = parsed;
    return NULL;
}
