#include "core/request.h"

void hub_drain(struct hub *hub, uint64_t over_ms)
{
    if (hub->draining) {
        return;
    }
    hub->draining = true;
    hub->drain_from_ms = hub->now.mono_ms;
    hub->drain_over_ms = over_ms;
    hub->drain_total = (uint32_t)hub->counts.clients;
    hub_log(hub, LOG_INFO, "draining", SLAB_NONE, "clients=%u over_ms=%llu", hub->drain_total,
            (unsigned long long)over_ms);
    drain_tick(hub);
}

/*
 * How many clients should have been closed by now: in step with the time that has passed.
 * *ret_over: it is over.
 */
static uint32_t due(const struct hub *hub, bool *ret_over)
{
    uint64_t passed = hub->now.mono_ms - hub->drain_from_ms;

    /* The last tenth of the time is for what closed clients still have to get. */
    uint64_t over = hub->drain_over_ms - hub->drain_over_ms / 10;
    *ret_over = passed >= over;
    if (*ret_over) {
        return hub->drain_total;
    }
    return (uint32_t)((uint64_t)hub->drain_total * passed / over) + 1;
}

/*
 * Who is in a request is passed over until the time is over, and looked at again in the next tick:
 * there are no new requests, so he may be done.
 */
void drain_tick(struct hub *hub)
{
    bool over;

    if (!hub->draining) {
        return;
    }
    uint32_t target = due(hub, &over);
    while (hub->drain_closed < target) {
        if (hub->drain_next == slab_limit(&hub->clients)) {
            if (hub->drain_last) {
                return;
            }
            hub->drain_next = 0;
            if (!over) {
                return;
            }
            hub->drain_last = true; /* now those who are in a request still */
            continue;
        }
        if (!hub_reserve(hub)) {
            return;
        }
        uint32_t client = hub->drain_next++;
        if (client_at(hub, client)->state == CLIENT_OPEN &&
            (hub->drain_last || !requests_busy(hub, client))) {
            client_close(hub, client, CLOSE_GOING_AWAY,
                         STR("the gateway is stopping: connect again"));
            hub->drain_closed++;
        }
    }
}

bool hub_draining(const struct hub *hub)
{
    return hub->draining;
}

bool hub_empty(const struct hub *hub)
{
    return hub->counts.clients == 0;
}
