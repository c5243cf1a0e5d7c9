#include "cli/agent.h"

#include "cli/print.h"
#include "cli/socket.h"
#include "json/reader.h"

enum {
    MAX_TALK = 64 * 1024,
    MIN_FRAME = 1024,
    MIN_QUEUE = 16 * 1024,
    MAX_QUEUE = 1024 * 1024 * 1024,
    MAX_RATE = 1000 * 1000,
    MAX_WAIT_MS = 1000,
    SENT_BEFORE_HELLO = 2, /* connect, agent_register */
};

/* The ids of what is sent once in a connection; the answer names them. */
#define ID_CONNECT    STR("connect")
#define ID_REGISTER   STR("register")
#define ID_BUSY       STR("busy")
#define ID_UNREGISTER STR("unregister")

bool link_has_room(const struct agent *a)
{
    return a->link == LINK_REGISTERED && a->remote.out.len < AGENT_FULL_BYTES && a->late.len == 0;
}

/* What could not be kept shows as remote.out.failed. */
void link_send(struct agent *a, struct buf *frame)
{
    size_t len = frame->len;

    if (frame->failed) {
        a->remote.out.failed = true;
    } else if (a->late.len == 0 && pace_take(&a->pace, socket_now_ms())) {
        (void)remote_send(&a->remote, buf_str(frame));
    } else {
        buf_append(&a->late, (const char *)&len, sizeof(len));
        buf_append_str(&a->late, buf_str(frame));
        a->remote.out.failed = a->remote.out.failed || a->late.failed;
    }
    buf_fini(frame);
}

void link_go_on(struct agent *a)
{
    size_t len, at = 0;

    while (at < a->late.len && pace_take(&a->pace, socket_now_ms())) {
        memcpy(&len, a->late.data + at, sizeof(len));
        at += sizeof(len);
        (void)remote_send(&a->remote, str_make(a->late.data + at, len));
        at += len;
    }
    buf_consume(&a->late, at);
}

bool link_holds_back(const struct agent *a)
{
    return a->late.len > 0;
}

int64_t link_deadline(const struct agent *a)
{
    return a->late.len > 0 ? pace_due(&a->pace) : SOCKET_FOREVER;
}

/* --- coming and going ------------------------------------------------------------------------- */

static void send_connect(struct agent *a)
{
    struct json_writer w;
    struct buf frame;

    buf_init(&frame, MAX_TALK);
    envelope_open(&w, &frame, "connect", ID_CONNECT);
    json_key_string(&w, STR("deviceId"), str_from_z(a->options.id));
    json_key_string(&w, STR("role"), STR("node"));
    json_key_uint(&w, STR("protocolVersion"), 2);
    envelope_close(&w, STR(""));
    link_send(a, &frame);
}

static void send_register(struct agent *a)
{
    const struct agent_options *o = &a->options;
    struct json_writer w;
    struct buf frame;

    buf_init(&frame, MAX_TALK);
    envelope_open(&w, &frame, "agent_register", ID_REGISTER);
    json_key_string(&w, STR("agentId"), str_from_z(o->id));
    json_key_string(&w, STR("name"), str_from_z(o->name != NULL ? o->name : o->id));
    json_key_string(&w, STR("type"), STR("cli"));
    json_key(&w, STR("capabilities"));
    json_begin_object(&w);
    json_key_bool(&w, STR("chat"), o->chat);
    json_key(&w, STR("tools"));
    json_begin_array(&w);
    json_string(&w, str_from_z(o->capability));
    json_end_array(&w);
    json_key_bool(&w, STR("streaming"), o->stream);
    json_key_raw(&w, STR("modes"), STR("[]"));
    json_key_raw(&w, STR("custom"), STR("{}"));
    json_end_object(&w);
    json_key_uint(&w, STR("maxConcurrent"), o->concurrency);
    envelope_close(&w, STR(""));
    link_send(a, &frame);
}

enum cli_exit link_open(struct agent *a)
{
    remote_init(&a->remote);
    enum cli_exit code = remote_enter_gateway(&a->remote, &a->address);
    if (code == CLI_OK) {
        a->remote.queues = true;
        a->link = LINK_OPENED;
        a->opened = a->heard = socket_now_ms();
        a->pinged = false;
        a->max_frame = AGENT_MESSAGE_BYTES;
        a->max_queue = AGENT_QUEUE_BYTES;
        pace_init(&a->pace, 0, 0, a->opened);
        buf_clear(&a->late);
        send_connect(a);
        send_register(a);
    }
    return code;
}

/* A frame with one member. */
static void send_word(struct agent *a, const char *type, struct str id, struct str key,
                      struct str value)
{
    struct json_writer w;
    struct buf frame;

    buf_init(&frame, MAX_TALK);
    envelope_open(&w, &frame, type, id);
    json_key_string(&w, key, value);
    envelope_close(&w, STR(""));
    link_send(a, &frame);
}

void link_say_busy(struct agent *a)
{
    send_word(a, "agent_heartbeat", ID_BUSY, STR("status"), STR("busy"));
}

void link_say_goodbye(struct agent *a)
{
    send_word(a, "agent_unregister", ID_UNREGISTER, STR("agentId"), str_from_z(a->options.id));
}

/* --- what the gateway says -------------------------------------------------------------------- */

static void hear_hello(struct agent *a, const struct envelope *e)
{
    struct str limits = json_get(e->payload, STR("limits"));
    uint64_t bytes = print_whole(json_get(limits, STR("message_bytes")));
    uint64_t queue = print_whole(json_get(limits, STR("send_queue_bytes")));
    uint64_t rate = print_whole(json_get(limits, STR("rate")));

    if (bytes >= MIN_FRAME && bytes <= REMOTE_MAX_MESSAGE) {
        a->max_frame = (size_t)bytes;
    }
    if (queue >= MIN_QUEUE && queue <= MAX_QUEUE) {
        a->max_queue = (size_t)queue;
    }
    if (rate > 0 && rate <= MAX_RATE) {
        pace_init(&a->pace, rate, SENT_BEFORE_HELLO, socket_now_ms());
    }
}

static void hear_info(struct agent *a, const struct envelope *e)
{
    if (envelope_answers(e, ID_REGISTER) && a->link == LINK_OPENED) {
        a->link = LINK_REGISTERED;
    } else if (envelope_answers(e, ID_UNREGISTER) && a->phase == AGENT_LEAVING) {
        a->phase = AGENT_OVER;
    }
}

/*
 * What goes out at the pace of limits.rate can be above it nevertheless: when the gateway has stood
 * still and reads all of it together, or when the limit is another one by now.
 */
static void hear_dropped(struct agent *a, const struct envelope *e)
{
    struct str details = json_get(e->payload, STR("details"));
    uint64_t rate = print_whole(json_get(details, STR("max")));
    uint64_t wait_ms = print_whole(json_get(details, STR("retry_after_ms")));

    if (rate > 0 && rate <= MAX_RATE && wait_ms <= MAX_WAIT_MS) {
        pace_hold(&a->pace, rate, socket_now_ms() + (int64_t)wait_ms);
    }
    errand_dropped(a, answer_errand(e->reply_to));
}

/* An error about how we came here ends it; any other is for people to know. */
static enum cli_exit hear_error(struct agent *a, const struct envelope *e)
{
    struct buf said;

    buf_init(&said, MAX_TALK);
    envelope_append_error(&said, e->payload);
    enum cli_exit code = CLI_OK;
    if (envelope_answers(e, ID_CONNECT) || envelope_answers(e, ID_REGISTER)) {
        code = envelope_error_exit(e->payload);
        buf_clear(&a->remote.error);
        buf_append_str(&a->remote.error, buf_str(&said));
    } else {
        complain("%.*s", STR_ARG(buf_str(&said)));
    }
    buf_fini(&said);
    if (code == CLI_OK && json_string_is(json_get(e->payload, STR("code")), STR("RATE_LIMITED"))) {
        hear_dropped(a, e);
    }
    return code;
}

static enum cli_exit hear(struct agent *a, struct str text)
{
    struct envelope e;

    if (!envelope_read(text, &e)) {
        buf_clear(&a->remote.error);
        buf_append_str(&a->remote.error, STR("the other side does not speak the gateway dialect"));
        return CLI_PROTOCOL;
    }
    if (envelope_is(&e, STR("error"))) {
        return hear_error(a, &e);
    }
    if (envelope_is(&e, STR("hello_ok"))) {
        hear_hello(a, &e);
    } else if (envelope_is(&e, STR("agent_info"))) {
        hear_info(a, &e);
    } else if (envelope_is(&e, STR("route_request")) && json_kind_of(e.id) == JSON_STRING) {
        struct str request = json_get(e.payload, STR("request"));
        errand_accept(a, &e, false, request.len > 0 ? request : STR("null"));
    } else if (envelope_is(&e, STR("chat")) && json_kind_of(e.id) == JSON_STRING &&
               a->options.chat) {
        errand_accept(a, &e, true, e.payload.len > 0 ? e.payload : STR("null"));
    } else if (envelope_is(&e, STR("route_cancel"))) {
        struct str id = json_get(e.payload, STR("requestId"));
        if (json_kind_of(id) == JSON_STRING) {
            errand_cancel(a, id);
        }
    }
    return CLI_OK;
}

enum cli_exit link_receive(struct agent *a)
{
    struct str text;
    bool taken = true;

    for (;;) {
        enum cli_exit code = remote_take(&a->remote, &taken, &text);
        if (code != CLI_OK || !taken) {
            return code;
        }
        code = hear(a, text);
        if (code != CLI_OK) {
            return code;
        }
    }
}
