#include "core/request.h"

/*
 * Who gets a request: of the agents that are connected, not busy, and have fewer requests than they
 * take at a time, the one that has fewest for what it takes; of those, the one that got its last
 * one longest ago. When there is none, requests wait in the order in which they came, for each
 * capability and each agent on its own. While something waits for a capability nobody who offers it
 * is free, so a request that finds others waiting does not look for an agent: unless one of those
 * is of an asker that may not enter every world, for whom the agents in those are not there.
 *
 * Requests that come back from an agent that was lost are an exception: several come at once, and
 * there may be agents for all of them. So each wakes all that are free for it, and while more than
 * one is awake each request looks for the best.
 */

bool queue_takes(const struct agent *a)
{
    return agent_is_online(a) && !a->busy && a->in_flight < a->max_concurrent;
}

/* Whether `a` is to get the next request rather than `b`. */
static bool is_better(const struct agent *a, const struct agent *b)
{
    uint64_t load_a = (uint64_t)a->in_flight * b->max_concurrent;
    uint64_t load_b = (uint64_t)b->in_flight * a->max_concurrent;

    return load_a != load_b ? load_a < load_b : a->used < b->used;
}

static uint32_t principal_of(const struct hub *hub, const struct request *r)
{
    return client_at(hub, r->asker)->principal;
}

uint32_t queue_choose(const struct hub *hub, uint32_t capability, uint32_t principal)
{
    uint32_t best = SLAB_NONE;

    list_each(link, &capability_at(hub, capability)->offers) {
        uint32_t agent = list_entry(link, struct offer, link)->agent;
        if (queue_takes(agent_at(hub, agent)) &&
            agent_reached_by(hub, agent_at(hub, agent), principal) &&
            (best == SLAB_NONE || is_better(agent_at(hub, agent), agent_at(hub, best)))) {
            best = agent;
        }
    }
    return best;
}

/* The connected agent that a request is for, or SLAB_NONE. */
static uint32_t target_of(const struct hub *hub, const struct request *r)
{
    uint32_t agent = agent_find(hub, r->target);

    return agent != SLAB_NONE && agent_is_online(agent_at(hub, agent)) &&
                   agent_reached_by(hub, agent_at(hub, agent), principal_of(hub, r))
               ? agent
               : SLAB_NONE;
}

bool queue_is_offered_soon(const struct hub *hub, uint32_t capability, uint32_t principal,
                           uint32_t most)
{
    list_each(link, &capability_at(hub, capability)->offers) {
        uint32_t agent = list_entry(link, struct offer, link)->agent;
        if (most-- == 0) {
            break;
        }
        if (agent_reached_by(hub, agent_at(hub, agent), principal)) {
            return true;
        }
    }
    return false;
}

bool queue_is_offered(const struct hub *hub, uint32_t capability, uint32_t principal)
{
    return queue_is_offered_soon(hub, capability, principal, UINT32_MAX);
}

bool queue_has_agent(const struct hub *hub, const struct request *r)
{
    return r->capability != SLAB_NONE ? queue_is_offered(hub, r->capability, principal_of(hub, r))
                                      : target_of(hub, r) != SLAB_NONE;
}

/* Whether who waits for it already shows that nobody is free. */
static bool is_sought(const struct capability *c)
{
    return !list_empty(&c->waiting) && c->limited == 0;
}

bool queue_would_wait(const struct hub *hub, uint32_t principal, uint32_t capability,
                      uint32_t target)
{
    if (capability == SLAB_NONE) {
        const struct agent *a = agent_at(hub, target);
        return !queue_takes(a) || !list_empty(&a->waiting);
    }
    return is_sought(capability_at(hub, capability)) ||
           queue_choose(hub, capability, principal) == SLAB_NONE;
}

static bool is_newer(const struct list *at, const struct request *r)
{
    return list_entry(at, struct request, at)->order > r->order;
}

/*
 * Those that came before it stand before it. It is seldom that others do not: then it has come
 * back, and others may come back with it, by their order; so it is looked for behind the last one.
 */
static void insert(struct list *queue, struct list **came_back, struct request *r)
{
    struct list *where = queue;

    if (!list_empty(queue) && is_newer(queue->prev, r)) {
        where = *came_back != NULL ? *came_back : queue->prev;
        while (!is_newer(where, r)) {
            where = where->next;
        }
        *came_back = &r->at;
    }
    while (where->prev != queue && is_newer(where->prev, r)) {
        where = where->prev;
    }
    list_insert_before(where, &r->at);
}

void queue_enter(struct hub *hub, struct request *r)
{
    hub->counts.requests_queued++;
    hub->queued_bytes += request_bytes(r);
    if (r->capability != SLAB_NONE) {
        struct capability *c = capability_at(hub, r->capability);
        c->limited += r->limited;
        insert(&c->waiting, &c->came_back, r);
    } else {
        struct list *none = NULL;
        insert(&agent_at(hub, target_of(hub, r))->waiting, &none, r);
    }
}

void queue_limit(struct hub *hub, const struct request *r, bool limited)
{
    if (r->capability != SLAB_NONE) {
        uint32_t *count = &capability_at(hub, r->capability)->limited;
        *count = *count + limited - r->limited;
    }
}

void queue_wake(struct hub *hub, const struct request *r)
{
    uint32_t agent = SLAB_NONE;

    if (r->capability == SLAB_NONE) {
        agent = target_of(hub, r);
    } else if (capability_at(hub, r->capability)->waiting.next == &r->at ||
               capability_at(hub, r->capability)->limited > 0) {
        agent = queue_choose(hub, r->capability, principal_of(hub, r));
    }
    if (agent != SLAB_NONE) {
        requests_agent_free(hub, agent_at(hub, agent));
    }
}

void queue_wake_all(struct hub *hub, const struct request *r)
{
    if (r->capability == SLAB_NONE) {
        queue_wake(hub, r);
        return;
    }
    list_each(link, &capability_at(hub, r->capability)->offers) {
        struct agent *a = agent_at(hub, list_entry(link, struct offer, link)->agent);
        if (agent_reached_by(hub, a, principal_of(hub, r))) {
            requests_agent_free(hub, a);
        }
    }
}

void queue_leave(struct hub *hub, struct request *r)
{
    hub->counts.requests_queued--;
    hub->queued_bytes -= request_bytes(r);
    if (r->capability != SLAB_NONE) {
        struct capability *c = capability_at(hub, r->capability);
        c->limited -= r->limited;
        c->came_back = c->came_back != &r->at ? c->came_back : NULL;
    }
    list_remove(&r->at);
}

/* The first of a queue that may have this agent, when it came before `best`. */
static struct request *older(const struct hub *hub, const struct agent *a, struct list *queue,
                             struct request *best)
{
    list_each(link, queue) {
        struct request *r = list_entry(link, struct request, at);
        if (best != NULL && best->order < r->order) {
            break;
        }
        if (agent_reached_by(hub, a, principal_of(hub, r))) {
            return r;
        }
    }
    return best;
}

void queue_serve(struct hub *hub, struct agent *a)
{
    struct request *r = NULL;

    if (queue_takes(a)) {
        r = older(hub, a, &a->waiting, NULL);
        for (uint32_t i = 0; i < a->offers.count; i++) {
            r = older(hub, a, &capability_at(hub, a->offers.items[i].capability)->waiting, r);
        }
    }
    if (r == NULL) {
        list_remove(&a->ready);
        return;
    }
    if (request_is_overdue(hub, r)) {
        request_change(hub, r, EVENT_TIMEOUT, SLAB_NONE); /* more than a turn has of them */
        return;
    }
    bool is_alone = a->ready.next == &hub->ready && a->ready.prev == &hub->ready;
    request_change(hub, r, EVENT_ASSIGNED,
                   is_alone || r->capability == SLAB_NONE
                       ? client_at(hub, a->client)->agent
                       : queue_choose(hub, r->capability, principal_of(hub, r)));
}
