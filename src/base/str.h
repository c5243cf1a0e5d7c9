#ifndef PARLEY_BASE_STR_H
#define PARLEY_BASE_STR_H

/*
 * Text as pointer and length. A `struct str` borrows: it owns nothing, need not end in NUL, and
 * lives no longer than the bytes it points to.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

/* A `struct str` of a string literal. */
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
/* For printf("%.*s"). */
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline struct str str_make(const char *ptr, size_t len)
{
    return (struct str){ptr, len};
}

/* Of a NUL-terminated string; NULL gives the empty one. */
static inline struct str str_from_z(const char *z)
{
    return (struct str){z, z != NULL ? strlen(z) : 0};
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Whether `size` bytes, at most 8, are the same `at` bytes behind a and b. */
static inline bool str_same_word(const char *a, const char *b, size_t at, size_t size)
{
    uint64_t left = 0, right = 0;

    memcpy(&left, a + at, size);
    memcpy(&right, b + at, size);
    return left == right;
}

/* str_equal without a call, for names of a few bytes: the last word overlaps the one before. */
static inline bool str_equal_short(struct str a, struct str b)
{
    size_t at = 0;

    if (a.len != b.len) {
        return false;
    }
    if (a.len >= 8) {
        while (at < a.len - 8 && str_same_word(a.ptr, b.ptr, at, 8)) {
            at += 8;
        }
        return at >= a.len - 8 && str_same_word(a.ptr, b.ptr, a.len - 8, 8);
    }
    if (a.len >= 4) {
        return str_same_word(a.ptr, b.ptr, 0, 4) && str_same_word(a.ptr, b.ptr, a.len - 4, 4);
    }
    while (at < a.len && a.ptr[at] == b.ptr[at]) {
        at++;
    }
    return at == a.len;
}

static inline bool str_starts_with(struct str s, struct str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

/* The bytes [from, to) of `s`; both are clamped to its length. */
static inline struct str str_slice(struct str s, size_t from, size_t to)
{
    if (to > s.len) {
        to = s.len;
    }
    if (from > to) {
        from = to;
    }
    return (struct str){s.ptr + from, to - from};
}

/* An ASCII letter in lower case, anything else as it is; whatever the locale. */
static inline char str_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Equal when ASCII letters are compared without case (RFC 9110: schemes, hosts, field names). */
bool str_equal_nocase(struct str a, struct str b);

/* The index of `c` in `s`, or s.len. */
size_t str_find(struct str s, char c);

/* Without leading and trailing spaces and tabs (RFC 9110 OWS). */
struct str str_trim(struct str s);

/*
 * The next run of characters other than spaces and tabs of `*rest`, which goes on behind it.
 * Returns false at the end.
 */
bool str_next_field(struct str *rest, struct str *ret_field);

/*
 * vprintf into `out`: as much as fits in `cap` bytes (a NUL included). *ret_cut: whether that was
 * not all. The result borrows from `out`.
 */
struct str str_vformat(char *out, size_t cap, bool *ret_cut, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));
/* The same, of what surely fits: asserts that it does. */
struct str str_format(char *out, size_t cap, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes a number's decimal digits, at most STR_UINT_MAX, and returns what stands behind them. */
enum { STR_UINT_MAX = 20 };
char *str_write_uint(char *at, uint64_t value);
/* Decimal digits only, at least one, no sign. Returns false when it is anything else or > `max`. */
bool str_to_uint(struct str s, uint64_t max, uint64_t *ret_value);

#endif
