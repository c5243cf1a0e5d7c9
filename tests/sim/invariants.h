#ifndef PARLEY_TESTS_INVARIANTS_H
#define PARLEY_TESTS_INVARIANTS_H

/* What must be true of a reader between any two steps. A breach ends the program, by model_fail. */

#include "fanout/reader.h"

void invariants_check(const struct reader *r);

#endif
