#include "rest/routes.h"

enum { READ = 1u << HTTP_GET | 1u << HTTP_HEAD, WRITE = 1u << HTTP_POST };

/* STR is no constant expression. */
#define PLAIN(path)                                                                                \
    {                                                                                              \
        {"" path, sizeof(path) - 1}, {"", 0}, false
#define WITH_ID(path, suffix)                                                                      \
    {                                                                                              \
        {"" path, sizeof(path) - 1}, {"" suffix, sizeof(suffix) - 1}, true

static const struct handler handlers[] = {{PLAIN("/"), READ}, ACCESS_PUBLIC, 0, run_front_page},
                            {PLAIN("/web/parley.css"), READ}, ACCESS_PUBLIC, 0, run_style
}
, {PLAIN("/web/parley.js"), READ}, ACCESS_PUBLIC, 0, run_script
}
, {PLAIN("/web/icon.svg"), READ}, ACCESS_PUBLIC, 0, run_icon
}
, {PLAIN("/health"), READ}, ACCESS_PUBLIC, 0, run_health
}
, {PLAIN("/healthz"), READ}, ACCESS_PUBLIC, 0, run_health
}
, {PLAIN("/readyz"), READ}, ACCESS_PUBLIC, 0, run_readiness
}
, {PLAIN("/metrics"), READ}, ACCESS_METRICS, 0, run_metrics
}
, {PLAIN("/api/gateway/status"), READ}, ACCESS_COUNTS, 0, run_status
}
, {PLAIN("/api/gateway/agents"), READ}, ACCESS_CREDENTIAL, 0, run_agents
}
, {PLAIN("/api/gateway/sessions"), READ}, ACCESS_CREDENTIAL, 0, run_sessions
}
, {PLAIN("/api/gateway/clients"), READ}, ACCESS_ADMIN, 0, run_clients
}
, {WITH_ID("/api/gateway/clients/", ""), READ}, ACCESS_ADMIN, 0, run_client
}
, {WITH_ID("/api/gateway/clients/", "/kick"), WRITE}, ACCESS_ADMIN, ROUTE_BODY, run_kick
}
, {PLAIN("/api/gateway/drain"), WRITE}, ACCESS_ADMIN, ROUTE_BODY, run_drain
}
, {PLAIN("/api/gateway/tickets"), WRITE}, ACCESS_ADMIN, ROUTE_BODY, run_ticket
}
, {PLAIN("/api/gateway/publish"), WRITE}, ACCESS_ADMIN, ROUTE_MESSAGE, run_publish
}
,
}
;

enum { HANDLERS = sizeof(handlers) / sizeof(handlers[0]) };

struct rest_path rest_path(size_t index)
{
    return index < HANDLERS ? handlers[index].at : (struct rest_path){.path = STR("")};
}

static bool matches(const struct rest_path *at, struct str path, struct str *ret_parameter)
{
    if (!at->has_parameter) {
        *ret_parameter = STR("");
        return str_equal(path, at->path);
    }
    if (!str_starts_with(path, at->path)) {
        return false;
    }
    struct str rest = str_slice(path, at->path.len, path.len);
    size_t len = str_find(rest, '/');
    *ret_parameter = str_slice(rest, 0, len);
    return len > 0 && str_equal(str_slice(rest, len, rest.len), at->suffix);
}

const struct handler *route_find(struct str path, struct str *ret_parameter)
{
    for (size_t i = 0; i < HANDLERS; i++) {
        struct str parameter;
        if (matches(&handlers[i].at, path, &parameter)) {
            *ret_parameter = parameter;
            return &handlers[i];
        }
    }
    return NULL;
}
