#ifndef PARLEY_BASE_HISTOGRAM_H
#define PARLEY_BASE_HISTOGRAM_H

/*
 * How long things took, in classes that grow by about two and a half. One thread adds; any may
 * read meanwhile, and then sees each number as it was at some moment.
 */

#include <stdatomic.h>
#include <stdint.h>

enum { HISTOGRAM_CLASSES = 15 }; /* the last one has no upper bound */

struct histogram {
    _Atomic uint64_t classes[HISTOGRAM_CLASSES]; /* how many were of each, not added up */
    _Atomic uint64_t sum_us;
};

/* The greatest time, in microseconds, that is of class i; there is none for the last. */
extern const uint32_t histogram_bounds_us[HISTOGRAM_CLASSES - 1];

/* `count` things took `us` microseconds each. */
void histogram_add(struct histogram *h, uint64_t us, uint64_t count);

static inline uint64_t histogram_read(const _Atomic uint64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

#endif
