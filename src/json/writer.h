#ifndef PARLEY_JSON_WRITER_H
#define PARLEY_JSON_WRITER_H

/*
 * Writes one JSON value by appending to a buffer; commas come by themselves. Misuse (a key in an
 * array, an end without a begin, a second value at the top, more than 63 open brackets) is a
 * programming error and asserted. Running out of room shows as buf.failed, once, at the end. The
 * output is UTF-8 with escapes only where RFC 8259 needs them, without white space.
 */

#include "base/buf.h"

struct json_writer {
    struct buf *out;     /* borrowed */
    uint64_t has_member; /* bit d: something was written at depth d */
    uint64_t in_object;  /* bit d: depth d is an object */
    unsigned depth;      /* open brackets */
    bool after_key;      /* a value must come */
};

/* Starts a value behind what is in `out`, which is borrowed. */
void json_writer_init(struct json_writer *w, struct buf *out);
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
/* A key, as json_string; the next call writes its value. */
void json_key(struct json_writer *w, struct str key);

void json_string(struct json_writer *w, struct str text); /* invalid UTF-8 becomes U+FFFD */
void json_uint(struct json_writer *w, uint64_t value);
void json_int(struct json_writer *w, int64_t value);
void json_bool(struct json_writer *w, bool value);
void json_null(struct json_writer *w);
/* Milliseconds as seconds with a fraction of three digits: 1700000000123 -> 1700000000.123 */
void json_seconds(struct json_writer *w, uint64_t ms);
/* Raw JSON that is known to be valid; with an empty `raw`, null. */
void json_raw(struct json_writer *w, struct str raw);

/* Raw members of the object being written, without its braces: "a":1,"b":2. Not empty. */
void json_raw_members(struct json_writer *w, struct str raw);

/* key and value in one. */
void json_key_string(struct json_writer *w, struct str key, struct str text);
void json_key_uint(struct json_writer *w, struct str key, uint64_t value);
void json_key_bool(struct json_writer *w, struct str key, bool value);
void json_key_raw(struct json_writer *w, struct str key, struct str raw);

#endif
