#ifndef PARLEY_BASE_BUF_H
#define PARLEY_BASE_BUF_H

/*
 * A growable byte buffer with a cap. Everything a peer can make longer goes through one of these.
 * Failure is sticky: after an append that would pass the cap, or for which there is no memory,
 * `failed` is set, every later append does nothing, and the caller asks once, at the end. What was
 * appended before the failure stays readable.
 *
 * One that may hold a secret has `secret` set by its owner: memory that it gives up, by growing or
 * at its end, is wiped first.
 */

#include "base/str.h"

struct buf {
    char *data; /* owned; NULL while empty */
    size_t len; /* bytes in use */
    size_t cap; /* bytes allocated */
    size_t max; /* never longer than this */
    bool failed;
    bool secret;
};

/* Prepares an empty buffer that will hold at most `max` bytes. Allocates nothing. */
void buf_init(struct buf *b, size_t max);
/* Frees the bytes; `b` may be zeroed, or initialised again. NULL is taken. */
void buf_fini(struct buf *b);
/* Empties it and forgets a failure; keeps the memory for the next use. */
void buf_clear(struct buf *b);

/* For buf_reserve: what is not there yet. */
bool buf_make_room(struct buf *b, size_t extra);

/* Room for `extra` more bytes at data + len. Returns false (and sets failed) when there is none. */
static inline bool buf_reserve(struct buf *b, size_t extra)
{
    return (extra <= b->cap - b->len && !b->failed) || buf_make_room(b, extra);
}

static inline void buf_append(struct buf *b, const void *bytes, size_t len)
{
    if (len > 0 && buf_reserve(b, len)) {
        memcpy(b->data + b->len, bytes, len);
        b->len += len;
    }
}

static inline void buf_append_str(struct buf *b, struct str s)
{
    buf_append(b, s.ptr, s.len);
}

static inline void buf_append_char(struct buf *b, char c)
{
    buf_append(b, &c, 1);
}

void buf_append_uint(struct buf *b, uint64_t value);
/* printf into the buffer. */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first `len` bytes. */
void buf_consume(struct buf *b, size_t len);

/* What is in it; borrows from `b` until the next append. */
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->data, b->len};
}

#endif
