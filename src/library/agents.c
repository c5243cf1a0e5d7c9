#include "library/library.h"

enum parley_result parley_agent_register(struct parley *p, struct parley_text client,
                                         struct parley_text registration)
{
    return result_of(hub_agent_register(hub_to_change(p), str_of(client), str_of(registration)));
}

enum parley_result parley_agent_unregister(struct parley *p, struct parley_text agent)
{
    return result_of(hub_agent_unregister(hub_to_change(p), str_of(agent)));
}

enum parley_result parley_agent_set_status(struct parley *p, struct parley_text agent,
                                           enum parley_agent_status status)
{
    if (status == PARLEY_OFFLINE) {
        return PARLEY_INVALID;
    }
    return result_of(hub_agent_set_busy(hub_to_change(p), str_of(agent), status == PARLEY_BUSY));
}

static void fill(const struct hub_agent_view *view, struct parley_agent *ret_agent)
{
    static const enum parley_agent_status statuses[] = {
        [HUB_AGENT_ONLINE] = PARLEY_ONLINE,
        [HUB_AGENT_BUSY] = PARLEY_BUSY,
        [HUB_AGENT_OFFLINE] = PARLEY_OFFLINE,
    };

    *ret_agent = (struct parley_agent){
        .id = text_of_str(view->agent_id),
        .name = text_of_str(view->name),
        .role = text_of_str(view->role),
        .type = view->type,
        .dialect = strcmp(view->dialect, "gateway") == 0 ? PARLEY_GATEWAY : PARLEY_WORLD,
        .status = statuses[view->status],
        .capabilities = text_of_str(view->capabilities),
        .max_concurrent = view->max_concurrent,
        .client = parley_text(view->client_id),
        .connected_ms = view->connected_at_ms,
        .seen_ms = view->seen_at_ms,
    };
}

enum parley_result parley_agent_get(struct parley *p, struct parley_text id,
                                    struct parley_agent *ret_agent)
{
    if (!hub_find_agent(hub_of(p), str_of(id), &p->found_agent)) {
        return PARLEY_NOT_FOUND;
    }
    fill(&p->found_agent, ret_agent);
    return PARLEY_OK;
}

static bool fits(const struct hub *hub, const struct parley_agent_filter *filter,
                 const struct hub_agent_view *view)
{
    if (filter == NULL) {
        return view->status != HUB_AGENT_OFFLINE;
    }
    return (view->status != HUB_AGENT_OFFLINE || filter->offline) &&
           (view->status != HUB_AGENT_BUSY || !filter->only_free) &&
           (filter->type.len == 0 || str_equal(str_from_z(view->type), str_of(filter->type))) &&
           (filter->capability.len == 0 || hub_agent_offers(hub, view, str_of(filter->capability)));
}

struct agent_visit {
    const struct hub *hub;
    const struct parley_agent_filter *filter;
    size_t left;
    void (*visit)(const struct parley_agent *agent, void *ctx);
    void *ctx;
};

static bool visit_agent(void *ctx, const struct hub_agent_view *view)
{
    struct agent_visit *v = ctx;
    struct parley_agent agent;

    if (v->left > 0 && fits(v->hub, v->filter, view)) {
        v->left--;
        fill(view, &agent);
        v->visit(&agent, v->ctx);
    }
    return v->left > 0;
}

void parley_agent_list(struct parley *p, const struct parley_agent_filter *filter, size_t limit,
                       void (*visit)(const struct parley_agent *agent, void *ctx), void *ctx)
{
    struct agent_visit v = {hub_of(p), filter, limit, visit, ctx};

    hub_each_agent(v.hub, HUB_NOBODY, HUB_AGENTS_ALL, STR(""), visit_agent, &v);
}

static bool choose(void *ctx, const struct hub_client_view *view)
{
    const struct agent_visit *v = ctx;
    struct hub_agent_view agent;

    return view->agent_id.len > 0 && hub_find_agent(v->hub, view->agent_id, &agent) &&
           fits(v->hub, v->filter, &agent);
}

enum parley_result parley_agent_broadcast(struct parley *p,
                                          const struct parley_agent_filter *filter,
                                          const struct parley_message *message,
                                          size_t *ret_receivers)
{
    struct hub_saying saying = saying_of(message);
    struct agent_visit v = {.hub = hub_of(p), .filter = filter};
    uint64_t receivers = 0;
    enum hub_done done = hub_say_each(hub_to_change(p), choose, &v, &saying, &receivers);

    if (done == HUB_DONE && ret_receivers != NULL) {
        *ret_receivers = (size_t)receivers;
    }
    return result_of(done);
}

static bool count_agent(void *ctx, const struct hub_agent_view *view)
{
    struct parley_agent_statistics *s = ctx;
    const struct {
        const char *type;
        size_t *count;
    } types[] = {{"pi", &s->pi},           {"cli", &s->cli},
                 {"webchat", &s->webchat}, {"companion", &s->companion},
                 {"channel", &s->channel}, {"custom", &s->custom}};

    s->total++;
    s->online += view->status == HUB_AGENT_ONLINE;
    s->busy += view->status == HUB_AGENT_BUSY;
    s->offline += view->status == HUB_AGENT_OFFLINE;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        *types[i].count += strcmp(types[i].type, view->type) == 0;
    }
    return true;
}

void parley_agent_statistics(struct parley *p, struct parley_agent_statistics *ret_statistics)
{
    *ret_statistics = (struct parley_agent_statistics){0};
    hub_each_agent(hub_of(p), HUB_NOBODY, HUB_AGENTS_ALL, STR(""), count_agent, ret_statistics);
}
