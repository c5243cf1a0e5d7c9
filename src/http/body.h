#ifndef PARLEY_HTTP_BODY_H
#define PARLEY_HTTP_BODY_H

/*
 * Message bodies with chunked transfer coding (RFC 9112 section 7.1), strict and incremental.
 * Every line ends in CR LF; a size has 1 to 16 hexadecimal digits, nothing before them, and
 * nothing behind but extensions. Extensions and trailer fields are checked and dropped. What it
 * says depends on the bytes alone, never on how they were split.
 */

#include "base/buf.h"

enum { HTTP_MAX_CHUNK_EXTRA = 16384 }; /* bytes of extensions and trailers in one body: else 431 */

struct http_chunked {
    uint64_t left;   /* bytes of the chunk still to come */
    uint32_t budget; /* bytes of extensions and trailers still allowed */
    uint8_t state;   /* private */
    uint8_t digits;  /* of the size that is being read; private */
};

void http_chunked_init(struct http_chunked *c);
/*
 * Takes bytes, at most INT_MAX of them, and appends what is body to `out` (its max is the limit of
 * the body). Returns how many were taken: all, unless *ret_done is set, which it is at the end of
 * the last chunk's trailer; bytes behind it are not taken. *ret_done is written unless the answer
 * is negative. Returns -400 when the coding is broken, -413 when the next chunk would pass out->max
 * (said once its size is known), -431 for too much besides the body, -503 without memory. After
 * either end, initialise before the next body.
 */
int http_chunked_feed(struct http_chunked *c, const char *data, size_t len, struct buf *out,
                      bool *ret_done);

#endif
