#ifndef PARLEY_REST_RESPONSE_H
#define PARLEY_REST_RESPONSE_H

/* HTTP responses as bytes (RFC 9112), and the shape that errors have in them. */

#include "base/buf.h"
#include "base/error.h"

struct response {
    int status;
    const char *content_type;
    struct str body;
    uint64_t now_ms;   /* since 1970, for Date */
    bool without_body; /* the answer to HEAD */
    bool close;        /* the connection ends with it */
};

/* Appends the head and, unless told otherwise, the body. */
void response_append(struct buf *out, const struct response *r);

/*
 * Appends {"error":{"code","message","details"}}; details are {name: text}. The sentence is that
 * of the error's table. Returns the error's HTTP status.
 */
int response_append_error(struct buf *body, enum error_code code, struct str name, struct str text);

#endif
