#include "gateway/internal.h"

#include <errno.h>

/* The hub and its only reactor take turns in one loop. */

int single_start(struct gateway *g)
{
    spin_init(&g->spin, g->settings.spin);
    g->up = up_batch_new();
    g->up_done = true;
    return g->up == NULL ? -ENOMEM : 0;
}

void single_end(struct gateway *g)
{
    up_batch_free(g->up);
    g->up = NULL;
}

bool single_ready(const struct gateway *g)
{
    return !g->up_done || reactor_busy(g->reactors[0]);
}

static bool find_event(void *ctx)
{
    struct reactor *r = ctx;

    reactor_wait(r, 0);
    return reactor_busy(r);
}

static void sleep_single(struct gateway *g, int timeout_ms)
{
    struct reactor *r = g->reactors[0];

    if (timeout_ms == 0 || !g->spin.on) {
        reactor_wait(r, timeout_ms);
        return;
    }
    if (turn_look(&g->spin, find_event, r)) {
        return;
    }
    uint64_t from = clock_us();
    reactor_wait(r, timeout_ms);
    if (reactor_busy(r)) {
        spin_woken(&g->spin, clock_us() - from);
    }
}

bool single_step(struct gateway *g, bool wait)
{
    struct reactor *r = g->reactors[0];
    struct hub_time now = clock_now();
    uint64_t woke_us;
    size_t cost;

    sleep_single(g, !wait || single_ready(g) ? 0 : turn_timeout_ms(g, now));
    now = clock_now();
    woke_us = clock_us();
    reactor_read(r, now.mono_ms);
    if (g->up_done) {
        g->up = reactor_take_up(r, g->up);
        g->up->read_us = woke_us;
        if (g->up->count > 0) {
            spin_heard(&g->spin, g->up->count, g->up->runs);
        }
    }
    g->up_done = turn_receive(g, g->up, &cost);
    if (g->up_done) {
        reactor_credit(r, cost);
    }
    if (!turn_end(g, now)) {
        return false;
    }
    if (hub_down_pending(g->hub, 0)) {
        g->empty = hub_take_down(g->hub, 0, g->empty);
        reactor_apply(r, g->empty);
        down_batch_clear(g->empty);
    }
    reactor_flush(r);
    histogram_add(&r->metrics.loop_lag, clock_us() - woke_us, 1);
    return true;
}
