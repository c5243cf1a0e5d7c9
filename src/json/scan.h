#ifndef PARLEY_JSON_SCAN_H
#define PARLEY_JSON_SCAN_H

/*
 * The grammar of JSON (RFC 8259), for the files of this module: functions that take the place of
 * something in the text, check it, and return the place behind it; or NULL, having noted in
 * `struct scan` what is wrong and where. The text is read once, forwards. Nesting is not recursion:
 * one bit a level says whether the bracket around is a brace.
 */

#include "base/str.h"
#include "json/wire.h"

#include <endian.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct scan {
    const char *text;
    const char *end;
    uint64_t in_object; /* bit 0: the innermost open bracket is '{'; bit 1: the next one out; ... */
    unsigned depth;     /* open brackets, at most WIRE_MAX_DEPTH */
    bool escaped;       /* set by a string with a backslash in it; cleared by whoever asks */
    uint8_t status;     /* enum wire_status */
    uint32_t position;  /* of the error */
};

/* Prepares a scan of `text`, which is borrowed and shorter than 4 GiB. */
void scan_init(struct scan *s, struct str text);

/* Notes an error at `at`. */
void scan_note(struct scan *s, enum wire_status status, const char *at) __attribute__((cold));

/* The same, and returns NULL. */
static inline const char *scan_fail(struct scan *s, enum wire_status status, const char *at)
{
    scan_note(s, status, at);
    return NULL;
}

/* Notes that the text cannot go on with what is at `at`, or ends there too early. */
static inline const char *scan_refuse(struct scan *s, const char *at)
{
    return scan_fail(s, at < s->end ? WIRE_NOT_JSON : WIRE_TRUNCATED, at);
}

/* Goes on in a string from a character that is not plain, or from the end. */
const char *scan_string_rest(struct scan *s, const char *at);
/* Any value but a string, with all that is in it. `at` may be the end, or anything else. */
const char *scan_other_value(struct scan *s, const char *at);
/* Nothing but white space up to the end of the text. */
const char *scan_end(struct scan *s, const char *at);

/* RFC 8259 section 2. */
static inline bool scan_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static inline const char *scan_space(const char *at, const char *end)
{
    while (at < end && scan_is_space(*at)) {
        at++;
    }
    return at;
}

/* The value of a hexadecimal digit, or 16 when it is none. */
static inline uint32_t scan_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return (uint32_t)(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return (uint32_t)(c - 'a') + 10;
    }
    return c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10 : 16;
}

#ifdef __SSE2__

/*
 * Goes on to the first byte that is a quote, a backslash, a control character or not ASCII, 16
 * bytes at a time. Returns false when there is none before the last 15 bytes. As signed numbers,
 * bytes that are not ASCII are below 0x20 like control characters.
 */
static inline bool scan_plain_blocks(const char **at, const char *end)
{
    for (; end - *at >= 16; *at += 16) {
        __m128i bytes = _mm_loadu_si128((const void *)*at);
        __m128i outside = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
        __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
        __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
        int special = _mm_movemask_epi8(_mm_or_si128(outside, _mm_or_si128(quote, backslash)));
        if (special != 0) {
            *at += __builtin_ctz((unsigned)special);
            return true;
        }
    }
    return false;
}

#else

/* Elsewhere all is left to the words of scan_plain. */
static inline bool scan_plain_blocks(const char **at, const char *end)
{
    (void)at, (void)end;
    return false;
}

#endif

/*
 * The first byte that is a quote, a backslash, a control character or not ASCII; or `end`.
 *
 * Eight bytes at a time: bit 7 of a byte in `special` is set when the byte is one to stop at. The
 * subtractions find a zero byte (of the text with the sought character turned to zero by XOR) and a
 * byte below 0x20. A borrow may mark a byte wrongly, but only above one that is marked rightly, and
 * the lowest is taken.
 */
static inline const char *scan_plain(const char *at, const char *end)
{
    const uint64_t each = 0x0101010101010101u;

    if (scan_plain_blocks(&at, end)) {
        return at;
    }
    for (; end - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        word = le64toh(word);
        uint64_t quote = (word ^ each * '"') - each;
        uint64_t backslash = (word ^ each * '\\') - each;
        uint64_t control = word - each * 0x20;
        uint64_t special = (((quote | backslash | control) & ~word) | word) & each * 0x80;
        if (special != 0) {
            return at + __builtin_ctzll(special) / 8;
        }
    }
    while (at < end && *at != '"' && *at != '\\' && (uint8_t)*at >= 0x20 && (uint8_t)*at < 0x80) {
        at++;
    }
    return at;
}

/* A string; `at` is its opening quote. */
static inline const char *scan_string(struct scan *s, const char *at)
{
    at = scan_plain(at + 1, s->end);
    return at < s->end && *at == '"' ? at + 1 : scan_string_rest(s, at);
}

/*
 * A key from its opening quote to the value behind the colon. *ret_key is the key, raw. `at` may
 * be the end, or anything else.
 */
static inline const char *scan_key(struct scan *s, const char *at, struct str *ret_key)
{
    if (at == s->end || *at != '"') {
        return scan_refuse(s, at);
    }
    const char *key = at;
    at = scan_string(s, at);
    if (at == NULL) {
        return NULL;
    }
    *ret_key = str_make(key, (size_t)(at - key));
    at = scan_space(at, s->end);
    if (at == s->end || *at != ':') {
        return scan_refuse(s, at);
    }
    return scan_space(at + 1, s->end);
}

/* Any value, with all that is in it. `at` may be the end, or anything else. */
static inline const char *scan_value(struct scan *s, const char *at)
{
    return at < s->end && *at == '"' ? scan_string(s, at) : scan_other_value(s, at);
}

/*
 * The outermost object, or the value of one of its members (so it cannot be too deep), from its
 * opening brace to behind its closing one; each of its members is taken by `member`, from the key
 * to the end of the value. Inline, so that `member` is too.
 */
static inline const char *scan_object(struct scan *s, const char *at,
                                      const char *(*member)(void *walk, const char *at), void *walk)
{
    at = scan_space(at + 1, s->end);
    if (at < s->end && *at == '}') {
        return at + 1;
    }
    for (s->depth++;;) {
        at = member(walk, at);
        if (at == NULL) {
            return NULL;
        }
        at = scan_space(at, s->end);
        if (at == s->end || (*at != ',' && *at != '}')) {
            return scan_refuse(s, at);
        }
        if (*at == '}') {
            s->depth--;
            return at + 1;
        }
        at = scan_space(at + 1, s->end);
    }
}

#endif
