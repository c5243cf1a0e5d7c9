#include "base/grants.h"

bool grants_next(struct str *rest, struct str *ret_pattern)
{
    if (rest->len == 0) {
        return false;
    }
    size_t bar = str_find(*rest, '|');
    *ret_pattern = str_slice(*rest, 0, bar);
    *rest = str_slice(*rest, bar + 1, rest->len);
    return true;
}

/*
 * Without recursion, and in the product of both lengths at most: when a literal does not fit, the
 * last '*' takes one character more. An earlier one never has to: what it could still take, the
 * last one can take as well. A '*' of the name is a character that only a '*' matches, so that one
 * pattern can be matched against another.
 */
static bool match_one(struct str pattern, struct str name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, taken = 0;

    while (n < name.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            taken = n;
        } else if (p < pattern.len && pattern.ptr[p] == name.ptr[n]) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

bool grants_match(struct str patterns, struct str name)
{
    for (struct str one; grants_next(&patterns, &one);) {
        if (match_one(one, name)) {
            return true;
        }
    }
    return false;
}

bool grants_valid(struct str patterns)
{
    bool empty = true; /* the pattern that is being looked at */

    if (patterns.len > GRANTS_MAX_TEXT) {
        return false;
    }
    for (size_t i = 0; i < patterns.len; i++) {
        unsigned char c = (unsigned char)patterns.ptr[i];
        if (c <= ' ' || c == 0x7f || (c == '|' && empty)) {
            return false;
        }
        empty = c == '|';
    }
    return patterns.len == 0 || !empty;
}

static bool patterns_within(struct str part, struct str whole)
{
    for (struct str one; grants_next(&part, &one);) {
        if (!grants_match(whole, one)) {
            return false;
        }
    }
    return true;
}

bool grants_within(const struct grants *part, const struct grants *whole)
{
    return patterns_within(part->publish, whole->publish) &&
           patterns_within(part->sessions, whole->sessions) &&
           patterns_within(part->act_as, whole->act_as) && (whole->broadcast || !part->broadcast) &&
           (whole->admin || !part->admin);
}
