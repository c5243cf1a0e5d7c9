#ifndef PARLEY_BENCH_PLOT_H
#define PARLEY_BENCH_PLOT_H

/*
 * Runs as an SVG picture: how long deliveries took, by percentiles, one line a run; and what a
 * delivery cost the server over the members, one line for the runs of a label. All axes but that of
 * the percentiles are logarithmic; that one is by what is left out (90 %, 99 %, 99.9 %).
 */

#include "latency.h"

#include "base/buf.h"

enum {
    PLOT_MAX_RUNS = 256,
    PLOT_MAX_PERCENTILES = 8, /* with more runs their percentiles are not drawn */
    PLOT_LABEL = 64,
};

struct plot_run {
    char label[PLOT_LABEL]; /* ends in NUL */
    uint64_t clients;
    uint64_t sessions;
    double cost_ns; /* CPU time for each delivery; 0: not known */
    struct latency_summary latency;
};

/* Appends a whole SVG document. */
void plot_write(struct buf *out, const struct plot_run *runs, size_t count);

#endif
