#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/internal.h"
#include "gateway/thread.h"

enum {
    HAND_OVER_SLACK = 8, /* connections that a reactor may have more than another, and */
    HAND_OVER_PART = 8,  /* this part of what the other one has */
};

static void wake_hub(struct gateway *g)
{
    const uint64_t one = 1;

    if (sleeper_must_wake(&g->sleeper)) {
        /* It fails only when a wake-up is already pending. */
        ssize_t done = write(g->wake_fd, &one, sizeof(one));
        (void)done;
    }
}

static void wake_reactor(struct gateway *g, unsigned i)
{
    if (sleeper_must_wake(&g->queues[i].reactor)) {
        reactor_wake(g->reactors[i]);
    }
}

/* --- a reactor's thread ----------------------------------------------------------------------- */

static uint64_t load_of(struct gateway *g, unsigned i)
{
    return metric_read(&g->reactors[i]->metrics.connections) +
           atomic_load(&g->queues[i].socket_count);
}

bool threads_hand_over(void *owner, unsigned reactor, int fd, unsigned door)
{
    struct gateway *g = owner;
    uint64_t least = UINT64_MAX;
    unsigned target = reactor;

    for (unsigned i = 0; i < g->settings.threads; i++) {
        uint64_t load = load_of(g, i);
        if (load < least) {
            least = load;
            target = i;
        }
    }
    if (load_of(g, reactor) < least + least / HAND_OVER_PART + HAND_OVER_SLACK ||
        !queue_give_socket(&g->queues[target], (struct moved_socket){fd, door})) {
        return false;
    }
    wake_reactor(g, target);
    return true;
}

/* The last reactor to leave the listeners closes them; before that their numbers are in use. */
static void leave_doors(struct gateway *g, struct reactor *r)
{
    reactor_close_doors(r);
    if (atomic_fetch_sub(&g->doors_open, 1) == 1) {
        for (unsigned i = 0; i < g->listener_count; i++) {
            listener_close(&g->listeners[i]);
        }
    }
}

/* Whether a reactor has something to do: it has read something, or is given something. */
static bool has_work(void *ctx)
{
    const struct reactor_thread *t = ctx;
    struct gateway *g = t->gateway;

    reactor_wait(g->reactors[t->index], 0);
    return reactor_busy(g->reactors[t->index]) || atomic_load(&g->queues[t->index].has_down) ||
           atomic_load(&g->quit);
}

static void wait_for_work(struct reactor_thread *t)
{
    struct gateway *g = t->gateway;
    struct reactor *r = g->reactors[t->index];
    struct queue *q = &g->queues[t->index];

    if (reactor_busy(r)) {
        reactor_wait(r, 0);
        return;
    }
    if (turn_look(&t->spin, has_work, t)) {
        return;
    }
    uint64_t from = t->spin.on ? clock_us() : 0;
    sleeper_lie_down(&q->reactor);
    bool has_news = atomic_load(&q->has_down) || atomic_load(&g->quit);
    reactor_wait(r, has_news ? 0 : TICK_MS);
    sleeper_rise(&q->reactor);
    if (t->spin.on && reactor_busy(r)) {
        spin_woken(&t->spin, clock_us() - from);
    }
}

/* Applies the batches and leaves them, cleared, as what is to be given back. */
static void follow(struct reactor *r, struct exchange *x)
{
    for (unsigned i = 0; i < x->socket_count; i++) {
        reactor_adopt(r, x->sockets[i].fd, x->sockets[i].door);
    }
    while (x->down != NULL) {
        struct down_batch *batch = x->down;
        x->down = batch->next;
        reactor_apply(r, batch);
        down_batch_clear(batch);
        batch->next = x->used;
        x->used = batch;
    }
}

static void free_used(struct exchange *x)
{
    while (x->used != NULL) {
        struct down_batch *next = x->used->next;
        down_batch_free(x->used);
        x->used = next;
    }
}

static void *run_reactor(void *arg)
{
    struct reactor_thread *t = arg;
    struct gateway *g = t->gateway;
    struct reactor *r = g->reactors[t->index];
    struct queue *q = &g->queues[t->index];
    struct exchange x = {.full = NULL};
    uint64_t woke_us;
    bool doors_closed = false;
    bool idle_closed = false;

    while (!atomic_load(&g->quit)) {
        wait_for_work(t);
        woke_us = clock_us();
        reactor_read(r, clock_now().mono_ms);
        if (x.spare == NULL) {
            x.spare = up_batch_new();
        }
        /* Without memory what was read waits for the next turn. */
        bool talks = x.spare != NULL && reactor_has_up(r);
        if (talks) {
            x.full = reactor_take_up(r, x.spare);
            x.full->read_us = woke_us;
            x.spare = NULL;
        }
        queue_exchange(q, &x);
        if (talks) {
            wake_hub(g);
        }
        follow(r, &x);
        reactor_flush(r);
        metric_add(&q->turns, 1);
        histogram_add(&r->metrics.loop_lag, clock_us() - woke_us, 1);
        if (!doors_closed && atomic_load(&g->doors_closed)) {
            doors_closed = true;
            leave_doors(g, r);
        }
        if (!idle_closed && atomic_load(&g->idle_closed)) {
            idle_closed = true;
            reactor_close_idle(r);
        }
    }
    /* What is still on its way belongs to the reactor; what comes now, to the queue. */
    queue_exchange(q, &x);
    follow(r, &x);
    free_used(&x);
    up_batch_free(x.spare);
    return NULL;
}

/* --- the hub's thread ------------------------------------------------------------------------- */

/*
 * Deals with up batches, one of each reactor in turn; at most HUB_BUDGET and one batch, or as much
 * as fills the turn. Behind a batch that is left in its middle the next turn begins with the next
 * reactor. Returns whether there was anything.
 */
static bool receive_some(struct gateway *g)
{
    size_t spent = 0;
    size_t size;
    bool found = true;

    for (unsigned i = 0; i < g->settings.threads; i++) {
        if (g->inbox[i] == NULL) {
            g->inbox[i] = queue_take_up(&g->queues[i], g->used[i]);
            g->used[i] = NULL;
        }
    }
    while (found && spent < HUB_BUDGET) {
        found = false;
        for (unsigned n = 0; n < g->settings.threads; n++) {
            unsigned i = (g->inbox_first + n) % g->settings.threads;
            struct up_batch *batch = g->inbox[i];
            if (batch != NULL) {
                if (!turn_receive(g, batch, &size)) {
                    g->inbox_first = (i + 1) % g->settings.threads;
                    return true;
                }
                g->inbox[i] = batch->next;
                g->credit[i] += size;
                spent += size;
                batch->next = g->used[i];
                g->used[i] = batch;
                found = true;
            }
        }
    }
    return spent > 0;
}

static void send_down(struct gateway *g, unsigned i)
{
    if (!hub_down_pending(g->hub, i) && g->credit[i] < CREDIT_BATCH) {
        return;
    }
    if (g->empty == NULL) {
        g->empty = down_batch_new();
    }
    /* Without memory it stays where it is, and is tried again. */
    if (g->empty == NULL) {
        return;
    }
    struct down_batch *batch = hub_take_down(g->hub, i, g->empty);
    batch->credit = g->credit[i];
    g->credit[i] = 0;
    g->empty = queue_send_down(&g->queues[i], batch);
    wake_reactor(g, i);
}

static bool has_news(void *ctx)
{
    struct gateway *g = ctx;

    if (atomic_load(&g->has_news)) {
        return true;
    }
    for (unsigned i = 0; i < g->settings.threads; i++) {
        if (g->inbox[i] != NULL || atomic_load(&g->queues[i].has_up)) {
            return true;
        }
    }
    return false;
}

/* Lies down, unless there is something to do. Whoever brings the hub something writes to wake_fd.
 */
static bool lie_down(struct gateway *g)
{
    sleeper_lie_down(&g->sleeper);
    if (has_news(g)) {
        sleeper_rise(&g->sleeper);
        return false;
    }
    return true;
}

static void rise(struct gateway *g)
{
    uint64_t count;
    ssize_t done = read(g->wake_fd, &count, sizeof(count));

    (void)done; /* it fails when nobody has woken it */
    sleeper_rise(&g->sleeper);
}

bool threads_step(struct gateway *g, bool wait)
{
    struct pollfd wake = {.fd = g->wake_fd, .events = POLLIN};
    struct hub_time now;

    if (g->lies) {
        rise(g);
    }
    bool received = receive_some(g);
    now = clock_now();
    if (!turn_end(g, now)) {
        return false;
    }
    for (unsigned i = 0; i < g->settings.threads; i++) {
        send_down(g, i);
    }
    if (received || hub_owes(g->hub) || (wait && turn_look(&g->spin, has_news, g))) {
        g->lies = false;
        return true;
    }
    g->lies = lie_down(g);
    if (g->lies && wait) {
        uint64_t from = g->spin.on ? clock_us() : 0;
        if (poll(&wake, 1, turn_timeout_ms(g, now)) > 0 && g->spin.on) {
            spin_woken(&g->spin, clock_us() - from);
        }
    }
    return true;
}

bool threads_ready(const struct gateway *g)
{
    return !g->lies;
}

static void tell_reactors(struct gateway *g, atomic_bool *what)
{
    atomic_store(what, true);
    for (unsigned i = 0; i < g->settings.threads; i++) {
        reactor_wake(g->reactors[i]);
    }
}

void threads_close_doors(struct gateway *g)
{
    tell_reactors(g, &g->doors_closed);
}

void threads_close_idle(struct gateway *g)
{
    tell_reactors(g, &g->idle_closed);
}

/* --- both ------------------------------------------------------------------------------------- */

static void free_batches(struct gateway *g)
{
    for (unsigned i = 0; i < MAX_REACTORS; i++) {
        struct up_batch **lists[] = {&g->inbox[i], &g->used[i]};
        for (unsigned j = 0; j < 2; j++) {
            while (*lists[j] != NULL) {
                struct up_batch *next = (*lists[j])->next;
                up_batch_free(*lists[j]);
                *lists[j] = next;
            }
        }
    }
}

int threads_start(struct gateway *g)
{
    int error = 0;

    spin_init(&g->spin, g->settings.spin);
    atomic_store(&g->doors_open, g->settings.threads);
    while (g->thread_count < g->settings.threads && error == 0) {
        struct reactor_thread *t = &g->threads[g->thread_count];
        *t = (struct reactor_thread){.gateway = g, .index = g->thread_count};
        spin_init(&t->spin, g->settings.spin);
        error = thread_start(&t->thread, run_reactor, t);
        g->thread_count += error == 0;
    }
    return error;
}

void threads_end(struct gateway *g)
{
    atomic_store(&g->quit, true);
    for (unsigned i = 0; i < g->thread_count; i++) {
        reactor_wake(g->reactors[i]);
        (void)pthread_join(g->threads[i].thread, NULL);
    }
    g->thread_count = 0;
    free_batches(g);
}
