#include "net/connection.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/stream_tls.h"

struct connection *connection_find(const struct reactor *r, uint64_t conn)
{
    if (conn_reactor(conn) != r->settings.index || conn_slot(conn) >= slab_limit(&r->connections)) {
        return NULL;
    }
    struct connection *c = slab_at(&r->connections, conn_slot(conn));
    return c->outbox.conn == conn ? c : NULL;
}

static uint32_t ticks_of(uint32_t ms)
{
    return ms / TICK_MS + 1;
}

/* The time that a connection may stay in a state, in ticks; 0: any. */
static uint32_t time_limit(const struct reactor *r, enum connection_state state)
{
    switch (state) {
    case CONN_HEAD:
    case CONN_BODY:
        return ticks_of(r->settings.head_ms);
    case CONN_WAIT:
    case CONN_REQUEST:
        return ticks_of(r->settings.answer_ms);
    case CONN_CLOSING:
        return ticks_of(r->settings.close_ms);
    case CONN_LINGER:
        return ticks_of(r->settings.linger_ms);
    case CONN_GONE:
        return 1;
    case CONN_OPEN:
        break;
    }
    return 0;
}

void connection_enter(struct reactor *r, struct connection *c, enum connection_state state)
{
    uint32_t limit = time_limit(r, state);

    c->state = (unsigned)state & 7;
    ticks_set(&r->ticks, connection_slot(c), limit == 0 ? 0 : r->tick + limit);
}

uint32_t connection_age(const struct reactor *r, const struct connection *c)
{
    uint32_t limit = connection_is_secured(r, c) ? time_limit(r, (enum connection_state)c->state)
                                                 : ticks_of(r->settings.tls_ms);

    return r->tick + limit - ticks_get(&r->ticks, connection_slot(c));
}

/* --- the beginning ---------------------------------------------------------------------------- */

/* Prepares what its stream keeps. */
static bool add_stream(struct reactor *r, uint32_t slot, int fd)
{
    struct stream *s = stream_tls_new(r->policy->tls, fd);

    return s != NULL && streams_set(&r->streams, slot, s);
}

void connection_open(struct reactor *r, int fd, unsigned door)
{
    bool is_plain = r->doors[door]->stream != &stream_tls;
    uint32_t slot;
    struct connection *c = slab_acquire(&r->connections, &slot);

    if (c == NULL && connection_make_room(r)) {
        c = slab_acquire(&r->connections, &slot);
    }
    if (c == NULL) {
        connection_turn_away(r, fd, is_plain);
        return;
    }
    if (!ticks_reserve(&r->ticks, slot) || (!is_plain && !add_stream(r, slot, fd))) {
        c->outbox.conn = NO_CONN;
        slab_release(&r->connections, slot);
        connection_turn_away(r, fd, is_plain);
        return;
    }
    r->generation = (r->generation + 1) & 0xffffff;
    outbox_init(&c->outbox, conn_make(r->settings.index, r->generation, slot));
    c->fd = fd;
    c->door = door & 7;
    connection_enter(r, c, CONN_HEAD);
    if (!is_plain) {
        ticks_set(&r->ticks, slot, r->tick + ticks_of(r->settings.tls_ms));
    }
    metric_set(&r->metrics.connections, slab_count(&r->connections));
    /* The request is usually here already. Then epoll is told of the socket with the answer. */
    if (!connection_receive(r, c, 0) || (c->state != CONN_HEAD && c->state != CONN_BODY)) {
        return;
    }
    if (r->idle_closed && connection_is_idle(c)) {
        connection_destroy(r, c);
        return;
    }
    (void)connection_watch(r, c, !shake_waits(r, c), false);
}

bool connection_is_secured(const struct reactor *r, const struct connection *c)
{
    const struct stream *s = connection_stream(r, c);

    return s == NULL || stream_tls_is_ready(s);
}

bool connection_owes(const struct reactor *r, const struct connection *c)
{
    const struct stream *s = connection_stream(r, c);

    return s != NULL && stream_tls_owes(s);
}

bool connection_watch(struct reactor *r, struct connection *c, bool read, bool write)
{
    write = write || connection_owes(r, c);
    struct epoll_event event = {.events = (read ? EPOLLIN : 0u) | (write ? EPOLLOUT : 0u),
                                .data.u64 = c->outbox.conn};

    if (c->in_epoll && c->wants_read == read && c->wants_write == write) {
        return true;
    }
    if (epoll_ctl(r->epoll, c->in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &event) != 0) {
        metric_add(&r->metrics.out_of_memory, 1);
        connection_destroy(r, c);
        return false;
    }
    c->in_epoll = true;
    c->wants_read = read;
    c->wants_write = write;
    return true;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void free_partial(struct connection *c)
{
    if (connection_keeps_message(c)) {
        message_free(c->message);
    } else {
        request_free(c->request);
    }
    c->request = NULL;
    c->has_early = false;
}

/* Forgets all it had to get and all it had half read, but not who it is. */
static void strip(struct reactor *r, struct connection *c)
{
    uint64_t conn = c->outbox.conn;

    outbox_close(&r->reader, &c->outbox);
    c->outbox.conn = conn;
    free_partial(c);
}

void connection_finish(struct reactor *r, struct connection *c)
{
    strip(r, c);
    if (c->peer_ended) {
        connection_destroy(r, c);
        return;
    }
    connection_door(r, c)->stream->finish(connection_stream(r, c), c->fd);
    connection_enter(r, c, CONN_LINGER);
    c->discarded = 0;
    (void)connection_watch(r, c, true, false);
}

static void release(struct reactor *r, struct connection *c)
{
    uint32_t slot = connection_slot(c);

    ticks_set(&r->ticks, slot, 0);
    c->outbox.conn = NO_CONN;
    slab_release(&r->connections, slot);
    metric_set(&r->metrics.connections, slab_count(&r->connections));
}

/* Tells the hub, and frees the slot once that is done. */
static void report_gone(struct reactor *r, struct connection *c)
{
    if (c->known && up_batch_add(r->up, UP_CLOSED, c->outbox.conn, STR("")) == NULL) {
        connection_enter(r, c, CONN_GONE);
        return;
    }
    release(r, c);
}

void connection_destroy(struct reactor *r, struct connection *c)
{
    assert(c->state != CONN_GONE);
    strip(r, c);
    streams_drop(&r->streams, connection_slot(c));
    close(c->fd);
    report_gone(r, c);
}

void connection_doom(struct reactor *r, struct connection *c)
{
    connection_enter(r, c, CONN_CLOSING);
    ticks_set(&r->ticks, connection_slot(c), r->tick);
}

void connection_stall(struct reactor *r, struct connection *c)
{
    /* CLOSING it has its deadline already, which is now when it is doomed. */
    if (c->state == CONN_CLOSING) {
        return;
    }
    if (!c->outbox.closing) {
        ticks_set(&r->ticks, connection_slot(c), r->tick + time_limit(r, CONN_CLOSING));
    } else if (c->state == CONN_OPEN) {
        connection_enter(r, c, CONN_CLOSING);
    }
}

static void expire_head(struct reactor *r, struct connection *c)
{
    if (c->answered && c->request == NULL) {
        connection_destroy(r, c);
        return;
    }
    connection_refuse_status(r, c, 408, "The request did not come in time.");
}

void connection_expire(struct reactor *r, struct connection *c)
{
    switch ((enum connection_state)c->state) {
    case CONN_HEAD:
    case CONN_BODY:
        metric_add(&r->metrics.timeouts, 1);
        if (!connection_is_secured(r, c)) {
            metric_add(&r->metrics.tls_failed, 1);
            connection_destroy(r, c);
            break;
        }
        expire_head(r, c);
        break;
    case CONN_OPEN:
        if (outbox_stalled(&c->outbox)) {
            connection_stall(r, c);
        }
        break;
    case CONN_WAIT:
    case CONN_REQUEST:
    case CONN_CLOSING:
    case CONN_LINGER:
        metric_add(&r->metrics.timeouts, 1);
        connection_destroy(r, c);
        break;
    case CONN_GONE:
        report_gone(r, c);
        break;
    }
}

/* --- reports ---------------------------------------------------------------------------------- */

/* An item that could not be added dooms the connection that it is about. */
static struct up *added(struct reactor *r, struct connection *c, struct up *item)
{
    if (item == NULL) {
        metric_add(&r->metrics.out_of_memory, 1);
        connection_doom(r, c);
    }
    return item;
}

struct up *connection_report(struct reactor *r, struct connection *c, enum up_kind kind,
                             struct str text)
{
    return added(r, c, up_batch_add(r->up, kind, c->outbox.conn, text));
}

struct up *connection_report_asking(struct reactor *r, struct connection *c, enum up_kind kind,
                                    const struct evidence *evidence, struct str text)
{
    return added(r, c, up_batch_add_asking(r->up, kind, c->outbox.conn, evidence, text));
}

void connection_fail(struct reactor *r, struct connection *c, uint16_t code, struct str reason)
{
    connection_enter(r, c, CONN_CLOSING);
    if (c->is_echo) {
        if (!outbox_push_close(&r->reader, &c->outbox, code, reason)) {
            metric_add(&r->metrics.out_of_memory, 1);
            connection_doom(r, c);
        }
        return;
    }
    struct up *item = connection_report(r, c, UP_FAILED, reason);
    if (item != NULL) {
        item->code = code;
    }
}
