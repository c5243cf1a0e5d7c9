/*
 * Whose handshake of TLS is gone on with: in a turn one of an address, and HANDSHAKE_SLICE in all.
 * Who has to wait is not watched meanwhile. Epoll names EVENT_COUNT in a turn; while thousands wait
 * the doors, and those who have something to say, would be among them in one turn of many.
 */

#include "net/connection.h"
#include "net/stream_tls.h"

bool shake_begin(struct reactor *r, const struct connection *c)
{
    const struct ip_network *peer = stream_tls_peer(connection_stream(r, c));

    for (uint32_t i = 0; i < r->handshakes; i++) {
        if (memcmp(&r->shaken[i], peer, sizeof(*peer)) == 0) {
            return false;
        }
    }
    if (r->handshakes == HANDSHAKE_SLICE) {
        return false;
    }
    r->shaken[r->handshakes++] = *peer;
    return true;
}

bool shake_wait(struct reactor *r, struct connection *c, uint32_t events)
{
    /* Of one that is broken epoll speaks whatever it was asked for. */
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        metric_add(&r->metrics.tls_failed, 1);
        connection_destroy(r, c);
        return false;
    }
    stream_tls_queue(connection_stream(r, c), &r->shaking, c->outbox.conn);
    return !c->in_epoll || connection_watch(r, c, false, c->wants_write);
}

bool shake_waits(const struct reactor *r, const struct connection *c)
{
    const struct stream *s = connection_stream(r, c);

    return s != NULL && stream_tls_is_queued(s);
}

void shake_go_on(struct reactor *r)
{
    uint64_t conn;

    for (int i = 0; i < HANDSHAKE_LOOK && stream_tls_next(&r->shaking, &conn); i++) {
        struct connection *c = connection_find(r, conn);
        if (connection_receive(r, c, 0) && !shake_waits(r, c) &&
            (c->state == CONN_HEAD || c->state == CONN_BODY)) {
            (void)connection_watch(r, c, true, c->wants_write);
        }
    }
}
