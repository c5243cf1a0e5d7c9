#include "options.h"
#include "plan.h"

enum {
    STALLED_BYTES = 10 << 20, /* published past those who do not read */
    OPEN_WINDOW = 10000,      /* of an open loop, so that nothing waits for room */
    OPEN_WINDOW_BYTES = 256 << 20,
};

unsigned bench_run_count(const struct bench_options *b)
{
    return b->clients.count > b->sessions.count ? b->clients.count : b->sessions.count;
}

static uint32_t value_of(const struct bench_list *list, unsigned run)
{
    return list->values[list->count > 1 ? run : 0];
}

/* How many messages may be under way. */
static uint32_t choose_window(const struct bench_options *b, const struct load_options *o,
                              const struct plan *plan)
{
    uint32_t window = b->window != 0 ? b->window : b->usual_window;
    if (b->window == 0 && o->rate > 0) {
        uint32_t room = OPEN_WINDOW_BYTES / o->size;
        window = room > OPEN_WINDOW ? OPEN_WINDOW : room;
    }
    if (window != 0) {
        return window;
    }
    return o->mode == LOAD_PAIRS ? plan->clients / 2 : plan->clients;
}

static const char *find_fault(const struct load_options *o)
{
    if (o->mode == LOAD_PAIRS && o->clients % 2 != 0) {
        return "pairs need an even number of --clients";
    }
    if (o->mode == LOAD_CHAT && o->clients < 2) {
        return "a chat needs at least two --clients";
    }
    if (o->sessions > 0 && o->sessions % o->joins != 0) {
        return "--sessions is to be a multiple of --joins";
    }
    return NULL;
}

bool bench_run_options(const struct bench_options *b, unsigned run, struct load_options *ret_load)
{
    struct load_options o = b->load;
    struct plan plan;
    char error[LOAD_ERROR_SIZE];
    o.clients = value_of(&b->clients, run);
    o.sessions = value_of(&b->sessions, run);
    const char *fault = find_fault(&o);
    if (fault == NULL && (!plan_init(&plan, &o, error) || !load_check(&o, error))) {
        fault = error;
    }
    if (fault != NULL) {
        complain("%s", fault);
        return false;
    }
    o.window = choose_window(b, &o, &plan);
    if (o.mode == LOAD_STALLED && o.messages == 0) {
        o.messages = (STALLED_BYTES + o.size - 1) / o.size;
    }
    *ret_load = o;
    return true;
}
