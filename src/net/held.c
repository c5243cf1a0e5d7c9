/*
 * What was read and has to wait. A record of TLS is read whole, and what is compressed in it may
 * become a thousand times as long. So of a connection that may send compressed frames INFLATE_SLICE
 * bytes are dealt with at a time, or fewer when they make enough for a turn; what came beyond is
 * held beside its message, and the next turns go on with it. Nothing is read from the socket
 * meanwhile, so what is held is never more than one read gives: a record, and a slice.
 */

#include "net/connection.h"

bool held_any(const struct connection *c)
{
    return c->state == CONN_OPEN && !c->has_early && c->message != NULL && c->message->held.len > 0;
}

void held_resume(struct reactor *r, struct connection *c)
{
    if (held_any(c) && list_empty(&c->message->waiting)) {
        list_append(&r->held, &c->message->waiting);
    }
}

size_t held_put(struct reactor *r, struct connection *c, char *data, size_t len)
{
    size_t now = inflate_slice(c);

    if (len <= now) {
        return len;
    }
    struct message *m = message_partial(r, c);
    if (m == NULL) {
        return 0;
    }
    m->held.secret = !c->is_echo;
    buf_append(&m->held, data + now, len - now);
    explicit_bzero(data + now, len - now); /* there may be a credential in it */
    if (m->held.failed) {
        metric_add(&r->metrics.out_of_memory, 1);
        connection_doom(r, c);
        return 0;
    }
    held_resume(r, c);
    return now;
}

void held_put_back(struct reactor *r, struct connection *c, char *data, size_t len)
{
    struct message *m = message_partial(r, c);
    struct buf both;

    if (m == NULL) {
        return;
    }
    buf_init(&both, SIZE_MAX);
    both.secret = !c->is_echo;
    buf_append(&both, data, len);
    buf_append_str(&both, buf_str(&m->held));
    buf_fini(&m->held);
    m->held = both;
    if (both.failed) {
        metric_add(&r->metrics.out_of_memory, 1);
        connection_doom(r, c);
        return;
    }
    held_resume(r, c);
}

/* Takes the next slice to where what is read stands. */
static size_t take_slice(struct buf *held, char *data)
{
    size_t len = held->len < INFLATE_SLICE ? held->len : INFLATE_SLICE;

    memcpy(data, held->data, len);
    buf_consume(held, len);
    if (held->len == 0) {
        buf_fini(held);
        buf_init(held, SIZE_MAX);
    }
    return len;
}

bool held_go_on(struct reactor *r)
{
    if (list_empty(&r->held)) {
        return false;
    }
    struct message *m = list_entry(r->held.next, struct message, waiting);
    struct connection *c = connection_find(r, m->conn);
    char *data = r->receive + WS_MAX_REST;

    list_remove(&m->waiting);
    /* Of one that is about to end nothing is read; one that may not be read now is resumed. */
    if (c->state != CONN_OPEN || c->is_paused || echo_waits(c)) {
        return true;
    }
    bool secret = m->held.secret;
    size_t len = take_slice(&m->held, data);
    r->cost += (uint64_t)len * inflate_cost(c);
    held_resume(r, c);
    message_receive(r, c, data, len);
    if (secret) {
        explicit_bzero(data, len);
    }
    return true;
}
