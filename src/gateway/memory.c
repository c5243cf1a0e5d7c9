#include "gateway/memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

enum {
    TEXT_MAX = 4096,
    PATH_LEN_MAX = 4096,
    NEAR_PERCENT = 75, /* of the limit: from there on it matters what is in use */
    REST_FACTOR = 100, /* a count that took t is not repeated within 100 t */
};

/* --- what there is ---------------------------------------------------------------------------- */

/* The start of a small file. Empty when it cannot be read, or is not there to the end of a line:
   part of a number would be a very small limit. */
static struct str read_file(const char *path, char text[TEXT_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return STR("");
    }
    ssize_t len = read(fd, text, TEXT_MAX);
    close(fd);
    struct str start = str_make(text, len > 0 ? (size_t)len : 0);
    return str_find(start, '\n') < start.len ? start : STR("");
}

/* The number in a file, if there is one ("max" is none) and it is less than `least`. */
static uint64_t lesser(const char *path, uint64_t least)
{
    char text[TEXT_MAX];
    struct str number = read_file(path, text);
    uint64_t value;

    number = str_slice(number, 0, str_find(number, '\n'));
    return str_to_uint(number, UINT64_MAX, &value) && value < least ? value : least;
}

/* The least limit of a group and all above it. */
static uint64_t least_of_group(const char *mount, struct str group, const char *file,
                               uint64_t least)
{
    char path[PATH_LEN_MAX];

    for (;;) {
        while (group.len > 0 && group.ptr[group.len - 1] == '/') {
            group.len--;
        }
        int len = snprintf(path, sizeof(path), "%s%.*s/%s", mount, STR_ARG(group), file);
        if (len > 0 && (size_t)len < sizeof(path)) {
            least = lesser(path, least);
        }
        if (group.len == 0) {
            return least;
        }
        while (group.len > 0 && group.ptr[group.len - 1] != '/') {
            group.len--;
        }
    }
}

/* Whether "a,b,memory" names the memory controller. */
static bool has_memory(struct str controllers)
{
    while (controllers.len > 0) {
        size_t comma = str_find(controllers, ',');
        if (str_equal(str_slice(controllers, 0, comma), STR("memory"))) {
            return true;
        }
        controllers = str_slice(controllers, comma + 1, controllers.len);
    }
    return false;
}

uint64_t memory_available(const char *root)
{
    char text[TEXT_MAX], path[PATH_LEN_MAX];
    uint64_t least = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

    (void)snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    struct str rest = read_file(path, text);
    /* Lines are "number:controllers:path"; of version 2 "0::path". */
    while (rest.len > 0) {
        size_t end = str_find(rest, '\n');
        struct str line = str_slice(rest, 0, end);
        rest = str_slice(rest, end + 1, rest.len);
        line = str_slice(line, str_find(line, ':') + 1, line.len);
        size_t colon = str_find(line, ':');
        struct str controllers = str_slice(line, 0, colon);
        struct str group = str_slice(line, colon + 1, line.len);
        if (controllers.len == 0) {
            (void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup", root);
            least = least_of_group(path, group, "memory.max", least);
        } else if (has_memory(controllers)) {
            (void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup/memory", root);
            least = least_of_group(path, group, "memory.limit_in_bytes", least);
        }
    }
    return least;
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
