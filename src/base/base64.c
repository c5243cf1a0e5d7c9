#include "base/base64.h"

/* RFC 4648 table 1. */
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *bytes, size_t len, char *ret_text)
{
    const uint8_t *in = bytes;
    char *out = ret_text;

    for (; len >= 3; in += 3, len -= 3) {
        uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        *out++ = alphabet[group >> 18];
        *out++ = alphabet[group >> 12 & 63];
        *out++ = alphabet[group >> 6 & 63];
        *out++ = alphabet[group & 63];
    }
    if (len > 0) {
        uint32_t group = (uint32_t)in[0] << 16 | (len == 2 ? (uint32_t)in[1] << 8 : 0);
        *out++ = alphabet[group >> 18];
        *out++ = alphabet[group >> 12 & 63];
        *out++ = len == 2 ? alphabet[group >> 6 & 63] : '=';
        *out++ = '=';
    }
}

/* The six bits of a character, or 64 when it is not in the alphabet, whose last two are `last`. */
static uint32_t sextet_of(char c, const char last[2])
{
    if (c >= 'A' && c <= 'Z') {
        return (uint32_t)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (uint32_t)(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return (uint32_t)(c - '0') + 52;
    }
    return c == last[0] ? 62 : c == last[1] ? 63 : 64;
}

/* Decodes a text without its padding. */
static bool decode(struct str text, const char last[2], uint8_t *ret_bytes, size_t *ret_len)
{
    size_t len = 0;

    if (text.len % 4 == 1) {
        return false;
    }
    for (size_t at = 0; at < text.len; at += 4) {
        size_t digits = text.len - at < 4 ? text.len - at : 4;
        uint32_t group = 0;
        for (size_t i = 0; i < 4; i++) {
            uint32_t sextet = i < digits ? sextet_of(text.ptr[at + i], last) : 0;
            if (sextet > 63) {
                return false;
            }
            group = group << 6 | sextet;
        }
        uint32_t unused = digits == 4 ? 0 : digits == 3 ? 0xff : 0xffff;
        if ((group & unused) != 0) {
            return false;
        }
        for (size_t i = 0; i + 1 < digits; i++) {
            ret_bytes[len++] = (uint8_t)(group >> (16 - 8 * i));
        }
    }
    *ret_len = len;
    return true;
}

bool base64_decode(struct str text, uint8_t *ret_bytes, size_t *ret_len)
{
    size_t padding = 0;

    if (text.len % 4 != 0) {
        return false;
    }
    while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=') {
        padding++;
    }
    return decode(str_slice(text, 0, text.len - padding), "+/", ret_bytes, ret_len);
}

bool base64url_decode(struct str text, uint8_t *ret_bytes, size_t *ret_len)
{
    return decode(text, "-_", ret_bytes, ret_len);
}
