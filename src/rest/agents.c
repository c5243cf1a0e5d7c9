#include "rest/agents.h"

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
    json_key_string(w, STR("status"), str_from_z(hub_agent_status_name(agent->status)));
    json_key_raw(w, STR("capabilities"), agent->capabilities);
    json_key(w, STR("connected_at"));
    json_seconds(w, agent->connected_at_ms);
    json_key(w, STR("seen_at"));
    json_seconds(w, agent->seen_at_ms);
    json_key_uint(w, STR("maxConcurrent"), agent->max_concurrent);
    if (agent->client_id[0] != '\0') {
        json_key_string(w, STR("client_id"), str_from_z(agent->client_id));
    }
    if (agent->world.len > 0) {
        json_key_string(w, STR("world"), agent->world);
    }
    json_end_object(w);
}

struct agent_list {
    struct json_writer w;
    struct walk walk;
    const struct hub *hub;
    struct str capability; /* empty: any; so are type and status */
    struct str type;
    struct str status;
};

/* Whether a word is what was asked for. */
static bool is_wanted(struct str wanted, const char *word)
{
    return wanted.len == 0 || str_equal(wanted, str_from_z(word));
}

/* How many are looked at is not how many are shown, so the walk says when it is enough. */
static bool visit_agent(void *ctx, const struct hub_agent_view *agent)
{
    struct agent_list *list = ctx;

    if (!walk_enter(&list->walk, agent->agent_id)) {
        return !list->walk.more;
    }
    list->walk.bytes += agent->name.len + agent->capabilities.len;
    if (is_wanted(list->type, agent->type) &&
        is_wanted(list->status, hub_agent_status_name(agent->status)) &&
        (list->capability.len == 0 || hub_agent_offers(list->hub, agent, list->capability))) {
        write_agent(&list->w, agent);
        list->walk.shown++;
    }
    return true;
}

/* Which agents are asked for; one word of the connected ones is left to the list. */
static bool read_status(struct call *call, struct str *status, enum hub_agents *ret_which)
{
    static const struct {
        struct str word;
        enum hub_agents which;
        bool all; /* of those */
    } words[] = {
        {{"", 0}, HUB_AGENTS_CONNECTED, true},      {{"all", 3}, HUB_AGENTS_ALL, true},
        {{"offline", 7}, HUB_AGENTS_OFFLINE, true}, {{"online", 6}, HUB_AGENTS_CONNECTED, false},
        {{"busy", 4}, HUB_AGENTS_CONNECTED, false},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_equal(*status, words[i].word)) {
            *ret_which = words[i].which;
            *status = words[i].all ? STR("") : *status;
            return true;
        }
    }
    call_refuse_about(call, ERROR_INVALID_MESSAGE,
                      STR("`status` has to be online, busy, offline or all."), STR("parameter"),
                      STR("status"));
    return false;
}

/* How many there are, whatever was asked of them besides. */
static uint64_t count_agents(const struct hub *hub, enum hub_agents which)
{
    struct hub_counts counts;

    hub_counts(hub, &counts);
    return (which != HUB_AGENTS_OFFLINE ? counts.agents : 0) +
           (which != HUB_AGENTS_CONNECTED ? counts.agents_offline : 0);
}

void run_agents(struct call *call)
{
    enum { CAPABILITY, OF_TYPE, STATUS, LIMIT, AFTER, COUNT };
    static const struct str names[COUNT] = {
        {"capability", 10}, {"type", 4}, {"status", 6}, {"limit", 5}, {"after", 5}};
    struct query query;
    struct agent_list list;
    enum hub_agents which;
    uint32_t limit;

    if (!query_read(call, names, COUNT, &query) ||
        !query_limit(call, query.values[LIMIT], &limit) ||
        !read_status(call, &query.values[STATUS], &which)) {
        return;
    }
    list = (struct agent_list){.hub = call->hub,
                               .capability = query.values[CAPABILITY],
                               .type = query.values[OF_TYPE],
                               .status = query.values[STATUS]};
    walk_init(&list.walk, query.values[AFTER], limit);
    json_writer_init(&list.w, &call->out);
    json_begin_object(&list.w);
    json_key(&list.w, STR("agents"));
    json_begin_array(&list.w);
    hub_each_agent(call->hub, call->asker->principal, which, list.walk.after, visit_agent, &list);
    if (!walk_finish(&list.walk, call)) {
        return;
    }
    json_end_array(&list.w);
    json_key_uint(&list.w, STR("total"), count_agents(call->hub, which));
    if (list.walk.more) {
        json_key_string(&list.w, STR("next"), str_make(list.walk.last, list.walk.last_len));
    }
    json_end_object(&list.w);
}
