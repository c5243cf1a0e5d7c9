#include "gateway/memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include "gateway/cgroup.h"

enum {
    NEAR_PERCENT = 75, /* of the limit: from there on it matters what is in use */
    REST_FACTOR = 100, /* a count that took t is not repeated within 100 t */
};

/* --- what there is ---------------------------------------------------------------------------- */

static bool read_bytes(struct str line, uint64_t *ret_value)
{
    return str_to_uint(line, UINT64_MAX, ret_value);
}

uint64_t memory_available(const char *root)
{
    static const struct cgroup_limit limit = {
        .controller = "memory",
        .file_v1 = "memory.limit_in_bytes",
        .file = "memory.max",
        .read = read_bytes,
    };
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

    return cgroup_least(&limit, root, machine);
}

/* --- what is used ----------------------------------------------------------------------------- */

static uint64_t now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void memory_meter_init(struct memory_meter *m)
{
    *m = (struct memory_meter){.fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC),
                               .page_bytes = (uint64_t)sysconf(_SC_PAGESIZE)};
}

void memory_meter_fini(struct memory_meter *m)
{
    if (m != NULL && m->fd >= 0) {
        close(m->fd);
        m->fd = -1;
    }
}

/* "size resident shared …", in pages. */
static bool read_resident(const struct memory_meter *m, uint64_t *ret_bytes)
{
    char text[128];
    uint64_t pages;
    ssize_t len = m->fd >= 0 ? pread(m->fd, text, sizeof(text), 0) : -1;

    if (len <= 0) {
        return false;
    }
    struct str rest = str_make(text, (size_t)len);
    rest = str_slice(rest, str_find(rest, ' ') + 1, rest.len);
    if (!str_to_uint(str_slice(rest, 0, str_find(rest, ' ')), UINT64_MAX, &pages)) {
        return false;
    }
    *ret_bytes = pages * m->page_bytes;
    return true;
}

uint64_t memory_used(struct memory_meter *m, uint64_t limit)
{
    uint64_t resident = UINT64_MAX;

    if (read_resident(m, &resident) && (limit == 0 || resident / NEAR_PERCENT < limit / 100)) {
        return resident;
    }
    uint64_t start = now_us();
    if (start >= m->next_us) {
        struct mallinfo2 info = mallinfo2();
        uint64_t end = now_us();
        m->used = info.uordblks + info.hblkhd;
        m->next_us = end + (end - start) * REST_FACTOR;
    }
    return m->used < resident ? m->used : resident;
}
