#ifndef PARLEY_TESTS_SAMPLE_H
#define PARLEY_TESTS_SAMPLE_H

/* Input for tests: copies that a sanitizer can watch the ends of, and repeatable random numbers. */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A copy of exactly `len` bytes on the heap, to be freed; reading past its end is seen. */
static inline char *sample_copy(const void *bytes, size_t len)
{
    char *copy = calloc(len, 1);

    assert(copy != NULL || len == 0);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

/* A number below `limit` (> 0). The same seed, which must not be 0, gives the same numbers. */
static inline uint32_t sample_random(uint64_t *seed, uint32_t limit)
{
    /* Marsaglia 2003, "Xorshift RNGs", with the multiplication of Vigna 2016. */
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return (uint32_t)((*seed * 0x2545f4914f6cdd1du >> 32) % limit);
}

#endif
