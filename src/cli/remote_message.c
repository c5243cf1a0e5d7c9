#include "cli/remote_internal.h"

#include "base/printable.h"
#include "cli/socket.h"
#include "json/reader.h"

enum { MAX_TARGET = 4096 };

/* Close codes of the protocol that say: do not come back like this. */
enum {
    CLOSE_AUTHENTICATION = 4401,
    CLOSE_FORBIDDEN = 4403,
    CLOSE_KICKED = 4408,
    CLOSE_REPLACED = 4409
};

/* --- sending ---------------------------------------------------------------------------------- */

enum cli_exit remote_flush(struct remote *r)
{
    size_t written = 0;
    enum socket_result result = socket_write_some(&r->channel, buf_str(&r->out), &written);

    buf_consume(&r->out, written);
    return result == SOCKET_OK
               ? CLI_OK
               : remote_fail(r, CLI_UNAVAILABLE, "the gateway ended the connection");
}

static enum cli_exit send_frame(struct remote *r, enum ws_opcode opcode, struct str payload)
{
    char header[WS_MAX_HEADER];
    uint8_t mask[4];

    remote_fill_random(mask, sizeof(mask));
    size_t header_len = ws_write_masked_header(header, opcode, payload.len, mask);
    if (!buf_reserve(&r->out, header_len + payload.len)) {
        return remote_fail(r, CLI_FAILED, "the message is too large to be sent");
    }
    buf_append(&r->out, header, header_len);
    size_t start = r->out.len;
    buf_append_str(&r->out, payload);
    (void)ws_mask(r->out.data + start, payload.len, mask, 0);
    if (r->queues) {
        return CLI_OK;
    }
    enum cli_exit code = remote_write_all(r, buf_str(&r->out));
    buf_clear(&r->out);
    return code;
}

enum cli_exit remote_send(struct remote *r, struct str text)
{
    return send_frame(r, WS_TEXT, text);
}

enum cli_exit remote_ping(struct remote *r)
{
    return send_frame(r, WS_PING, STR(""));
}

/* --- receiving -------------------------------------------------------------------------------- */

static enum cli_exit hear_close(struct remote *r, const struct ws_event *event)
{
    char payload[WS_MAX_CONTROL];
    bool has_code = event->code != WS_CLOSE_NO_STATUS;

    r->is_closed = true;
    buf_clear(&r->error);
    buf_append_str(&r->error, STR("the gateway closed the connection"));
    if (has_code) {
        buf_printf(&r->error, ": %u ", (unsigned)event->code);
        printable_append(&r->error, event->data);
        (void)send_frame(r, WS_CLOSE,
                         str_make(payload, ws_close_payload(payload, event->code, STR(""))));
    } else {
        (void)send_frame(r, WS_CLOSE, STR(""));
    }
    switch (event->code) {
    case WS_CLOSE_TRY_LATER:
        return CLI_TRY_AGAIN;
    case WS_CLOSE_POLICY:
    case CLOSE_AUTHENTICATION:
    case CLOSE_FORBIDDEN:
    case CLOSE_KICKED:
    case CLOSE_REPLACED:
        return CLI_REFUSED;
    default:
        return CLI_UNAVAILABLE;
    }
}

/* Acts on an event. *ret_whole: r->message is a whole message. */
static enum cli_exit take_event(struct remote *r, const struct ws_event *event, bool *ret_whole)
{
    switch (event->kind) {
    case WS_EVENT_DATA:
        if (r->taken) {
            buf_clear(&r->message);
            r->taken = false;
        }
        buf_append_str(&r->message, event->data);
        *ret_whole = event->final;
        return r->message.failed ? remote_fail(r, CLI_FAILED, "out of memory") : CLI_OK;
    case WS_EVENT_PING:
        return send_frame(r, WS_PONG, event->data);
    case WS_EVENT_CLOSE:
        return hear_close(r, event);
    case WS_EVENT_FAIL:
        return remote_fail(r, CLI_PROTOCOL, event->reason);
    case WS_EVENT_PONG:
    case WS_EVENT_NONE:
        break;
    }
    return CLI_OK;
}

/* The next message, waited for until `deadline`; CLI_TRY_AGAIN when that is over. */
static enum cli_exit receive_until(struct remote *r, int64_t deadline, struct str *ret_message,
                                   bool *ret_late)
{
    for (;;) {
        struct ws_event event;
        bool whole = false;
        enum cli_exit code = CLI_OK;
        size_t len =
            ws_parse(&r->parser, r->in.data + r->in_taken, r->in.len - r->in_taken, &event);
        r->in_taken += len;
        if (len == 0 && event.kind == WS_EVENT_NONE) {
            code = remote_read_more(r, deadline);
            *ret_late = code == CLI_TRY_AGAIN;
        } else {
            code = take_event(r, &event, &whole);
        }
        if (code != CLI_OK) {
            return code;
        }
        if (whole) {
            r->taken = true;
            *ret_message = buf_str(&r->message);
            return CLI_OK;
        }
    }
}

enum cli_exit remote_receive(struct remote *r, int timeout_ms, struct str *ret_message)
{
    int64_t deadline = timeout_ms < 0 ? SOCKET_FOREVER : socket_now_ms() + timeout_ms;
    bool late;

    return receive_until(r, deadline, ret_message, &late);
}

enum cli_exit remote_take(struct remote *r, bool *ret_taken, struct str *ret_message)
{
    bool late = false;

    enum cli_exit code = receive_until(r, 0, ret_message, &late);
    *ret_taken = code == CLI_OK;
    return late ? CLI_OK : code;
}

/* How the connection has ended is told to whoever takes what came before. */
void remote_read_ahead(struct remote *r)
{
    r->in.max = 2 * REMOTE_MAX_AHEAD;
    if (r->in_taken > r->in.len / 2) {
        buf_consume(&r->in, r->in_taken);
        r->in_taken = 0;
    }
    while (r->in.len < REMOTE_MAX_AHEAD && socket_read(&r->channel, &r->in, 0) == SOCKET_OK) {
    }
}

/* --- entering --------------------------------------------------------------------------------- */

/* What a dialect begins with, and how one comes to it who is somewhere else. */
struct greeting {
    struct str type;
    const char *no_path; /* the path is another one: 404 */
    const char *not_it;  /* something else is spoken there */
};

static const struct greeting world_greeting = {
    .type = {"connection_ack", 14},
    .no_path = "; if listen.world_paths has no /ws/matrix, say one that it has: "
               "--url ws://HOST:PORT/PATH (or PARLEY_URL)",
    .not_it = "the other side does not speak the world's protocol; the path in --url (or "
              "PARLEY_URL) has to be one of listen.world_paths",
};

static const struct greeting gateway_greeting = {
    .type = {"session_info", 12},
    .no_path = "; if listen.gateway_path is not /ws, say what it is: "
               "--url ws://HOST:PORT/PATH (or PARLEY_URL)",
    .not_it = "the other side does not speak the gateway dialect; the path in --url (or "
              "PARLEY_URL) has to be that of listen.gateway_path",
};

static enum cli_exit enter(struct remote *r, const struct address *to, const struct buf *target,
                           const struct greeting *greeting)
{
    struct str message;

    if (target->failed) {
        return remote_fail(r, CLI_USAGE, "the path is too long");
    }
    enum cli_exit code = remote_open(r, to, buf_str(target));
    if (code != CLI_OK) {
        buf_append_str(&r->error, str_from_z(r->status == 404 ? greeting->no_path : ""));
        return code;
    }
    code = remote_receive(r, r->timeout_ms, &message);
    if (code == CLI_OK && !(json_valid(message) && json_kind_of(message) == JSON_OBJECT &&
                            json_string_is(json_get(message, STR("type")), greeting->type))) {
        code = remote_fail(r, CLI_PROTOCOL, greeting->not_it);
    }
    if (code == CLI_OK) {
        struct str data = json_get(message, STR("data"));
        r->is_asked = str_equal(json_get(data, STR("auth_required")), STR("true"));
    }
    return code;
}

enum cli_exit remote_enter_world(struct remote *r, const struct address *to, struct str world)
{
    struct buf target;

    buf_init(&target, MAX_TARGET);
    url_append_world(&target, &to->url, world);
    enum cli_exit code = enter(r, to, &target, &world_greeting);
    buf_fini(&target);
    return code;
}

enum cli_exit remote_enter_gateway(struct remote *r, const struct address *to)
{
    struct buf target;

    buf_init(&target, MAX_TARGET);
    url_append_gateway(&target, &to->url);
    enum cli_exit code = enter(r, to, &target, &gateway_greeting);
    buf_fini(&target);
    return code;
}

void remote_close(struct remote *r)
{
    char payload[WS_MAX_CONTROL];

    if (r->channel.fd >= 0) {
        size_t len = ws_close_payload(payload, WS_CLOSE_NORMAL, STR(""));
        (void)send_frame(r, WS_CLOSE, str_make(payload, len));
        (void)remote_flush(r);
        socket_close(&r->channel);
    }
}
