#include "gateway/internal.h"

/*
 * Runs in the worker's thread. `has_news` is set before the wake-up, and the hub looks at it once
 * more before it sleeps, so a result is never slept over.
 */
static void announce(void *owner)
{
    struct gateway *g = owner;

    atomic_store(&g->has_news, true);
    gateway_wake(g);
}

static void *load(void *owner)
{
    struct gateway *g = owner;

    return g->settings.reload_load(g->settings.owner);
}

bool work_init(struct gateway *g)
{
    struct worker_ports ports = {
        .owner = g, .verify = g->settings.verify_password, .load = load, .wake = announce};

    g->worker = worker_new(&ports);
    return g->worker != NULL;
}

void work_fini(struct gateway *g)
{
    void *plan = worker_free(g->worker);

    g->worker = NULL;
    if (plan != NULL) {
        g->settings.reload_drop(g->settings.owner, plan);
    }
}

bool work_check_password(void *owner, uint64_t job, struct str password)
{
    struct gateway *g = owner;

    return worker_check(g->worker, job, password);
}

static void take_results(struct gateway *g)
{
    uint64_t job;
    bool right;
    void *plan;

    if (!atomic_exchange(&g->has_news, false)) {
        return;
    }
    /* What was loaded goes first: it may change what a password is. */
    if (g->loading && worker_take_load(g->worker, &plan)) {
        g->loading = false;
        g->settings.reload_apply(g->settings.owner, g->hub, plan);
        if (!g->draining) {
            tell_phase(g, GATEWAY_SERVING);
        }
    }
    while (worker_take_verdict(g->worker, &job, &right)) {
        hub_password_checked(g->hub, job, right);
    }
}

/*
 * However often it was asked for since the last one began, one that begins now is enough. One that
 * is under way may have read what was changed afterwards, so it is not.
 */
static void begin_reload(struct gateway *g)
{
    unsigned asked = atomic_load(&g->reloads);

    if (asked == g->reloads_begun || g->loading || g->draining) {
        return;
    }
    g->reloads_begun = asked;
    if (g->settings.reload_load == NULL) {
        return;
    }
    tell_phase(g, GATEWAY_RELOADING);
    g->loading = worker_load(g->worker);
    if (!g->loading) {
        g->settings.reload_apply(g->settings.owner, g->hub, NULL);
        tell_phase(g, GATEWAY_SERVING);
    }
}

void work_turn(struct gateway *g)
{
    take_results(g);
    begin_reload(g);
}
