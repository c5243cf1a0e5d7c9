#ifndef PARLEY_BENCH_VALUES_H
#define PARLEY_BENCH_VALUES_H

/*
 * Values of flags: `values` has one for each flag, NULL where it was not given, and then what it
 * would set stays as it is. Each returns false, with a sentence on stderr, for one that cannot be.
 */

#include "options.h"

#include "cli/bench_flags.h"

/* A whole number from 1 to `max`. */
bool value_number(const char *const *values, enum bench_flag flag, uint64_t max,
                  uint64_t *ret_value);
bool value_small(const char *const *values, enum bench_flag flag, uint32_t max,
                 uint32_t *ret_value);
/* A number with or without a fraction, from `min` to `max`. */
bool value_real(const char *const *values, enum bench_flag flag, double min, double max,
                double *ret_value);
/* At most BENCH_MAX_RUNS whole numbers from 1 to LOAD_MAX_CLIENTS, with commas between. */
bool value_list(const char *const *values, enum bench_flag flag, struct bench_list *ret_list);

#endif
