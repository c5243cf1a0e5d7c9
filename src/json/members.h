#ifndef PARLEY_JSON_MEMBERS_H
#define PARLEY_JSON_MEMBERS_H

/*
 * Passing on the members of objects as they are written: several objects become one, in which each
 * name stands once. The text was found valid before, as for json/reader.h.
 */

#include "base/buf.h"
#include "json/wire.h"

/* The names that are there already, as hashes, for there may be a thousand. */
struct json_names {
    const uint8_t *secret; /* 16 bytes, borrowed: so that nobody can choose two names of one hash */
    size_t count;
    uint64_t hashes[WIRE_MAX_MEMBERS]; /* those behind `count` have no value yet */
};

/* No names. */
void json_names_init(struct json_names *names, const uint8_t secret[16]);
/*
 * Appends to `out` the members of a raw object, with commas between them and before the first one
 * if others were appended before. Left out are those called as one of `except` (the last is empty),
 * those whose names are there, and those for which `names` has no room. Names are compared as they
 * read, by their first 256 bytes. A value that is no object has no members.
 */
void json_append_members(struct buf *out, struct str object, const struct str *except,
                         struct json_names *names);

#endif
