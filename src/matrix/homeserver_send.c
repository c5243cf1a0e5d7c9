#include "matrix/homeserver_internal.h"

#include "json/reader.h"
#include "json/writer.h"

/* --- actions ------------------------------------------------------------------------------------
 */

static void append_room_path(struct home_call *c, struct str room)
{
    buf_append_str(&c->path, STR("/_matrix/client/v3/rooms/"));
    url_append_part(&c->path, room);
}

/* A room that our server is not in yet is joined by way of the server that its id names. */
static void make_join(struct home_call *c, const struct bridge_action *action)
{
    size_t colon = str_find(action->room, ':');

    buf_append_str(&c->path, STR("/_matrix/client/v3/join/"));
    url_append_part(&c->path, action->room);
    if (action->room.len > 0 && action->room.ptr[0] == '!' && colon < action->room.len) {
        struct str server = str_slice(action->room, colon + 1, action->room.len);
        url_append_query(&c->path, "server_name", server); /* up to v1.11 */
        url_append_query(&c->path, "via", server);
    }
    buf_append_str(&c->body, STR("{}"));
}

static void make_leave(struct home_call *c, const struct bridge_action *action)
{
    append_room_path(c, action->room);
    buf_append_str(&c->path, STR("/leave"));
    buf_append_str(&c->body, STR("{}"));
}

static void make_send(struct home_call *c, const struct bridge_action *action)
{
    append_room_path(c, action->room);
    buf_append_str(&c->path, STR("/send/"));
    url_append_part(&c->path, action->type);
    buf_append_char(&c->path, '/');
    url_append_part(&c->path, action->txn_id);
    buf_append_str(&c->body, action->content);
    c->send = action->send;
}

static void make_typing(struct home_call *c, const struct bridge_action *action)
{
    struct json_writer w;

    append_room_path(c, action->room);
    buf_append_str(&c->path, STR("/typing/"));
    url_append_part(&c->path, c->home->user_id);
    json_writer_init(&w, &c->body);
    json_begin_object(&w);
    json_key_bool(&w, STR("typing"), action->on);
    if (action->on) {
        json_key_uint(&w, STR("timeout"), TYPING_MS);
    }
    json_end_object(&w);
}

static void make_receipt(struct home_call *c, const struct bridge_action *action)
{
    struct json_writer w;

    append_room_path(c, action->room);
    buf_append_str(&c->path, STR("/receipt/m.read/"));
    url_append_part(&c->path, action->event_id);
    json_writer_init(&w, &c->body);
    json_begin_object(&w);
    if (action->thread.len > 0) {
        json_key_string(&w, STR("thread_id"), action->thread);
    }
    json_end_object(&w);
}

/* Typing and joins are of a room, receipts of a thread in it, which stands in the body. */
static bool is_overtaken(const struct home_call *c, const struct home_call *newer)
{
    return c != newer && c->kind == newer->kind && c->http == NULL &&
           str_equal(buf_str(&c->room), buf_str(&newer->room)) &&
           (c->kind != CALL_RECEIPT || str_equal(buf_str(&c->body), buf_str(&newer->body)));
}

/*
 * What has not been said yet is not worth saying any more; so they do not pile up in a room that
 * takes them slowly. The newer one keeps the longest wait: of several only the first waits for a
 * 429 to pass, the others wait for that one.
 */
static void drop_overtaken(struct homeserver *h, struct home_call *newer)
{
    list_each_safe(link, &h->calls) {
        struct home_call *c = list_entry(link, struct home_call, link);
        if (is_overtaken(c, newer)) {
            newer->due_ms = c->due_ms > newer->due_ms ? c->due_ms : newer->due_ms;
            newer->delay_ms = c->delay_ms > newer->delay_ms ? c->delay_ms : newer->delay_ms;
            newer->is_delayed = newer->is_delayed || c->is_delayed;
            newer->failures = c->failures > newer->failures ? c->failures : newer->failures;
            home_call_free(c);
        }
    }
}

static void unsend(struct homeserver *h, uint64_t send)
{
    list_each_safe(link, &h->calls) {
        struct home_call *c = list_entry(link, struct home_call, link);
        if (c->kind == CALL_SEND && c->send == send) {
            c->is_unwanted = true;
            if (c->http == NULL) {
                home_call_free(c);
            }
        }
    }
}

bool homeserver_act(struct homeserver *h, const struct bridge_action *action)
{
    static const struct {
        enum call_kind kind;
        void (*make)(struct home_call *c, const struct bridge_action *action);
    } makers[] = {
        [ACT_JOIN] = {CALL_JOIN, make_join},          [ACT_LEAVE] = {CALL_LEAVE, make_leave},
        [ACT_SEND] = {CALL_SEND, make_send},          [ACT_TYPING] = {CALL_TYPING, make_typing},
        [ACT_RECEIPT] = {CALL_RECEIPT, make_receipt},
    };

    if (action->kind == ACT_UNSEND) {
        unsend(h, action->send);
        return true;
    }
    if (action->kind > ACT_RECEIPT) {
        return true; /* the agent's */
    }
    struct home_call *c = home_call_new(h, makers[action->kind].kind, action->room);
    if (c == NULL) {
        return false;
    }
    makers[action->kind].make(c, action);
    if (!home_call_add(c)) {
        return false;
    }
    if (c->kind == CALL_TYPING || c->kind == CALL_JOIN || c->kind == CALL_RECEIPT) {
        drop_overtaken(h, c);
    }
    home_pump(h);
    return true;
}

/* --- answers ------------------------------------------------------------------------------------
 */

static void tell_sent(struct home_call *c, struct str event_id, struct str error)
{
    struct homeserver *h = c->home;
    struct bridge_sent sent = {
        .send = c->send, .event_id = event_id, .error = error, .slowed_ms = c->slowed_ms};

    if (!c->is_unwanted) {
        h->ports.sent(h->ports.owner, &sent);
    }
}

bool home_answer_send(struct home_call *c, struct str body)
{
    enum { MAX_ID = 255 };
    char id[MAX_ID];

    if (!json_valid(body)) {
        return false;
    }
    size_t len = json_unescape_to(json_get(body, STR("event_id")), id, sizeof(id));
    if (len == 0 || len > sizeof(id)) {
        return false;
    }
    tell_sent(c, str_make(id, len), STR(""));
    return true;
}

/*
 * A proxy that is set up wrongly is so for minutes, and its answer passes; one that filters
 * contents refuses this message for ever, and all that its room has to say waits behind it. So it
 * is tried for a while, that counts as long as the homeserver is well otherwise: while it is not,
 * nothing is to be lost.
 */
bool home_send_lost(struct home_call *c, unsigned status)
{
    enum { TRIES_TO_LOG = 5, TRIES_TO_LOSE = 10, PATIENCE_MS = 600000 };
    static const char look[] = "at what stands before the homeserver: it answers in its place";
    struct homeserver *h = c->home;

    if (h->fault != HOMESERVER_FINE) {
        c->puzzles = 0;
    }
    if (c->puzzles++ == 0) {
        c->puzzled_ms = h->now.mono_ms;
    }
    bool is_lost = c->puzzles >= TRIES_TO_LOSE && h->now.mono_ms - c->puzzled_ms >= PATIENCE_MS;
    if (!c->is_unwanted && (is_lost || (c->puzzles >= TRIES_TO_LOG && !c->is_logged))) {
        c->is_logged = true;
        home_log(h, LEVEL_WARNING, is_lost ? "send_lost" : "send_stuck", buf_str(&c->room),
                 "tries=%u status=%u look=\"%s\"", c->puzzles, status, look);
    }
    return is_lost;
}

/* Without a code, which has been logged, the status stands for one: "HTTP_403". */
bool home_refuse_send(struct home_call *c, unsigned status, struct str code)
{
    char stand_in[16];

    if (code.len == 0) {
        code = str_format(stand_in, sizeof(stand_in), "HTTP_%u", status);
    } else {
        home_log(c->home, LEVEL_WARNING, "send_refused", buf_str(&c->room), "status=%u code=%.*s",
                 status, STR_ARG(code));
    }
    tell_sent(c, STR(""), code);
    return true;
}

bool home_answer_join(struct home_call *c, struct str body)
{
    if (!json_valid(body) || json_kind_of(json_get(body, STR("room_id"))) != JSON_STRING) {
        return false;
    }
    c->home->ports.joined(c->home->ports.owner, buf_str(&c->room), STR(""));
    return true;
}

bool home_refuse_join(struct home_call *c, unsigned status, struct str code)
{
    home_log(c->home, LEVEL_WARNING, "join_refused", buf_str(&c->room), "status=%u code=%.*s",
             status, STR_ARG(code));
    c->home->ports.joined(c->home->ports.owner, buf_str(&c->room), code);
    return true;
}

/* Of a request whose answer says nothing. */
bool home_answer_any(struct home_call *c, struct str body)
{
    (void)c;
    return json_valid(body) && json_kind_of(body) == JSON_OBJECT;
}

/* A sync that is refused is asked for again: no answer of the server can make it less needed. */
bool home_refuse_any(struct home_call *c, unsigned status, struct str code)
{
    struct homeserver *h = c->home;

    if (c->kind <= CALL_SYNC || h->is_checking) {
        return false;
    }
    home_log(h, LEVEL_DEBUG, "homeserver_skipped", buf_str(&c->room),
             "request=%s status=%u code=%.*s", call_rules[c->kind].name, status, STR_ARG(code));
    return true;
}
