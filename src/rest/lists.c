/* The lists of clients and sessions, and one client. */

#include "base/ip.h"
#include "core/admin.h"
#include "rest/query.h"
#include "rest/routes.h"
#include "json/writer.h"

struct list {
    struct call *call;
    struct json_writer w;
    struct walk walk;
};

/* --- clients ---------------------------------------------------------------------------------- */

static void write_session_name(void *ctx, struct str name)
{
    json_string(ctx, name);
}

static void write_address(struct json_writer *w, const struct hub_client_view *client)
{
    struct buf text;

    buf_init(&text, 64);
    if (client->is_unix) {
        buf_append_str(&text, STR("unix"));
    } else {
        ip_append(&text, client->address);
    }
    json_key_string(w, STR("ip"), buf_str(&text));
    buf_fini(&text);
}

static void write_client(struct json_writer *w, const struct hub *hub,
                         const struct hub_client_view *client)
{
    json_begin_object(w);
    json_key_string(w, STR("id"), str_from_z(client->client_id));
    json_key_string(w, STR("dialect"), str_from_z(client->dialect));
    json_key_bool(w, STR("authenticated"), client->authenticated);
    json_key_string(w, STR("userId"), client->user_id);
    json_key(w, STR("sessions"));
    json_begin_array(w);
    hub_each_session_of(hub, client->index, write_session_name, w);
    json_end_array(w);
    json_key_uint(w, STR("connectedAt"), client->connected_ms);
    json_key_uint(w, STR("lastActivityAt"), client->heard_ms);
    write_address(w, client);
    json_key_string(w, STR("userAgent"), client->user_agent);
    if (client->agent_id.len > 0) {
        json_key_string(w, STR("agentId"), client->agent_id);
    }
    json_key_uint(w, STR("dropped"), client->dropped);
    json_end_object(w);
}

static void visit_client(void *ctx, const struct hub_client_view *client)
{
    struct list *list = ctx;

    if (walk_enter(&list->walk, str_from_z(client->client_id))) {
        /* One that is in a thousand sessions is an entry of many bytes. */
        size_t before = list->call->out.len;
        write_client(&list->w, list->call->hub, client);
        list->walk.bytes += list->call->out.len - before;
        list->walk.shown++;
    }
}

void run_client(struct call *call)
{
    struct hub_client_view client;
    struct json_writer w;

    if (!hub_find_client(call->hub, call->parameter, &client)) {
        call_refuse_about(call, ERROR_TARGET_NOT_FOUND,
                          STR("No client and no agent has this id; /api/gateway/clients lists who "
                              "is connected."),
                          STR("id"), call->parameter);
        return;
    }
    json_writer_init(&w, &call->out);
    write_client(&w, call->hub, &client);
}

/* --- lists ------------------------------------------------------------------------------------ */

static bool begin_list(struct list *list, struct call *call, struct query *query, struct str name)
{
    enum { LIMIT, AFTER, COUNT };
    static const struct str names[COUNT] = {{"limit", 5}, {"after", 5}};
    uint32_t limit;

    if (!query_read(call, names, COUNT, query) ||
        !query_limit(call, query->values[LIMIT], &limit)) {
        return false;
    }
    *list = (struct list){.call = call};
    walk_init(&list->walk, query->values[AFTER], limit);
    json_writer_init(&list->w, &call->out);
    json_begin_object(&list->w);
    json_key(&list->w, name);
    json_begin_array(&list->w);
    return true;
}

static void end_list(struct list *list, uint64_t total)
{
    if (!walk_finish(&list->walk, list->call)) {
        return;
    }
    json_end_array(&list->w);
    json_key_uint(&list->w, STR("total"), total);
    if (list->walk.more) {
        json_key_string(&list->w, STR("next"), str_make(list->walk.last, list->walk.last_len));
    }
    json_end_object(&list->w);
}

void run_clients(struct call *call)
{
    struct list list;
    struct query query;
    struct hub_counts counts;

    if (begin_list(&list, call, &query, STR("clients"))) {
        hub_counts(call->hub, &counts);
        hub_each_client(call->hub, list.walk.after, walk_length(&list.walk), visit_client, &list);
        end_list(&list, counts.clients);
    }
}

static void visit_session(void *ctx, const struct hub_session_view *session)
{
    struct list *list = ctx;

    if (walk_enter(&list->walk, session->name)) {
        json_begin_object(&list->w);
        json_key_string(&list->w, STR("name"), session->name);
        json_key_uint(&list->w, STR("members"), session->members);
        json_key_uint(&list->w, STR("agents"), session->agents);
        json_end_object(&list->w);
        list->walk.shown++;
    }
}

void run_sessions(struct call *call)
{
    struct list list;
    struct query query;

    if (begin_list(&list, call, &query, STR("sessions"))) {
        end_list(&list, hub_each_session(call->hub, call->asker->principal, list.walk.after,
                                         walk_length(&list.walk), visit_session, &list));
    }
}
