#include "library/library.h"

#include "base/ip.h"
#include "base/utf8.h"

void client_of_view(const struct hub_client_view *view, char address[ADDRESS_TEXT],
                    struct parley_client *ret_client)
{
    struct buf text;

    buf_init(&text, ADDRESS_TEXT - 1);
    if (view->is_unix) {
        buf_append_str(&text, STR("unix"));
    } else {
        ip_append(&text, view->address);
    }
    (void)str_format(address, ADDRESS_TEXT, "%.*s", STR_ARG(buf_str(&text)));
    buf_fini(&text);
    *ret_client = (struct parley_client){
        .id = parley_text(view->client_id),
        .dialect = strcmp(view->dialect, "gateway") == 0 ? PARLEY_GATEWAY : PARLEY_WORLD,
        .authenticated = view->authenticated,
        .user_id = text_of_str(view->user_id),
        .agent_id = text_of_str(view->agent_id),
        .user_agent = text_of_str(view->user_agent),
        .address = address,
        .connected_ms = view->connected_ms,
        .heard_ms = view->heard_ms,
        .dropped = view->dropped,
    };
}

/* The texts of the last client that was found stand in the gateway. */
enum parley_result parley_find_client(struct parley *p, struct parley_text id,
                                      struct parley_client *ret_client)
{
    if (!hub_find_client(hub_of(p), str_of(id), &p->found)) {
        return PARLEY_NOT_FOUND;
    }
    client_of_view(&p->found, p->found_address, ret_client);
    return PARLEY_OK;
}

struct client_visit {
    void (*visit)(const struct parley_client *client, void *ctx);
    void *ctx;
};

static void visit_client(void *ctx, const struct hub_client_view *view)
{
    const struct client_visit *v = ctx;
    struct parley_client client;
    char address[ADDRESS_TEXT];

    client_of_view(view, address, &client);
    v->visit(&client, v->ctx);
}

static uint32_t at_most(size_t limit)
{
    return limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
}

void parley_each_client(struct parley *p, size_t limit,
                        void (*visit)(const struct parley_client *client, void *ctx), void *ctx)
{
    struct client_visit v = {visit, ctx};

    hub_each_client(hub_of(p), STR(""), at_most(limit), visit_client, &v);
}

struct name_visit {
    void (*visit)(struct parley_text session, void *ctx);
    void *ctx;
};

static void visit_name(void *ctx, struct str name)
{
    const struct name_visit *v = ctx;

    v->visit(text_of_str(name), v->ctx);
}

enum parley_result parley_each_session_of(struct parley *p, struct parley_text client,
                                          void (*visit)(struct parley_text session, void *ctx),
                                          void *ctx)
{
    struct hub_client_view view;
    struct name_visit v = {visit, ctx};

    if (!hub_find_client(hub_of(p), str_of(client), &view)) {
        return PARLEY_NOT_FOUND;
    }
    hub_each_session_of(hub_of(p), view.index, visit_name, &v);
    return PARLEY_OK;
}

enum { REASON_MAX = 123 }; /* RFC 6455 section 5.5: what a close frame has room for */

static bool is_reason(struct str reason)
{
    for (size_t i = 0; i < reason.len; i++) {
        if ((unsigned char)reason.ptr[i] < ' ' || reason.ptr[i] == '\x7f') {
            return false;
        }
    }
    return reason.len <= REASON_MAX && utf8_valid(reason.ptr, reason.len);
}

enum parley_result parley_kick(struct parley *p, struct parley_text id, struct parley_text reason)
{
    if (!is_reason(str_of(reason))) {
        return PARLEY_INVALID;
    }
    return hub_kick(hub_to_change(p), str_of(id), str_of(reason)) ? PARLEY_OK : PARLEY_NOT_FOUND;
}

/* --- figures ---------------------------------------------------------------------------------- */

static uint64_t count_errors(const struct hub_counts *counts)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < ERROR_COUNT; i++) {
        sum += counts->errors_sent[i];
    }
    return sum;
}

void parley_statistics(struct parley *p, struct parley_statistics *ret_statistics)
{
    struct hub_counts counts;
    struct hub *hub = hub_of(p);

    hub_counts(hub, &counts);
    struct parley_statistics s = {
        .clients = counts.clients,
        .world_clients = counts.clients_by_dialect[DIALECT_WORLD],
        .gateway_clients = counts.clients_by_dialect[DIALECT_GATEWAY],
        .sessions = counts.sessions,
        .agents = counts.agents,
        .requests = counts.requests,
        .connections_total = counts.connections_total,
        .received_total = counts.messages_received,
        .errors_total = count_errors(&counts),
        .dropped_rate_total = counts.messages_rate_limited,
        .dropped_answer_total = counts.answers_late + counts.answers_stray,
        .out_of_memory_total = counts.out_of_memory,
        .uptime_ms = hub_now(hub).mono_ms - hub_started(hub).mono_ms,
    };
    for (unsigned i = 0; i < p->assembly.settings.threads; i++) {
        const struct reactor_metrics *m = gateway_metrics(p->assembly.gateway, i);
        s.delivered_total += metric_read(&m->delivered);
        s.dropped_slow_total += metric_read(&m->skipped);
        s.bytes_in_total += metric_read(&m->bytes_in);
        s.bytes_out_total += metric_read(&m->bytes_out);
        s.out_of_memory_total += metric_read(&m->out_of_memory);
    }
    *ret_statistics = s;
}
