#ifndef PARLEY_BENCH_GAUGE_H
#define PARLEY_BENCH_GAUGE_H

/*
 * What a server costs, as the kernel tells it: the CPU time of all its threads, to the nanosecond,
 * and that of the ksoftirqd threads of the CPUs it may run on. When packet work piles up the
 * kernel hands it to those, and it is charged to nobody; it was made by the server's sends.
 */

#include "base/str.h"

#include <sys/types.h>
#include <time.h>

enum { GAUGE_MAX_CPUS = 256 };

struct gauge {
    pid_t pid; /* 0: reads nothing but zeros */
    clockid_t process;
    clockid_t softirq[GAUGE_MAX_CPUS];
    unsigned softirq_count;
};

struct gauge_time {
    uint64_t process_ns;
    uint64_t softirq_ns;
};

struct gauge_memory {
    uint64_t pss_anon; /* bytes: private memory, the heap and stacks, touched and not returned */
    uint64_t rss;      /* bytes, with what is mapped from files */
};

/* False when there is no such process, or it may not be looked at. */
bool gauge_init(struct gauge *g, pid_t pid);
/* False when the process is gone. */
bool gauge_read_time(const struct gauge *g, struct gauge_time *ret_time);
bool gauge_read_memory(const struct gauge *g, struct gauge_memory *ret_memory);

/* Of CLOCK_MONOTONIC. */
uint64_t gauge_now_ns(void);
/* The CPU time of this process. */
uint64_t gauge_own_ns(void);

#endif
