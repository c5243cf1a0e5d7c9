/*
 * A request to a capability, over a WebSocket in Parley's gateway dialect. The request is
 * {message, sender, session, conversation, history}. A result that is a text is a line of the
 * answer, as `parley agent run --stream` sends them; one that is {delta: TEXT} is put behind what
 * there is; of another object its `content`, `text` or `message` is taken; anything else is shown
 * as JSON.
 *
 * A turn whose connection is lost before its first text is asked again when there is another one,
 * with the same key; so is one that begins while there is none. What the gateway refuses for a
 * cause that can pass is asked again later, under the same id: an error ends a request there, so
 * nothing else comes of the one before.
 */
#include "matrix/agent_gateway.h"

#include <stdlib.h>

#include "json/reader.h"
#include "json/wire.h"

enum {
    MAX_MESSAGE = 8 * 1024 * 1024, /* of the gateway */
    LIMITED_SHARE_MS = 1500, /* for what limits.rate lets through in 1 s: there are other frames */
    LIMITED_APART_MS = 50    /* when it does not say what that is */
};

struct turn {
    struct list link;
    uint64_t turn;
    uint64_t deadline_ms;
    uint64_t since_ms;   /* it waits for a connection, or to be taken, since then */
    uint64_t due_ms;     /* when it is asked again; UINT64_MAX: when there is a connection */
    unsigned failures;   /* since then */
    const char *trouble; /* why it was not taken, the last time */
    bool sent;
    uint64_t sent_ms;
    bool spoken;        /* a part has come */
    size_t bytes;       /* of the frame that it was sent in */
    struct buf request; /* raw JSON */
    struct buf text;
};

/* --- frames ----------------------------------------------------------------------------------- */

void gateway_open(struct json_writer *w, struct buf *out, const char *type, struct str id)
{
    buf_init(out, GATEWAY_MAX_FRAME);
    json_writer_init(w, out);
    json_begin_object(w);
    json_key_string(w, STR("type"), str_from_z(type));
    json_key_string(w, STR("id"), id);
    json_key(w, STR("payload"));
    json_begin_object(w);
}

void gateway_send(struct agent *a, struct json_writer *w, struct buf *frame)
{
    json_end_object(w);
    json_key_uint(w, STR("timestamp"), a->now.wall_ms);
    json_end_object(w);
    if (frame->failed) {
        a->uplink.out.failed = true; /* as if there was no room to send it */
    } else {
        uplink_send(&a->uplink, buf_str(frame));
    }
    a->sent_bytes = frame->len;
    buf_fini(frame);
}

struct str gateway_next_id(struct agent *a, char out[GATEWAY_MAX_ID])
{
    return str_format(out, GATEWAY_MAX_ID, "b-%llu", (unsigned long long)++a->frames);
}

static struct str turn_id(const struct turn *t, char out[GATEWAY_MAX_ID])
{
    return str_format(out, GATEWAY_MAX_ID, "t-%llu", (unsigned long long)t->turn);
}

/* --- turns ------------------------------------------------------------------------------------ */

static void free_turn(struct turn *t)
{
    list_remove(&t->link);
    buf_fini(&t->request);
    buf_fini(&t->text);
    free(t);
}

static void end_turn(struct agent *a, struct turn *t, enum bridge_failure failure,
                     const char *sentence)
{
    a->ports.answered(a->ports.owner, t->turn, buf_str(&t->text), failure, str_from_z(sentence));
    free_turn(t);
}

static void send_turn(struct agent *a, struct turn *t)
{
    struct json_writer w;
    struct buf frame;
    char id[GATEWAY_MAX_ID];
    uint64_t left = t->deadline_ms > a->now.mono_ms ? t->deadline_ms - a->now.mono_ms : 1;

    t->sent = true;
    t->sent_ms = a->now.mono_ms;
    t->due_ms = UINT64_MAX;
    gateway_open(&w, &frame, "route_request", turn_id(t, id));
    json_key_string(&w, STR("capability"), a->settings.capability);
    json_key_raw(&w, STR("request"), buf_str(&t->request));
    json_key_uint(&w, STR("timeoutMs"), left);
    json_key_bool(&w, STR("stream"), true);
    gateway_send(a, &w, &frame);
    t->bytes = a->sent_bytes;
}

static void send_cancel(struct agent *a, const struct turn *t)
{
    struct json_writer w;
    struct buf frame;
    char id[GATEWAY_MAX_ID], frame_id[GATEWAY_MAX_ID];

    gateway_open(&w, &frame, "route_cancel", gateway_next_id(a, frame_id));
    json_key_string(&w, STR("requestId"), turn_id(t, id));
    gateway_send(a, &w, &frame);
}

static void write_request(const struct agent *a, const struct bridge_action *action,
                          struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key_string(&w, STR("message"), action->question);
    json_key_string(&w, STR("sender"), action->sender);
    json_key_string(&w, STR("session"), action->session_name);
    json_key_string(&w, STR("conversation"), action->conversation);
    json_key_string(&w, STR("idempotencyKey"), action->idempotency_key);
    struct str model = action->model.len > 0 ? action->model : a->settings.model;
    if (model.len > 0) {
        json_key_string(&w, STR("model"), model);
    }
    json_key_raw(&w, STR("history"), action->history.len > 0 ? action->history : STR("[]"));
    json_end_object(&w);
}

static bool gateway_ask(struct agent *a, const struct bridge_action *action)
{
    struct turn *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        return false;
    }
    list_append(&a->turns, &t->link);
    t->turn = action->turn;
    t->since_ms = a->now.mono_ms;
    t->due_ms = UINT64_MAX;
    t->deadline_ms = a->now.mono_ms + a->settings.timeout_ms;
    buf_init(&t->text, a->settings.max_answer_bytes);
    buf_init(&t->request, GATEWAY_MAX_FRAME);
    write_request(a, action, &t->request);
    if (t->request.failed) {
        free_turn(t);
        return false;
    }
    if (a->uplink.state == UPLINK_OPEN) {
        send_turn(a, t);
    }
    return true;
}

static struct turn *find_turn(struct agent *a, struct str id)
{
    char name[GATEWAY_MAX_ID];

    list_each(link, &a->turns) {
        struct turn *t = list_entry(link, struct turn, link);
        if (t->sent && json_string_is(id, turn_id(t, name))) {
            return t;
        }
    }
    return NULL;
}

static void gateway_stop(struct agent *a, uint64_t turn)
{
    list_each_safe(link, &a->turns) {
        struct turn *t = list_entry(link, struct turn, link);
        if (t->turn == turn) {
            if (t->sent) {
                send_cancel(a, t);
            }
            free_turn(t);
        }
    }
}

/* --- what the gateway says -------------------------------------------------------------------- */

/* See the head of this file. */
static void take_result(struct turn *t, struct str result)
{
    static const struct str names[] = {{"content", 7}, {"text", 4}, {"message", 7}};
    struct str delta = json_get(result, STR("delta")), text = result;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct str member = json_get(result, names[i]);
        if (json_kind_of(result) == JSON_OBJECT && json_kind_of(member) == JSON_STRING) {
            text = member;
            break;
        }
    }
    if (json_kind_of(delta) == JSON_STRING) {
        json_unescape(delta, &t->text);
        return;
    }
    if (result.len == 0 || json_kind_of(result) == JSON_NULL) {
        return;
    }
    if (t->text.len > 0) {
        buf_append_char(&t->text, '\n');
    }
    if (json_kind_of(text) == JSON_STRING) {
        json_unescape(text, &t->text);
    } else {
        buf_append_str(&t->text, text);
    }
}

static void hear_response(struct agent *a, struct turn *t, struct str payload)
{
    size_t before = t->text.len;

    if (!str_equal(json_get(payload, STR("ok")), STR("true"))) {
        end_turn(a, t, FAILURE_BROKEN, "it says that it has failed");
        return;
    }
    take_result(t, json_get(payload, STR("result")));
    if (t->text.failed) {
        send_cancel(a, t);
        end_turn(a, t, FAILURE_BROKEN, "its answer is too long");
    } else if (str_equal(json_get(payload, STR("done")), STR("true"))) {
        end_turn(a, t, t->text.len > 0 ? FAILURE_NONE : FAILURE_BROKEN,
                 t->text.len > 0 ? "" : "it said nothing");
    } else if (t->text.len > before) {
        t->spoken = true;
        a->ports.answering(a->ports.owner, t->turn, buf_str(&t->text));
    }
}

/*
 * Of many that are above limits.rate each is told the same time, and would be above it again with
 * the others: so they go one after the other, at less than that rate.
 */
static uint64_t limited_due(const struct agent *a, uint64_t due_ms, struct str details)
{
    uint64_t most = 0;

    (void)str_to_uint(json_get(details, STR("max")), UINT32_MAX, &most);
    uint64_t next_ms = a->limited_ms + (most > 0 ? LIMITED_SHARE_MS / most + 1 : LIMITED_APART_MS);
    return due_ms > next_ms ? due_ms : next_ms;
}

/* It is to be asked again. When it had been under way for long, this is another trouble than the
 * last one. */
static void fail_turn(const struct agent *a, struct turn *t)
{
    uint64_t now_ms = a->now.mono_ms;

    if (t->failures == 0 || now_ms - t->sent_ms >= AGENT_AWAY_MS) {
        t->since_ms = now_ms;
        t->failures = 0;
    }
    t->failures++;
    t->sent = false;
}

/* Many are refused together, and would find the same queue full together again: so each waits
 * between the half and the whole. */
static uint64_t backoff_of(const struct turn *t)
{
    enum { SHARES = 16 };
    uint64_t wait_ms = agent_backoff(t->failures - 1);

    return wait_ms - wait_ms * (t->turn % SHARES) / (2 * SHARES);
}

/* It was not taken, and that can pass. */
static void ask_again(struct agent *a, struct turn *t, const char *sentence, struct str details,
                      bool is_limited)
{
    uint64_t wait_ms = 0;

    fail_turn(a, t);
    (void)str_to_uint(json_get(details, STR("retry_after_ms")), INT32_MAX, &wait_ms);
    wait_ms = wait_ms > 0 ? wait_ms : backoff_of(t);
    uint64_t due_ms = a->now.mono_ms + wait_ms;
    due_ms = is_limited ? limited_due(a, due_ms, details) : due_ms;
    if (due_ms >= t->since_ms + AGENT_AWAY_MS || due_ms >= t->deadline_ms) {
        end_turn(a, t, FAILURE_AWAY, sentence);
        return;
    }
    a->limited_ms = is_limited ? due_ms : a->limited_ms;
    t->due_ms = due_ms;
    t->trouble = sentence;
}

/* How a request failed, by the gateway's codes. FAILURE_AWAY can pass. */
static void hear_error(struct agent *a, struct turn *t, struct str payload)
{
    static const struct str limited = {"RATE_LIMITED", 12};
    static const struct {
        struct str code;
        enum bridge_failure failure;
        const char *sentence;
    } codes[] = {
        {{"NO_AGENT", 8}, FAILURE_AWAY, "nobody who can do it is there"},
        {{"AGENT_GONE", 10}, FAILURE_AWAY, "it has gone away"},
        {{"QUEUE_FULL", 10}, FAILURE_AWAY, "it has too much to do"},
        {{"LIMIT_REACHED", 13}, FAILURE_AWAY, "it has too much to do"},
        {{"RATE_LIMITED", 12}, FAILURE_AWAY, "it has too much to do"},
        {{"SHUTTING_DOWN", 13}, FAILURE_AWAY, "the gateway stops"},
        {{"ROUTE_TIMEOUT", 13}, FAILURE_TIMEOUT, ""},
        {{"FORBIDDEN", 9}, FAILURE_REFUSED, "this bridge may not ask it"},
        {{"AUTH_REQUIRED", 13}, FAILURE_REFUSED, "it does not accept the key of this bridge"},
    };
    struct str code = json_get(payload, STR("code"));
    enum bridge_failure failure = FAILURE_REFUSED;
    const char *sentence = "the gateway refused the request";

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (json_string_is(code, codes[i].code)) {
            failure = codes[i].failure;
            sentence = codes[i].sentence;
        }
    }
    if (failure == FAILURE_AWAY && !t->spoken) {
        ask_again(a, t, sentence, json_get(payload, STR("details")), json_string_is(code, limited));
    } else {
        end_turn(a, t, failure, sentence);
    }
}

/*
 * A message that is too large is not read by the gateway, so its error names no request, but the
 * size; where that is not said (0), it is about the largest that nothing has come of.
 */
static struct turn *find_too_large(struct agent *a, uint64_t size)
{
    struct turn *found = NULL;

    list_each(link, &a->turns) {
        struct turn *t = list_entry(link, struct turn, link);
        bool is_it = size > 0 ? t->bytes == size : found == NULL || t->bytes > found->bytes;
        if (t->sent && !t->spoken && is_it) {
            found = t;
        }
    }
    return found;
}

static void end_too_large(struct agent *a, struct turn *t)
{
    end_turn(a, t, FAILURE_REFUSED,
             "it is too large for the gateway with what was said before; "
             "limits.message_bytes there and bridge.history_bytes here set that");
}

static void hear_too_large(struct agent *a, struct str payload)
{
    uint64_t size = 0;

    (void)str_to_uint(json_get(json_get(payload, STR("details")), STR("size")), UINT64_MAX, &size);
    struct turn *t = find_too_large(a, size);
    if (t != NULL) {
        end_too_large(a, t);
    }
}

static void hear(void *owner, struct str text)
{
    struct agent *a = owner;
    struct wire wire;

    wire_scan(text.ptr, text.len, WIRE_GATEWAY, &wire);
    struct str reply_to = wire_raw(&wire, text.ptr, WIRE_REPLY_TO);
    struct str type = wire_raw(&wire, text.ptr, WIRE_TYPE);
    struct str payload = wire_raw(&wire, text.ptr, WIRE_PAYLOAD);
    if (wire.status != WIRE_OK) {
        return;
    }
    if (json_kind_of(reply_to) != JSON_STRING) {
        if (json_string_is(type, STR("error")) &&
            json_string_is(json_get(payload, STR("code")), STR("MESSAGE_TOO_LARGE"))) {
            hear_too_large(a, payload);
        }
        return;
    }
    struct turn *t = find_turn(a, reply_to);
    if (t != NULL && json_string_is(type, STR("route_response"))) {
        hear_response(a, t, payload);
    } else if (t != NULL && json_string_is(type, STR("error"))) {
        hear_error(a, t, payload);
    }
}

/* --- the connection --------------------------------------------------------------------------- */

static void opened(void *owner)
{
    struct agent *a = owner;
    struct json_writer w;
    struct buf frame;
    char id[GATEWAY_MAX_ID];

    gateway_open(&w, &frame, "connect", gateway_next_id(a, id));
    json_key_string(&w, STR("deviceId"), a->settings.user_id);
    json_key_string(&w, STR("role"), STR("webchat"));
    json_key_uint(&w, STR("protocolVersion"), 2);
    gateway_send(a, &w, &frame);
    a->limited_ms = 0; /* nobody waits for a time that was given before */
    /* Above limits.rate the rest is dropped, so what has to be answered is first. */
    list_each(link, &a->turns) {
        send_turn(a, list_entry(link, struct turn, link));
    }
    gateway_people_again(a);
    a->ports.reachable(a->ports.owner, true, "");
}

static void lost(void *owner, const char *sentence)
{
    struct agent *a = owner;

    /* It would end the next connection as well. */
    const struct turn *too_large = a->uplink.found_too_big ? find_too_large(a, 0) : NULL;

    list_each_safe(link, &a->turns) {
        struct turn *t = list_entry(link, struct turn, link);
        if (t == too_large) {
            end_too_large(a, t);
        } else if (t->spoken) {
            end_turn(a, t, FAILURE_BROKEN, "the connection to it was lost");
        } else if (t->sent) {
            fail_turn(a, t);
        }
    }
    a->ports.reachable(a->ports.owner, false, sentence);
}

static void gateway_free(struct agent *a)
{
    if (a == NULL) {
        return;
    }
    list_each_safe(link, &a->turns) {
        free_turn(list_entry(link, struct turn, link));
    }
    gateway_people_forget(a);
    uplink_fini(&a->uplink);
    buf_fini(&a->texts);
    free(a);
}

static struct agent *gateway_new(const struct agent_settings *settings,
                                 const struct agent_ports *ports, struct http_client *http,
                                 struct bridge_time now)
{
    struct agent *a = calloc(1, sizeof(*a));

    (void)http;
    if (a == NULL) {
        return NULL;
    }
    a->ports = *ports;
    a->now = now;
    a->uplink.fd = -1;
    list_init(&a->turns);
    list_init(&a->places);
    if (!agent_settings_keep(&a->settings, settings, &a->texts)) {
        gateway_free(a);
        return NULL;
    }
    const struct uplink_ports uplink_ports = {a, opened, hear, lost};
    uplink_init(&a->uplink, a->settings.base_url, a->settings.api_key, MAX_MESSAGE, &uplink_ports,
                now.mono_ms);
    return a;
}

/* When a turn ends by itself. */
static uint64_t turn_end(const struct turn *t)
{
    uint64_t away = t->sent ? UINT64_MAX : t->since_ms + AGENT_AWAY_MS;

    return away < t->deadline_ms ? away : t->deadline_ms;
}

/* When something is to be done about it. */
static uint64_t turn_due(const struct turn *t)
{
    uint64_t end = turn_end(t);

    return t->due_ms < end ? t->due_ms : end;
}

static void run_out(struct agent *a, struct turn *t)
{
    if (t->sent) {
        send_cancel(a, t);
        end_turn(a, t, FAILURE_TIMEOUT, "");
    } else {
        bool is_open = a->uplink.state == UPLINK_OPEN;
        end_turn(a, t, FAILURE_AWAY, is_open ? t->trouble : "the gateway cannot be reached");
    }
}

static void gateway_tick(struct agent *a, struct bridge_time now)
{
    a->now = now;
    uplink_tick(&a->uplink, now.mono_ms);
    list_each_safe(link, &a->turns) {
        struct turn *t = list_entry(link, struct turn, link);
        if (turn_end(t) <= now.mono_ms) {
            run_out(a, t);
        } else if (t->due_ms <= now.mono_ms) {
            t->due_ms = UINT64_MAX;
            if (a->uplink.state == UPLINK_OPEN) {
                send_turn(a, t);
            }
        }
    }
}

static void gateway_clock(struct agent *a, struct bridge_time now)
{
    a->now = now;
    a->uplink.now_ms = now.mono_ms;
}

static uint64_t gateway_deadline(const struct agent *a)
{
    uint64_t first = uplink_deadline(&a->uplink);

    list_each(link, &a->turns) {
        uint64_t due = turn_due(list_entry(link, struct turn, link));
        first = due < first ? due : first;
    }
    return first;
}

static struct http_watch gateway_watch(const struct agent *a)
{
    return uplink_watch(&a->uplink);
}

static void gateway_ready(struct agent *a, short revents)
{
    uplink_ready(&a->uplink, revents);
}

/* The connection is always being tried; what is known of it is told at once when it is open. */
static void gateway_probe(struct agent *a)
{
    if (a->uplink.state == UPLINK_OPEN) {
        a->ports.reachable(a->ports.owner, true, "");
    }
}

const struct agent_adapter agent_gateway = {
    .name = "gateway",
    .new = gateway_new,
    .free = gateway_free,
    .ask = gateway_ask,
    .stop = gateway_stop,
    .tick = gateway_tick,
    .clock = gateway_clock,
    .deadline = gateway_deadline,
    .watch = gateway_watch,
    .ready = gateway_ready,
    .probe = gateway_probe,
    .people = gateway_people,
};
