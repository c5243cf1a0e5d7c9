#include "net/trial.h"

#include <stdio.h>

#include "http/origin.h"

static bool refuse(struct trial *t, int status, enum error_code code, struct str message)
{
    t->refusal.status = status;
    t->refusal.code = code;
    t->refusal.message = message;
    return false;
}

/* A request that is well formed and only asks for what is not there: the next one may be better. */
static bool refuse_and_stay(struct trial *t, int status, enum error_code code, struct str message)
{
    t->refusal.stays =
        !t->head->has_body && !t->head->upgrade_websocket && !t->head->connection_close;
    return refuse(t, status, code, message);
}

/* Refuses whoever asks, not what is asked. */
static bool refuse_site(struct trial *t, int status, struct str message, struct str details)
{
    t->refusal.details = details;
    return refuse(t, status, ERROR_FORBIDDEN, message);
}

static bool check_site(struct trial *t, const struct reactor_settings *s, bool check_host)
{
    if (http_has(t->head, HTTP_ORIGIN) &&
        !http_origin_allowed(http_value(t->head, t->text, HTTP_ORIGIN), s->origins,
                             s->origin_count)) {
        return refuse_site(
            t, 403,
            STR("This page may not connect: only pages of this machine may, from "
                "http://localhost:PORT, http://127.0.0.1:PORT or http://[::1]:PORT."),
            STR("{\"rule\":\"origin\"}"));
    }
    if (check_host && http_has(t->head, HTTP_HOST) &&
        !http_host_allowed(http_value(t->head, t->text, HTTP_HOST), s->hosts, s->host_count)) {
        return refuse_site(
            t, 421,
            STR("The Host is not a name of this gateway; use localhost, 127.0.0.1 or "
                "[::1]."),
            STR("{\"rule\":\"host\"}"));
    }
    return true;
}

/* "Allow: GET, HEAD" of a route. */
static void write_allow(struct trial *t, unsigned methods)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"};
    size_t at = (size_t)snprintf(t->fields, TRIAL_FIELDS, "Allow:");
    const char *separator = " ";

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((methods >> i & 1) != 0) {
            at += (size_t)snprintf(t->fields + at, TRIAL_FIELDS - at, "%s%s", separator, names[i]);
            separator = ", ";
        }
    }
    (void)snprintf(t->fields + at, TRIAL_FIELDS - at, "\r\n");
}

static bool route_matches(const struct route *route, struct str path)
{
    if (!route->has_parameter) {
        return str_equal(route->path, path);
    }
    struct str rest = str_slice(path, route->path.len, path.len);
    size_t len = str_find(rest, '/');
    return str_starts_with(path, route->path) && len > 0 &&
           str_equal(str_slice(rest, len, rest.len), route->suffix);
}

static bool check_route(struct trial *t, const struct reactor_settings *s)
{
    struct str path = http_path(t->head, t->text);

    for (size_t i = 0; i < s->route_count && t->route == NULL; i++) {
        if (route_matches(&s->routes[i], path)) {
            t->route = &s->routes[i];
        }
    }
    if (t->route == NULL) {
        return refuse_and_stay(t, 404, ERROR_NOT_FOUND, STR("There is nothing at this path."));
    }
    if (t->head->upgrade_websocket && !t->route->is_websocket) {
        return refuse(t, 404, ERROR_NOT_FOUND, STR("There is no WebSocket at this path."));
    }
    unsigned methods = t->route->is_websocket ? 1u << HTTP_GET : t->route->methods;
    if ((methods >> t->head->method & 1) == 0) {
        write_allow(t, methods);
        return refuse_and_stay(t, 405, ERROR_METHOD_NOT_ALLOWED,
                               STR("This path does not take this method; the Allow field lists "
                                   "those it takes."));
    }
    return true;
}

static bool find_world(struct trial *t)
{
    struct str raw;

    if (!http_query_get(http_query(t->head, t->text), STR("world"), &raw)) {
        return true;
    }
    int len = http_percent_decode(raw, t->world, TRIAL_WORLD);
    if (len < 0) {
        return refuse(t, 400, ERROR_INVALID_MESSAGE, STR("The name in ?world= is too long."));
    }
    t->world_len = (size_t)len;
    return true;
}

/* RFC 6455 section 4.2.1. */
static bool check_handshake(struct trial *t)
{
    if (!t->head->upgrade_websocket) {
        (void)snprintf(t->fields, TRIAL_FIELDS, "Upgrade: websocket\r\nConnection: upgrade\r\n");
        return refuse_and_stay(t, 426, ERROR_UPGRADE_REQUIRED,
                               STR("This path speaks WebSocket; connect with a WebSocket "
                                   "client."));
    }
    if (!str_equal(http_value(t->head, t->text, HTTP_WS_VERSION), STR("13"))) {
        (void)snprintf(t->fields, TRIAL_FIELDS, "Sec-WebSocket-Version: 13\r\n");
        return refuse(t, 426, ERROR_UPGRADE_REQUIRED,
                      STR("Sec-WebSocket-Version has to be 13 (RFC 6455)."));
    }
    if (!ws_key_valid(http_value(t->head, t->text, HTTP_WS_KEY))) {
        return refuse(t, 400, ERROR_INVALID_MESSAGE,
                      STR("Sec-WebSocket-Key has to be 16 bytes in base64 (RFC 6455, 4.1)."));
    }
    if (t->head->has_body) {
        return refuse(t, 400, ERROR_INVALID_MESSAGE, STR("A WebSocket handshake has no body."));
    }
    return find_world(t);
}

static bool check_request(struct trial *t, const struct reactor_settings *s)
{
    if (http_has(t->head, HTTP_EXPECT) &&
        !str_equal_nocase(http_value(t->head, t->text, HTTP_EXPECT), STR("100-continue"))) {
        return refuse(t, 417, ERROR_INVALID_MESSAGE,
                      STR("Of expectations only 100-continue can be met."));
    }
    if (t->head->content_length > s->max_body_bytes) {
        return refuse(t, 413, ERROR_MESSAGE_TOO_LARGE, STR("The body is too long."));
    }
    return true;
}

void trial_init(struct trial *t, const struct http_head *head, const char *text)
{
    *t = (struct trial){.head = head, .text = text};
    t->refusal.fields = t->fields;
    t->refusal.is_head = head->method == HTTP_HEAD;
}

bool trial_judge(struct trial *t, const struct reactor_settings *s, bool check_host)
{
    return check_site(t, s, check_host) && check_route(t, s) &&
           (t->route->is_websocket ? check_handshake(t) : check_request(t, s));
}
