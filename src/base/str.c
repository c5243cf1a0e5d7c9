#include "base/str.h"

#include <assert.h>
#include <stdio.h>

bool str_equal_nocase(struct str a, struct str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (str_lower(a.ptr[i]) != str_lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

size_t str_find(struct str s, char c)
{
    const char *hit = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;
    return hit != NULL ? (size_t)(hit - s.ptr) : s.len;
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

bool str_next_field(struct str *rest, struct str *ret_field)
{
    size_t end = 0;

    *rest = str_trim(*rest);
    while (end < rest->len && rest->ptr[end] != ' ' && rest->ptr[end] != '\t') {
        end++;
    }
    *ret_field = str_slice(*rest, 0, end);
    *rest = str_slice(*rest, end, rest->len);
    return end > 0;
}

struct str str_vformat(char *out, size_t cap, bool *ret_cut, const char *format, va_list args)
{
    int len = vsnprintf(out, cap, format, args);

    *ret_cut = len < 0 || (size_t)len >= cap;
    if (len < 0) {
        return str_make(out, 0);
    }
    return str_make(out, *ret_cut ? cap - 1 : (size_t)len);
}

struct str str_format(char *out, size_t cap, const char *format, ...)
{
    va_list args;
    bool cut;

    va_start(args, format);
    struct str text = str_vformat(out, cap, &cut, format, args);
    va_end(args);
    assert(!cut);
    return text;
}

/* A number below 100, as two digits. */
static void write_pair(char *at, uint64_t value)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";

    memcpy(at, pairs + value * 2, 2);
}

char *str_write_uint(char *at, uint64_t value)
{
    if (value >= 10000) {
        at = str_write_uint(at, value / 10000);
        value %= 10000;
        write_pair(at, value / 100);
        write_pair(at + 2, value % 100);
        return at + 4;
    }
    if (value >= 100) {
        at = str_write_uint(at, value / 100);
        value %= 100;
    } else if (value < 10) {
        *at = (char)('0' + value);
        return at + 1;
    }
    write_pair(at, value);
    return at + 2;
}

bool str_to_uint(struct str s, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (s.len == 0) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(s.ptr[i] - '0');
        if (value > (max - digit) / 10 && (value > max / 10 || value * 10 > max - digit)) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (value > max) {
        return false;
    }
    *ret_value = value;
    return true;
}
