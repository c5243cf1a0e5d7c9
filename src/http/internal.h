#ifndef PARLEY_HTTP_INTERNAL_H
#define PARLEY_HTTP_INTERNAL_H

/* What the files of this module share: classes of characters, and the rules a head must keep. */

#include "http/head.h"

/* Classes of characters; no byte outside of ASCII is in any. */
enum {
    HTTP_TOKEN = 1,  /* tchar: RFC 9110 section 5.6.2 */
    HTTP_TARGET = 2, /* a path or query as head.h says, '%' included */
    HTTP_NAME = 4,   /* a registered name without escapes: unreserved and sub-delims, RFC 3986 */
    HTTP_HEX = 8,    /* HEXDIG in either case */
};

extern const uint8_t http_classes[128];

static inline bool http_is(char c, uint8_t class)
{
    return (uint8_t)c < 128 && (http_classes[(uint8_t)c] & class) != 0;
}

static inline bool http_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* HTAB, SP, VCHAR and obs-text: what field values, reason phrases and extensions are made of. */
static inline bool http_is_text(char c)
{
    return ((uint8_t)c >= 0x20 && c != 0x7f) || c == '\t';
}

/* The value of a hexadecimal digit. */
static inline unsigned http_hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

/* The index of the first byte in [at, end) that is not text as above, or `end`. */
size_t http_skip_text(const char *data, size_t at, size_t end);

/* Whether each '%' is followed by two hexadecimal digits. */
bool http_escapes_ok(struct str s);

/* IPv6address of RFC 3986 section 3.2.2: eight groups of 16 bits, "::" once for one or more. */
bool http_ipv6_parse(struct str s, uint8_t ret_address[16]);

/* What a refused head broke. HTTP_KEPT: nothing. */
enum http_rule {
    HTTP_KEPT,
    HTTP_RULE_METHOD,
    HTTP_RULE_METHOD_LEN,
    HTTP_RULE_ASTERISK,
    HTTP_RULE_ORIGIN_FORM,
    HTTP_RULE_TARGET,
    HTTP_RULE_TARGET_LEN,
    HTTP_RULE_ESCAPE,
    HTTP_RULE_VERSION,
    HTTP_RULE_VERSION_KNOWN,
    HTTP_RULE_STATUS,
    HTTP_RULE_LINE_END,
    HTTP_RULE_FOLD,
    HTTP_RULE_NAME,
    HTTP_RULE_NAME_SPACE,
    HTTP_RULE_COLON,
    HTTP_RULE_VALUE,
    HTTP_RULE_LINES,
    HTTP_RULE_HEAD_LEN,
    HTTP_RULE_REPEATED,
    HTTP_RULE_HOST_MISSING,
    HTTP_RULE_HOST,
    HTTP_RULE_LENGTH,
    HTTP_RULE_LENGTH_AND_CODING,
    HTTP_RULE_CODING,
    HTTP_RULE_CODING_KNOWN,
    HTTP_RULE_CODING_1_0,
    HTTP_RULE_COUNT
};

/* The status to refuse with, and the sentence. */
struct http_refusal {
    int status;
    const char *reason;
};

extern const struct http_refusal http_refusals[HTTP_RULE_COUNT];

/* Judges a field line that has ended: `name` is a token, `value` is trimmed text. */
enum http_rule http_take_field(struct http_head *h, const char *data, struct http_span value);
/* Judges the head as a whole once its lines are in, and sets what depends on several. */
enum http_rule http_finish_head(struct http_head *h);

#endif
