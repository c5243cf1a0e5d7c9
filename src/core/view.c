/* What may be known of the hub from outside. */

#include "core/internal.h"

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

void hub_each_agent(const struct hub *hub, uint32_t limit,
                    void (*visit)(void *ctx, const struct hub_agent_view *agent), void *ctx)
{
    uint32_t visited = 0;

    list_each(link, &hub->agents_in_order) {
        const struct agent *a = list_entry(link, struct agent, link);
        const struct session *s = session_at(hub, a->session);
        if (visited++ == limit) {
            return;
        }
        struct hub_agent_view view = {
            .agent_id = agent_id(a),
            .role = str_make(a->role, a->role_len),
            .name = a->name,
            .type = "custom",
            .capabilities = a->capabilities.len > 0 ? a->capabilities : STR("[]"),
            .dialect = "world",
            .connected_at_ms = a->connected_at_ms,
            .world = str_make(s->name + 6, s->name_len - 6),
        };
        client_id_text(client_at(hub, a->client), view.client_id);
        view.client_id[CLIENT_ID_SIZE] = '\0';
        visit(ctx, &view);
    }
}
