#include "hold.h"

#include "traffic.h"

#include <stdlib.h>

/* What the modes of this file have in common. */
struct hold {
    const struct load_options *options;
    struct plan plan;
    struct swarm swarm;
    struct gauge gauge;
    struct latency arrivals;
    struct load_result result;
    char error[LOAD_ERROR_SIZE];
};

static void count_other(void *context, uint32_t client, struct str payload)
{
    (void)client;
    (void)payload;
    struct load_result *result = context;
    result->others++;
}

static void note_memory(struct load_result *result, const struct gauge_memory *before,
                        const struct gauge_memory *after)
{
    result->pss_before = before->pss_anon;
    result->pss_after = after->pss_anon;
    result->rss_before = before->rss;
    result->rss_after = after->rss;
}

static bool read_memory(struct hold *h, struct gauge_memory *ret_memory)
{
    return gauge_read_memory(&h->gauge, ret_memory) || swarm_fail(&h->swarm, "the server is gone");
}

/*
 * What the server needs once, however many come, is not to be charged to the connections: the
 * first tenth is opened before the first reading.
 */
static bool measure_connections(struct hold *h)
{
    struct gauge_memory before, after;
    uint32_t first = h->plan.clients / 10;
    if (!swarm_open(&h->swarm, first) || !swarm_settle(&h->swarm) || !read_memory(h, &before) ||
        !swarm_open(&h->swarm, h->plan.clients - first) || !swarm_settle(&h->swarm) ||
        !read_memory(h, &after)) {
        return false;
    }
    h->result.deliveries = h->plan.clients - first;
    note_memory(&h->result, &before, &after);
    return true;
}

static bool join(struct hold *h, uint32_t from, uint32_t to)
{
    unsigned events;
    for (uint32_t i = from; i < to; i++) {
        /* Not all at once, or what is measured are queues. */
        if (!traffic_join(&h->swarm, h->options, i) ||
            (i % 64 == 0 && (!swarm_flush(&h->swarm) || !swarm_turn(&h->swarm, 0, &events)))) {
            return false;
        }
    }
    return swarm_flush(&h->swarm) && swarm_settle(&h->swarm);
}

/* All are connected first; then a tenth of the blocks joins, and then the others. */
static bool measure_sessions(struct hold *h)
{
    const struct plan *p = &h->plan;
    struct gauge_memory before, after;
    uint32_t first = p->blocks / 10 * p->members;
    if (!swarm_open(&h->swarm, p->clients) || !swarm_settle(&h->swarm) || !join(h, 0, first) ||
        !read_memory(h, &before) || !join(h, first, p->clients) || !read_memory(h, &after)) {
        return false;
    }
    h->result.deliveries = p->clients;
    h->result.joined = (uint64_t)(p->clients - first) * p->joins;
    note_memory(&h->result, &before, &after);
    return true;
}

/* A tenth is opened and closed first, so that a server that compiles as it runs has done so. */
static bool measure_connect(struct hold *h)
{
    struct swarm *s = &h->swarm;
    struct gauge_time before, after;
    unsigned events;
    if (!swarm_open(s, h->plan.clients / 10) || !swarm_settle(s)) {
        return false;
    }
    swarm_close(s);
    if (!swarm_turn(s, 300000000, &events)) { /* the server is to notice that they are gone */
        return false;
    }
    s->arrivals = &h->arrivals;
    uint64_t start_ns = gauge_now_ns();
    uint64_t own_ns = gauge_own_ns();
    if (!gauge_read_time(&h->gauge, &before) || !swarm_open(s, h->plan.clients)) {
        return false;
    }
    h->result.seconds = (double)(gauge_now_ns() - start_ns) / 1e9;
    h->result.own_cpu_ns = gauge_own_ns() - own_ns;
    if (!swarm_settle(s) || !gauge_read_time(&h->gauge, &after)) {
        return false;
    }
    h->result.deliveries = h->plan.clients;
    h->result.server_cpu_ns = after.process_ns - before.process_ns;
    h->result.softirq_cpu_ns = after.softirq_ns - before.softirq_ns;
    latency_summarize(&h->arrivals, &h->result.latency);
    h->result.corrected = h->result.latency;
    return true;
}

static bool run(struct hold *h)
{
    const struct load_options *o = h->options;
    h->swarm.epoll = -1;
    if (!plan_init(&h->plan, o, h->error) ||
        !swarm_init(&h->swarm, o, &h->plan, count_other, &h->result, h->error)) {
        return false;
    }
    if (!gauge_init(&h->gauge, o->pid)) {
        (void)snprintf(h->error, LOAD_ERROR_SIZE, "no process %d to look at", (int)o->pid);
        return false;
    }
    (void)snprintf(h->error, LOAD_ERROR_SIZE, "the server is gone");
    if (o->mode == LOAD_CONNECT) {
        return measure_connect(h);
    }
    return o->sessions > 0 ? measure_sessions(h) : measure_connections(h);
}

bool hold_run(const struct load_options *o, struct load_result *ret_result, char *error)
{
    struct hold *h = calloc(1, sizeof(*h));
    if (h == NULL) {
        (void)snprintf(error, LOAD_ERROR_SIZE, "not enough memory");
        return false;
    }
    h->options = o;
    bool ok = run(h);
    *ret_result = h->result;
    memcpy(error, h->error, LOAD_ERROR_SIZE);
    swarm_fini(&h->swarm);
    free(h);
    return ok;
}
