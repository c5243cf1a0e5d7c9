#include "gauge.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t read_clock(clockid_t clock, bool *ok)
{
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) {
        *ok = false;
        return 0;
    }
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The number that follows `label` and blanks; false when `line` begins otherwise. */
static bool take_number(const char *line, struct str label, uint64_t max, uint64_t *ret_value)
{
    struct str rest = str_from_z(line);
    if (!str_starts_with(rest, label)) {
        return false;
    }
    rest = str_trim(str_slice(rest, label.len, rest.len));
    size_t digits = 0;
    while (digits < rest.len && rest.ptr[digits] >= '0' && rest.ptr[digits] <= '9') {
        digits++;
    }
    return str_to_uint(str_slice(rest, 0, digits), max, ret_value);
}

/* Whether `pid` is the ksoftirqd of a CPU in `cpus`. */
static bool is_softirq_thread(const char *pid, const cpu_set_t *cpus)
{
    char line[300];
    uint64_t cpu;
    (void)snprintf(line, sizeof(line), "/proc/%s/comm", pid);
    FILE *file = fopen(line, "re");
    if (file == NULL) {
        return false;
    }
    bool found = fgets(line, sizeof(line), file) != NULL &&
                 take_number(line, STR("ksoftirqd/"), CPU_SETSIZE - 1, &cpu) &&
                 CPU_ISSET(cpu, cpus);
    fclose(file);
    return found;
}

static bool find_softirq_threads(struct gauge *g)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    DIR *proc = opendir("/proc");
    if (proc == NULL || sched_getaffinity(g->pid, sizeof(cpus), &cpus) != 0) {
        if (proc != NULL) {
            closedir(proc);
        }
        return false;
    }
    struct dirent *entry;
    while ((entry = readdir(proc)) != NULL && g->softirq_count < GAUGE_MAX_CPUS) {
        long pid = strtol(entry->d_name, NULL, 10);
        if (pid > 0 && is_softirq_thread(entry->d_name, &cpus) &&
            clock_getcpuclockid((pid_t)pid, &g->softirq[g->softirq_count]) == 0) {
            g->softirq_count++;
        }
    }
    closedir(proc);
    return true;
}

bool gauge_init(struct gauge *g, pid_t pid)
{
    *g = (struct gauge){.pid = pid};
    return pid == 0 || (clock_getcpuclockid(pid, &g->process) == 0 && find_softirq_threads(g));
}

bool gauge_read_time(const struct gauge *g, struct gauge_time *ret_time)
{
    struct gauge_time sum = {0};
    bool ok = true;
    if (g->pid != 0) {
        sum.process_ns = read_clock(g->process, &ok);
    }
    for (unsigned i = 0; i < g->softirq_count; i++) {
        sum.softirq_ns += read_clock(g->softirq[i], &ok);
    }
    if (ok) {
        *ret_time = sum;
    }
    return ok;
}

bool gauge_read_memory(const struct gauge *g, struct gauge_memory *ret_memory)
{
    struct gauge_memory memory = {0};
    if (g->pid == 0) {
        *ret_memory = memory;
        return true;
    }
    char line[256];
    (void)snprintf(line, sizeof(line), "/proc/%d/smaps_rollup", (int)g->pid);
    FILE *file = fopen(line, "re");
    if (file == NULL) {
        return false;
    }
    unsigned found = 0;
    uint64_t kib;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (take_number(line, STR("Pss_Anon:"), UINT32_MAX, &kib)) {
            memory.pss_anon = kib * 1024;
            found++;
        } else if (take_number(line, STR("Rss:"), UINT32_MAX, &kib)) {
            memory.rss = kib * 1024;
            found++;
        }
    }
    fclose(file);
    if (found == 2) {
        *ret_memory = memory;
    }
    return found == 2;
}

uint64_t gauge_now_ns(void)
{
    bool ok = true;
    return read_clock(CLOCK_MONOTONIC, &ok);
}

uint64_t gauge_own_ns(void)
{
    bool ok = true;
    return read_clock(CLOCK_PROCESS_CPUTIME_ID, &ok);
}
