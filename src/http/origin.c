#include "http/origin.h"

#include "http/head.h"
#include "http/internal.h"

/* An origin, or a pattern for one, in its parts; the host of an IPv6 address with its brackets. */
struct parts {
    struct str scheme;
    struct str host;
    struct str port;
    bool has_port;
};

static bool split_origin(struct str text, struct parts *ret_parts)
{
    size_t colon = str_find(text, ':');
    struct str rest = str_slice(text, colon, text.len);

    if (colon == 0 || !str_starts_with(rest, STR("://"))) {
        return false;
    }
    rest = str_slice(rest, 3, rest.len);
    size_t end = rest.len > 0 && rest.ptr[0] == '[' ? str_find(rest, ']') + 1 : str_find(rest, ':');
    if (end == 0 || end > rest.len || (end < rest.len && rest.ptr[end] != ':')) {
        return false;
    }
    *ret_parts = (struct parts){.scheme = str_slice(text, 0, colon),
                                .host = str_slice(rest, 0, end),
                                .port = str_slice(rest, end + 1, rest.len),
                                .has_port = end < rest.len};
    return true;
}

static bool is_letter_or_digit(char c)
{
    return http_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_host_char(char c)
{
    return is_letter_or_digit(c) || c == '.' || c == '-';
}

/* Letters, digits, and of `marks` what may stand between them. */
static bool made_of(struct str s, const char *marks)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_letter_or_digit(s.ptr[i]) &&
            (s.ptr[i] == '\0' || strchr(marks, s.ptr[i]) == NULL)) {
            return false;
        }
    }
    return s.len > 0;
}

static bool is_concrete(const struct parts *origin)
{
    struct str name;
    struct str port;

    if (!made_of(origin->scheme, "+-.") || (origin->has_port && !made_of(origin->port, "")) ||
        !http_host_split(origin->host, &name, &port)) {
        return false;
    }
    for (size_t i = 0; i < origin->port.len; i++) {
        if (!http_is_digit(origin->port.ptr[i])) {
            return false;
        }
    }
    return origin->host.ptr[0] == '[' || made_of(origin->host, ".-");
}

/*
 * Matches by going back to the last '*' only and letting it take one character more: with a single
 * kind of wildcard an earlier one never has to be tried again.
 */
static bool host_matches(struct str host, struct str pattern)
{
    size_t h = 0;
    size_t p = 0;
    size_t star = pattern.len;
    size_t star_end = 0;

    while (h < host.len) {
        if (p < pattern.len && pattern.ptr[p] == '*' && is_host_char(host.ptr[h])) {
            star = p++;
            star_end = ++h;
        } else if (p < pattern.len && pattern.ptr[p] != '*' &&
                   str_lower(pattern.ptr[p]) == str_lower(host.ptr[h])) {
            p++;
            h++;
        } else if (star < pattern.len && is_host_char(host.ptr[star_end])) {
            h = ++star_end;
            p = star + 1;
        } else {
            return false;
        }
    }
    return p == pattern.len;
}

bool http_origin_matches(struct str origin, struct str pattern)
{
    struct parts have;
    struct parts want;

    if (!split_origin(origin, &have) || !is_concrete(&have)) {
        return false;
    }
    if (str_equal(pattern, STR("*"))) {
        return true;
    }
    if (!split_origin(pattern, &want) || !str_equal_nocase(have.scheme, want.scheme) ||
        have.has_port != want.has_port) {
        return false;
    }
    return (str_equal(want.port, STR("*")) || str_equal(have.port, want.port)) &&
           host_matches(have.host, want.host);
}

bool http_origin_pattern_valid(struct str pattern)
{
    struct parts p;
    struct str name, port;
    uint64_t number;

    if (str_equal(pattern, STR("*"))) {
        return true;
    }
    if (!split_origin(pattern, &p) || !made_of(p.scheme, "+-.") ||
        (p.has_port && !str_equal(p.port, STR("*")) && !str_to_uint(p.port, 65535, &number))) {
        return false;
    }
    return p.host.ptr[0] == '[' ? http_host_split(p.host, &name, &port) : made_of(p.host, ".-*");
}

bool http_origin_allowed(struct str origin, const struct str *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (http_origin_matches(origin, patterns[i])) {
            return true;
        }
    }
    return false;
}

/*
 * No domain's last label is a number, so a name of digits and dots alone is an address, in one of
 * the spellings that resolvers know.
 */
static bool is_loopback(struct str name)
{
    if (str_equal_nocase(name, STR("localhost")) || str_equal(name, STR("[::1]"))) {
        return true;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!http_is_digit(name.ptr[i]) && name.ptr[i] != '.') {
            return false;
        }
    }
    return str_starts_with(name, STR("127."));
}

bool http_host_allowed(struct str host, const struct str *names, size_t count)
{
    struct str name;
    struct str port;

    if (!http_host_split(host, &name, &port)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (str_equal_nocase(name, names[i])) {
            return true;
        }
    }
    return is_loopback(name);
}
