#include <errno.h>
#include <stdio.h>

#include "net/connection.h"
#include "ws/deflate.h"

bool connection_is_reading(const struct connection *c)
{
    switch ((enum connection_state)c->state) {
    case CONN_HEAD:
        return !request_waits(c);
    case CONN_BODY:
        return true;
    case CONN_OPEN:
        return !c->is_paused && !echo_waits(c);
    case CONN_CLOSING:
    case CONN_LINGER:
        return !c->peer_ended;
    case CONN_WAIT:
    case CONN_REQUEST:
    case CONN_GONE:
        break;
    }
    return false;
}

/* --- answers to handshakes -------------------------------------------------------------------- */

/*
 * The 101 goes into the outbox before the greeting that the hub sent behind its DOWN_ACCEPT, so
 * both leave in one write.
 */
void connection_accept(struct reactor *r, struct connection *c)
{
    static const char before[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                 "Connection: Upgrade\r\nSec-WebSocket-Accept: ";
    static const char protocol[] = "\r\nSec-WebSocket-Protocol: parley";
    static const char extensions[] = "\r\nSec-WebSocket-Extensions: ";
    char answer[sizeof(before) + WS_ACCEPT_SIZE + sizeof(protocol) + sizeof(extensions) +
                TERMS_MAX + 4];
    /* Before authentication nothing is compressed, and a stranger's handshake is not repeated. */
    struct deflate_terms terms = {.server_bits = 0};
    size_t len = sizeof(before) - 1;

    if (!c->is_stranger) {
        terms = c->wait.terms;
    }
    memcpy(answer, before, len);
    ws_accept_text(c->wait.digest, answer + len);
    len += WS_ACCEPT_SIZE;
    if (c->wants_protocol) {
        memcpy(answer + len, protocol, sizeof(protocol) - 1);
        len += sizeof(protocol) - 1;
    }
    if (terms.server_bits != 0) {
        memcpy(answer + len, extensions, sizeof(extensions) - 1);
        len += sizeof(extensions) - 1;
        len += terms_write(&terms, answer + len);
    }
    memcpy(answer + len, "\r\n\r\n", 4);
    len += 4;
    c->is_websocket = true;
    c->has_early = c->request != NULL;
    ws_parser_init(&c->ws, WS_SERVER, 0);
    ws_parser_deflate(&c->ws, &terms);
    connection_set_limit(r, c);
    c->alive_tick = r->tick & ALIVE_MASK;
    connection_enter(r, c, CONN_OPEN);
    if (!outbox_push(&r->reader, &c->outbox, answer, len, 0)) {
        metric_add(&r->metrics.out_of_memory, 1);
        connection_doom(r, c);
    }
}

static void refuse_handshake(struct reactor *r, struct connection *c, const struct down *command)
{
    struct str bytes = {NULL, 0};
    char fields[64] = "";

    c->known = false;
    if (command->segment != NULL) {
        bytes = str_make(command->segment->data + command->off, command->len);
    }
    int status = error_table[command->code].http_status;
    if (status == 401) {
        (void)snprintf(fields, sizeof(fields), "WWW-Authenticate: Bearer\r\n");
    } else if (command->position > 0) {
        (void)snprintf(fields, sizeof(fields), "Retry-After: %llu\r\n",
                       (unsigned long long)(command->position + 999) / 1000);
    }
    connection_refuse(
        r, c,
        &(struct refusal){.status = status,
                          .code = (enum error_code)command->code,
                          .message = str_slice(bytes, 0, bytes.len - command->mark),
                          .details = str_slice(bytes, bytes.len - command->mark, bytes.len),
                          .fields = fields});
}

/* --- what the hub says to open connections ---------------------------------------------------- */

void connection_set_limit(const struct reactor *r, struct connection *c)
{
    uint32_t limit = c->is_echo ? (uint32_t)ECHO_MAX_MESSAGE : r->policy->max_frame_bytes;

    if (c->is_stranger && limit > STRANGER_MAX_MESSAGE) {
        limit = STRANGER_MAX_MESSAGE;
    }
    ws_parser_limit(&c->ws, limit);
}

/* What is in the socket stays there; what had come with the handshake, in `request`. */
static void stop_reading(struct reactor *r, struct connection *c)
{
    c->is_paused = true;
    if (c->in_epoll) {
        (void)connection_watch(r, c, false, c->wants_write);
    }
}

static void read_on(struct reactor *r, struct connection *c)
{
    c->is_paused = false;
    /* While the answer to the handshake is not written the flush does the rest. */
    if (c->in_epoll) {
        request_resume(r, c);
        held_resume(r, c);
        (void)connection_watch(r, c, connection_is_reading(c), c->wants_write);
    }
}

static void tell_open(struct reactor *r, struct connection *c, enum down_kind kind)
{
    switch (kind) {
    case DOWN_TRUST:
        c->is_stranger = false;
        connection_set_limit(r, c);
        break;
    case DOWN_PAUSE:
        stop_reading(r, c);
        break;
    case DOWN_GO_ON:
        read_on(r, c);
        break;
    default:
        break;
    }
}

void connection_command(struct reactor *r, const struct down *command)
{
    struct connection *c = connection_find(r, command->conn);

    /* It may have been lost since it was announced, or be about to end. */
    if (c == NULL) {
        return;
    }
    if (c->state == CONN_OPEN) {
        tell_open(r, c, (enum down_kind)command->kind);
    } else if (c->state == CONN_WAIT && command->kind == DOWN_ACCEPT) {
        c->is_stranger = (command->flags & DOWN_STRANGER) != 0;
        connection_accept(r, c);
    } else if (c->state == CONN_WAIT && command->kind == DOWN_REFUSE) {
        refuse_handshake(r, c, command);
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

/* One write of what was planned. Returns how many bytes were taken, or -1: the socket is broken. */
static ssize_t write_plan(struct reactor *r, struct connection *c)
{
    const struct plan *plan = &r->plan;
    ssize_t sent =
        connection_door(r, c)->stream->send(connection_stream(r, c), c->fd, plan->iov, plan->count);

    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS) {
            return -1;
        }
        sent = 0;
    }
    metric_add(&r->metrics.writes, 1);
    metric_add(&r->metrics.bytes_out, (uint64_t)sent);
    if ((size_t)sent < plan->bytes) {
        metric_add(&r->metrics.would_block, 1);
    }
    return sent;
}

enum step { STEP_MORE, STEP_IDLE, STEP_FULL, STEP_FINISHED, STEP_BROKEN };

/* Plans and writes once. */
static enum step write_once(struct reactor *r, struct connection *c)
{
    struct plan *plan = &r->plan;

    outbox_plan(&r->reader, &c->outbox, plan);
    if (plan->bytes > 0) {
        ssize_t sent = write_plan(r, c);
        if (sent < 0 || !outbox_sent(&r->reader, &c->outbox, plan, (size_t)sent)) {
            return STEP_BROKEN;
        }
        if ((size_t)sent < plan->bytes) {
            return STEP_FULL;
        }
    }
    if (plan->close || plan->disconnect || (plan->last && r->doors_closed)) {
        return STEP_FINISHED;
    }
    if (plan->last && c->state == CONN_REQUEST) {
        c->answered = true;
        connection_enter(r, c, CONN_HEAD);
    }
    return plan->bytes > 0 ? STEP_MORE : STEP_IDLE;
}

/* All that was there is written. */
static bool settle(struct reactor *r, struct connection *c)
{
    if (outbox_has_room(&r->reader, &c->outbox)) {
        struct up *item = connection_report(r, c, UP_ROOM, STR(""));
        if (item != NULL) {
            item->size = outbox_missed(&c->outbox);
        }
    }
    request_resume(r, c);
    held_resume(r, c);
    return connection_watch(r, c, connection_is_reading(c), false);
}

bool connection_flush(struct reactor *r, struct connection *c)
{
    enum step step;

    if (c->outbox.closing && c->state == CONN_OPEN) {
        connection_enter(r, c, CONN_CLOSING);
    }
    do {
        step = write_once(r, c);
    } while (step == STEP_MORE);
    switch (step) {
    case STEP_BROKEN:
        connection_destroy(r, c);
        return false;
    case STEP_FULL:
        connection_stall(r, c);
        return connection_watch(r, c, connection_is_reading(c), true);
    case STEP_FINISHED:
        connection_finish(r, c);
        return false;
    case STEP_IDLE:
    case STEP_MORE:
        break;
    }
    if (c->state == CONN_CLOSING && c->ends) {
        connection_finish(r, c);
        return false;
    }
    return settle(r, c);
}

bool connection_resume(struct reactor *r, struct connection *c)
{
    if (!outbox_stalled(&c->outbox)) {
        /* What the stream has to say by itself; that the socket is broken is found by a read. */
        if (connection_owes(r, c)) {
            (void)connection_door(r, c)->stream->send(connection_stream(r, c), c->fd, NULL, 0);
        }
        return connection_watch(r, c, c->wants_read, false);
    }
    outbox_resume(&r->reader, &c->outbox);
    return connection_flush(r, c);
}
