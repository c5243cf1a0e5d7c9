#include "core/internal.h"

/*
 * limits.memory: what the process has allocated, looked at in each tick. Above nine tenths nobody
 * new is let in, no session begins and no long request is read; at the limit each reactor ends the
 * connection for which most is kept, since what slow readers have to get, and slow writers have not
 * ended, is what grows.
 */

static const char *const limit_names[HUB_LIMITS] = {
    [LIMIT_CLIENTS] = "clients",   [LIMIT_ADDRESS] = "clients_per_address",
    [LIMIT_SESSIONS] = "sessions", [LIMIT_MEMORY] = "memory",
    [LIMIT_TICKETS] = "tickets",   [LIMIT_PASSWORDS] = "passwords",
};

const char *hub_limit_name(enum hub_limit limit)
{
    return limit_names[limit];
}

static void shed(struct hub *hub)
{
    for (unsigned r = 0; r < hub->settings.reactors; r++) {
        if (down_batch_reserve(hub->down[r], 1)) {
            hub_tell(hub, r, &(struct down){.kind = DOWN_SHED});
        }
    }
}

/* Once, whichever it is, and all of them or none: then they are told in the next tick. */
static void tell_shortage(struct hub *hub)
{
    if (hub->told_short == hub->short_of_memory) {
        return;
    }
    for (unsigned r = 0; r < hub->settings.reactors; r++) {
        if (!down_batch_reserve(hub->down[r], 1)) {
            return;
        }
    }
    for (unsigned r = 0; r < hub->settings.reactors; r++) {
        hub_tell(hub, r, &(struct down){.kind = DOWN_SHORT, .code = hub->short_of_memory});
    }
    hub->told_short = hub->short_of_memory;
}

void memory_tick(struct hub *hub)
{
    uint64_t max = hub->settings.max_memory;

    if (hub->ports.memory == NULL) {
        return;
    }
    hub->counts.memory_bytes = hub->ports.memory(hub->ports.owner);
    bool was_told = hub->told_short;
    bool is_short = max > 0 && hub->counts.memory_bytes >= max - max / 10;
    if (is_short != hub->short_of_memory) {
        hub_log(hub, LOG_WARNING, is_short ? "memory_short" : "memory_enough", SLAB_NONE,
                "bytes=%llu limit=%llu", (unsigned long long)hub->counts.memory_bytes,
                (unsigned long long)max);
        hub->short_of_memory = is_short;
    }
    tell_shortage(hub);
    if (max > 0 && hub->counts.memory_bytes >= max) {
        hub->counts.limits_hit[LIMIT_MEMORY]++;
        /* The reactors end long bodies first; whoever has most behind that may have little. */
        if (was_told) {
            shed(hub);
        }
    }
}
