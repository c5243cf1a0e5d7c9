#ifndef PARLEY_TESTS_WS_FEED_H
#define PARLEY_TESTS_WS_FEED_H

/*
 * A caller of ws_parse as the reactor is one: it feeds a stream in chunks, keeps what is not taken
 * (never more than WS_MAX_REST bytes) in front of the next chunk, and joins the pieces of messages.
 * What it hears is written down as lines that do not depend on how the stream was cut:
 *
 *     text 48656c6c6f      binary 00      ping 61      pong      close 1000 627965      fail 1002
 *
 * (payloads in hex, nothing after the word when empty; a close without a code has 1005). On the
 * way every promise of ws.h that holds for any input is asserted. The fuzz target uses it too, so
 * there is no cmocka in here.
 */

#include "base/buf.h"
#include "ws/ws.h"

#include <assert.h>
#include <stdlib.h>

struct feed {
    struct ws_parser parser;
    char rest[WS_MAX_REST];
    size_t rest_len;
    bool in_message;       /* a piece that was not final came last */
    enum ws_opcode opcode; /* of that message */
    struct buf message;    /* its pieces */
    struct buf record;     /* the lines */
    size_t fed;            /* bytes given so far */
    size_t failed_at;      /* `fed` when the violation was reported; 0 without one */
    const char *reason;    /* of the violation; NULL without one */
    bool closed;           /* a close frame was reported */
};

static inline void feed_init(struct feed *f, enum ws_role role, uint32_t max_message)
{
    *f = (struct feed){.rest_len = 0};
    ws_parser_init(&f->parser, role, max_message);
    buf_init(&f->message, SIZE_MAX);
    buf_init(&f->record, SIZE_MAX);
}

static inline void feed_fini(struct feed *f)
{
    buf_fini(&f->message);
    buf_fini(&f->record);
}

/* A space and the bytes in hex; nothing for no bytes. */
static inline void feed_append_hex(struct buf *record, struct str bytes)
{
    static const char digits[] = "0123456789abcdef";

    if (bytes.len > 0) {
        buf_append_char(record, ' ');
    }
    for (size_t i = 0; i < bytes.len; i++) {
        buf_append_char(record, digits[(uint8_t)bytes.ptr[i] >> 4]);
        buf_append_char(record, digits[(uint8_t)bytes.ptr[i] & 15]);
    }
}

static inline void feed_record(struct feed *f, const char *word, struct str payload)
{
    buf_append_str(&f->record, str_from_z(word));
    feed_append_hex(&f->record, payload);
    buf_append_char(&f->record, '\n');
}

static inline void feed_data(struct feed *f, const struct ws_event *e)
{
    assert(e->opcode == WS_TEXT || e->opcode == WS_BINARY);
    assert(e->first == !f->in_message);
    assert(e->first || e->opcode == f->opcode);
    assert(e->final || e->data.len > 0);
    f->opcode = e->opcode;
    f->in_message = !e->final;
    buf_append_str(&f->message, e->data);
    assert(f->message.len <= f->parser.max_message);
    if (e->final) {
        feed_record(f, e->opcode == WS_TEXT ? "text" : "binary", buf_str(&f->message));
        buf_clear(&f->message);
    }
}

static inline void feed_event(struct feed *f, const struct ws_event *e, size_t taken)
{
    char word[16] = "close ";

    assert(!f->closed || e->kind == WS_EVENT_NONE);
    assert((taken == 0) == (e->kind == WS_EVENT_FAIL) || e->kind == WS_EVENT_NONE);
    switch (e->kind) {
    case WS_EVENT_NONE:
        break;
    case WS_EVENT_DATA:
        feed_data(f, e);
        break;
    case WS_EVENT_PING:
    case WS_EVENT_PONG:
        assert(e->data.len <= WS_MAX_CONTROL);
        feed_record(f, e->kind == WS_EVENT_PING ? "ping" : "pong", e->data);
        break;
    case WS_EVENT_CLOSE:
        assert(e->code == WS_CLOSE_NO_STATUS || ws_close_code_valid(e->code));
        f->closed = true;
        for (unsigned i = 0, rest = e->code; i < 4; i++, rest /= 10) {
            word[9 - i] = (char)('0' + rest % 10);
        }
        feed_record(f, word, e->data);
        break;
    case WS_EVENT_FAIL:
        assert(f->reason == NULL && e->reason != NULL);
        f->failed_at = f->fed;
        f->reason = e->reason;
        buf_append(&f->record, "fail ", 5);
        buf_append_uint(&f->record, e->code);
        buf_append_char(&f->record, '\n');
        break;
    }
}

/* Feeds one chunk, in memory of exactly its size so that a sanitizer sees a step beyond it. */
static inline void feed_chunk(struct feed *f, const char *bytes, size_t len)
{
    size_t total = f->rest_len + len;
    size_t at = 0;
    size_t taken;
    char *data = malloc(total > 0 ? total : 1);
    char *before = malloc(total > 0 ? total : 1);

    assert(data != NULL && before != NULL);
    memcpy(data, f->rest, f->rest_len);
    if (len > 0) {
        memcpy(data + f->rest_len, bytes, len);
    }
    memcpy(before, data, total);
    f->fed += len;
    do {
        bool dead = f->reason != NULL;
        struct ws_event e;
        taken = ws_parse(&f->parser, data + at, total - at, &e);
        assert(taken <= total - at);
        assert(!dead || (taken == 0 && e.kind == WS_EVENT_NONE));
        assert(e.data.len == 0 ||
               (e.data.ptr >= data + at && e.data.ptr + e.data.len <= data + at + taken));
        feed_event(f, &e, taken);
        at += taken;
    } while (taken > 0);

    f->rest_len = 0;
    if (f->reason == NULL) {
        assert(total - at < WS_MAX_REST);
        assert(memcmp(data + at, before + at, total - at) == 0);
        assert(!f->closed || at == total);
        f->rest_len = total - at;
        memcpy(f->rest, data + at, f->rest_len);
    }
    free(data);
    free(before);
}

/* Feeds everything in chunks of `chunk` bytes; the last one may be smaller. */
static inline void feed_stream(struct feed *f, struct str stream, size_t chunk)
{
    for (size_t at = 0; at < stream.len; at += chunk) {
        size_t left = stream.len - at;
        feed_chunk(f, stream.ptr + at, left < chunk ? left : chunk);
    }
}

#endif
