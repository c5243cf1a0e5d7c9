#include "base/histogram.h"

const uint32_t histogram_bounds_us[HISTOGRAM_CLASSES - 1] = {
    10, 25, 50, 100, 250, 500, 1000, 2500, 10000, 25000, 100000, 250000, 1000000, 10000000,
};

/* There is one writer, so no locked instruction is needed. */
static void add(_Atomic uint64_t *number, uint64_t n)
{
    atomic_store_explicit(number, histogram_read(number) + n, memory_order_relaxed);
}

void histogram_add(struct histogram *h, uint64_t us, uint64_t count)
{
    unsigned i = 0;

    while (i < HISTOGRAM_CLASSES - 1 && us > histogram_bounds_us[i]) {
        i++;
    }
    add(&h->classes[i], count);
    add(&h->sum_us, us * count);
}
