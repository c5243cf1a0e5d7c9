#include "rest/agents.h"

#include "proto/capability.h"
#include "rest/query.h"
#include "rest/routes.h"

void write_agent(void *ctx, const struct hub_agent_view *agent)
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

struct agent_list {
    struct json_writer w;
    struct walk walk;
    struct str capability; /* empty: any; so is type */
    struct str type;
};

static void visit_agent(void *ctx, const struct hub_agent_view *agent)
{
    struct agent_list *list = ctx;

    if (!walk_enter(&list->walk, agent->agent_id)) {
        return;
    }
    list->walk.bytes += agent->name.len + agent->capabilities.len;
    if ((list->type.len == 0 || str_equal(list->type, str_from_z(agent->type))) &&
        (list->capability.len == 0 || capability_has(agent->capabilities, list->capability))) {
        write_agent(&list->w, agent);
        list->walk.shown++;
    }
}

/* Agents that are not connected are not remembered, so there are none to be listed. */
static bool read_status(struct call *call, struct str status, bool *ret_connected)
{
    if (status.len == 0 || str_equal(status, STR("online")) || str_equal(status, STR("all"))) {
        *ret_connected = true;
        return true;
    }
    if (str_equal(status, STR("offline")) || str_equal(status, STR("busy"))) {
        *ret_connected = false;
        return true;
    }
    call_refuse_about(call, ERROR_INVALID_MESSAGE,
                      STR("`status` has to be online, busy, offline or all."), STR("parameter"),
                      STR("status"));
    return false;
}

void run_agents(struct call *call)
{
    enum { CAPABILITY, OF_TYPE, STATUS, LIMIT, AFTER, COUNT };
    static const struct str names[COUNT] = {
        {"capability", 10}, {"type", 4}, {"status", 6}, {"limit", 5}, {"after", 5}};
    struct query query;
    struct agent_list list;
    struct hub_counts counts;
    uint32_t limit;
    bool connected;

    if (!query_read(call, names, COUNT, &query) ||
        !query_limit(call, query.values[LIMIT], &limit) ||
        !read_status(call, query.values[STATUS], &connected)) {
        return;
    }
    list =
        (struct agent_list){.capability = query.values[CAPABILITY], .type = query.values[OF_TYPE]};
    walk_init(&list.walk, query.values[AFTER], limit);
    json_writer_init(&list.w, &call->out);
    json_begin_object(&list.w);
    json_key(&list.w, STR("agents"));
    json_begin_array(&list.w);
    if (connected) {
        /* How many are looked at is not how many are shown, so the walk says when it is enough. */
        hub_each_agent(call->hub, UINT32_MAX, visit_agent, &list);
        if (!walk_finish(&list.walk, call)) {
            return;
        }
    }
    json_end_array(&list.w);
    hub_counts(call->hub, &counts);
    json_key_uint(&list.w, STR("total"), counts.agents);
    if (list.walk.more) {
        json_key_string(&list.w, STR("next"), str_make(list.walk.last, list.walk.last_len));
    }
    json_end_object(&list.w);
}
