/*
 * The wire scanner, the reader, the writer and the UTF-8 check on any bytes. The first byte chooses
 * which members are wanted and where the UTF-8 check is split; the rest is the text.
 */

#include "base/buf.h"
#include "base/utf8.h"
#include "json/reader.h"
#include "json/wire.h"
#include "json/writer.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_grammar_error(unsigned status)
{
    return status >= WIRE_NOT_JSON && status <= WIRE_TRUNCATED;
}

static void check_inside(struct str text, struct str part)
{
    assert(part.ptr >= text.ptr && part.len <= text.len);
    assert(part.ptr + part.len <= text.ptr + text.len);
}

/* What is before an error's position must be the beginning of some valid text. */
static void check_position(struct str text, const struct wire *w)
{
    struct wire before;

    assert(w->position <= text.len);
    if (!is_grammar_error(w->status)) {
        return;
    }
    if (w->status == WIRE_TRUNCATED) {
        assert(w->position == text.len);
        return;
    }
    assert(w->position < text.len);
    wire_scan(text.ptr, w->position, 0, &before);
    assert(before.status == WIRE_TRUNCATED || !is_grammar_error(before.status));
}

static void check_members(struct str text, const struct wire *w, unsigned wanted)
{
    for (unsigned m = 0; m < WIRE_MEMBER_COUNT; m++) {
        struct str raw = wire_raw(w, text.ptr, (enum wire_member)m);
        struct str plain;
        if (raw.len == 0) {
            continue;
        }
        assert((wanted >> m & 1) != 0 && !is_grammar_error(w->status));
        check_inside(text, raw);
        assert(json_valid(raw));
        bool escaped = (w->escaped >> m & 1) != 0;
        assert(json_string_plain(raw, &plain) == (json_kind_of(raw) == JSON_STRING && !escaped));
        if (m != WIRE_AGENT_ID && m != WIRE_TARGET_ID) {
            struct str found = json_get(text, str_from_z(wire_member_name((enum wire_member)m)));
            assert(found.ptr == raw.ptr && found.len == raw.len);
        }
    }
}

/* A string that was accepted: it unescapes to UTF-8, and written again it means the same. */
static void check_string(struct str raw)
{
    struct buf text, written;
    struct json_writer w;

    buf_init(&text, raw.len);
    buf_init(&written, raw.len * 6 + 100);
    json_unescape(raw, &text);
    assert(!text.failed && utf8_valid(text.data, text.len));
    assert(json_unescape_to(raw, NULL, 0) == text.len);
    assert(json_string_is(raw, buf_str(&text)));
    json_writer_init(&w, &written);
    json_string(&w, buf_str(&text));
    assert(!written.failed && json_valid(buf_str(&written)));
    assert(json_string_equal(raw, buf_str(&written)));
    buf_fini(&text);
    buf_fini(&written);
}

/* The values of a valid text, all of them; no recursion deeper than the text may be. */
static void walk(struct str value, unsigned depth)
{
    struct json_iter it = json_iter_of(value);
    struct str key, inner;

    assert(depth <= WIRE_MAX_DEPTH);
    switch (json_kind_of(value)) {
    case JSON_OBJECT:
        while (json_next_member(&it, &key, &inner)) {
            check_inside(value, key);
            check_inside(value, inner);
            check_string(key);
            walk(inner, depth + 1);
        }
        break;
    case JSON_ARRAY:
        while (json_next_element(&it, &inner)) {
            check_inside(value, inner);
            walk(inner, depth + 1);
        }
        break;
    case JSON_STRING:
        if (value.ptr[0] == '"' && value.ptr[value.len - 1] == '"') {
            check_string(value);
        }
        break;
    case JSON_NUMBER:
    case JSON_BOOL:
    case JSON_NULL:
        assert(json_valid(value));
        break;
    case JSON_NONE:
        abort();
    }
}

/* On text that is not valid the reader may find anything, but inside the text, and it ends. */
static void read_garbage(struct str text)
{
    struct json_iter it = json_iter_of(text);
    struct str key, value;
    char room[16];

    while (json_next_member(&it, &key, &value)) {
        check_inside(text, key);
        check_inside(text, value);
        (void)json_unescape_to(key, room, sizeof(room));
    }
    it = json_iter_of(text);
    while (json_next_element(&it, &value)) {
        check_inside(text, value);
        (void)json_string_equal(value, text);
    }
}

/* Whatever bytes are written as a string come out as JSON; the same ones when they were UTF-8. */
static void write_bytes(struct str text)
{
    struct buf out;
    struct json_writer w;

    buf_init(&out, text.len * 6 + 100);
    json_writer_init(&w, &out);
    json_string(&w, text);
    assert(!out.failed && json_valid(buf_str(&out)));
    assert(json_string_is(buf_str(&out), text) == utf8_valid(text.ptr, text.len));
    buf_fini(&out);
}

static void check_utf8(struct str text, size_t split)
{
    uint32_t whole = utf8_feed(UTF8_COMPLETE, text.ptr, text.len);
    uint32_t step = UTF8_COMPLETE;
    size_t at = split < text.len ? split : text.len;
    uint32_t half = utf8_feed(UTF8_COMPLETE, text.ptr, at);

    assert(utf8_feed(half, text.ptr + at, text.len - at) == whole);
    for (size_t i = 0; i < text.len; i++) {
        step = utf8_step(step, (uint8_t)text.ptr[i]);
    }
    assert(step == whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned wants[] = {WIRE_WORLD, WIRE_GATEWAY, (1u << WIRE_MEMBER_COUNT) - 1, 0};
    struct wire w;

    if (size == 0) {
        return 0;
    }
    struct str text = str_make((const char *)data + 1, size - 1);
    unsigned wanted = wants[data[0] % 4];

    wire_scan(text.ptr, text.len, wanted, &w);
    check_position(text, &w);
    check_members(text, &w, wanted);
    assert(json_valid(text) == !is_grammar_error(w.status));
    assert((w.status == WIRE_NOT_OBJECT) ==
           (json_valid(text) && json_kind_of(text) != JSON_OBJECT));
    if (json_valid(text)) {
        assert(utf8_valid(text.ptr, text.len));
        walk(text, 0);
    } else {
        read_garbage(text);
    }
    write_bytes(text);
    check_utf8(text, data[0] / 4);
    return 0;
}
