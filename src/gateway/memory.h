#ifndef PARLEY_GATEWAY_MEMORY_H
#define PARLEY_GATEWAY_MEMORY_H

/*
 * How much memory there is, and how much of it the process has.
 *
 * What is resident is known to the kernel and costs a microsecond to ask; but what has been freed
 * stays resident for long, so by that alone a gateway would never be out of its need again. What is
 * in use, malloc knows; but it counts by walking what is free, which took 130 ms with a million
 * pieces, and it keeps the lock meanwhile. So the second is asked only when the first comes near
 * the limit, and not oftener than makes a hundredth of the time.
 */

#include <stdint.h>

/*
 * Bytes that this process may use: the machine's, or what its control group, or one above that, may
 * use, whichever is least. `root` stands before the paths in /proc and /sys; "" but in tests.
 */
uint64_t memory_available(const char *root);

struct memory_meter {
    int fd;              /* /proc/self/statm; -1: there is none */
    uint64_t used;       /* by malloc's count, the last time */
    uint64_t next_us;    /* not to be counted again before */
    uint64_t page_bytes; /* what statm counts in */
};

void memory_meter_init(struct memory_meter *m);
/* NULL is taken, and one that was never made if it is all zeros but for an fd of -1. */
void memory_meter_fini(struct memory_meter *m);
/* Bytes that the process uses, as exactly as matters by `limit`; 0: there is no limit. */
uint64_t memory_used(struct memory_meter *m, uint64_t limit);

#endif
