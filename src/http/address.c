#include "http/address.h"

#include "http/internal.h"

/* What stands before an IPv4 address among the 16 bytes. */
static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

/* One dotted part of an IPv4 address, 0 to 255 without leading zeros; moves *at behind it. */
static bool take_octet(struct str s, size_t *at, uint8_t *ret_octet)
{
    size_t from = *at;
    unsigned value = 0;

    while (*at < s.len && *at - from < 3 && http_is_digit(s.ptr[*at])) {
        value = value * 10 + (unsigned)(s.ptr[(*at)++] - '0');
    }
    size_t digits = *at - from;
    *ret_octet = (uint8_t)value;
    return digits > 0 && value <= 255 && (digits == 1 || s.ptr[from] != '0');
}

static bool parse_ipv4(struct str s, uint8_t ret_octets[4])
{
    size_t at = 0;

    for (int part = 0; part < 4; part++) {
        if (part > 0 && (at == s.len || s.ptr[at++] != '.')) {
            return false;
        }
        if (!take_octet(s, &at, &ret_octets[part])) {
            return false;
        }
    }
    return at == s.len;
}

/* A group of 1 to 4 hexadecimal digits, whole up to a colon or the end; its length, or 0. */
static size_t take_group(struct str rest, uint8_t out[2])
{
    size_t digits = str_find(rest, ':');
    unsigned value = 0;

    if (digits > 4) {
        return 0;
    }
    for (size_t i = 0; i < digits; i++) {
        if (!http_is(rest.ptr[i], HTTP_HEX)) {
            return 0;
        }
        value = value << 4 | http_hex_value(rest.ptr[i]);
    }
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return digits;
}

/* Puts the zeros that "::" stands for where it stood, if it did. */
static bool spread(const uint8_t bytes[16], size_t count, size_t gap, uint8_t ret_address[16])
{
    if (gap > count) {
        memcpy(ret_address, bytes, 16);
        return count == 16;
    }
    memset(ret_address, 0, 16);
    memcpy(ret_address, bytes, gap);
    memcpy(ret_address + 16 - (count - gap), bytes + gap, count - gap);
    return count <= 14;
}

bool http_ipv6_parse(struct str s, uint8_t ret_address[16])
{
    uint8_t bytes[16] = {0};
    size_t count = 0;
    size_t gap = SIZE_MAX; /* how many bytes stand before "::" */
    size_t at = 0;

    if (str_starts_with(s, STR("::"))) {
        gap = 0;
        at = 2;
    }
    while (at < s.len) {
        struct str rest = str_slice(s, at, s.len);
        if (count <= 12 && parse_ipv4(rest, bytes + count)) {
            count += 4;
            break;
        }
        size_t digits = count <= 14 ? take_group(rest, bytes + count) : 0;
        if (digits == 0) {
            return false;
        }
        count += 2;
        at += digits;
        if (at == s.len) {
            break;
        }
        /* A colon: it must lead on, or be half of the only "::". */
        at++;
        if (at < s.len && s.ptr[at] == ':') {
            if (gap <= count) {
                return false;
            }
            gap = count;
            at++;
        } else if (at == s.len) {
            return false;
        }
    }
    return spread(bytes, count, gap, ret_address);
}

bool http_address_parse(struct str text, uint8_t ret_address[16])
{
    uint8_t v4[4];

    if (parse_ipv4(text, v4)) {
        memcpy(ret_address, v4_prefix, sizeof(v4_prefix));
        memcpy(ret_address + sizeof(v4_prefix), v4, sizeof(v4));
        return true;
    }
    return http_ipv6_parse(text, ret_address);
}

bool http_address_is_loopback(const uint8_t address[16])
{
    static const uint8_t v6_loopback[16] = {[15] = 1};

    return memcmp(address, v6_loopback, 16) == 0 ||
           (memcmp(address, v4_prefix, sizeof(v4_prefix)) == 0 && address[12] == 127);
}

bool http_network_parse(struct str text, struct http_network *ret_network)
{
    struct http_network n = {.bits = 128};
    size_t slash = str_find(text, '/');
    struct str address = str_slice(text, 0, slash);
    uint8_t v4[4];
    uint64_t prefix;

    if (!http_address_parse(address, n.address)) {
        return false;
    }
    if (slash < text.len) {
        unsigned most = parse_ipv4(address, v4) ? 32 : 128;
        if (!str_to_uint(str_slice(text, slash + 1, text.len), most, &prefix)) {
            return false;
        }
        n.bits = (uint8_t)(128 - most + prefix);
    }
    for (unsigned bit = n.bits; bit < 128; bit++) {
        if ((n.address[bit / 8] >> (7 - bit % 8) & 1) != 0) {
            return false;
        }
    }
    *ret_network = n;
    return true;
}

bool http_network_has(const struct http_network *n, const uint8_t address[16])
{
    unsigned whole = n->bits / 8;
    unsigned rest = n->bits % 8;

    return memcmp(n->address, address, whole) == 0 &&
           (rest == 0 || (n->address[whole] ^ address[whole]) >> (8 - rest) == 0);
}

bool http_networks_have(const struct http_network *networks, size_t count,
                        const uint8_t address[16])
{
    for (size_t i = 0; i < count; i++) {
        if (http_network_has(&networks[i], address)) {
            return true;
        }
    }
    return false;
}
