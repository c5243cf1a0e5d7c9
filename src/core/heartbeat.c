#include "core/internal.h"
#include "core/stranger.h"

/*
 * Silence is measured in ticks of 100 ms, so that a client spends four bytes on it. All clients
 * are swept a few times per heartbeat interval, at most every 100 ms and at least every second.
 *
 * A gateway that was stopped, or whose machine was, has heard nobody meanwhile, and what they have
 * sent is read only after the time: so of such a pause no more than max_pause_ms counts as theirs.
 */

enum { TICK_MS = 100, TICKS_PER_SECOND = 10, LONGEST_SWEEP_MS = 1000, SWEEPS = 4 };

static uint32_t tick_of(const struct hub *hub)
{
    return (uint32_t)(hub->awake_ms / TICK_MS);
}

void heartbeat_heard(struct hub *hub, struct client *c)
{
    uint32_t tick = tick_of(hub);

    if (tick / TICKS_PER_SECOND != c->heard / TICKS_PER_SECOND) {
        c->said = 0;
    }
    c->heard = tick;
    c->pinged = false;
}

/* For how long nothing has come from it. */
static uint64_t silence_ms(const struct hub *hub, const struct client *c)
{
    return (uint64_t)(tick_of(hub) - c->heard) * TICK_MS;
}

uint64_t heartbeat_heard_ms(const struct hub *hub, const struct client *c)
{
    uint32_t since_pause = tick_of(hub) - (uint32_t)(hub->pause.at_ms / TICK_MS);
    uint64_t kept_out = tick_of(hub) - c->heard >= since_pause ? hub->pause.ms : 0;

    return hub->now.wall_ms - silence_ms(hub, c) - kept_out;
}

static void check(struct hub *hub, uint32_t client)
{
    if (client_at(hub, client)->principal != HUB_NOBODY) {
        access_expire(hub, client);
    }
    struct client *c = client_at(hub, client);
    uint64_t silent_ms = silence_ms(hub, c);

    if (stranger_waits(c)) {
        return; /* nothing is read of it meanwhile, so it cannot be heard */
    }
    if (silent_ms >= hub->settings.heartbeat_timeout_ms) {
        client_close(hub, client, CLOSE_GOING_AWAY, STR("heartbeat timeout"));
    } else if (silent_ms >= hub->settings.heartbeat_interval_ms && !c->pinged) {
        c->pinged = true;
        client_ping(hub, client);
    }
}

static uint64_t sweep_ms(const struct hub *hub)
{
    uint64_t ms = hub->settings.heartbeat_interval_ms / SWEEPS;

    if (ms > LONGEST_SWEEP_MS) {
        return LONGEST_SWEEP_MS;
    }
    return ms < TICK_MS ? TICK_MS : ms;
}

void heartbeat_tick(struct hub *hub)
{
    if (hub->now.mono_ms - hub->last_sweep_ms < sweep_ms(hub)) {
        return;
    }
    hub->last_sweep_ms = hub->now.mono_ms;
    for (uint32_t i = 0; i < slab_limit(&hub->clients); i++) {
        if (client_at(hub, i)->state == CLIENT_OPEN && hub_reserve(hub)) {
            check(hub, i);
        }
    }
}
