#include "json/scan.h"

#include "base/utf8.h"

#include <assert.h>

void scan_init(struct scan *s, struct str text)
{
    const char *start = text.len > 0 ? text.ptr : "";

    assert(text.len <= UINT32_MAX);
    *s = (struct scan){.text = start, .end = start + text.len, .status = WIRE_OK};
}

void scan_note(struct scan *s, enum wire_status status, const char *at)
{
    s->status = (uint8_t)status;
    s->position = (uint32_t)(at - s->text);
}

/* Characters that are not ASCII, as many as stand in a row. */
static const char *scan_characters(struct scan *s, const char *at)
{
    uint32_t state = UTF8_COMPLETE;

    for (; at < s->end && (state != UTF8_COMPLETE || (uint8_t)*at >= 0x80); at++) {
        state = utf8_step(state, (uint8_t)*at);
        if (state == UTF8_INVALID) {
            return scan_fail(s, WIRE_NOT_UTF8, at);
        }
    }
    return at;
}

/* Four hexadecimal digits. */
static const char *scan_code_unit(struct scan *s, const char *at, uint32_t *ret_unit)
{
    uint32_t unit = 0;

    for (const char *stop = at + 4; at != stop; at++) {
        uint32_t digit = at < s->end ? scan_hex_digit(*at) : 16;
        if (digit > 15) {
            return scan_refuse(s, at);
        }
        unit = unit << 4 | digit;
    }
    *ret_unit = unit;
    return at;
}

/* \uXXXX, or the two that make a surrogate pair; `escape` is the backslash. */
static const char *scan_unicode(struct scan *s, const char *escape)
{
    uint32_t unit;
    const char *at = scan_code_unit(s, escape + 2, &unit);

    if (at == NULL || unit < 0xd800 || unit > 0xdfff) {
        return at;
    }
    if (unit >= 0xdc00) {
        return scan_fail(s, WIRE_NOT_JSON, escape);
    }
    for (const char *want = "\\u"; *want != '\0'; want++, at++) {
        if (at == s->end) {
            return scan_refuse(s, at);
        }
        if (*at != *want) {
            return scan_fail(s, WIRE_NOT_JSON, escape);
        }
    }
    at = scan_code_unit(s, at, &unit);
    if (at != NULL && (unit < 0xdc00 || unit > 0xdfff)) {
        return scan_fail(s, WIRE_NOT_JSON, escape);
    }
    return at;
}

static const char *scan_escape(struct scan *s, const char *at)
{
    s->escaped = true;
    if (at + 1 == s->end) {
        return scan_refuse(s, at + 1);
    }
    switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return at + 2;
    case 'u':
        return scan_unicode(s, at);
    default:
        return scan_refuse(s, at + 1);
    }
}

const char *scan_string_rest(struct scan *s, const char *at)
{
    while (at != NULL && at < s->end && *at != '"') {
        if (*at == '\\') {
            at = scan_escape(s, at);
        } else if ((uint8_t)*at >= 0x80) {
            at = scan_characters(s, at);
        } else {
            return scan_refuse(s, at);
        }
        at = at != NULL ? scan_plain(at, s->end) : NULL;
    }
    if (at == s->end) {
        return scan_refuse(s, at);
    }
    return at != NULL ? at + 1 : NULL;
}

static const char *scan_literal(struct scan *s, const char *at, struct str literal)
{
    for (size_t i = 0; i < literal.len; i++, at++) {
        if (at == s->end || *at != literal.ptr[i]) {
            return scan_refuse(s, at);
        }
    }
    return at;
}

/* One digit or more. */
static const char *scan_digits(struct scan *s, const char *at)
{
    if (at == s->end || *at < '0' || *at > '9') {
        return scan_refuse(s, at);
    }
    while (at < s->end && *at >= '0' && *at <= '9') {
        at++;
    }
    return at;
}

static const char *scan_number(struct scan *s, const char *at)
{
    if (*at == '-') {
        at++;
    }
    /* Behind a leading zero no digit may stand: what follows the number will not take it. */
    at = at < s->end && *at == '0' ? at + 1 : scan_digits(s, at);
    if (at != NULL && at < s->end && *at == '.') {
        at = scan_digits(s, at + 1);
    }
    if (at != NULL && at < s->end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < s->end && (*at == '+' || *at == '-')) {
            at++;
        }
        at = scan_digits(s, at);
    }
    return at;
}

static const char *scan_scalar(struct scan *s, const char *at)
{
    switch (*at) {
    case '"':
        return scan_string(s, at);
    case 't':
        return scan_literal(s, at, STR("true"));
    case 'f':
        return scan_literal(s, at, STR("false"));
    case 'n':
        return scan_literal(s, at, STR("null"));
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return scan_number(s, at);
    default:
        return scan_refuse(s, at);
    }
}

/*
 * Goes through a bracket to the first value behind it; or, *ret_whole being true, behind the
 * closing bracket when there is none.
 */
static const char *enter_brackets(struct scan *s, const char *at, bool *ret_whole)
{
    bool object = *at == '{';
    struct str key;

    if (s->depth == WIRE_MAX_DEPTH) {
        return scan_fail(s, WIRE_TOO_DEEP, at);
    }
    at = scan_space(at + 1, s->end);
    *ret_whole = at < s->end && *at == (object ? '}' : ']');
    if (*ret_whole) {
        return at + 1;
    }
    s->in_object = s->in_object << 1 | object;
    s->depth++;
    return object ? scan_key(s, at, &key) : at;
}

/*
 * Behind a whole value: closes the brackets that end here, down to depth `outer`, or passes a comma
 * and what else stands before the next value.
 */
static const char *leave_value(struct scan *s, const char *at, unsigned outer)
{
    struct str key;

    for (; s->depth > outer; at++, s->depth--, s->in_object >>= 1) {
        bool object = (s->in_object & 1) != 0;
        at = scan_space(at, s->end);
        if (at < s->end && *at == ',') {
            at = scan_space(at + 1, s->end);
            return object ? scan_key(s, at, &key) : at;
        }
        if (at == s->end || *at != (object ? '}' : ']')) {
            return scan_refuse(s, at);
        }
    }
    return at;
}

/* An object or an array. */
static const char *scan_nested(struct scan *s, const char *at)
{
    unsigned outer = s->depth;

    do {
        bool whole = true;
        if (at == s->end) {
            return scan_refuse(s, at);
        }
        at = *at == '{' || *at == '[' ? enter_brackets(s, at, &whole) : scan_scalar(s, at);
        if (at != NULL && whole) {
            at = leave_value(s, at, outer);
        }
    } while (at != NULL && s->depth > outer);
    return at;
}

const char *scan_other_value(struct scan *s, const char *at)
{
    if (at == s->end) {
        return scan_refuse(s, at);
    }
    return *at == '{' || *at == '[' ? scan_nested(s, at) : scan_scalar(s, at);
}

const char *scan_end(struct scan *s, const char *at)
{
    at = scan_space(at, s->end);
    return at == s->end ? at : scan_refuse(s, at);
}
