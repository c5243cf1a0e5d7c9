#include "http/internal.h"

/* One dotted part of an IPv4 address, 0 to 255 without leading zeros; moves *at behind it. */
static bool take_octet(struct str s, size_t *at)
{
    size_t from = *at;
    unsigned value = 0;

    while (*at < s.len && *at - from < 3 && http_is_digit(s.ptr[*at])) {
        value = value * 10 + (unsigned)(s.ptr[(*at)++] - '0');
    }
    size_t digits = *at - from;
    return digits > 0 && value <= 255 && (digits == 1 || s.ptr[from] != '0');
}

static bool is_ipv4(struct str s)
{
    size_t at = 0;

    for (int part = 0; part < 4; part++) {
        if (part > 0 && (at == s.len || s.ptr[at++] != '.')) {
            return false;
        }
        if (!take_octet(s, &at)) {
            return false;
        }
    }
    return at == s.len;
}

/* IPv6address of RFC 3986 section 3.2.2: eight groups of 16 bits, "::" once for one or more. */
static bool is_ipv6(struct str s)
{
    unsigned groups = 0;
    bool shortened = false;
    size_t at = 0;

    if (s.len >= 2 && s.ptr[0] == ':' && s.ptr[1] == ':') {
        shortened = true;
        at = 2;
    }
    while (at < s.len) {
        struct str rest = str_slice(s, at, s.len);
        if (is_ipv4(rest)) {
            groups += 2;
            break;
        }
        size_t digits = str_find(rest, ':');
        if (digits == 0 || digits > 4 || ++groups > 8) {
            return false;
        }
        for (size_t i = 0; i < digits; i++) {
            if (!http_is(rest.ptr[i], HTTP_HEX)) {
                return false;
            }
        }
        at += digits;
        if (at == s.len) {
            break;
        }
        /* A colon: it must lead on, or be half of the only "::". */
        at++;
        if (at < s.len && s.ptr[at] == ':') {
            if (shortened) {
                return false;
            }
            shortened = true;
            at++;
        } else if (at == s.len) {
            return false;
        }
    }
    return shortened ? groups <= 7 : groups == 8;
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!http_is(s.ptr[i], HTTP_NAME) && s.ptr[i] != '%') {
            return false;
        }
    }
    return s.len > 0 && http_escapes_ok(s);
}

bool http_host_split(struct str host, struct str *ret_name, struct str *ret_port)
{
    uint64_t number;
    bool literal = host.len > 0 && host.ptr[0] == '[';
    size_t end = literal ? str_find(host, ']') + 1 : str_find(host, ':');

    if (end > host.len || (end < host.len && host.ptr[end] != ':')) {
        return false;
    }
    struct str name = str_slice(host, 0, end);
    struct str port = str_slice(host, end + 1, host.len);
    if (!(literal ? is_ipv6(str_slice(name, 1, name.len - 1)) : is_name(name)) ||
        (port.len > 0 && !str_to_uint(port, 65535, &number))) {
        return false;
    }
    *ret_name = name;
    *ret_port = port;
    return true;
}
