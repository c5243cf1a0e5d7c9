#include "special.h"

#include "traffic.h"

#include <stdlib.h>

/*
 * Client 0 speaks, client 1 hears: so it is known when the hub has dealt with a message. The others
 * come in and read nothing from then on. What their sockets hold is the kernel's and is not
 * counted.
 */
static bool run(struct traffic *t, const struct load_options *o)
{
    struct gauge gauge;
    struct gauge_memory before, after;
    if (!traffic_init(t, o)) {
        return false;
    }
    for (uint32_t i = 2; i < t->plan.clients; i++) {
        if (!swarm_deafen(&t->swarm, i)) {
            return false;
        }
    }
    if (!gauge_init(&gauge, o->pid) || !gauge_read_memory(&gauge, &before)) {
        return swarm_fail(&t->swarm, "--pid is no process whose memory can be read");
    }
    if (!traffic_measure(t) || !gauge_read_memory(&gauge, &after)) {
        return false;
    }
    t->result.pss_before = before.pss_anon;
    t->result.pss_after = after.pss_anon;
    t->result.rss_before = before.rss;
    t->result.rss_after = after.rss;
    return true;
}

bool stalled_run(const struct load_options *o, struct load_result *ret_result, char *error)
{
    struct traffic *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        (void)snprintf(error, LOAD_ERROR_SIZE, "not enough memory");
        return false;
    }
    bool ok = run(t, o);
    *ret_result = t->result;
    memcpy(error, t->error, LOAD_ERROR_SIZE);
    traffic_fini(t);
    free(t);
    return ok;
}
