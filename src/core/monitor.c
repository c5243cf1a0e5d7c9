#include <stdlib.h>

#include "core/control.h"
#include "json/reader.h"

/*
 * monitor: an administrator sees what is passed on, requests to agents and what comes of them
 * included. A copy is made once, for all who want it, when the message has been found good, in the
 * turn in which it is sent. What else the gateway itself answers is not passed on: so no credential
 * is ever in a copy, and no copy of a copy is made.
 */

struct monitor {
    uint32_t client;
    struct filter *types;    /* owned; NULL: any */
    struct filter *sessions; /* owned; NULL: any, and none */
    uint32_t from_len;       /* 0: anybody */
    char from[ID_MAX];
};

static void monitor_free(struct monitor *m)
{
    if (m != NULL) {
        filter_free(m->types);
        filter_free(m->sessions);
        free(m);
    }
}

/* --- copies ----------------------------------------------------------------------------------- */

struct copied {
    const struct speech *speech;
    struct str type;
    struct str sender; /* the id of the client that it came from, whatever else it is called */
};

static bool wants(const struct monitor *m, const struct copied *copied)
{
    struct str from = str_make(m->from, m->from_len);

    return (m->types == NULL || filter_matches(m->types, copied->type)) &&
           (m->sessions == NULL || filter_matches(m->sessions, copied->speech->session)) &&
           (from.len == 0 || str_equal(from, copied->speech->source) ||
            str_equal(from, copied->sender));
}

static void write_copy(struct hub *hub, const struct speech *speech, struct str target)
{
    struct json_writer w;

    control_begin(hub, &w, hub_emptied(&hub->watch.frame), STR("\"monitor\""));
    json_key(&w, STR("payload"));
    json_begin_object(&w);
    json_key_raw(&w, STR("message"), speech->text);
    json_key_string(&w, STR("dialect"), str_from_z(dialect_name(speech->dialect)));
    json_key_string(&w, STR("source"), speech->source);
    if (speech->session.len > 0) {
        json_key_string(&w, STR("session"), speech->session);
    }
    if (target.len > 0) {
        json_key_string(&w, STR("target"), target);
    }
    json_key_uint(&w, STR("at"), hub->now.wall_ms);
    (void)control_close(hub, &w, false);
}

void monitor_copy(struct hub *hub, uint32_t sender, const struct speech *speech, struct str target,
                  uint32_t except)
{
    char type[TYPE_TEXT_MAX + 1], id[CLIENT_ID_SIZE]; /* one more: no pattern equals a longer one */
    size_t type_len = json_unescape_to(speech->type, type, sizeof(type));
    struct copied copied = {
        .speech = speech,
        .type = str_make(type, type_len < sizeof(type) ? type_len : sizeof(type)),
        .sender = sender != SLAB_NONE ? client_id_str(client_at(hub, sender), id) : STR(""),
    };
    uint32_t clients[MONITORS_MAX], count = 0;

    for (uint32_t i = 0; i < hub->watch.monitor_count; i++) {
        if (hub->watch.monitors[i]->client != except && wants(hub->watch.monitors[i], &copied)) {
            clients[count++] = hub->watch.monitors[i]->client;
        }
    }
    if (count > 0) {
        write_copy(hub, speech, target);
        (void)client_send_each(hub, clients, count, &hub->watch.frame);
    }
}

/* --- who watches ------------------------------------------------------------------------------ */

/* Where a client's monitor stands; monitor_count: it has none. */
static uint32_t find(const struct hub *hub, uint32_t client)
{
    uint32_t i = 0;

    while (i < hub->watch.monitor_count && hub->watch.monitors[i]->client != client) {
        i++;
    }
    return i;
}

bool monitor_is(const struct hub *hub, uint32_t client)
{
    return find(hub, client) < hub->watch.monitor_count;
}

void monitor_stop(struct hub *hub, uint32_t client)
{
    struct watch *watch = &hub->watch;
    uint32_t at = find(hub, client);

    if (at < watch->monitor_count) {
        monitor_free(watch->monitors[at]);
        watch->monitors[at] = watch->monitors[--watch->monitor_count];
    }
}

void monitors_fini(struct hub *hub)
{
    while (hub->watch.monitor_count > 0) {
        monitor_free(hub->watch.monitors[--hub->watch.monitor_count]);
    }
}

/* --- monitor ---------------------------------------------------------------------------------- */

/* A filter of what was given, or NULL for what was not; false: no memory. */
static bool make_filter(const struct parley_strings *given, struct filter **ret_filter)
{
    struct str patterns[FILTER_MAX_PATTERNS];

    *ret_filter = NULL;
    if (given->is != PARLEY_SET) {
        return true;
    }
    for (size_t i = 0; i < given->count; i++) {
        patterns[i] = str_make(given->items[i].ptr, given->items[i].len);
    }
    *ret_filter = filter_new(patterns, (uint32_t)given->count);
    return *ret_filter != NULL;
}

/* NULL: no memory. The ids and patterns have been found good. */
static struct monitor *monitor_new(uint32_t client, const struct parley_monitor_payload *p)
{
    struct monitor *m = calloc(1, sizeof(*m));

    if (m == NULL || !make_filter(&p->types, &m->types) ||
        !make_filter(&p->sessions, &m->sessions)) {
        monitor_free(m);
        return NULL;
    }
    m->client = client;
    if (p->from.is == PARLEY_SET) {
        memcpy(m->from, p->from.ptr, p->from.len);
        m->from_len = (uint32_t)p->from.len;
    }
    return m;
}

static bool check(struct hub *hub, struct sender *sender, const struct parley_monitor_payload *p)
{
    if ((p->types.is == PARLEY_SET &&
         !world_check_patterns(hub, sender, &p->types, "payload.types")) ||
        (p->sessions.is == PARLEY_SET &&
         !world_check_patterns(hub, sender, &p->sessions, "payload.sessions"))) {
        return false;
    }
    if (p->from.is == PARLEY_SET && !id_valid(str_make(p->from.ptr, p->from.len))) {
        sender_refuse(hub, sender, ERROR_INVALID_MESSAGE,
                      "`from` is the id of an agent or a client, 1 to 128 characters out of "
                      "A-Z a-z 0-9 . _ : @ -",
                      "{\"path\":\"payload.from\"}");
        return false;
    }
    return true;
}

static void start(struct hub *hub, struct sender *sender, const struct parley_monitor_payload *p)
{
    struct watch *watch = &hub->watch;
    uint32_t client = sender->client;
    struct json_writer w;

    if (!monitor_is(hub, client) && watch->monitor_count == MONITORS_MAX) {
        sender_refuse(hub, sender, ERROR_LIMIT_REACHED,
                      "As many clients as may watch the traffic do so already; close one of them.",
                      "{\"limit\":\"monitors\",\"max\":%u}", MONITORS_MAX);
        return;
    }
    if (sender_only_asks(sender)) {
        return;
    }
    struct monitor *m = monitor_new(client, p);
    if (m == NULL) {
        client_error_memory(hub, client);
        return;
    }
    monitor_stop(hub, client);
    watch->monitors[watch->monitor_count++] = m;
    control_open(hub, &w, "monitor", STR(""));
    json_key_bool(&w, STR("watching"), true);
    control_answer(hub, client, &w);
}

void monitor_start(struct hub *hub, struct sender *sender, struct str text)
{
    struct parley_monitor message;

    if (!watch_may(hub, sender)) {
        return;
    }
    parley_monitor_init(&message);
    if (relay_parse(hub, sender, text, &parley_monitor_info, &message) &&
        check(hub, sender, &message.payload)) {
        start(hub, sender, &message.payload);
    }
    parley_monitor_fini(&message);
}
