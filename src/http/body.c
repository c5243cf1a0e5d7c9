#include "http/body.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include "http/internal.h"

/*
 *   SIZE -> (SIZE_SPACE ->) (EXTENSION ->) SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE ...
 *   size 0: SIZE_LF -> TRAILER -> NAME -> VALUE -> VALUE_LF -> TRAILER ... -> END_LF -> done
 */
enum state {
    SIZE,       /* hexadecimal digits */
    SIZE_SPACE, /* white space before an extension (RFC 9112 section 7.1.1: BWS) */
    EXTENSION,  /* up to the CR, and that */
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER, /* the first byte of a line */
    NAME,    /* up to the colon, and that */
    VALUE,   /* up to the CR, and that */
    VALUE_LF,
    END_LF,
    ENDED,
};

enum { MAX_DIGITS = 16 };

void http_chunked_init(struct http_chunked *c)
{
    *c = (struct http_chunked){.state = SIZE, .budget = HTTP_MAX_CHUNK_EXTRA};
}

static int expect(struct http_chunked *c, char is, char wanted, enum state next)
{
    if (is != wanted) {
        return -400;
    }
    c->state = (uint8_t)next;
    return 0;
}

static int take_size(struct http_chunked *c, char byte)
{
    if (http_is(byte, HTTP_HEX)) {
        if (c->digits == MAX_DIGITS) {
            return -400;
        }
        c->digits++;
        c->left = c->left << 4 | http_hex_value(byte);
        return 0;
    }
    if (c->digits == 0) {
        return -400;
    }
    switch (byte) {
    case '\r':
        c->state = SIZE_LF;
        return 0;
    case ';':
        c->state = EXTENSION;
        return 0;
    case ' ':
    case '\t':
        c->state = SIZE_SPACE;
        return 0;
    default:
        return -400;
    }
}

static int end_size(struct http_chunked *c, char byte, const struct buf *out)
{
    if (byte != '\n') {
        return -400;
    }
    c->digits = 0;
    if (c->left > out->max - out->len) {
        return -413;
    }
    c->state = c->left > 0 ? DATA : TRAILER;
    return 0;
}

static int take_text(struct http_chunked *c, char byte, enum state next)
{
    if (byte == '\r') {
        c->state = (uint8_t)next;
        return 0;
    }
    return http_is_text(byte) ? 0 : -400;
}

static int take_name(struct http_chunked *c, char byte)
{
    if (byte == ':') {
        c->state = VALUE;
        return 0;
    }
    return http_is(byte, HTTP_TOKEN) ? 0 : -400;
}

static int begin_trailer(struct http_chunked *c, char byte)
{
    if (byte == '\r') {
        c->state = END_LF;
        return 0;
    }
    c->state = NAME;
    return http_is(byte, HTTP_TOKEN) ? 0 : -400;
}

/* Takes one byte of what is not body. Returns 0 or minus the status to refuse with. */
static int take_byte(struct http_chunked *c, char byte, const struct buf *out)
{
    switch ((enum state)c->state) {
    case SIZE:
        return take_size(c, byte);
    case SIZE_SPACE:
        return byte == ' ' || byte == '\t' ? 0 : expect(c, byte, ';', EXTENSION);
    case EXTENSION:
        return take_text(c, byte, SIZE_LF);
    case SIZE_LF:
        return end_size(c, byte, out);
    case DATA_CR:
        return expect(c, byte, '\r', DATA_LF);
    case DATA_LF:
        return expect(c, byte, '\n', SIZE);
    case TRAILER:
        return begin_trailer(c, byte);
    case NAME:
        return take_name(c, byte);
    case VALUE:
        return take_text(c, byte, VALUE_LF);
    case VALUE_LF:
        return expect(c, byte, '\n', TRAILER);
    case END_LF:
        return expect(c, byte, '\n', ENDED);
    case DATA:
    case ENDED:
        break;
    }
    abort(); /* take_data takes those */
}

/* Whether the state's bytes are charged: those that a peer may send without end for no body. */
static bool is_extra(const struct http_chunked *c)
{
    return c->state == SIZE_SPACE || c->state == EXTENSION ||
           (c->state >= TRAILER && c->state <= VALUE_LF);
}

static int take_data(struct http_chunked *c, const char *data, size_t len, struct buf *out,
                     size_t *ret_taken)
{
    size_t part = len < c->left ? len : (size_t)c->left;

    buf_append(out, data, part);
    if (out->failed) {
        /* end_size saw that it fits, so there is no memory. */
        return -503;
    }
    c->left -= part;
    if (c->left == 0) {
        c->state = DATA_CR;
    }
    *ret_taken = part;
    return 0;
}

int http_chunked_feed(struct http_chunked *c, const char *data, size_t len, struct buf *out,
                      bool *ret_done)
{
    size_t at = 0;

    assert(c->state != ENDED && len <= INT_MAX);
    while (at < len && c->state != ENDED) {
        size_t taken = 1;
        if (is_extra(c) && c->budget-- == 0) {
            return -431;
        }
        int status = c->state == DATA ? take_data(c, data + at, len - at, out, &taken)
                                      : take_byte(c, data[at], out);
        if (status < 0) {
            return status;
        }
        at += taken;
    }
    *ret_done = c->state == ENDED;
    return (int)at;
}
