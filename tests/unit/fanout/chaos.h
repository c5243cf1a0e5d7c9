#ifndef PARLEY_TESTS_FANOUT_CHAOS_H
#define PARLEY_TESTS_FANOUT_CHAOS_H

/*
 * Random lives of connections on the rig: everything that the hub, the reactor and a socket can do,
 * in any order, compared with the model throughout. The choices come from a seed or from the bytes
 * of a fuzzer.
 */

#include "choices.h"
#include "rig.h"

struct chaos_totals {
    uint64_t compared, lags, told, fatal, heard;
};

/* At most `steps` steps (fewer when the bytes run out), then all is settled, ended and checked. */
void chaos_run(struct choices *c, uint32_t steps, struct chaos_totals *totals);

#endif
