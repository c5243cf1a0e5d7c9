#include "net/trial.h"

#include <inttypes.h>
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

/* Whether a Host is the address that was called, which no name can have been bound to. */
static bool is_local(struct str host, const uint8_t *local)
{
    uint8_t address[16];
    struct str name, port;

    if (local == NULL || !http_host_split(host, &name, &port)) {
        return false;
    }
    if (name.ptr[0] == '[') {
        name = str_slice(name, 1, name.len - 1);
    }
    return http_address_parse(name, address) && memcmp(address, local, sizeof(address)) == 0;
}

static bool is_own_host(const struct trial *t, const struct trial_rules *rules)
{
    const struct http_trust *trust = &rules->policy->trust;
    struct str host = http_value(t->head, t->text, HTTP_HOST);

    return !rules->foreign_host && (!http_has(t->head, HTTP_HOST) ||
                                    http_host_allowed(host, trust->hosts, trust->host_count) ||
                                    is_local(host, rules->local));
}

static bool check_site(struct trial *t, const struct trial_rules *rules)
{
    if (http_has(t->head, HTTP_ORIGIN) &&
        !http_origin_allowed(http_value(t->head, t->text, HTTP_ORIGIN), rules->policy->origins,
                             rules->policy->origin_count)) {
        return refuse_site(
            t, 403,
            STR("Pages of this origin may not connect: add the origin to the option origins of "
                "the gateway, as https://app.example.org, if they should."),
            STR("{\"rule\":\"origin\"}"));
    }
    if (rules->check_host && !is_own_host(t, rules)) {
        return refuse_site(
            t, 421,
            STR("The Host is not a name of this gateway: use localhost, 127.0.0.1 or [::1], or add "
                "the name to the option listen.hosts."),
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

static const struct route *find_route(const struct trial_rules *rules, struct str path)
{
    for (size_t i = 0; i < rules->route_count; i++) {
        const struct route *route = &rules->routes[i];
        if (route_matches(route, path)) {
            return route->is_status || !rules->status_only ? route : NULL;
        }
    }
    return NULL;
}

static bool check_route(struct trial *t, const struct trial_rules *rules)
{
    t->route = find_route(rules, http_path(t->head, t->text));
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

/* What a 426 has to say (RFC 9110 section 15.5.22), and `more`, a whole line or nothing. */
static void ask_for_upgrade(struct trial *t, const char *more)
{
    (void)snprintf(t->fields, TRIAL_FIELDS, "Upgrade: websocket\r\nConnection: upgrade\r\n%s",
                   more);
}

/* RFC 6455 section 4.2.1. */
static bool check_handshake(struct trial *t)
{
    if (!t->head->upgrade_websocket) {
        ask_for_upgrade(t, "");
        return refuse_and_stay(t, 426, ERROR_UPGRADE_REQUIRED,
                               STR("This path speaks WebSocket; connect with a WebSocket "
                                   "client."));
    }
    if (!str_equal(http_value(t->head, t->text, HTTP_WS_VERSION), STR("13"))) {
        ask_for_upgrade(t, "Sec-WebSocket-Version: 13\r\n");
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

/*
 * A form of another site can send a body, but not as JSON; so it is asked for even where there is
 * nothing to send. Parameters of the type say nothing that matters.
 */
static bool is_json(const struct trial *t)
{
    struct str type = http_value(t->head, t->text, HTTP_CONTENT_TYPE);

    return str_equal_nocase(str_trim(str_slice(type, 0, str_find(type, ';'))),
                            STR("application/json"));
}

static bool refuse_length(struct trial *t, uint32_t max)
{
    int len = snprintf(t->details, TRIAL_DETAILS, "{\"limit_bytes\":%" PRIu32 "}", max);

    t->refusal.details = str_make(t->details, (size_t)len);
    return refuse(t, 413, ERROR_MESSAGE_TOO_LARGE,
                  STR("The body is longer than `details.limit_bytes`, which this path takes."));
}

void trial_refuse_for_memory(struct refusal *refusal)
{
    refusal->status = 503;
    refusal->code = ERROR_LIMIT_REACHED;
    refusal->message = STR("The gateway is short of memory and takes no long messages; try again "
                           "later.");
    refusal->details = STR("{\"limit\":\"memory\"}");
}

/*
 * A body is kept until it is whole, and only then does the hub look at who sends it. So of a
 * stranger little is kept, and of anybody while memory is short: a credential may be wrong. Of how
 * long chunks become nothing is known at the head.
 */
static bool check_long_body(struct trial *t, const struct trial_rules *rules)
{
    if (t->head->content_length <= TRIAL_STRANGER_BODY &&
        !(t->head->chunked && trial_max_body(rules, t->route) > TRIAL_STRANGER_BODY)) {
        return true;
    }
    if (rules->policy->wants_credential && rules->shows_none) {
        (void)snprintf(t->fields, TRIAL_FIELDS, "WWW-Authenticate: Bearer\r\n");
        return refuse(t, 401, ERROR_AUTH_REQUIRED,
                      STR("A message is taken from who has a credential: send it as "
                          "Authorization: Bearer."));
    }
    if (rules->is_short) {
        trial_refuse_for_memory(&t->refusal);
        return false;
    }
    return true;
}

static bool check_request(struct trial *t, const struct trial_rules *rules)
{
    if (http_expects(t->head) &&
        !str_equal_nocase(http_value(t->head, t->text, HTTP_EXPECT), STR("100-continue"))) {
        return refuse(t, 417, ERROR_INVALID_MESSAGE,
                      STR("Of expectations only 100-continue can be met."));
    }
    if (t->head->method == HTTP_POST && !is_json(t)) {
        return refuse_and_stay(t, 415, ERROR_UNSUPPORTED_MEDIA_TYPE,
                               STR("A POST has to say what it brings: send JSON, with "
                                   "Content-Type: application/json."));
    }
    if (t->head->content_length > trial_max_body(rules, t->route)) {
        return refuse_length(t, trial_max_body(rules, t->route));
    }
    return check_long_body(t, rules);
}

void trial_init(struct trial *t, const struct http_head *head, const char *text)
{
    *t = (struct trial){.head = head, .text = text};
    t->refusal.fields = t->fields;
    t->refusal.is_head = head->method == HTTP_HEAD;
}

bool trial_judge(struct trial *t, const struct trial_rules *rules)
{
    return check_site(t, rules) && check_route(t, rules) &&
           (t->route->is_websocket ? check_handshake(t) : check_request(t, rules));
}

uint32_t trial_max_body(const struct trial_rules *rules, const struct route *route)
{
    return (route->max_body > 0 ? route->max_body : rules->max_body) +
           (route->takes_message ? rules->policy->max_message_bytes : 0);
}
