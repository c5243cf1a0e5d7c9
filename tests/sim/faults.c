#include "faults.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static unsigned rate;
static uint64_t state = 88172645463325252u;
static void (*on_abort)(void);

void fault_rate(unsigned one_in)
{
    rate = one_in;
}

static int fails(void)
{
    if (rate == 0) {
        return 0;
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % rate == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

static void handle(int signal_number)
{
    (void)signal_number;
    on_abort();
}

void fault_on_abort(void (*handler)(void))
{
    on_abort = handler;
    (void)signal(SIGABRT, handle);
}
