#include "base/printable.h"

#include "base/utf8.h"

/* The bytes of the valid character at the start of `text`, or 0 when there is none. */
static size_t character_length(struct str text)
{
    uint32_t state = UTF8_COMPLETE;

    for (size_t len = 1; len <= 4 && len <= text.len; len++) {
        state = utf8_step(state, (uint8_t)text.ptr[len - 1]);
        if (state == UTF8_COMPLETE) {
            return len;
        }
    }
    return 0;
}

/* Of a valid character of 1 to 3 bytes; those of 4 need no look. */
static uint32_t code_point_of(const char *at, size_t len)
{
    uint32_t first = (uint8_t)at[0];

    if (len == 1) {
        return first;
    }
    uint32_t second = (uint8_t)at[1] & 0x3f;
    if (len == 2) {
        return (first & 0x1f) << 6 | second;
    }
    return (first & 0x0f) << 12 | second << 6 | ((uint8_t)at[2] & 0x3f);
}

static bool is_unfit(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0) || code_point == 0x061c ||
           code_point == 0x200e || code_point == 0x200f ||
           (code_point >= 0x2028 && code_point <= 0x202e) ||
           (code_point >= 0x2066 && code_point <= 0x2069);
}

static void append_escape(struct buf *out, uint32_t code_point)
{
    switch (code_point) {
    case '\n':
        buf_append_str(out, STR("\\n"));
        return;
    case '\r':
        buf_append_str(out, STR("\\r"));
        return;
    case '\t':
        buf_append_str(out, STR("\\t"));
        return;
    default:
        buf_printf(out, code_point < 0x80 ? "\\x%02x" : "\\u%04x", (unsigned)code_point);
    }
}

void printable_append(struct buf *out, struct str text)
{
    while (text.len > 0) {
        size_t len = character_length(text);
        if (len == 0) {
            buf_printf(out, "\\x%02x", (unsigned)(uint8_t)text.ptr[0]);
            len = 1;
        } else if (len < 4 && is_unfit(code_point_of(text.ptr, len))) {
            append_escape(out, code_point_of(text.ptr, len));
        } else {
            buf_append(out, text.ptr, len);
        }
        text = str_slice(text, len, text.len);
    }
}
