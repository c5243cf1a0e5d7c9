#include <time.h>

#include "gateway/internal.h"

static uint64_t read_ms(clockid_t id)
{
    struct timespec t;

    (void)clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t clock_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

struct hub_time clock_now(void)
{
    return (struct hub_time){.mono_ms = read_ms(CLOCK_MONOTONIC),
                             .wall_ms = read_ms(CLOCK_REALTIME)};
}

static void measure_route(struct gateway *g, const struct up_batch *batch)
{
    if (batch->count > 0) {
        unsigned reactor = conn_reactor(batch->items[0].conn);
        histogram_add(&g->reactors[reactor]->metrics.route, clock_us() - batch->read_us,
                      batch->count);
    }
}

bool turn_look(struct spin *spin, bool (*found)(void *ctx), void *ctx)
{
    if (!spin_begin(spin)) {
        return false;
    }
    uint64_t from = clock_us();
    while (!found(ctx)) {
        if (!spin_goes_on(spin, clock_us() - from)) {
            return false;
        }
    }
    return true;
}

bool turn_receive(struct gateway *g, struct up_batch *batch, size_t *ret_cost)
{
    hub_set_time(g->hub, clock_now());
    while (batch->taken < batch->count) {
        const struct up *item = &batch->items[batch->taken++];
        if (item->kind == UP_REQUEST) {
            struct evidence evidence;
            struct str request;
            evidence_unpack(up_text(batch, item), &evidence, &request);
            g->settings.request(g->settings.owner, g->hub, item->conn, &evidence, request,
                                item->code);
        } else {
            hub_receive_one(g->hub, batch, item);
        }
        if (hub_turn_full(g->hub) && batch->taken < batch->count) {
            return false;
        }
    }
    measure_route(g, batch);
    *ret_cost = up_batch_size(batch);
    up_batch_clear(batch);
    return true;
}

static void close_doors(struct gateway *g)
{
    if (g->settings.threads > 1) {
        threads_close_doors(g);
        return;
    }
    reactor_close_doors(g->reactors[0]);
    for (unsigned i = 0; i < g->listener_count; i++) {
        listener_close(&g->listeners[i]);
    }
}

/*
 * While clients are being told, whoever asks on a connection that is kept can still learn from
 * /readyz that the gateway is stopping. Once they are gone, nobody is waited for.
 */
static void close_idle(struct gateway *g)
{
    g->last_call_over = true;
    if (g->settings.threads > 1) {
        threads_close_idle(g);
    } else {
        reactor_close_idle(g->reactors[0]);
    }
}

static uint64_t count_connections(const struct gateway *g)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < g->settings.threads; i++) {
        count += metric_read(&g->reactors[i]->metrics.connections);
    }
    return count;
}

void tell_phase(struct gateway *g, enum gateway_phase phase)
{
    if (g->settings.phase != NULL) {
        g->settings.phase(g->settings.owner, phase);
    }
}

/* Whether it is over. */
static bool drain(struct gateway *g, struct hub_time now)
{
    unsigned stops = atomic_load(&g->stops);

    if (stops == 0 && !atomic_load(&g->drains)) {
        return false;
    }
    if (!g->draining) {
        g->draining = true;
        tell_phase(g, GATEWAY_STOPPING);
        g->stop_by_ms = now.mono_ms + g->settings.drain_ms + STOP_GRACE_MS;
        hub_drain(g->hub, g->settings.drain_ms);
        close_doors(g);
    }
    if (hub_empty(g->hub) && !g->last_call_over) {
        close_idle(g);
    }
    return stops > 1 || now.mono_ms >= g->stop_by_ms ||
           (hub_empty(g->hub) && count_connections(g) == 0);
}

/* Whether each reactor has had a turn since the last time that it was so. */
static bool all_have_turned(struct gateway *g)
{
    /* With one thread this turn is the reactor's. */
    unsigned count = g->settings.threads > 1 ? g->settings.threads : 0;

    for (unsigned i = 0; i < count; i++) {
        if (metric_read(&g->queues[i].turns) == g->turns_seen[i]) {
            return false;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        g->turns_seen[i] = metric_read(&g->queues[i].turns);
    }
    return true;
}

static void tell_alive(struct gateway *g, struct hub_time now)
{
    if (g->settings.alive != NULL && now.mono_ms >= g->next_alive_ms && all_have_turned(g)) {
        g->settings.alive(g->settings.owner);
        g->next_alive_ms = now.mono_ms + g->settings.alive_ms;
    }
}

bool turn_end(struct gateway *g, struct hub_time now)
{
    if (!g->serving) {
        g->serving = true;
        tell_phase(g, GATEWAY_SERVING);
    }
    if (drain(g, now)) {
        return false;
    }
    work_turn(g);
    if (g->settings.host.turn != NULL) {
        g->settings.host.turn(g->settings.host.owner);
    }
    if (now.mono_ms >= g->next_tick_ms) {
        hub_tick(g->hub, now);
        g->next_tick_ms = now.mono_ms + TICK_MS;
        tell_alive(g, now);
    }
    hub_end_turn(g->hub);
    return true;
}

int turn_timeout_ms(const struct gateway *g, struct hub_time now)
{
    return hub_owes(g->hub) || now.mono_ms >= g->next_tick_ms
               ? 0
               : (int)(g->next_tick_ms - now.mono_ms);
}
