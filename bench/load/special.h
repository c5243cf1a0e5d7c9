#ifndef PARLEY_BENCH_SPECIAL_H
#define PARLEY_BENCH_SPECIAL_H

/* Modes that do something to the server, or to those who hear it, while messages flow. */

#include "load.h"

/* LOAD_STALLED: what the server keeps for those who do not read. */
bool stalled_run(const struct load_options *o, struct load_result *ret_result, char *error);
/* LOAD_STOP: how late messages get when it stands still, and for how long. */
bool stop_run(const struct load_options *o, struct load_result *ret_result, char *error);
/* LOAD_PROBE: how long two others wait while a crowd is spoken to. */
bool probe_run(const struct load_options *o, struct load_result *ret_result, char *error);

#endif
