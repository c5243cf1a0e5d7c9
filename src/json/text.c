#include "json/reader.h"

#include "base/utf8.h"
#include "json/scan.h"

enum { REPLACEMENT = 0xfffd };

/*
 * The text of a raw string, piece by piece: a run without escapes as it stands, or one character
 * that was escaped.
 */
struct pieces {
    const char *at;
    const char *end;
    char character[4];
};

static bool is_string(struct str raw)
{
    return raw.len >= 2 && raw.ptr[0] == '"';
}

/* What is not a string has no pieces. */
static struct pieces pieces_of(struct str raw)
{
    if (!is_string(raw)) {
        return (struct pieces){.at = NULL, .end = NULL};
    }
    return (struct pieces){.at = raw.ptr + 1, .end = raw.ptr + raw.len - 1};
}

/* Reads \uXXXX at `at` if it is there, whole, and its value in [least, most]. */
static bool read_code_unit(const char *at, const char *end, uint32_t least, uint32_t most,
                           uint32_t *ret_unit)
{
    uint32_t unit = 0;

    if (end - at < 6 || at[0] != '\\' || at[1] != 'u') {
        return false;
    }
    for (int i = 2; i < 6; i++) {
        unit = unit << 4 | (scan_hex_digit(at[i]) & 15);
    }
    *ret_unit = unit;
    return unit >= least && unit <= most;
}

/* The character of the \u escape at p->at, which is passed; a lone surrogate gives U+FFFD. */
static uint32_t take_unicode(struct pieces *p)
{
    uint32_t high, low;

    if (!read_code_unit(p->at, p->end, 0, 0xffff, &high)) {
        p->at = p->end;
        return REPLACEMENT;
    }
    p->at += 6;
    if (high < 0xd800 || high > 0xdfff) {
        return high;
    }
    if (high > 0xdbff || !read_code_unit(p->at, p->end, 0xdc00, 0xdfff, &low)) {
        return REPLACEMENT;
    }
    p->at += 6;
    return 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
}

static char unescape_letter(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

/* The next piece; empty at the end. It is good until the next call. */
static struct str next_piece(struct pieces *p)
{
    const char *from = p->at;

    if (from == p->end) {
        return str_make("", 0);
    }
    size_t left = (size_t)(p->end - from);
    if (*from != '\\' || left == 1) {
        const char *escape = left > 1 ? memchr(from, '\\', left) : NULL;
        p->at = escape != NULL ? escape : p->end;
        return str_make(from, (size_t)(p->at - from));
    }
    if (from[1] == 'u') {
        return str_make(p->character, utf8_encode(take_unicode(p), p->character));
    }
    p->at += 2;
    p->character[0] = unescape_letter(from[1]);
    return str_make(p->character, 1);
}

bool json_string_plain(struct str raw, struct str *ret_text)
{
    if (!is_string(raw) || str_find(raw, '\\') < raw.len) {
        return false;
    }
    *ret_text = str_slice(raw, 1, raw.len - 1);
    return true;
}

void json_unescape(struct str raw, struct buf *out)
{
    struct pieces p = pieces_of(raw);

    for (struct str piece = next_piece(&p); piece.len > 0; piece = next_piece(&p)) {
        buf_append_str(out, piece);
    }
}

size_t json_unescape_to(struct str raw, char *out, size_t cap)
{
    struct pieces p = pieces_of(raw);
    size_t len = 0;

    for (struct str piece = next_piece(&p); piece.len > 0; piece = next_piece(&p)) {
        if (len < cap) {
            memcpy(out + len, piece.ptr, piece.len < cap - len ? piece.len : cap - len);
        }
        len += piece.len;
    }
    return len;
}

bool json_string_equal(struct str raw, struct str other_raw)
{
    struct pieces p = pieces_of(raw), other = pieces_of(other_raw);
    struct str a = next_piece(&p), b = next_piece(&other);

    while (a.len > 0 && b.len > 0) {
        size_t len = a.len < b.len ? a.len : b.len;
        if (memcmp(a.ptr, b.ptr, len) != 0) {
            return false;
        }
        a = a.len > len ? str_slice(a, len, a.len) : next_piece(&p);
        b = b.len > len ? str_slice(b, len, b.len) : next_piece(&other);
    }
    return a.len == b.len;
}

bool json_string_is(struct str raw, struct str text)
{
    struct pieces p = pieces_of(raw);

    if (!is_string(raw)) {
        return false;
    }
    /* What is escaped is longer than its text. */
    if (raw.len - 2 <= text.len) {
        return str_equal(str_slice(raw, 1, raw.len - 1), text) && str_find(text, '\\') == text.len;
    }
    for (struct str piece = next_piece(&p); piece.len > 0; piece = next_piece(&p)) {
        if (!str_starts_with(text, piece)) {
            return false;
        }
        text = str_slice(text, piece.len, text.len);
    }
    return text.len == 0;
}
