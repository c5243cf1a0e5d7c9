#include "core/control.h"
#include "core/watch.h"

/*
 * The state of the hub as an administrator can follow it: its clients, sessions and agents.
 *
 * A snapshot is answered in pages, since there may be a million clients: each has up to PAGE_MAX of
 * a kind, or hub_list_bytes of them, and `next` says where another one goes on. A subscriber of
 * many asks for the next page until there is none. It follows without a gap all the same: it
 * subscribes with the first page, so what changes in between is told in the order in which it
 * happens, before or behind the page that has it; what is added has a change of its own, wherever
 * it finds its place; what comes twice says the same.
 */

enum {
    PAGE_MAX = 1000,        /* of one kind */
    PAGE_SLOTS = 16 * 1024, /* that are looked at for them: most may be free */
};

static const char *const kind_names[] = {"client", "session", "agent"};
static const char *const op_names[] = {"added", "changed", "removed"};

/* --- what is there ---------------------------------------------------------------------------- */

static const struct slab *slab_of(const struct hub *hub, enum state_kind kind)
{
    return kind == STATE_CLIENT    ? &hub->clients
           : kind == STATE_SESSION ? &hub->sessions
                                   : &hub->agents;
}

static bool is_there(const struct hub *hub, enum state_kind kind, uint32_t index)
{
    const struct session *s;

    switch (kind) {
    case STATE_CLIENT:
        return client_at(hub, index)->state == CLIENT_OPEN && client_at(hub, index)->noted;
    case STATE_AGENT:
        return agent_at(hub, index)->noted;
    default:
        s = session_at(hub, index);
        return session_is_shown(s) && (s->permanent || s->member_count > 0);
    }
}

static struct str id_of(const struct hub *hub, enum state_kind kind, uint32_t index,
                        char buffer[CLIENT_ID_SIZE])
{
    switch (kind) {
    case STATE_CLIENT:
        return client_id_str(client_at(hub, index), buffer);
    case STATE_AGENT:
        return agent_id(agent_at(hub, index));
    default:
        return session_name(session_at(hub, index));
    }
}

static void write_client(const struct hub *hub, struct json_writer *w, uint32_t client)
{
    const struct client *c = client_at(hub, client);

    json_key_string(w, STR("dialect"), str_from_z(dialect_name(c->dialect)));
    if (c->principal != HUB_NOBODY) {
        json_key_string(w, STR("userId"), control_user_id(hub, client));
    }
    if (c->agent != SLAB_NONE) {
        json_key_string(w, STR("agentId"), agent_id(agent_at(hub, c->agent)));
    }
    control_write_device(hub, w, client);
    json_key_uint(w, STR("connectedAt"), client_connected_ms(hub, c));
}

static void write_value(const struct hub *hub, struct json_writer *w, enum state_kind kind,
                        uint32_t index)
{
    char id[CLIENT_ID_SIZE];
    const struct agent *a;
    const struct session *s;

    json_begin_object(w);
    json_key_string(w, kind == STATE_AGENT ? STR("agentId") : STR("id"),
                    id_of(hub, kind, index, id));
    switch (kind) {
    case STATE_CLIENT:
        write_client(hub, w, index);
        break;
    case STATE_SESSION:
        s = session_at(hub, index);
        if (s->title != NULL) {
            json_key_string(w, STR("name"), str_from_z(s->title));
        }
        json_key_uint(w, STR("members"), s->member_count);
        break;
    case STATE_AGENT:
        a = agent_at(hub, index);
        json_key_string(w, STR("name"), a->name);
        json_key_string(w, STR("role"), str_make(a->role, a->role_len));
        json_key_string(w, STR("type"), str_from_z(agent_types[a->type]));
        json_key_string(w, STR("status"), str_from_z(hub_agent_status_name(agent_status(a))));
        json_key_string(w, STR("dialect"), str_from_z(dialect_name(a->dialect)));
        break;
    }
    json_end_object(w);
}

/* --- changes ---------------------------------------------------------------------------------- */

static void tell_subscribers(struct hub *hub, enum state_kind kind, enum state_op op,
                             uint32_t index)
{
    struct watch *watch = &hub->watch;
    char id[CLIENT_ID_SIZE];
    struct json_writer w;

    control_begin(hub, &w, hub_emptied(&watch->frame), STR("\"sync_state\""));
    json_key(&w, STR("payload"));
    json_begin_object(&w);
    json_key_uint(&w, STR("stateVersion"), watch->version);
    json_key(&w, STR("change"));
    json_begin_object(&w);
    json_key_string(&w, STR("kind"), str_from_z(kind_names[kind]));
    json_key_string(&w, STR("op"), str_from_z(op_names[op]));
    json_key_string(&w, STR("id"), id_of(hub, kind, index, id));
    if (op != STATE_REMOVED) {
        json_key(&w, STR("value"));
        write_value(hub, &w, kind, index);
    }
    json_end_object(&w);
    (void)control_close(hub, &w, false);
    if (!client_send_each(hub, watch->subscribers, watch->subscriber_count, &watch->frame)) {
        watch->subscriber_count =
            0; /* they are lost, and must not see a gap until they are closed */
    }
}

/* Whether it is a change; keeps what is there. */
static bool note(struct hub *hub, enum state_kind kind, enum state_op op, uint32_t index)
{
    bool was_there;

    switch (kind) {
    case STATE_CLIENT:
        was_there = client_at(hub, index)->noted;
        client_at(hub, index)->noted = op != STATE_REMOVED && (was_there || op == STATE_ADDED);
        break;
    case STATE_AGENT:
        was_there = agent_at(hub, index)->noted;
        agent_at(hub, index)->noted = op != STATE_REMOVED && (was_there || op == STATE_ADDED);
        break;
    default:
        return !session_at(hub, index)->hidden;
    }
    return was_there || op == STATE_ADDED;
}

void state_changed(struct hub *hub, enum state_kind kind, enum state_op op, uint32_t index)
{
    if (!note(hub, kind, op, index)) {
        return;
    }
    hub->watch.version++;
    if (hub->ports.event != NULL) {
        host_note_state(hub, kind, op, index);
    }
    if (kind == STATE_CLIENT && op == STATE_REMOVED) {
        watch_forget(hub, index);
    }
    if (hub->watch.subscriber_count > 0) {
        tell_subscribers(hub, kind, op, index);
    }
}

/* --- the snapshot ----------------------------------------------------------------------------- */

/* Where each kind goes on, "CLIENTS.SESSIONS.AGENTS": slots. */
enum { KINDS = 3, CURSOR_SIZE = 40 };

static bool read_cursor(struct str text, uint32_t ret_from[KINDS])
{
    for (int k = 0; k < KINDS; k++) {
        bool is_last = k == KINDS - 1;
        size_t end = is_last ? text.len : str_find(text, '.');
        uint64_t slot;
        if ((!is_last && end == text.len) ||
            !str_to_uint(str_make(text.ptr, end), UINT32_MAX, &slot)) {
            return false;
        }
        ret_from[k] = (uint32_t)slot;
        text = is_last ? text : str_make(text.ptr + end + 1, text.len - end - 1);
    }
    return true;
}

/* One kind from a slot on; returns where it goes on. */
static uint32_t write_kind(const struct hub *hub, struct json_writer *w, enum state_kind kind,
                           uint32_t from)
{
    uint32_t limit = slab_limit(slab_of(hub, kind)), listed = 0, i = from;
    size_t end = w->out->len + hub_list_bytes(hub);

    json_begin_array(w);
    while (i < limit && i - from < PAGE_SLOTS && listed < PAGE_MAX && w->out->len < end) {
        if (is_there(hub, kind, i)) {
            write_value(hub, w, kind, i);
            listed++;
        }
        i++;
    }
    json_end_array(w);
    return i;
}

static void send_snapshot(struct hub *hub, uint32_t client, const uint32_t from[KINDS])
{
    static const char *const names[KINDS] = {"clients", "sessions", "agents"};
    uint32_t at[KINDS];
    char cursor[CURSOR_SIZE];
    bool complete = true;
    struct json_writer w;

    control_open(hub, &w, "sync_state", STR(""));
    json_key_uint(&w, STR("stateVersion"), hub->watch.version);
    for (int k = 0; k < KINDS; k++) {
        json_key(&w, str_from_z(names[k]));
        at[k] = write_kind(hub, &w, (enum state_kind)k, from[k]);
        complete = complete && at[k] >= slab_limit(slab_of(hub, (enum state_kind)k));
    }
    if (!complete) {
        json_key_string(&w, STR("next"),
                        str_format(cursor, sizeof(cursor), "%u.%u.%u", at[0], at[1], at[2]));
    }
    control_answer(hub, client, &w);
}

/* --- sync_state ------------------------------------------------------------------------------- */

bool state_is_watched_by(const struct hub *hub, uint32_t client)
{
    for (uint32_t i = 0; i < hub->watch.subscriber_count; i++) {
        if (hub->watch.subscribers[i] == client) {
            return true;
        }
    }
    return false;
}

void state_unsubscribe(struct hub *hub, uint32_t client)
{
    struct watch *watch = &hub->watch;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < watch->subscriber_count; i++) {
        if (watch->subscribers[i] != client) {
            watch->subscribers[kept++] = watch->subscribers[i];
        }
    }
    watch->subscriber_count = kept;
}

/* Whether a client that asks for changes can have them; if not, it is told. */
static bool has_place(struct hub *hub, struct sender *sender)
{
    if (state_is_watched_by(hub, sender->client) || hub->watch.subscriber_count < SUBSCRIBERS_MAX) {
        return true;
    }
    sender_refuse(hub, sender, ERROR_LIMIT_REACHED,
                  "As many clients as may subscribe to the state do so already; ask for it without "
                  "`subscribe`, or close one of them.",
                  "{\"limit\":\"subscribers\",\"max\":%u}", SUBSCRIBERS_MAX);
    return false;
}

static void sync(struct hub *hub, struct sender *sender, const struct parley_sync_state_payload *p)
{
    uint32_t from[KINDS] = {0};
    uint32_t client = sender->client;
    bool wants = p->subscribe.is == PARLEY_SET && p->subscribe.value;

    if (p->next.is == PARLEY_SET && !read_cursor(str_make(p->next.ptr, p->next.len), from)) {
        sender_refuse(hub, sender, ERROR_INVALID_MESSAGE,
                      "`next` is what an answer to sync_state said; ask without it to begin anew.",
                      "{\"path\":\"payload.next\"}");
        return;
    }
    if ((wants && !has_place(hub, sender)) || sender_only_asks(sender)) {
        return;
    }
    send_snapshot(hub, client, from);
    if (p->subscribe.is == PARLEY_SET) {
        state_unsubscribe(hub, client);
    }
    if (wants && !client_at(hub, client)->lost) { /* without the snapshot, changes say nothing */
        hub->watch.subscribers[hub->watch.subscriber_count++] = client;
    }
}

void state_sync(struct hub *hub, struct sender *sender, struct str text)
{
    struct parley_sync_state message;

    if (!watch_may(hub, sender)) {
        return;
    }
    parley_sync_state_init(&message);
    if (relay_parse(hub, sender, text, &parley_sync_state_info, &message)) {
        sync(hub, sender, &message.payload);
    }
    parley_sync_state_fini(&message);
}
