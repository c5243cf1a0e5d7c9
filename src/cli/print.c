#include "cli/print.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/printable.h"
#include "json/reader.h"
#include "json/wire.h"

enum { MAX_TEXT = 64 * 1024 * 1024, TYPE_WIDTH = 14, AGENT_WIDTH = 12 };

bool print_in_colour(int fd)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return isatty(fd) && (no_colour == NULL || no_colour[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

void print_clock(struct buf *out, time_t now)
{
    struct tm t;

    if (localtime_r(&now, &t) != NULL) {
        buf_printf(out, "%02d:%02d:%02d", t.tm_hour, t.tm_min, t.tm_sec);
    }
}

void print_duration(struct buf *out, uint64_t seconds)
{
    static const struct {
        unsigned seconds;
        char name;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;

    while (i < 3 && seconds < units[i].seconds) {
        i++;
    }
    buf_append_uint(out, seconds / units[i].seconds);
    buf_append_char(out, units[i].name);
    if (i < 3) {
        buf_append_char(out, ' ');
        buf_append_uint(out, seconds % units[i].seconds / units[i + 1].seconds);
        buf_append_char(out, units[i + 1].name);
    }
}

void print_since(struct buf *out, time_t since, time_t now)
{
    enum { DAY = 86400 };
    struct tm t;

    if (now - since < DAY && since - now < DAY) {
        print_clock(out, since);
    } else if (localtime_r(&since, &t) != NULL) {
        buf_printf(out, "%04d-%02d-%02d", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday);
    }
}

uint64_t print_whole(struct str raw)
{
    char digits[32] = "";

    if (json_kind_of(raw) != JSON_NUMBER || raw.len >= sizeof(digits) || raw.ptr[0] == '-') {
        return 0;
    }
    memcpy(digits, raw.ptr, raw.len);
    return strtoull(digits, NULL, 10);
}

/* Valid JSON without the white space between its tokens. */
static void append_compact(struct buf *out, struct str raw)
{
    bool in_string = false, escaped = false;

    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (in_string || !space) {
            buf_append_char(out, c);
        }
        if (c == '"' && !escaped) {
            in_string = !in_string;
        }
        escaped = in_string && c == '\\' && !escaped;
    }
}

void print_value(struct buf *out, struct str raw)
{
    struct buf text;

    buf_init(&text, MAX_TEXT);
    if (json_kind_of(raw) == JSON_STRING) {
        json_unescape(raw, &text);
    } else {
        append_compact(&text, raw);
    }
    printable_append(out, buf_str(&text));
    buf_fini(&text);
}

static void pad_to(struct buf *out, size_t column)
{
    do {
        buf_append_char(out, ' ');
    } while (!out->failed && out->len < column);
}

/* One of six colours, the same for the same type every time. */
static unsigned colour_of(struct str type)
{
    unsigned sum = 0;

    for (size_t i = 0; i < type.len; i++) {
        sum = sum * 31 + (unsigned char)type.ptr[i];
    }
    return 31 + sum % 6;
}

void print_refusal(struct buf *out, struct str error)
{
    struct str rule = json_get(json_get(error, STR("details")), STR("rule"));

    print_value(out, json_get(error, STR("code")));
    buf_append_str(out, STR(": "));
    print_value(out, json_get(error, STR("message")));
    if (json_kind_of(rule) == JSON_STRING) {
        buf_append_str(out, STR(" ("));
        print_value(out, rule);
        buf_append_char(out, ')');
    }
}

void print_message_refusal(struct buf *out, struct str error)
{
    struct str details = json_get(error, STR("details"));
    struct str path = json_get(details, STR("path")), reason = json_get(details, STR("reason"));
    struct str expected = json_get(details, STR("expected"));

    print_refusal(out, error);
    if (path.len == 0 || (reason.len == 0 && expected.len == 0)) {
        return;
    }
    buf_append_str(out, STR(" ("));
    print_value(out, path);
    buf_append_str(out, expected.len > 0 ? STR(": expected ") : STR(": "));
    print_value(out, expected.len > 0 ? expected : reason);
    if (expected.len > 0) {
        buf_append_str(out, STR(", found "));
        print_value(out, json_get(details, STR("found")));
    }
    buf_append_char(out, ')');
}

/* Members that stand in columns of their own, or say so little that they are left out. */
static bool is_shown_elsewhere(struct str key)
{
    static const struct str names[] = {
        {"type", 4}, {"agent_id", 8}, {"agentId", 7}, {"ts", 2}, {"data", 4},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (json_string_is(key, names[i])) {
            return true;
        }
    }
    return false;
}

/* "key=value key=value" of the other members of an object. */
static void append_members(struct buf *out, struct str object)
{
    struct json_iter it = json_iter_of(object);
    struct str key, value;
    size_t start = out->len;

    while (json_next_member(&it, &key, &value)) {
        if (!is_shown_elsewhere(key)) {
            if (out->len > start) {
                buf_append_char(out, ' ');
            }
            print_value(out, key);
            buf_append_char(out, '=');
            print_value(out, value);
        }
    }
}

/* The text that is said, else the data, else whatever there is. */
static void append_content(struct buf *out, struct str message, struct str data)
{
    struct json_iter it = json_iter_of(data);
    struct str key, value;

    if (json_kind_of(data) != JSON_OBJECT && data.len > 0) {
        print_value(out, data);
    } else if (!json_next_member(&it, &key, &value)) {
        append_members(out, message);
    } else if (json_kind_of(json_get(data, STR("text"))) == JSON_STRING) {
        print_value(out, json_get(data, STR("text")));
    } else {
        append_members(out, data);
    }
}

/* Scans a message; one that is none is shown as it is. */
static bool begin_line(struct buf *out, struct str message, unsigned wanted, time_t now,
                       struct wire *wire)
{
    print_clock(out, now);
    buf_append_str(out, STR("  "));
    wire_scan(message.ptr, message.len, wanted, wire);
    if (wire->status != WIRE_OK) {
        printable_append(out, message);
    }
    return wire->status == WIRE_OK;
}

/* The columns in front of what is said. */
static void append_head(struct buf *out, struct str type, struct str who, bool colour)
{
    if (colour) {
        buf_printf(out, "\033[%um", colour_of(type));
    }
    size_t column = out->len;
    print_value(out, type);
    pad_to(out, column + TYPE_WIDTH);
    if (colour) {
        buf_append_str(out, STR("\033[0m"));
    }
    column = out->len;
    print_value(out, json_kind_of(who) == JSON_STRING ? who : STR("-"));
    pad_to(out, column + AGENT_WIDTH);
}

void print_world_message(struct buf *out, struct str message, time_t now, bool colour)
{
    struct wire wire;

    if (begin_line(out, message, WIRE_WORLD, now, &wire)) {
        append_head(out, wire_raw(&wire, message.ptr, WIRE_TYPE),
                    wire_raw(&wire, message.ptr, WIRE_AGENT_ID), colour);
        append_content(out, message, wire_raw(&wire, message.ptr, WIRE_DATA));
    }
}

struct str print_envelope_source(struct str message, struct str payload)
{
    struct str source = json_get(message, STR("source"));

    return source.len > 0 ? source : json_get(payload, STR("deviceId"));
}

void print_envelope(struct buf *out, struct str message, time_t now, bool colour)
{
    struct wire wire;

    if (begin_line(out, message, WIRE_GATEWAY, now, &wire)) {
        struct str type = wire_raw(&wire, message.ptr, WIRE_TYPE);
        struct str payload = wire_raw(&wire, message.ptr, WIRE_PAYLOAD);
        /* What comes from a world is a message inside of the envelope. */
        bool is_whole = str_equal(json_get(payload, STR("type")), type);
        struct str data = is_whole ? json_get(payload, STR("data")) : STR("");
        append_head(out, type, print_envelope_source(message, payload), colour);
        append_content(out, payload, data.len > 0 ? data : payload);
    }
}

/* The code point of the character at the start of UTF-8 text that is dangerous raw, or 0. */
static unsigned dangerous_at(struct str text)
{
    unsigned char a = (unsigned char)text.ptr[0];

    /* Valid JSON has only these raw, between tokens; others send what they like. */
    if (a == 0x7f || (a < 0x20 && a != '\t' && a != '\n' && a != '\r')) {
        return a;
    }
    if (a == 0xc2 && text.len > 1 && (unsigned char)text.ptr[1] < 0xa0) {
        return (unsigned char)text.ptr[1];
    }
    return 0;
}

void print_raw_message(struct buf *out, struct str message, bool terminal)
{
    while (message.len > 0) {
        unsigned dangerous = terminal ? dangerous_at(message) : 0;
        char c = message.ptr[0];
        if (dangerous != 0) {
            buf_printf(out, "\\u%04x", dangerous);
        } else {
            /* In valid JSON these stand between tokens only. */
            buf_append_char(out, c == '\n' || c == '\r' ? ' ' : c);
        }
        message = str_slice(message, dangerous >= 0x80 ? 2 : 1, message.len);
    }
}
