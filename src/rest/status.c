#include "rest/pages.h"

#include "json/writer.h"

static void write_agent(void *ctx, const struct hub_agent_view *agent)
{
    struct json_writer *w = ctx;

    json_begin_object(w);
    json_key_string(w, STR("agent_id"), agent->agent_id);
    json_key_string(w, STR("agentId"), agent->agent_id);
    json_key_string(w, STR("name"), agent->name);
    json_key_string(w, STR("role"), agent->role);
    json_key_string(w, STR("type"), str_from_z(agent->type));
    json_key_string(w, STR("dialect"), str_from_z(agent->dialect));
    json_key_string(w, STR("status"), STR("online"));
    json_key_raw(w, STR("capabilities"), agent->capabilities);
    json_key(w, STR("connected_at"));
    json_seconds(w, agent->connected_at_ms);
    json_key_string(w, STR("client_id"), str_from_z(agent->client_id));
    json_key_string(w, STR("world"), agent->world);
    json_end_object(w);
}

static void write_messages(struct json_writer *w, const struct rest *rest, const struct hub *hub,
                           const struct hub_counts *counts)
{
    uint64_t delivered = 0, skipped = 0;

    for (unsigned i = 0; i < hub_settings(hub)->reactors; i++) {
        struct rest_figures figures;
        rest->figures(rest->owner, i, &figures);
        delivered += figures.delivered;
        skipped += figures.skipped;
    }
    json_key(w, STR("messages"));
    json_begin_object(w);
    json_key_uint(w, STR("received"), counts->messages_received);
    json_key_uint(w, STR("delivered"), delivered);
    json_key_uint(w, STR("dropped"), skipped);
    json_end_object(w);
}

static void write_limits(struct json_writer *w, const struct hub_settings *settings)
{
    json_key(w, STR("limits"));
    json_begin_object(w);
    json_key_uint(w, STR("message_bytes"), settings->max_message_bytes);
    json_key_uint(w, STR("frame_bytes"), settings->max_frame_bytes);
    json_key_uint(w, STR("send_queue_bytes"), settings->max_send_queue_bytes);
    json_key_uint(w, STR("clients"), settings->max_clients);
    json_end_object(w);
}

int rest_status(const struct rest *rest, const struct hub *hub, struct buf *body)
{
    struct json_writer w;
    struct hub_counts counts;
    uint64_t uptime_ms = hub_now(hub).mono_ms - hub_started(hub).mono_ms;

    hub_counts(hub, &counts);
    json_writer_init(&w, body);
    json_begin_object(&w);
    json_key_string(&w, STR("status"), hub_draining(hub) ? STR("draining") : STR("ok"));
    json_key_string(&w, STR("version"), str_from_z(hub_settings(hub)->version));
    json_key(&w, STR("uptime_seconds"));
    json_seconds(&w, uptime_ms);
    json_key(&w, STR("started_at"));
    json_seconds(&w, hub_started(hub).wall_ms);
    json_key_uint(&w, STR("connections"), counts.clients);
    json_key(&w, STR("agents"));
    json_begin_array(&w);
    hub_each_agent(hub, REST_MAX_ROSTER, write_agent, &w);
    json_end_array(&w);
    json_key_uint(&w, STR("total"), counts.agents);
    json_key_uint(&w, STR("sessions"), counts.sessions);
    write_messages(&w, rest, hub, &counts);
    write_limits(&w, hub_settings(hub));
    json_end_object(&w);
    return 200;
}
