#ifndef PARLEY_FANOUT_FILTER_H
#define PARLEY_FANOUT_FILTER_H

/*
 * Which message types a receiver wants: up to FILTER_MAX_PATTERNS patterns, each an exact type or
 * a prefix that ends in '*'. The hub makes a filter and never changes it again; the reactor that
 * it is sent to is then the only one to use it, and remembers in it what it has learnt about
 * interned types, so that a type is compared by its name once.
 */

#include "fanout/segment.h"

enum {
    FILTER_MAX_PATTERNS = 64,
    FILTER_TYPES = 1024, /* interned types */
};

struct filter {
    uint64_t known[FILTER_TYPES / 64];
    uint64_t wanted[FILTER_TYPES / 64];
    uint32_t count;
    uint32_t size;                            /* bytes that it takes, the text included */
    struct str patterns[FILTER_MAX_PATTERNS]; /* into text */
    char text[];
};

/* Copies the patterns; each has 1 to TYPE_TEXT_MAX bytes. NULL: no memory. */
struct filter *filter_new(const struct str *patterns, uint32_t count);
void filter_free(struct filter *f);
/* Whether one of its patterns means this name, whatever it is a name of. */
bool filter_matches(const struct filter *f, struct str name);
/* Whether a message of this type passes. */
bool filter_wants(struct filter *f, const struct type_name *type);

#endif
