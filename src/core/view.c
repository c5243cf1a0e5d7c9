/* What may be known of the hub from outside. */

#include "core/internal.h"
#include "proto/capability.h"

void hub_counts(const struct hub *hub, struct hub_counts *ret_counts)
{
    *ret_counts = hub->counts;
}

struct hub_time hub_now(const struct hub *hub)
{
    return hub->now;
}

struct hub_time hub_started(const struct hub *hub)
{
    return hub->started;
}

const struct hub_settings *hub_settings(const struct hub *hub)
{
    return &hub->settings;
}

const char *hub_agent_status_name(enum hub_agent_status status)
{
    static const char *const names[] = {
        [HUB_AGENT_ONLINE] = "online", [HUB_AGENT_BUSY] = "busy", [HUB_AGENT_OFFLINE] = "offline"};

    return names[status];
}

/* The name of its world, as far as that is there for the principal. */
static struct str world_of(const struct hub *hub, uint32_t principal, const struct agent *a)
{
    bool may = a->world.len > 0 && hub_may(hub, principal, MAY_ENTER, a->world).code == ERROR_NONE;

    return may ? str_slice(a->world, STR("world:").len, a->world.len) : STR("");
}

static void view_agent(const struct hub *hub, uint32_t principal, const struct agent *a,
                       struct hub_agent_view *view)
{
    *view = (struct hub_agent_view){
        .agent_id = agent_id(a),
        .role = str_make(a->role, a->role_len),
        .name = a->name,
        .status = agent_status(a),
        .type = agent_types[a->type],
        .capabilities = a->capabilities.len > 0 ? a->capabilities : STR("[]"),
        .dialect = dialect_name(a->dialect),
        .connected_at_ms = a->connected_at_ms,
        .seen_at_ms = hub->now.wall_ms,
        .max_concurrent = a->max_concurrent,
        .world = world_of(hub, principal, a),
        .index = agent_find(hub, agent_id(a)),
    };
    if (agent_is_online(a)) {
        client_id_text(client_at(hub, a->client), view->client_id);
        view->client_id[CLIENT_ID_SIZE] = '\0';
    } else {
        view->seen_at_ms -= hub->now.mono_ms - a->left_ms;
    }
}

/* A walk over agents. */
struct tour {
    const struct hub *hub;
    uint32_t principal;
    bool (*visit)(void *ctx, const struct hub_agent_view *agent);
    void *ctx;
};

/* From `link` up to the head. Returns whether to go on behind that. */
static bool visit_agents(const struct tour *t, const struct list *link, const struct list *head)
{
    struct hub_agent_view view;

    for (; link != head; link = link->next) {
        view_agent(t->hub, t->principal, list_entry(link, struct agent, link), &view);
        if (!t->visit(t->ctx, &view)) {
            return false;
        }
    }
    return true;
}

void hub_each_agent(const struct hub *hub, uint32_t principal, enum hub_agents which,
                    struct str from, bool (*visit)(void *ctx, const struct hub_agent_view *agent),
                    void *ctx)
{
    const struct list *online = &hub->agents_in_order, *offline = &hub->agents_offline;
    const struct list *first = which != HUB_AGENTS_OFFLINE ? online->next : online;
    const struct list *next = which != HUB_AGENTS_CONNECTED ? offline->next : offline;
    const struct tour tour = {hub, principal, visit, ctx};
    uint32_t index = agent_find(hub, from);

    if (index != SLAB_NONE && agent_is_online(agent_at(hub, index))) {
        first = which != HUB_AGENTS_OFFLINE ? &agent_at(hub, index)->link : online;
        next = which == HUB_AGENTS_ALL ? next : offline;
    } else if (from.len > 0) {
        first = online;
        next = index != SLAB_NONE && which != HUB_AGENTS_CONNECTED ? &agent_at(hub, index)->link
                                                                   : offline;
    }
    if (visit_agents(&tour, first, online)) {
        (void)visit_agents(&tour, next, offline);
    }
}

bool hub_find_agent(const struct hub *hub, struct str id, struct hub_agent_view *ret_agent)
{
    uint32_t agent = agent_find(hub, id);

    if (agent != SLAB_NONE) {
        view_agent(hub, HUB_NOBODY, agent_at(hub, agent), ret_agent);
    }
    return agent != SLAB_NONE;
}

bool hub_agent_offers(const struct hub *hub, const struct hub_agent_view *agent, struct str name)
{
    if (agent->status == HUB_AGENT_OFFLINE) {
        return capability_has(agent->capabilities, name);
    }
    uint32_t capability = capability_find(hub, name);
    return capability != SLAB_NONE && offers_have(&agent_at(hub, agent->index)->offers, capability);
}
