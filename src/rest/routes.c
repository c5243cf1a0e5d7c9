#include "rest/routes.h"

enum { READ = 1u << HTTP_GET | 1u << HTTP_HEAD, WRITE = 1u << HTTP_POST };

/* STR is no constant expression. */
#define TEXT(literal)                                                                              \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

static const struct handler handlers[] = {
    {.at = {.path = TEXT("/"), .methods = READ}, .access = ACCESS_PUBLIC, .run = run_front_page},
    {.at = {.path = TEXT("/web/parley.css"), .methods = READ},
     .access = ACCESS_PUBLIC,
     .run = run_style},
    {.at = {.path = TEXT("/web/parley.js"), .methods = READ},
     .access = ACCESS_PUBLIC,
     .run = run_script},
    {.at = {.path = TEXT("/web/icon.svg"), .methods = READ},
     .access = ACCESS_PUBLIC,
     .run = run_icon},
    {.at = {.path = TEXT("/health"), .methods = READ}, .access = ACCESS_PUBLIC, .run = run_health},
    {.at = {.path = TEXT("/healthz"), .methods = READ}, .access = ACCESS_PUBLIC, .run = run_health},
    {.at = {.path = TEXT("/readyz"), .methods = READ},
     .access = ACCESS_PUBLIC,
     .run = run_readiness},
    {.at = {.path = TEXT("/metrics"), .methods = READ},
     .access = ACCESS_METRICS,
     .run = run_metrics},
    {.at = {.path = TEXT("/api/gateway/status"), .methods = READ},
     .access = ACCESS_COUNTS,
     .run = run_status},
    {.at = {.path = TEXT("/api/gateway/agents"), .methods = READ},
     .access = ACCESS_CREDENTIAL,
     .run = run_agents},
    {.at = {.path = TEXT("/api/gateway/sessions"), .methods = READ},
     .access = ACCESS_CREDENTIAL,
     .run = run_sessions},
    {.at = {.path = TEXT("/api/gateway/clients"), .methods = READ},
     .access = ACCESS_ADMIN,
     .run = run_clients},
    {.at = {.path = TEXT("/api/gateway/clients/"), .has_parameter = true, .methods = READ},
     .access = ACCESS_ADMIN,
     .run = run_client},
    {.at = {.path = TEXT("/api/gateway/clients/"),
            .suffix = TEXT("/kick"),
            .has_parameter = true,
            .methods = WRITE},
     .access = ACCESS_ADMIN,
     .max_body = REST_BODY,
     .run = run_kick},
    {.at = {.path = TEXT("/api/gateway/drain"), .methods = WRITE},
     .access = ACCESS_ADMIN,
     .max_body = REST_BODY,
     .run = run_drain},
    {.at = {.path = TEXT("/api/gateway/tickets"), .methods = WRITE},
     .access = ACCESS_ADMIN,
     .max_body = REST_BODY,
     .run = run_ticket},
    {.at = {.path = TEXT("/api/gateway/publish"), .methods = WRITE, .takes_message = true},
     .access = ACCESS_ADMIN,
     .run = run_publish},
    {.at = {.path = TEXT("/api/gateway/explain"), .methods = WRITE, .takes_message = true},
     .access = ACCESS_CREDENTIAL,
     .run = run_explain},
};

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
