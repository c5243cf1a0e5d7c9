#include "json/writer.h"

#include "base/utf8.h"
#include "json/scan.h"

enum { MAX_DEPTH = 63 };

void json_writer_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

/* Whatever comes next in an array, an object or at the top: the comma before it. */
static void write_comma(struct json_writer *w)
{
    if ((w->has_member & json_depth_bit(w)) != 0) {
        assert(w->depth > 0);
        buf_append_char(w->out, ',');
    }
    w->has_member |= json_depth_bit(w);
}

static void start_value(struct json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    assert((w->in_object & json_depth_bit(w)) == 0);
    write_comma(w);
}

static void begin(struct json_writer *w, char bracket)
{
    start_value(w);
    assert(w->depth < MAX_DEPTH);
    w->depth++;
    w->has_member &= ~json_depth_bit(w);
    w->in_object &= ~json_depth_bit(w);
    if (bracket == '{') {
        w->in_object |= json_depth_bit(w);
    }
    buf_append_char(w->out, bracket);
}

static void end(struct json_writer *w, char bracket)
{
    assert(w->depth > 0 && !w->after_key);
    assert(((w->in_object & json_depth_bit(w)) != 0) == (bracket == '}'));
    w->depth--;
    buf_append_char(w->out, bracket);
}

void json_begin_object(struct json_writer *w)
{
    begin(w, '{');
}

void json_end_object(struct json_writer *w)
{
    end(w, '}');
}

void json_begin_array(struct json_writer *w)
{
    begin(w, '[');
}

void json_end_array(struct json_writer *w)
{
    end(w, ']');
}

/* A quote, a backslash or a control character (RFC 8259 section 7). */
static void write_escape(struct buf *out, char c)
{
    static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    char letter = letters[(uint8_t)c];

    if (letter != '\0') {
        buf_append(out, (char[]){'\\', letter}, 2);
    } else {
        buf_printf(out, "\\u%04x", (unsigned)(uint8_t)c);
    }
}

/*
 * Writes the character that begins with the first byte of `text`, which is not ASCII. Of an invalid
 * one, as many bytes as might have begun a valid one become one U+FFFD (the Unicode Standard,
 * section 3.9, "maximal subparts"). Returns the bytes passed.
 */
static size_t write_character(struct buf *out, struct str text)
{
    uint32_t state = UTF8_COMPLETE;
    size_t len = 0;

    do {
        state = utf8_step(state, (uint8_t)text.ptr[len]);
        len += state != UTF8_INVALID;
    } while (len < text.len && state > UTF8_INVALID);
    if (state == UTF8_COMPLETE) {
        buf_append(out, text.ptr, len);
        return len;
    }
    buf_append_str(out, STR("\xef\xbf\xbd"));
    return len > 0 ? len : 1;
}

/* Whether it stands between quotes as it is. */
static bool is_plain(struct str text)
{
    return text.len > 0 && scan_plain(text.ptr, text.ptr + text.len) == text.ptr + text.len;
}

/* Plain text, its quotes and one byte on each side of them, or none (NUL). */
static void write_plain(struct buf *out, char before, struct str text, char behind)
{
    if (buf_reserve(out, text.len + 2 + (before != '\0') + (behind != '\0'))) {
        char *at = out->data + out->len;
        if (before != '\0') {
            *at++ = before;
        }
        *at++ = '"';
        memcpy(at, text.ptr, text.len);
        at += text.len;
        *at++ = '"';
        if (behind != '\0') {
            *at++ = behind;
        }
        out->len = (size_t)(at - out->data);
    }
}

static void write_string(struct buf *out, struct str text)
{
    if (is_plain(text)) {
        write_plain(out, '\0', text, '\0');
        return;
    }
    buf_append_char(out, '"');
    while (text.len > 0) {
        size_t plain = (size_t)(scan_plain(text.ptr, text.ptr + text.len) - text.ptr);
        buf_append(out, text.ptr, plain);
        text = str_slice(text, plain, text.len);
        if (text.len > 0 && (uint8_t)*text.ptr >= 0x80) {
            text = str_slice(text, write_character(out, text), text.len);
        } else if (text.len > 0) {
            write_escape(out, *text.ptr);
            text = str_slice(text, 1, text.len);
        }
    }
    buf_append_char(out, '"');
}

void json_key_text(struct json_writer *w, struct str key)
{
    bool is_first = json_key_begin(w);

    if (is_plain(key)) {
        write_plain(w->out, is_first ? '\0' : ',', key, ':');
        return;
    }
    if (!is_first) {
        buf_append_char(w->out, ',');
    }
    write_string(w->out, key);
    buf_append_char(w->out, ':');
}

void json_string(struct json_writer *w, struct str text)
{
    start_value(w);
    write_string(w->out, text);
}

void json_uint(struct json_writer *w, uint64_t value)
{
    start_value(w);
    buf_append_uint(w->out, value);
}

void json_int(struct json_writer *w, int64_t value)
{
    start_value(w);
    if (value < 0) {
        buf_append_char(w->out, '-');
    }
    buf_append_uint(w->out, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void json_bool(struct json_writer *w, bool value)
{
    start_value(w);
    buf_append_str(w->out, value ? STR("true") : STR("false"));
}

void json_null(struct json_writer *w)
{
    start_value(w);
    buf_append_str(w->out, STR("null"));
}

void json_seconds(struct json_writer *w, uint64_t ms)
{
    unsigned fraction = (unsigned)(ms % 1000);
    const char digits[] = {'.', (char)('0' + fraction / 100), (char)('0' + fraction / 10 % 10),
                           (char)('0' + fraction % 10)};

    start_value(w);
    buf_append_uint(w->out, ms / 1000);
    buf_append(w->out, digits, sizeof(digits));
}

void json_raw(struct json_writer *w, struct str raw)
{
    start_value(w);
    buf_append_str(w->out, raw.len > 0 ? raw : STR("null"));
}

void json_raw_members(struct json_writer *w, struct str raw)
{
    assert((w->in_object & json_depth_bit(w)) != 0 && !w->after_key && raw.len > 0);
    write_comma(w);
    buf_append_str(w->out, raw);
}
