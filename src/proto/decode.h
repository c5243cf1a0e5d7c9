#ifndef PARLEY_PROTO_DECODE_H
#define PARLEY_PROTO_DECODE_H

/*
 * Valid JSON text into the struct that a description describes, each value checked on the way; or
 * the checks alone.
 */

#include "proto/object.h"

struct decoding {
    struct report report;
    enum parley_strictness strictness;
    void **memory; /* what is decoded may take; NULL to check only */
    /* The members of one object, which were taken apart, but not sorted yet; or NULL. */
    struct object_members *inner;
};

/*
 * Decodes a raw object into `out`, a zeroed struct (NULL to check only), which borrows from the
 * text. Empty text is an object without members. Returns false with a report when it is none of
 * this description; `out` is then half filled.
 */
bool decode_object(const struct decoding *d, const struct object_info *info, struct str raw,
                   void *out, const struct step *path);

/* The same for an object whose members were taken apart, but not sorted yet. */
bool decode_members(const struct decoding *d, const struct object_info *info, struct str raw,
                    struct object_members *members, void *out, const struct step *path);

/*
 * The same for one value (not empty) of a field: `out` is the value in the struct. Objects inside
 * go back to decode_object, so the recursion is as deep as descriptions are nested.
 */
bool decode_value(const struct decoding *d, const struct field_info *field, struct raw_value raw,
                  void *out, const struct step *path);

#endif
