#include "rest/agents.h"
#include "rest/query.h"
#include "rest/routes.h"
#include "json/writer.h"

static void write_messages(struct json_writer *w, const struct call *call,
                           const struct hub_counts *counts)
{
    uint64_t delivered = 0, skipped = 0;

    for (unsigned i = 0; i < hub_settings(call->hub)->reactors; i++) {
        struct rest_figures figures;
        call->rest->figures(call->rest->owner, i, &figures);
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

static void write_paths(struct json_writer *w, const struct rest *rest)
{
    json_key(w, STR("world_paths"));
    json_begin_array(w);
    for (size_t i = 0; i < rest->world_path_count; i++) {
        json_string(w, rest->world_paths[i]);
    }
    json_end_array(w);
    json_key_string(w, STR("gateway_path"), rest->gateway_path);
}

struct agent_list {
    struct json_writer *w;
    uint32_t left;
};

/* The list ends when it has become long; the total says how many there are. */
static bool visit_agent(void *ctx, const struct hub_agent_view *agent)
{
    struct agent_list *list = ctx;

    write_agent(list->w, agent);
    return --list->left > 0 && list->w->out->len < LIST_BYTES;
}

/* A stranger learns how many there are, and not who. */
void run_status(struct call *call)
{
    struct json_writer w;
    struct hub_counts counts;
    const struct hub *hub = call->hub;
    uint64_t uptime_ms = hub_now(hub).mono_ms - hub_started(hub).mono_ms;

    hub_counts(hub, &counts);
    json_writer_init(&w, &call->out);
    json_begin_object(&w);
    json_key_string(&w, STR("status"), hub_draining(hub) ? STR("draining") : STR("ok"));
    json_key_string(&w, STR("version"), str_from_z(hub_settings(hub)->version));
    json_key(&w, STR("uptime_seconds"));
    json_seconds(&w, uptime_ms);
    json_key(&w, STR("started_at"));
    json_seconds(&w, hub_started(hub).wall_ms);
    json_key_uint(&w, STR("connections"), counts.clients);
    if (call->asker->principal != HUB_NOBODY) {
        json_key(&w, STR("agents"));
        json_begin_array(&w);
        hub_each_agent(hub, call->asker->principal, HUB_AGENTS_CONNECTED, STR(""), visit_agent,
                       &(struct agent_list){&w, LIST_MAX});
        json_end_array(&w);
    }
    json_key_uint(&w, STR("total"), counts.agents);
    json_key_uint(&w, STR("sessions"), counts.sessions);
    write_messages(&w, call, &counts);
    write_limits(&w, hub_settings(hub));
    write_paths(&w, call->rest);
    json_end_object(&w);
}
