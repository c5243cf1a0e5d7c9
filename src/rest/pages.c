/* The page at / for people without a browser, and whether the process is well. */

#include "rest/routes.h"
#include "rest/web.h"
#include "json/writer.h"

static void write_text_page(struct call *call)
{
    const struct rest *rest = call->rest;

    call->content_type = "text/plain; charset=utf-8";
    buf_printf(&call->out, "This is Parley %s, a gateway for agents, browsers and bots.\n\n",
               hub_settings(call->hub)->version);
    for (size_t i = 0; i < rest->world_path_count; i++) {
        buf_printf(&call->out, "  %-24.*s %s\n", STR_ARG(rest->world_paths[i]),
                   i == 0 ? "WebSocket: the world" : "the same");
    }
    buf_printf(&call->out, "  %-24.*s WebSocket: the gateway dialect, with sessions\n",
               STR_ARG(rest->gateway_path));
    buf_append_str(&call->out, STR("  /api/gateway/status      who is connected, what was done\n"
                                   "  /api/gateway/agents      agents, by what they can do\n"
                                   "  /health                  whether the process serves\n"
                                   "  /readyz                  whether it takes new clients\n"
                                   "  /metrics                 figures for Prometheus\n"));
}

/* Browsers name text/html first of all; what takes anything (curl) is better off with text. */
static bool wants_html(const struct call *call)
{
    size_t at = 0;
    struct str list, element;

    while (http_next_value(call->head, call->text.ptr, HTTP_ACCEPT, &at, &list)) {
        while (http_list_next(&list, &element)) {
            struct str type = str_trim(str_slice(element, 0, str_find(element, ';')));
            if (str_equal_nocase(type, STR("text/html"))) {
                return true;
            }
        }
    }
    return false;
}

void run_front_page(struct call *call)
{
    buf_append_str(&call->fields, STR("Vary: Accept\r\n"));
    if (wants_html(call)) {
        web_write_page(call);
    } else {
        write_text_page(call);
    }
}

void run_health(struct call *call)
{
    struct json_writer w;
    struct hub_counts counts;

    hub_counts(call->hub, &counts);
    json_writer_init(&w, &call->out);
    json_begin_object(&w);
    json_key_string(&w, STR("status"), STR("ok"));
    json_key_string(&w, STR("service"), STR("parley"));
    json_key_uint(&w, STR("timestamp"), hub_now(call->hub).wall_ms);
    json_key_uint(&w, STR("clients"), counts.clients);
    json_key_uint(&w, STR("sessions"), counts.sessions);
    json_end_object(&w);
}

void run_readiness(struct call *call)
{
    struct json_writer w;
    bool draining = hub_draining(call->hub);

    json_writer_init(&w, &call->out);
    json_begin_object(&w);
    json_key_string(&w, STR("status"), draining ? STR("draining") : STR("ready"));
    if (draining) {
        json_key_string(&w, STR("reason"), STR("the gateway is stopping"));
    }
    json_end_object(&w);
    call->status = draining ? 503 : 200;
}
