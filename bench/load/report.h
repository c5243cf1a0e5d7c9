#ifndef PARLEY_BENCH_REPORT_H
#define PARLEY_BENCH_REPORT_H

/* What a run has found: for people, for programs, and for a plot. */

#include "load.h"
#include "plot.h"

/* One JSON object and a line's end. */
void report_json(struct buf *out, const struct load_options *o, const struct load_result *r);
/* The same for people. */
void report_text(struct buf *out, const struct load_options *o, const struct load_result *r);
/* What is drawn of it. */
void report_plot(const struct load_options *o, const struct load_result *r,
                 struct plot_run *ret_run);
/* The same, of a line that report_json has written. False when it is none. */
bool report_read(struct str line, struct plot_run *ret_run);

#endif
