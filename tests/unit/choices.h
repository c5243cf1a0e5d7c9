#ifndef PARLEY_TESTS_CHOICES_H
#define PARLEY_TESTS_CHOICES_H

/* Choices of a random test: they come from a seed, or from the bytes of a fuzzer. */

#include <stdbool.h>
#include <stddef.h>

#include "sample.h"

struct choices {
    uint64_t seed;        /* not 0; used when there are no bytes */
    const uint8_t *bytes; /* or NULL */
    size_t len, at;
};

/* A number below `limit` (> 0); 0 when the bytes have run out. */
static inline uint32_t choose(struct choices *c, uint32_t limit)
{
    uint32_t value = 0;

    if (c->bytes == NULL) {
        return sample_random(&c->seed, limit);
    }
    for (uint32_t left = limit - 1; left > 0 && c->at < c->len; left >>= 8) {
        value = value << 8 | c->bytes[c->at++];
    }
    return value % limit;
}

static inline bool choices_over(const struct choices *c)
{
    return c->bytes != NULL && c->at == c->len;
}

#endif
