#include "rest/pages.h"

#include "json/writer.h"

int rest_front_page(const struct rest *rest, const struct hub *hub, struct buf *body)
{
    buf_printf(body, "This is Parley %s, a gateway for agents, browsers and bots.\n\n",
               hub_settings(hub)->version);
    for (size_t i = 0; i < rest->world_path_count; i++) {
        buf_printf(body, "  %-24.*s %s\n", STR_ARG(rest->world_paths[i]),
                   i == 0 ? "WebSocket: the world" : "the same");
    }
    buf_append_str(body, STR("  /api/gateway/status      who is connected\n"
                             "  /health                  whether the process serves\n"
                             "  /readyz                  whether it takes new clients\n"
                             "  /metrics                 figures for Prometheus\n"));
    return 200;
}

int rest_health(const struct rest *rest, const struct hub *hub, struct buf *body)
{
    struct json_writer w;
    struct hub_counts counts;

    (void)rest;
    hub_counts(hub, &counts);
    json_writer_init(&w, body);
    json_begin_object(&w);
    json_key_string(&w, STR("status"), STR("ok"));
    json_key_string(&w, STR("service"), STR("parley"));
    json_key_uint(&w, STR("timestamp"), hub_now(hub).wall_ms);
    json_key_uint(&w, STR("clients"), counts.clients);
    json_key_uint(&w, STR("sessions"), counts.sessions);
    json_end_object(&w);
    return 200;
}

int rest_readiness(const struct rest *rest, const struct hub *hub, struct buf *body)
{
    struct json_writer w;
    bool draining = hub_draining(hub);

    (void)rest;
    json_writer_init(&w, body);
    json_begin_object(&w);
    json_key_string(&w, STR("status"), draining ? STR("draining") : STR("ready"));
    if (draining) {
        json_key_string(&w, STR("reason"), STR("the gateway is stopping"));
    }
    json_end_object(&w);
    return draining ? 503 : 200;
}
