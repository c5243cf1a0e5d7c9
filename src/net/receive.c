#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "net/connection.h"
#include "net/stream_tls.h"
#include "ws/deflate.h"
#include "json/reader.h"

enum { DISCARD_LIMIT = 16 * 1024 * 1024 }; /* bytes thrown away for a peer that does not end */

void message_free(struct message *m)
{
    if (m != NULL) {
        list_remove(&m->waiting);
        inflater_free(m->inflater);
        buf_fini(&m->held);
        buf_fini(&m->text);
        free(m);
    }
}

struct message *message_partial(struct reactor *r, struct connection *c)
{
    if (c->message == NULL) {
        c->message = calloc(1, sizeof(*c->message));
        if (c->message == NULL) {
            metric_add(&r->metrics.out_of_memory, 1);
            connection_doom(r, c);
            return NULL;
        }
        c->message->conn = c->outbox.conn;
        list_init(&c->message->waiting);
        buf_init(&c->message->held, SIZE_MAX);
        buf_init(&c->message->text, 0);
    }
    return c->message;
}

/* --- messages --------------------------------------------------------------------------------- */

/*
 * Whether a message may hold a credential: all that a stranger says, and of others a registration,
 * whose credential is not needed any more, and what cannot be read.
 */
static bool may_be_secret(const struct connection *c, const struct wire *w, const char *text)
{
    return c->is_stranger || w->status != WIRE_OK ||
           json_string_is(wire_raw(w, text, WIRE_TYPE), STR("agent_register"));
}

/* Returns whether it may hold a credential. */
static bool deliver(struct reactor *r, struct connection *c, struct str payload, bool binary)
{
    if (c->is_echo) {
        echo_message(r, c, payload, binary);
        return false;
    }
    struct up *item = connection_report(r, c, UP_MESSAGE, payload);
    if (item == NULL) {
        r->received_secret = true;
        return true;
    }
    item->binary = binary;
    wire_scan(payload.ptr, payload.len, c->dialect == DIALECT_WORLD ? WIRE_WORLD : WIRE_GATEWAY,
              &item->wire);
    metric_add(&r->metrics.messages, 1);
    if (!may_be_secret(c, &item->wire, payload.ptr)) {
        return false;
    }
    up_batch_hide(r->up, item);
    r->received_secret = true;
    return true;
}

static uint32_t longest_message(const struct reactor *r, const struct connection *c)
{
    return c->is_echo ? (uint32_t)ECHO_MAX_MESSAGE : r->policy->max_message_bytes;
}

static void report_too_big(struct reactor *r, struct connection *c, uint64_t size)
{
    struct up *item = connection_report(r, c, UP_TOO_BIG, STR(""));

    if (item != NULL) {
        item->size = size;
        metric_add(&r->metrics.too_big, 1);
    }
}

/* A message is over: nothing of it is kept. */
static void forget_message(struct message *m)
{
    buf_fini(&m->text);
    m->size = 0;
    m->utf8 = 0;
    m->under_way = false;
    m->is_skipped = false;
}

/* A piece of a message that did not come whole. One that gets too big is counted, not kept. */
static void take_piece(struct reactor *r, struct connection *c, const struct ws_event *event)
{
    struct message *m = message_partial(r, c);
    uint32_t longest = longest_message(r, c);

    if (m == NULL) {
        return;
    }
    m->under_way = true;
    m->text.max = longest;
    /* What it is shows when it is whole; what is echoed is nobody's secret. */
    m->text.secret = !c->is_echo;
    r->received_secret |= !c->is_echo;
    m->size += event->data.len;
    m->is_skipped = m->is_skipped || m->size > longest;
    if (m->is_skipped) {
        buf_fini(&m->text);
    } else {
        buf_append_str(&m->text, event->data);
        if (m->text.failed) {
            metric_add(&r->metrics.out_of_memory, 1);
            connection_doom(r, c);
            return;
        }
    }
    if (!event->final) {
        return;
    }
    if (m->is_skipped) {
        report_too_big(r, c, m->size);
    } else {
        m->text.secret = deliver(r, c, buf_str(&m->text), event->opcode == WS_BINARY);
    }
    forget_message(m);
}

static void take_compressed(struct reactor *r, struct connection *c, const struct ws_event *event)
{
    struct message *m = message_partial(r, c);

    if (m != NULL && inflate_take(r, c, m, event, longest_message(r, c))) {
        m->text.secret = deliver(r, c, buf_str(&m->text), event->opcode == WS_BINARY);
        forget_message(m);
    }
}

static void take_data(struct reactor *r, struct connection *c, const struct ws_event *event)
{
    if (event->compressed) {
        take_compressed(r, c, event);
    } else if (!event->first || !event->final) {
        take_piece(r, c, event);
    } else if (event->data.len > longest_message(r, c)) {
        report_too_big(r, c, event->data.len);
    } else {
        (void)deliver(r, c, event->data, event->opcode == WS_BINARY);
    }
}

static void answer_ping(struct reactor *r, struct connection *c, struct str data)
{
    char pong[WS_MAX_HEADER + WS_MAX_CONTROL];
    size_t len = ws_write_header(pong, WS_PONG, data.len);

    memcpy(pong + len, data.ptr, data.len);
    if (!outbox_push_pong(&r->reader, &c->outbox, pong, len + data.len)) {
        metric_add(&r->metrics.out_of_memory, 1);
        connection_doom(r, c);
    }
}

static void take_event(struct reactor *r, struct connection *c, const struct ws_event *event)
{
    switch (event->kind) {
    case WS_EVENT_NONE:
    case WS_EVENT_PONG:
        break;
    case WS_EVENT_DATA:
        take_data(r, c, event);
        break;
    case WS_EVENT_PING:
        answer_ping(r, c, event->data);
        break;
    case WS_EVENT_CLOSE:
        connection_fail(r, c, event->code == WS_CLOSE_NO_STATUS ? WS_CLOSE_NORMAL : event->code,
                        STR(""));
        break;
    case WS_EVENT_FAIL:
        metric_add(&r->metrics.violations, 1);
        connection_fail(r, c, event->code,
                        event->code == WS_CLOSE_TOO_BIG && c->is_stranger
                            ? STR("too big for a client that has not authenticated; do that first")
                            : str_from_z(event->reason));
        break;
    }
}

/*
 * Tells the hub that the peer lives, though it said nothing that goes there; once a tick, of which
 * only the low bits are known: they are the same again after 409.6 s. A pong may be the one answer
 * to the hub's ping, so it is not held back by them.
 */
static void report_alive(struct reactor *r, struct connection *c, bool is_pong)
{
    uint32_t tick = r->tick & ALIVE_MASK;

    if ((is_pong || c->alive_tick != tick) && !c->is_echo &&
        connection_report(r, c, UP_ALIVE, STR("")) != NULL) {
        c->alive_tick = tick & ALIVE_MASK;
    }
}

/* Puts what was left of the last read before this one. */
static size_t prepend_rest(struct connection *c, char **data)
{
    size_t len = 0;

    if (c->message != NULL) {
        len = c->message->rest_len;
        *data -= len;
        memcpy(*data, c->message->rest, len);
        c->message->rest_len = 0;
    }
    return len;
}

static void keep_rest(struct reactor *r, struct connection *c, const char *data, size_t len)
{
    assert(len <= WS_MAX_REST);
    struct message *m = len > 0 ? message_partial(r, c) : c->message;

    if (m == NULL) {
        return;
    }
    memcpy(m->rest, data, len);
    m->rest_len = (uint8_t)len;
    if (len == 0 && !m->under_way && m->inflater == NULL && m->held.len == 0) {
        message_free(m);
        c->message = NULL;
    }
}

void message_receive(struct reactor *r, struct connection *c, char *data, size_t len)
{
    uint32_t before = r->up->count;
    bool alive = false;
    bool has_pong = false;

    len += prepend_rest(c, &data);
    while (c->state == CONN_OPEN) {
        struct ws_event event;
        size_t taken = ws_parse(&c->ws, data, len, &event);
        if (taken == 0 && event.kind == WS_EVENT_NONE) {
            break;
        }
        data += taken;
        len -= taken;
        alive = alive || event.kind != WS_EVENT_NONE;
        has_pong = has_pong || event.kind == WS_EVENT_PONG;
        take_event(r, c, &event);
        if (len > 0 && c->state == CONN_OPEN && inflate_slice(c) < RECEIVE_SIZE &&
            up_batch_size(r->up) >= READ_BUDGET) {
            held_put_back(r, c, data, len);
            len = 0;
        }
    }
    if (c->state != CONN_OPEN) {
        return;
    }
    keep_rest(r, c, data, len);
    if (alive && r->up->count == before && c->state == CONN_OPEN) {
        report_alive(r, c, has_pong);
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Whether the connection lives after a read that gave no bytes. */
static bool take_end(struct reactor *r, struct connection *c, ssize_t result)
{
    if (result < 0 && (errno == EAGAIN || errno == EINTR)) {
        return !connection_owes(r, c) || connection_watch(r, c, c->wants_read, c->wants_write);
    }
    /* One that says nothing more still gets the answers to what it said before. */
    if (result == 0 && c->state == CONN_OPEN) {
        connection_fail(r, c, 0, STR(""));
    }
    if (result == 0 && c->state == CONN_CLOSING) {
        c->peer_ended = true;
        return connection_watch(r, c, false, c->wants_write);
    }
    connection_destroy(r, c);
    return false;
}

static bool discard(struct reactor *r, struct connection *c, size_t len)
{
    if (c->state == CONN_LINGER) {
        c->discarded += len;
        if (c->discarded > DISCARD_LIMIT) {
            connection_destroy(r, c);
            return false;
        }
    }
    return true;
}

/* Gives what was read to whoever reads it now. Returns whether the connection lives. */
static bool take_bytes(struct reactor *r, struct connection *c, char *data, size_t len)
{
    switch ((enum connection_state)c->state) {
    case CONN_HEAD:
    case CONN_BODY:
        request_receive(r, c, data, len);
        return true;
    case CONN_OPEN:
        message_receive(r, c, data, len);
        return true;
    case CONN_CLOSING:
    case CONN_LINGER:
        return discard(r, c, len);
    case CONN_WAIT:
    case CONN_REQUEST:
    case CONN_GONE:
        break;
    }
    return true;
}

/*
 * How much is read at once. What comes behind a request waits until it is answered, so where little
 * is to be kept of somebody no more is read than that.
 */
static size_t read_size(const struct connection *c)
{
    bool keeps_little = c->state == CONN_HEAD || (c->state == CONN_BODY && !request_is_long(c));

    return keeps_little ? (size_t)HTTP_MAX_HEAD : inflate_slice(c);
}

/* One read of a stream that may be in its handshake: of a slice, and a record begun before it. */
static ssize_t receive_secured(struct reactor *r, struct connection *c, char *data)
{
    struct stream *s = connection_stream(r, c);
    bool before = stream_tls_is_ready(s);
    size_t cap = read_size(c) + TLS_HEADROOM;
    ssize_t got =
        stream_tls.receive(s, c->fd, data, cap < RECEIVE_SIZE ? cap : (size_t)RECEIVE_SIZE);
    int error = errno;

    r->cost += (uint64_t)SECURED_COST * stream_tls_came(s);
    if (stream_tls_is_ready(s) && got < 0 && error == EPROTO) {
        metric_add(&r->metrics.violations, 1);
    }
    if (!before && stream_tls_is_ready(s)) {
        metric_add(&r->metrics.tls_handshakes, 1);
        metric_add(&r->metrics.tls_resumed, stream_tls_is_resumed(s) ? 1 : 0);
        connection_enter(r, c, CONN_HEAD);
    } else if (!before && (got == 0 || (got < 0 && error != EAGAIN && error != EINTR))) {
        metric_add(&r->metrics.tls_failed, 1);
    }
    errno = error;
    return got;
}

bool connection_receive(struct reactor *r, struct connection *c, uint32_t events)
{
    char *data = r->receive + WS_MAX_REST;

    if (c->state == CONN_WAIT || c->state == CONN_REQUEST || c->peer_ended ||
        (c->state == CONN_HEAD && request_waits(c)) ||
        (c->state == CONN_OPEN && (c->is_paused || echo_waits(c)))) {
        if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
            connection_destroy(r, c);
            return false;
        }
        return connection_watch(r, c, false, c->wants_write);
    }
    if (held_any(c)) {
        return true; /* its turn comes; epoll says so again */
    }
    if (c->state == CONN_OPEN && c->has_early) {
        request_go_on(r, c); /* what came before this, be this the end; the same */
        return true;
    }
    if (!connection_is_secured(r, c) && !shake_begin(r, c)) {
        return shake_wait(r, c, events);
    }
    ssize_t got = connection_stream(r, c) != NULL
                      ? receive_secured(r, c, data)
                      : connection_door(r, c)->stream->receive(NULL, c->fd, data, read_size(c));
    if (got <= 0) {
        return take_end(r, c, got);
    }
    metric_add(&r->metrics.reads, 1);
    metric_add(&r->metrics.bytes_in, (uint64_t)got);
    /* Who has yet to say who it is may have said it just now. */
    r->received_secret = c->state != CONN_OPEN || c->is_stranger;
    size_t now = held_put(r, c, data, (size_t)got);
    r->cost += now * inflate_cost(c);
    bool lives = take_bytes(r, c, data, now);
    if (r->received_secret) {
        explicit_bzero(data, (size_t)got);
    }
    return lives;
}
