#ifndef PARLEY_BASE_UTF8_H
#define PARLEY_BASE_UTF8_H

/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    UTF8_COMPLETE = 0, /* the state at the start, and between characters */
    UTF8_INVALID = 1,  /* a byte came that cannot stand there; stays so */
};

/*
 * Feeds bytes to a check that may be split anywhere. `state` is UTF8_COMPLETE at first. Returns the
 * new state: UTF8_COMPLETE, UTF8_INVALID, or another value inside a character. An invalid sequence
 * is found at the first byte that cannot be part of any valid one.
 */
uint32_t utf8_feed(uint32_t state, const void *bytes, size_t len);

/*
 * The same for one byte, inline, for a parser that goes through the text anyway and wants to know
 * at which byte it is broken.
 *
 * Inside a character the state holds what may follow (RFC 3629 section 4): bits 0-1 how many
 * continuation bytes are missing, bits 8-15 the least and bits 16-23 the greatest value of the next
 * one. Only the second byte of a character has bounds of its own; they keep out overlong forms,
 * surrogates and what lies above U+10FFFF. Such a state is never below 0x8000, so it cannot be
 * taken for UTF8_COMPLETE or UTF8_INVALID.
 */
static inline uint32_t utf8_step(uint32_t state, uint8_t byte)
{
    const uint32_t any = 0xbf8000;

    if (state != UTF8_COMPLETE) {
        if (state == UTF8_INVALID || byte < (state >> 8 & 0xff) || byte > state >> 16) {
            return UTF8_INVALID;
        }
        return (state & 3) > 1 ? any | ((state & 3) - 1) : UTF8_COMPLETE;
    }
    if (byte < 0x80) {
        return UTF8_COMPLETE;
    }
    if (byte < 0xc2 || byte > 0xf4) {
        return UTF8_INVALID;
    }
    if (byte < 0xe0) {
        return any | 1;
    }
    if (byte < 0xf0) {
        return (byte == 0xe0 ? 0xbfa000 : byte == 0xed ? 0x9f8000 : any) | 2;
    }
    return (byte == 0xf0 ? 0xbf9000 : byte == 0xf4 ? 0x8f8000 : any) | 3;
}

/* Whether the bytes are whole, valid UTF-8. */
static inline bool utf8_valid(const void *bytes, size_t len)
{
    return utf8_feed(UTF8_COMPLETE, bytes, len) == UTF8_COMPLETE;
}

/* Writes `code_point` (a scalar value) as 1 to 4 bytes; returns how many. */
size_t utf8_encode(uint32_t code_point, char ret_bytes[4]);

#endif
