#ifndef PARLEY_BENCH_LATENCY_H
#define PARLEY_BENCH_LATENCY_H

/*
 * How long things took, in nanoseconds, kept finely enough for percentiles. Below 256 ns a class is
 * one value; above it each power of two has 128 classes, so what is read back is at most 1/128
 * (0.8 %) above what was recorded. Times of 2^40 ns (18 minutes) and more are of the last class.
 */

#include <stdint.h>

enum {
    LATENCY_HALF = 128, /* classes of a power of two */
    LATENCY_MAX_BITS = 40,
    LATENCY_CLASSES = (LATENCY_MAX_BITS - 7 + 1) * LATENCY_HALF,
    LATENCY_POINTS = 11,
};

struct latency {
    uint64_t classes[LATENCY_CLASSES];
    uint64_t count;
    uint64_t min; /* as recorded; 0 while there is none */
    uint64_t max;
};

/* The percentiles that are reported, in thousandths of a percent: 50000 is the median. */
extern const uint32_t latency_points[LATENCY_POINTS];
/* Their names in JSON: "p50", "p99.9", "max". */
extern const char *const latency_names[LATENCY_POINTS];

/* What is reported of a distribution. */
struct latency_summary {
    uint64_t count;
    uint64_t values[LATENCY_POINTS]; /* nanoseconds */
};

/* Forgets all. */
void latency_clear(struct latency *l);
/* `count` things took `ns` each. */
void latency_record(struct latency *l, uint64_t ns, uint64_t count);
/*
 * The time that `point` thousandths of a percent of all did not exceed, rounded up to the end of
 * its class but never above the greatest; 0 when there is none.
 */
uint64_t latency_at(const struct latency *l, uint32_t point);
void latency_summarize(const struct latency *l, struct latency_summary *ret_summary);

/*
 * Corrects for coordinated omission: who waits for an answer before he asks again leaves out the
 * questions that he would have asked meanwhile. `ret_corrected` gets all of `l`, and for each time
 * above `interval_ns` (which is not 0) what the left out ones would have taken: that time less one
 * interval, less two, and so on down to one interval. At most LATENCY_MAX_ADDED are added for one.
 */
enum { LATENCY_MAX_ADDED = 1000000 };
void latency_correct(const struct latency *l, uint64_t interval_ns, struct latency *ret_corrected);

#endif
