#ifndef PARLEY_BENCH_TRAFFIC_H
#define PARLEY_BENCH_TRAFFIC_H

/* The modes in which messages flow: fan-out, chat and pairs. */

#include "load.h"

/* As load_run, for LOAD_FANOUT, LOAD_CHAT and LOAD_PAIRS. */
bool traffic_run(const struct load_options *o, struct load_result *ret_result, char *error);

#endif
