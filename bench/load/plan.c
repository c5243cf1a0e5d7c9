#include "plan.h"

#include <stdio.h>

/* Who opens a connection: in a fan-out the speaker, too, and so on. */
static uint64_t count_clients(const struct load_options *o)
{
    switch (o->mode) {
    case LOAD_FANOUT:
    case LOAD_STOP:
    case LOAD_PROBE:
        return (uint64_t)o->clients + 1;
    case LOAD_STALLED:
        return (uint64_t)o->clients + 2;
    case LOAD_REQUESTS:
        return (uint64_t)o->clients + o->agents;
    case LOAD_CHAT:
        return (uint64_t)o->sessions / o->joins * o->clients;
    case LOAD_IDLE:
        return o->sessions == 0 ? o->clients : (uint64_t)o->sessions / o->joins * o->clients;
    default:
        return o->clients;
    }
}

bool plan_init(struct plan *p, const struct load_options *o, char error[LOAD_ERROR_SIZE])
{
    uint64_t clients = count_clients(o);
    bool in_blocks = o->mode == LOAD_CHAT || (o->mode == LOAD_IDLE && o->sessions > 0);
    if (clients > LOAD_MAX_CLIENTS || (in_blocks && o->sessions > LOAD_MAX_CLIENTS)) {
        (void)snprintf(error, LOAD_ERROR_SIZE,
                       "these would be %llu connections; %d is the most: fewer --clients or "
                       "--sessions, or more --joins",
                       (unsigned long long)clients, LOAD_MAX_CLIENTS);
        return false;
    }
    *p = (struct plan){
        .mode = o->mode,
        .clients = (uint32_t)clients,
        .members = in_blocks ? o->clients : (uint32_t)clients,
        .blocks = in_blocks ? o->sessions / o->joins : 1,
        .joins = in_blocks ? o->joins : 1,
        .agents = o->agents,
        .first_session = o->first_session,
        .prefix = o->prefix,
    };
    return true;
}

uint32_t plan_session(const struct plan *p, uint32_t client, uint32_t join)
{
    return p->first_session + client / p->members + join * p->blocks;
}

uint32_t plan_peer(const struct plan *p, uint32_t client)
{
    if (p->mode == LOAD_REQUESTS) {
        return client < p->agents ? client : (client - p->agents) % p->agents;
    }
    return client ^ 1;
}

void plan_values(const struct plan *p, uint32_t client, struct template_values *ret_values)
{
    *ret_values = (struct template_values){
        .prefix = p->prefix,
        .id = client,
        .peer = plan_peer(p, client),
        .session = plan_session(p, client, 0),
    };
}

uint32_t plan_hearers(const struct plan *p)
{
    return p->mode == LOAD_STALLED ? 1 : p->members - 1;
}
