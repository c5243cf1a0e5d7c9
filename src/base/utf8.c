#include "base/utf8.h"

#include <assert.h>
#include <string.h>

/* Where the first byte that is not ASCII stands, or `len`. */
static size_t pass_ascii(const uint8_t *bytes, size_t len)
{
    size_t at = 0;

    for (; len - at >= 16; at += 16) {
        uint64_t word[2];
        memcpy(word, bytes + at, sizeof(word));
        if (((word[0] | word[1]) & 0x8080808080808080u) != 0) {
            break;
        }
    }
    while (at < len && bytes[at] < 0x80) {
        at++;
    }
    return at;
}

uint32_t utf8_feed(uint32_t state, const void *bytes, size_t len)
{
    const uint8_t *byte = bytes;
    size_t at = 0;

    while (at < len && state != UTF8_INVALID) {
        if (state == UTF8_COMPLETE && byte[at] < 0x80) {
            at += pass_ascii(byte + at, len - at);
        } else {
            state = utf8_step(state, byte[at++]);
        }
    }
    return state;
}

size_t utf8_encode(uint32_t code_point, char ret_bytes[4])
{
    assert(code_point <= 0x10ffff && (code_point < 0xd800 || code_point > 0xdfff));
    if (code_point < 0x80) {
        ret_bytes[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        ret_bytes[0] = (char)(0xc0 | code_point >> 6);
        ret_bytes[1] = (char)(0x80 | (code_point & 0x3f));
        return 2;
    }
    if (code_point < 0x10000) {
        ret_bytes[0] = (char)(0xe0 | code_point >> 12);
        ret_bytes[1] = (char)(0x80 | (code_point >> 6 & 0x3f));
        ret_bytes[2] = (char)(0x80 | (code_point & 0x3f));
        return 3;
    }
    ret_bytes[0] = (char)(0xf0 | code_point >> 18);
    ret_bytes[1] = (char)(0x80 | (code_point >> 12 & 0x3f));
    ret_bytes[2] = (char)(0x80 | (code_point >> 6 & 0x3f));
    ret_bytes[3] = (char)(0x80 | (code_point & 0x3f));
    return 4;
}
