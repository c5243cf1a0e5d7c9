#ifndef PARLEY_TESTS_CORE_FAMINE_H
#define PARLEY_TESTS_CORE_FAMINE_H

/*
 * Takes the place of malloc and its kin (the linker's --wrap) for a program that includes it once,
 * so that a test can say which allocation fails.
 */

#include <stdbool.h>
#include <stdlib.h>

void *__wrap_malloc(size_t size);
void *__real_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__real_realloc(void *block, size_t size);

/* How many allocations are left to succeed before one fails; negative: all do. */
static int famine_after = -1;

/* No calloc succeeds. */
static bool famine_of_zeroes;

static bool famine_strikes(void)
{
    return famine_after >= 0 && famine_after-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return famine_strikes() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return famine_of_zeroes || famine_strikes() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return famine_strikes() ? NULL : __real_realloc(block, size);
}

#endif
