#ifndef PARLEY_GATEWAY_CPUS_H
#define PARLEY_GATEWAY_CPUS_H

/* How many CPUs there are for this process, and what follows for its threads. It reads files. */

#include <stdbool.h>
#include <stdint.h>

enum { CPUS_WHOLE = 1000 };

/*
 * In thousandths (CPUS_WHOLE): those that it may run on, or the time that its control group, or one
 * above that, may use of them (version 2, cpu.max), whichever is less. `root` stands before the
 * paths in /proc and /sys; "" but in tests.
 */
uint64_t cpus_available(const char *root);
/* How many reactors there are when nobody says so. */
unsigned cpus_threads(uint64_t available);
/*
 * Whether threads may look for work before they sleep, with that many reactors, on a machine of
 * `online` CPUs: it takes a CPU from nobody only where each thread has its own, and others have
 * one.
 */
bool cpus_spare(uint64_t available, unsigned threads, unsigned online);

#endif
