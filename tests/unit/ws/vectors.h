#ifndef PARLEY_TESTS_WS_VECTORS_H
#define PARLEY_TESTS_WS_VECTORS_H

/* Reads the conformance vectors; their format is told in tests/conformance/ws/README.md. */

#include "base/buf.h"
#include "ws/ws.h"

struct vector {
    char *name; /* owned; "file: name (role)" */
    enum ws_role role;
    uint32_t max_message;
    struct buf in;   /* the stream */
    struct buf out;  /* what must be heard, as feed.h writes it, with a NUL */
    size_t shown_at; /* number of the byte that shows the violation, from 1; 0 for none */
};

/*
 * Appends the vectors of a file to *vectors (grown with realloc; starts as NULL and 0). Ends the
 * process with a message that names the line when anything about the file is wrong.
 */
void vectors_read(const char *path, struct vector **vectors, size_t *count);
void vectors_free(struct vector *vectors, size_t count);

#endif
