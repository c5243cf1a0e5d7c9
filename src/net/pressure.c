/*
 * Who has to go when there is not enough for all: for want of a descriptor or a slot those who have
 * not said yet what they want, for want of memory the one for which most of it is kept.
 */

#include "net/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include "ws/deflate.h"

/* --- room for newcomers ----------------------------------------------------------------------- */

/* Best effort: what the socket's buffer does not take is lost. */
static void say_busy(int fd)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\n"
                                 "Content-Length: 0\r\nConnection: close\r\n\r\n";

    (void)send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void connection_turn_away(struct reactor *r, int fd, bool is_plain)
{
    if (is_plain) {
        say_busy(fd);
    }
    close(fd);
    metric_add(&r->metrics.turned_away, 1);
}

/* Whether it has had time enough to say what it wants, and has not. */
static bool may_be_displaced(const struct reactor *r, const struct connection *c)
{
    return (c->state == CONN_HEAD || c->state == CONN_BODY) &&
           connection_age(r, c) >= ROOM_MS / TICK_MS;
}

static void displace(struct reactor *r, struct connection *c)
{
    bool is_between_requests = c->answered && c->request == NULL;

    if (connection_stream(r, c) == NULL && !is_between_requests) {
        say_busy(c->fd);
    }
    metric_add(&r->metrics.displaced, 1);
    metric_add(&r->metrics.tls_failed, connection_is_secured(r, c) ? 0 : 1);
    connection_destroy(r, c);
}

bool connection_make_room(struct reactor *r)
{
    uint32_t limit = slab_limit(&r->connections);
    uint32_t count = 0;

    if (r->no_room_until > r->tick) {
        return false;
    }
    for (uint32_t i = 0; i < limit && count < ROOM_SLICE; i++) {
        uint32_t slot = r->room_at++ % limit;
        /* Most have no deadline, and need not be touched. */
        if (ticks_get(&r->ticks, slot) == 0) {
            continue;
        }
        struct connection *c = slab_at(&r->connections, slot);
        if (may_be_displaced(r, c)) {
            displace(r, c);
            count++;
        }
    }
    if (count < ROOM_SLICE) {
        r->no_room_until = r->tick + 1;
    }
    return count > 0;
}

/* --- memory ----------------------------------------------------------------------------------- */

/* What it has yet to read, and what of its own is not whole yet. */
static uint64_t kept_bytes(const struct connection *c)
{
    uint64_t bytes = outbox_backlog(&c->outbox);

    if (connection_keeps_message(c)) {
        const struct message *m = c->message;
        uint64_t window = m != NULL && m->inflater != NULL ? INFLATER_BYTES : 0;
        return bytes + window + (m != NULL ? m->text.len + m->held.len : 0);
    }
    return bytes + (c->request != NULL ? c->request->text.len + c->request->whole.len : 0);
}

static bool may_be_shed(const struct connection *c)
{
    return c->outbox.conn != NO_CONN && c->state != CONN_CLOSING && c->state != CONN_LINGER &&
           c->state != CONN_GONE;
}

void connection_shed(struct reactor *r)
{
    struct connection *worst = NULL;
    uint64_t most = 0;

    for (uint32_t slot = 0; slot < slab_limit(&r->connections); slot++) {
        struct connection *c = slab_at(&r->connections, slot);
        uint64_t bytes = may_be_shed(c) ? kept_bytes(c) : 0;
        if (bytes > most) {
            worst = c;
            most = bytes;
        }
    }
    if (worst == NULL) {
        return;
    }
    metric_add(&r->metrics.shed, 1);
    if (worst->state == CONN_OPEN) {
        connection_fail(r, worst, WS_CLOSE_TRY_LATER,
                        STR("the gateway is short of memory: connect again later"));
    }
    /* Its close cannot overtake what it does not read. */
    connection_doom(r, worst);
}
