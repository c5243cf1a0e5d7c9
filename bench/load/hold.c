#include "hold.h"

#include "gauge.h"
#include "swarm.h"

static void count_other(void *context, uint32_t client, struct str payload)
{
    (void)client;
    (void)payload;
    struct load_result *result = context;
    result->others++;
}

/*
 * What the server needs once, however many come, is not to be charged to the connections: the
 * first tenth is opened before the first reading.
 */
static bool measure_idle(struct swarm *s, const struct load_options *o, const struct gauge *gauge,
                         struct load_result *result)
{
    struct gauge_memory before, after;
    uint32_t first = o->clients / 10;
    if (!swarm_open(s, first) || !swarm_settle(s) || !gauge_read_memory(gauge, &before) ||
        !swarm_open(s, o->clients) || !swarm_settle(s) || !gauge_read_memory(gauge, &after)) {
        return false;
    }
    result->deliveries = o->clients;
    result->pss_before = before.pss_anon;
    result->pss_after = after.pss_anon;
    result->rss_before = before.rss;
    result->rss_after = after.rss;
    return true;
}

/* A tenth is opened and closed first, so that a server that compiles as it runs has done so. */
static bool measure_connect(struct swarm *s, const struct load_options *o,
                            const struct gauge *gauge, struct load_result *result)
{
    struct gauge_time before, after;
    if (!swarm_open(s, o->clients / 10) || !swarm_settle(s)) {
        return false;
    }
    swarm_close(s);
    unsigned events;
    if (!swarm_turn(s, 300, &events)) { /* the server is to notice that they are gone */
        return false;
    }
    uint64_t start_ns = gauge_now_ns();
    uint64_t own_ns = gauge_own_ns();
    if (!gauge_read_time(gauge, &before) || !swarm_open(s, o->clients)) {
        return false;
    }
    result->seconds = (double)(gauge_now_ns() - start_ns) / 1e9;
    result->own_cpu_ns = gauge_own_ns() - own_ns;
    if (!swarm_settle(s) || !gauge_read_time(gauge, &after)) {
        return false;
    }
    result->deliveries = o->clients;
    result->server_cpu_ns = after.process_ns - before.process_ns;
    result->softirq_cpu_ns = after.softirq_ns - before.softirq_ns;
    return true;
}

bool hold_run(const struct load_options *o, struct load_result *ret_result, char *error)
{
    struct swarm swarm;
    struct gauge gauge;
    struct load_result result = {0};
    if (!gauge_init(&gauge, o->pid)) {
        (void)snprintf(error, LOAD_ERROR_SIZE, "no process %d to look at", (int)o->pid);
        return false;
    }
    (void)snprintf(error, LOAD_ERROR_SIZE, "the server is gone");
    uint32_t capacity = o->clients + o->clients / 10;
    bool ok = swarm_init(&swarm, o, capacity, count_other, &result, error);
    if (ok) {
        ok = o->mode == LOAD_IDLE ? measure_idle(&swarm, o, &gauge, &result)
                                  : measure_connect(&swarm, o, &gauge, &result);
    }
    swarm_fini(&swarm);
    *ret_result = result;
    return ok;
}
