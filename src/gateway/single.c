#include "gateway/internal.h"

#include <errno.h>

/* The hub and its only reactor take turns in one loop. */
int run_single(struct gateway *g)
{
    struct reactor *r = g->reactors[0];
    struct up_batch *up = up_batch_new();
    struct hub_time now = clock_now();
    uint64_t woke_us;
    bool done = true; /* with what is in `up` */
    size_t cost;
    int error = up == NULL ? -ENOMEM : 0;

    while (error == 0) {
        reactor_wait(r, !done || reactor_busy(r) ? 0 : turn_timeout_ms(g, now));
        now = clock_now();
        woke_us = clock_us();
        reactor_read(r, now.mono_ms);
        if (done) {
            up = reactor_take_up(r, up);
            up->read_us = woke_us;
        }
        done = turn_receive(g, up, &cost);
        if (done) {
            reactor_credit(r, cost);
        }
        if (!turn_end(g, now)) {
            break;
        }
        if (hub_down_pending(g->hub, 0)) {
            g->empty = hub_take_down(g->hub, 0, g->empty);
            reactor_apply(r, g->empty);
            down_batch_clear(g->empty);
        }
        reactor_flush(r);
        histogram_add(&r->metrics.loop_lag, clock_us() - woke_us, 1);
    }
    up_batch_free(up);
    return error;
}
