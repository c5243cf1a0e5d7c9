#include "latency.h"

#include <string.h>

const uint32_t latency_points[LATENCY_POINTS] = {
    0, 25000, 50000, 75000, 90000, 95000, 99000, 99900, 99990, 99999, 100000,
};

const char *const latency_names[LATENCY_POINTS] = {
    "min", "p25", "p50", "p75", "p90", "p95", "p99", "p99.9", "p99.99", "p99.999", "max",
};

/* Values below 256 are their own class; then the seven bits behind the first one count. */
static unsigned class_of(uint64_t ns)
{
    if (ns >= UINT64_C(1) << LATENCY_MAX_BITS) {
        return LATENCY_CLASSES - 1;
    }
    if (ns < 2 * LATENCY_HALF) {
        return (unsigned)ns;
    }
    unsigned shift = 56 - (unsigned)__builtin_clzll(ns);
    return shift * LATENCY_HALF + (unsigned)(ns >> shift);
}

/* The greatest value of a class. */
static uint64_t end_of(unsigned class)
{
    if (class < 2 * LATENCY_HALF) {
        return class;
    }
    unsigned shift = class / LATENCY_HALF - 1;
    uint64_t first = class % LATENCY_HALF + LATENCY_HALF;
    return ((first + 1) << shift) - 1;
}

void latency_clear(struct latency *l)
{
    memset(l, 0, sizeof(*l));
}

void latency_record(struct latency *l, uint64_t ns, uint64_t count)
{
    l->classes[class_of(ns)] += count;
    if (l->count == 0 || ns < l->min) {
        l->min = ns;
    }
    if (ns > l->max) {
        l->max = ns;
    }
    l->count += count;
}

uint64_t latency_at(const struct latency *l, uint32_t point)
{
    if (l->count == 0 || point == 0) {
        return l->min;
    }
    /* The rank, rounded up: of 10 things the 91st percentile is the tenth. */
    uint64_t whole = l->count / 100000 * point;
    uint64_t rank = whole + (l->count % 100000 * point + 99999) / 100000;
    uint64_t seen = 0;
    for (unsigned i = 0; i < LATENCY_CLASSES - 1; i++) {
        seen += l->classes[i];
        if (seen >= rank) {
            uint64_t end = end_of(i);
            return end < l->max ? end : l->max;
        }
    }
    return l->max;
}

void latency_summarize(const struct latency *l, struct latency_summary *ret_summary)
{
    ret_summary->count = l->count;
    for (unsigned i = 0; i < LATENCY_POINTS; i++) {
        ret_summary->values[i] = latency_at(l, latency_points[i]);
    }
}

void latency_correct(const struct latency *l, uint64_t interval_ns, struct latency *ret_corrected)
{
    *ret_corrected = *l;
    for (unsigned i = class_of(interval_ns); i < LATENCY_CLASSES; i++) {
        uint64_t value = i < LATENCY_CLASSES - 1 ? end_of(i) : l->max;
        if (l->classes[i] == 0) {
            continue;
        }
        value = value < l->max ? value : l->max;
        for (unsigned added = 0; value >= 2 * interval_ns && added < LATENCY_MAX_ADDED; added++) {
            value -= interval_ns;
            latency_record(ret_corrected, value, l->classes[i]);
        }
    }
}
