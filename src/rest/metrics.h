#ifndef PARLEY_REST_METRICS_H
#define PARLEY_REST_METRICS_H

/*
 * The Prometheus text format (version 0.0.4). Names, types and helps come from
 * schema/metrics.toml; what the samples are is in metrics.c.
 */

#include "base/buf.h"
#include "metrics.gen.h"

struct metric_info {
    const char *name; /* whole: "parley_messages_received_total" */
    const char *type;
    const char *help;
};

extern const struct metric_info metric_table[METRIC_COUNT];

/* Appends `text` as the value of a label stands between its quotes: \, " and line feed escaped. */
void metric_append_label(struct buf *out, struct str text);

#endif
