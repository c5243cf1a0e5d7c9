#ifndef PARLEY_TESTS_VALGRIND_H
#define PARLEY_TESTS_VALGRIND_H

/*
 * Valgrind sees what the sanitizers do not, values that were never set, and takes fifty times as
 * long. So a test of very many inputs takes a part of them there, and one that fails each call in
 * turn passes most of them over: a value that is never set behind just one of those is missed. The
 * other builds, the sanitizers among them, take all.
 */

#include <stdbool.h>
#include <stdlib.h>

/* The stage `valgrind` of script/test says so. */
static inline bool under_valgrind(void)
{
    return getenv("UNDER_VALGRIND") != NULL;
}

/* How many of `all` inputs a test takes; at least one. */
static inline unsigned portion_of(unsigned all)
{
    return under_valgrind() ? (all + 9) / 10 : all;
}

/* From one call that is made to fail to the next. */
static inline int fault_step(void)
{
    return under_valgrind() ? 37 : 1;
}

#endif
