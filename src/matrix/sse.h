#ifndef PARLEY_MATRIX_SSE_H
#define PARLEY_MATRIX_SSE_H

/*
 * Server-sent events, as the WHATWG's HTML standard has them in 9.2.6: bytes in, events out; pure.
 * What a stream means does not depend on how it is cut. One thing is different: what stands behind
 * the last empty line is an event too when the stream has ended well, since servers forget that
 * line.
 */

#include "base/buf.h"

struct sse {
    void *owner;
    /* An event that has data; its type is "message" unless it says otherwise. Borrowed. It may not
     * call sse_fini. */
    void (*event)(void *owner, struct str type, struct str data);
    /* The rest is its own. */
    struct buf line;
    struct buf type;
    struct buf data;
    bool has_data;
    bool after_cr; /* a line feed now belongs to the end of the line before */
    bool begun;    /* the first line is over: no byte order mark any more */
};

/* An event has at most max_bytes of data, and so has a line. */
void sse_init(struct sse *s, size_t max_bytes,
              void (*event)(void *owner, struct str type, struct str data), void *owner);
void sse_fini(struct sse *s);
/* Takes the next bytes. False: an event was too long, or there was no memory; it is over then. */
bool sse_feed(struct sse *s, struct str bytes);
/* The stream has ended well. Returns as sse_feed. */
bool sse_end(struct sse *s);

#endif
