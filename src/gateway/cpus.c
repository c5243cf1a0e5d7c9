#include "gateway/cpus.h"

#include <sched.h>

#include "gateway/cgroup.h"

enum { THREADS_MAX = 4 };

/* "quota period", in microseconds, or "max period". */
static bool read_quota(struct str line, uint64_t *ret_value)
{
    size_t space = str_find(line, ' ');
    uint64_t quota, period;

    if (!str_to_uint(str_slice(line, 0, space), UINT32_MAX, &quota) ||
        !str_to_uint(str_slice(line, space + 1, line.len), UINT32_MAX, &period) || period == 0) {
        return false;
    }
    *ret_value = quota * CPUS_WHOLE / period;
    return true;
}

uint64_t cpus_available(const char *root)
{
    static const struct cgroup_limit limit = {.file = "cpu.max", .read = read_quota};
    cpu_set_t cpus;
    int count = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1;

    return cgroup_least(&limit, root, (uint64_t)count * CPUS_WHOLE);
}

unsigned cpus_threads(uint64_t available)
{
    uint64_t whole = available / CPUS_WHOLE;

    return whole < 1 ? 1 : whole > THREADS_MAX ? THREADS_MAX : (unsigned)whole;
}

bool cpus_spare(uint64_t available, unsigned threads, unsigned online)
{
    unsigned busy = threads > 1 ? threads + 1 : 1; /* the hub has a thread of its own */

    return available >= (uint64_t)busy * CPUS_WHOLE && online > busy;
}
