#ifndef PARLEY_BENCH_HOLD_H
#define PARLEY_BENCH_HOLD_H

/* The modes in which nobody speaks: idle and connect. */

#include "load.h"

/* As load_run, for LOAD_IDLE and LOAD_CONNECT. */
bool hold_run(const struct load_options *o, struct load_result *ret_result, char *error);

#endif
