#include <stdarg.h>

#include "core/control.h"
#include "core/internal.h"

/* {"type":TYPE,"agent_id":ID,"agentId":ID — both spellings, as in every frame the gateway makes. */
void message_begin(struct hub *hub, struct json_writer *w, struct str type, struct str about)
{
    json_writer_init(w, hub_scratch(hub));
    json_begin_object(w);
    json_key_string(w, STR("type"), type);
    json_key_string(w, STR("agent_id"), about);
    json_key_string(w, STR("agentId"), about);
}

struct buf *message_end(struct hub *hub, struct json_writer *w)
{
    json_key(w, STR("ts"));
    json_seconds(w, hub->now.wall_ms);
    json_end_object(w);
    return w->out;
}

/* The agents of a world, at most ROSTER_MAX, as a JSON array; kept until one of them changes. */
static struct str roster_text(struct hub *hub, uint32_t session)
{
    struct session *s = session_at(hub, session);
    struct json_writer w;
    uint32_t listed = 0;

    if (s->roster_valid) {
        return buf_str(&s->roster);
    }
    buf_clear(&s->roster);
    json_writer_init(&w, &s->roster);
    json_begin_array(&w);
    uint32_t most = s->agent_count < ROSTER_MAX ? s->agent_count : ROSTER_MAX;
    /* Most members of a large world only look on; behind the last agent nobody is looked at. */
    for (uint32_t i = session_first(s, DIALECT_WORLD);
         i != SLAB_NONE && listed < most && s->roster.len < hub_list_bytes(hub);
         i = session_next(hub, i)) {
        uint32_t agent = client_at(hub, member_at(hub, i)->client)->agent;
        if (agent == SLAB_NONE) {
            continue;
        }
        const struct agent *a = agent_at(hub, agent);
        json_begin_object(&w);
        json_key_string(&w, STR("agent_id"), agent_id(a));
        json_key_string(&w, STR("agentId"), agent_id(a));
        json_key_string(&w, STR("role"), str_make(a->role, a->role_len));
        json_end_object(&w);
        listed++;
    }
    json_end_array(&w);
    s->roster_valid = !s->roster.failed;
    return s->roster_valid ? buf_str(&s->roster) : STR("[]");
}

void message_limits(const struct hub *hub, struct json_writer *w)
{
    const struct hub_settings *s = &hub->settings;

    json_key(w, STR("limits"));
    json_begin_object(w);
    json_key_uint(w, STR("message_bytes"), s->max_message_bytes);
    json_key_uint(w, STR("frame_bytes"), s->max_frame_bytes);
    json_key_uint(w, STR("send_queue_bytes"), s->max_send_queue_bytes);
    json_key_uint(w, STR("registration_bytes"), s->max_registration_bytes);
    json_key_uint(w, STR("filters"), s->max_filter_patterns);
    if (s->max_rate > 0) {
        json_key_uint(w, STR("rate"), s->max_rate);
    }
    json_end_object(w);
}

/* Who has yet to authenticate learns of nobody. */
static void write_stranger(struct json_writer *w)
{
    json_key_bool(w, STR("auth_required"), true);
    json_key_raw(w, STR("agents"), STR("[]"));
    json_key_uint(w, STR("total"), 0);
}

static void write_world(struct hub *hub, struct json_writer *w, uint32_t session, bool with_roster)
{
    const struct session *s = session_at(hub, session);

    json_key_string(w, STR("world"), str_make(s->name + 6, s->name_len - 6));
    if (with_roster) {
        json_key_raw(w, STR("agents"), roster_text(hub, session));
        json_key_uint(w, STR("total"), s->agent_count);
    }
}

struct buf *message_ack(struct hub *hub, uint32_t client, bool with_roster)
{
    const struct client *c = client_at(hub, client);
    uint32_t session = session_of(hub, client);
    char id[CLIENT_ID_SIZE];
    struct json_writer w;

    message_begin(hub, &w, STR("connection_ack"), STR("gateway"));
    json_key(&w, STR("data"));
    json_begin_object(&w);
    json_key_string(&w, STR("client_id"), client_id_str(c, id));
    if (c->agent != SLAB_NONE) {
        const struct agent *a = agent_at(hub, c->agent);
        json_key_string(&w, STR("agent_id"), agent_id(a));
        json_key_string(&w, STR("agentId"), agent_id(a));
        json_key_string(&w, STR("role"), str_make(a->role, a->role_len));
    }
    json_key_string(&w, STR("server"), buf_str(&hub->server));
    json_key_uint(&w, STR("protocol"), 1);
    if (session == SLAB_NONE) {
        write_stranger(&w);
    } else {
        write_world(hub, &w, session, with_roster);
    }
    message_limits(hub, &w);
    json_key(&w, STR("heartbeat_seconds"));
    if (hub->settings.heartbeat_interval_ms % 1000 == 0) {
        json_uint(&w, hub->settings.heartbeat_interval_ms / 1000);
    } else {
        json_seconds(&w, hub->settings.heartbeat_interval_ms);
    }
    json_end_object(&w);
    return message_end(hub, &w);
}

/* The members of a raw object, into the object that is being written. */
static void write_members(struct json_writer *w, struct str object)
{
    struct str inner = str_slice(object, 1, object.len - 1);

    if (inner.len > 0) {
        json_raw_members(w, inner);
    }
}

/* A frame about an agent, with the members of its registration or without. */
static struct buf *message_about(struct hub *hub, struct str type, const struct agent *a,
                                 bool with_registration)
{
    struct str role = str_make(a->role, a->role_len);
    struct json_writer w;

    message_begin(hub, &w, type, agent_id(a));
    json_key_string(&w, STR("role"), role);
    json_key(&w, STR("data"));
    json_begin_object(&w);
    json_key_string(&w, STR("agent_id"), agent_id(a));
    json_key_string(&w, STR("agentId"), agent_id(a));
    json_key_string(&w, STR("role"), role);
    if (with_registration) {
        write_members(&w, str_make(a->registration, a->registration_len));
    }
    json_end_object(&w);
    return message_end(hub, &w);
}

struct buf *message_joined(struct hub *hub, const struct agent *a)
{
    return message_about(hub, STR("agent_joined"), a, true);
}

struct buf *message_left(struct hub *hub, const struct agent *a)
{
    return message_about(hub, STR("agent_left"), a, false);
}

struct buf *message_error(struct hub *hub, enum error_code code, struct str message,
                          struct str details)
{
    struct json_writer w;

    message_begin(hub, &w, STR("error"), STR("gateway"));
    json_key(&w, STR("data"));
    json_begin_object(&w);
    json_key_string(&w, STR("code"), str_from_z(error_table[code].code));
    json_key_string(&w, STR("message"), message);
    json_key_raw(&w, STR("details"), details.len > 0 ? details : STR("{}"));
    json_end_object(&w);
    return message_end(hub, &w);
}

/* The members of SLOW_CLIENT's `data` or `payload`, with room for a count. */
static void write_slow(const struct hub *hub, struct json_writer *w, struct str message,
                       size_t *ret_mark)
{
    static const char spaces[COUNT_SLOT + 1] = "                    ";

    json_key_string(w, STR("code"), STR("SLOW_CLIENT"));
    json_key_string(w, STR("message"), message);
    json_key(w, STR("details"));
    json_begin_object(w);
    json_key(w, STR("dropped"));
    *ret_mark = w->out->len;
    json_raw(w, str_make(spaces, COUNT_SLOT));
    json_key_uint(w, STR("limit"), hub->settings.max_send_queue_bytes);
    json_end_object(w);
}

struct buf *message_slow(struct hub *hub, enum dialect dialect, size_t *ret_mark)
{
    struct json_writer w;

    hub->counts.errors_sent[ERROR_SLOW_CLIENT]++;
    if (dialect == DIALECT_GATEWAY) {
        control_open(hub, &w, "error", STR(""));
        write_slow(hub, &w,
                   STR("You read more slowly than messages came, so broadcasts were skipped; "
                       "details.dropped says how many. Read faster, or leave sessions. A list of "
                       "sessions follows."),
                   ret_mark);
        return control_close(hub, &w, false);
    }
    message_begin(hub, &w, STR("error"), STR("gateway"));
    json_key(&w, STR("data"));
    json_begin_object(&w);
    write_slow(hub, &w,
               STR("You read more slowly than messages came, so broadcasts were skipped; "
                   "details.dropped says how many. Read faster, or subscribe to fewer types. "
                   "A fresh connection_ack follows."),
               ret_mark);
    json_end_object(&w);
    return message_end(hub, &w);
}

struct buf *message_pong(struct hub *hub)
{
    struct buf *b = hub_scratch(hub);

    buf_append_str(b, STR("{\"type\":\"pong\"}"));
    return b;
}

void client_error(struct hub *hub, uint32_t client, enum error_code code, const char *message,
                  const char *details_format, ...)
{
    char details[DETAILS_MAX];
    va_list args;

    va_start(args, details_format);
    bool cut;
    struct str text = str_vformat(details, sizeof(details), &cut, details_format, args);
    va_end(args);
    /* Details that do not fit would be broken JSON; the error is clear without them. */
    text = cut ? STR("") : text;
    if (client_at(hub, client)->dialect == DIALECT_GATEWAY) {
        (void)control_error(hub, code, str_from_z(message), text);
    } else {
        (void)message_error(hub, code, str_from_z(message), text);
    }
    hub->counts.errors_sent[code]++;
    host_note_error(hub, client, code);
    hub_log(hub, LOG_DEBUG, "error_sent", client, "code=%s", error_table[code].code);
    client_send_scratch(hub, client);
}

void client_error_memory(struct hub *hub, uint32_t client)
{
    hub->counts.out_of_memory++;
    client_error(hub, client, ERROR_LIMIT_REACHED,
                 "The gateway has no memory for this; try again later.", "{\"limit\":\"memory\"}");
}
