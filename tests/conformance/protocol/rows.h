#ifndef PARLEY_TESTS_PROTOCOL_ROWS_H
#define PARLEY_TESTS_PROTOCOL_ROWS_H

/* The vectors as vectors.py prints them, one after the other. */

#include "base/str.h"
#include "parley/protocol.h"

#include <stdio.h>

struct row {
    enum parley_dialect dialect;
    bool is_strict;   /* it is about PARLEY_STRICT */
    bool is_received; /* it is about PARLEY_RECEIVED */
    bool is_good;     /* the verdict */
    bool has_path;
    bool has_position;
    size_t position;
    struct str path;
    struct str name;
    char *text; /* of exactly `len` bytes, so that a sanitizer sees a read behind it */
    size_t len;
    char *line; /* what the others borrow from */
};

/* The next row, to be finished. Returns false at the end; a file of another form ends the program.
 */
bool row_read(struct row *row, FILE *file);
void row_fini(struct row *row);

#endif
