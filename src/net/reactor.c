#include "net/reactor.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/accept.h"

#define WAKE_ID (DOOR_ID | 0xffff)

void reactor_settings_init(struct reactor_settings *s)
{
    *s = (struct reactor_settings){.max_connections = 1000000,
                                   .max_body_bytes = 1024 * 1024,
                                   .tls_ms = 5000,
                                   .head_ms = 10000,
                                   .answer_ms = 60000,
                                   .close_ms = 10000,
                                   .linger_ms = 2000};
}

/* --- what fanout asks of us ------------------------------------------------------------------- */

static struct outbox *find_outbox(void *owner, uint64_t conn)
{
    struct connection *c = connection_find(owner, conn);

    return c != NULL && c->state < CONN_LINGER ? &c->outbox : NULL;
}

static void take_lag(void *owner, struct outbox *o, bool fatal)
{
    struct reactor *r = owner;
    struct connection *c = connection_of(o);

    if (!fatal) {
        metric_add(&r->metrics.lagged, 1);
        (void)connection_report(r, c, UP_LAGGED, STR(""));
        return;
    }
    if (c->state == CONN_OPEN) {
        connection_fail(
            r, c, WS_CLOSE_TRY_LATER,
            STR("More than limits.send_queue_bytes wait for this client; read faster."));
    }
    connection_doom(r, c);
}

/* Limits of connections that are open follow; a message that is half here keeps what it had. */
static void take_policy(struct reactor *r, struct net_policy *policy)
{
    net_policy_unref(r->policy);
    r->policy = policy;
    r->reader.max_backlog = policy->max_backlog;
    for (uint32_t slot = 0; slot < slab_limit(&r->connections); slot++) {
        struct connection *c = slab_at(&r->connections, slot);
        if (c->outbox.conn != NO_CONN && c->state == CONN_OPEN) {
            connection_set_limit(r, c);
        }
    }
}

static void take_command(void *owner, const struct down *command)
{
    if (command->kind == DOWN_POLICY) {
        take_policy(owner, net_policy_of(command->policy));
    } else if (command->kind == DOWN_SHED) {
        connection_shed(owner);
    } else if (command->kind == DOWN_SHORT) {
        requests_take_shortage(owner, command->code != 0);
    } else {
        connection_command(owner, command);
    }
}

/* --- life ------------------------------------------------------------------------------------- */

static bool open_descriptors(struct reactor *r)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = WAKE_ID};

    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    r->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return r->epoll >= 0 && r->wake_fd >= 0 && doors_init(r) &&
           epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->wake_fd, &event) == 0;
}

static uint32_t longest_body(const struct reactor_settings *s)
{
    uint32_t longest = s->max_body_bytes;

    for (size_t i = 0; i < s->route_count; i++) {
        longest = s->routes[i].max_body > longest ? s->routes[i].max_body : longest;
    }
    return longest;
}

struct reactor *reactor_new(const struct reactor_settings *settings,
                            const struct reactor_ports *ports)
{
    struct reactor *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        return NULL;
    }
    r->settings = *settings;
    r->policy = net_policy_ref(settings->policy);
    r->longest_body = longest_body(settings);
    r->ports = *ports;
    r->epoll = -1;
    r->wake_fd = -1;
    r->spare_fd = -1;
    r->tick = 1;
    packer_init(&r->packer);
    slab_init(&r->connections, sizeof(struct connection), settings->max_connections);
    list_init(&r->shaking);
    list_init(&r->early);
    list_init(&r->held);
    ticks_init(&r->ticks);
    reader_init(&r->reader, settings->index,
                &(struct reader_ports){.owner = r, .find = find_outbox, .lagged = take_lag},
                settings->policy->max_backlog);
    r->up = up_batch_new();
    if (r->up == NULL || !open_descriptors(r)) {
        reactor_free(r);
        return NULL;
    }
    return r;
}

static void close_if_open(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

void reactor_free(struct reactor *r)
{
    if (r == NULL) {
        return;
    }
    for (uint32_t slot = 0; slot < slab_limit(&r->connections); slot++) {
        struct connection *c = slab_at(&r->connections, slot);
        if (c->outbox.conn != NO_CONN && c->state != CONN_GONE) {
            connection_destroy(r, c);
        }
    }
    doors_fini(r);
    close_if_open(r->wake_fd);
    close_if_open(r->epoll);
    reader_fini(&r->reader);
    slab_fini(&r->connections);
    streams_fini(&r->streams);
    ticks_fini(&r->ticks);
    up_batch_free(r->up);
    packer_fini(&r->packer);
    net_policy_unref(r->policy);
    free(r);
}

void reactor_adopt(struct reactor *r, int fd, unsigned door)
{
    connection_open(r, fd, door);
}

/* --- the turn --------------------------------------------------------------------------------- */

static bool out_of_credit(const struct reactor *r)
{
    return r->outstanding > CREDIT_LIMIT;
}

/* For a turn, with what they have said. */
static bool anybody_waits(const struct reactor *r)
{
    return !list_empty(&r->held) || !list_empty(&r->early) || !list_empty(&r->shaking);
}

void reactor_wait(struct reactor *r, int timeout_ms)
{
    if (out_of_credit(r)) {
        struct pollfd wake = {.fd = r->wake_fd, .events = POLLIN};
        (void)poll(&wake, 1, timeout_ms);
        return;
    }
    if (r->event_at < r->event_count) {
        return;
    }
    int count = epoll_wait(r->epoll, r->events, EVENT_COUNT, anybody_waits(r) ? 0 : timeout_ms);
    r->event_at = 0;
    r->event_count = count > 0 ? (uint32_t)count : 0;
}

void reactor_wake(struct reactor *r)
{
    const uint64_t one = 1;
    int error = errno;

    /* It fails only when a wake-up is already pending. */
    ssize_t done = write(r->wake_fd, &one, sizeof(one));
    (void)done;
    errno = error;
}

static void clear_wake(struct reactor *r)
{
    uint64_t count;
    ssize_t done = read(r->wake_fd, &count, sizeof(count));

    (void)done;
}

static void take_event(struct reactor *r, const struct epoll_event *event)
{
    uint64_t id = event->data.u64;

    if (id == WAKE_ID) {
        clear_wake(r);
        return;
    }
    if ((id & DOOR_ID) == DOOR_ID) {
        doors_accept(r, conn_slot(id));
        return;
    }
    struct connection *c = connection_find(r, id);
    if (c == NULL || c->state == CONN_GONE) {
        return;
    }
    if ((event->events & EPOLLOUT) != 0 && !connection_resume(r, c)) {
        return;
    }
    if ((event->events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
        (void)connection_receive(r, c, event->events);
    }
}

bool reactor_has_room(const struct reactor *r)
{
    return !out_of_credit(r) && up_batch_size(r->up) < READ_BUDGET;
}

/*
 * While the hub is behind, with what it was given or with what waits to be, nothing is read. But
 * whose socket has room again goes on: else he would soon be one who reads too slowly. The rest of
 * what epoll says it says again.
 */
static void resume_stalled(struct reactor *r)
{
    int count = epoll_wait(r->epoll, r->events, EVENT_COUNT, 0);

    r->event_at = r->event_count = 0;
    for (int i = 0; i < count; i++) {
        struct connection *c = connection_find(r, r->events[i].data.u64);
        if ((r->events[i].events & EPOLLOUT) != 0 && c != NULL && c->state != CONN_GONE) {
            (void)connection_resume(r, c);
        }
    }
}

static bool has_read_enough(const struct reactor *r)
{
    return up_batch_size(r->up) >= READ_BUDGET || r->cost >= READ_BUDGET;
}

static void take_tick(struct reactor *r)
{
    uint32_t slot = 0;

    doors_try_again(r);
    while (ticks_due(&r->ticks, r->tick, &slot)) {
        connection_expire(r, slab_at(&r->connections, slot));
    }
}

static void read_some(struct reactor *r)
{
    shake_go_on(r);
    while (r->event_at < r->event_count && !has_read_enough(r)) {
        take_event(r, &r->events[r->event_at++]);
        r->news++;
    }
    /* At least one of each, so that neither they nor the events wait for the others to end. */
    while (requests_go_on(r) && !has_read_enough(r)) {
        r->news++;
    }
    while (held_go_on(r) && !has_read_enough(r)) {
        r->news++;
    }
}

void reactor_read(struct reactor *r, uint64_t mono_ms)
{
    uint32_t tick = (uint32_t)(mono_ms / TICK_MS) + 1;
    bool is_new = tick != r->tick;

    r->tick = tick;
    r->handshakes = 0;
    r->cost = 0;
    if (out_of_credit(r)) {
        clear_wake(r);
    }
    if (reactor_has_room(r)) {
        read_some(r);
    } else {
        resume_stalled(r);
    }
    if (is_new) {
        take_tick(r);
    }
}

void reactor_apply(struct reactor *r, struct down_batch *down)
{
    reactor_credit(r, down->credit);
    r->news += down->count;
    reader_apply(&r->reader, down, take_command);
}

/*
 * How many are written to now: few while a large session hears something, so that whoever speaks
 * meanwhile waits for few; more when more has come, or reading would get ahead of writing.
 */
static uint32_t flush_slice(struct reactor *r)
{
    uint32_t most = FLUSH_SLICE_MAX / FLUSH_SLICE - 1;
    uint32_t news = r->news < most ? r->news : most;

    r->news = 0;
    return FLUSH_SLICE * (1 + news);
}

void reactor_flush(struct reactor *r)
{
    uint64_t enough = metric_read(&r->metrics.bytes_out) + FLUSH_BYTES;
    uint32_t slice = flush_slice(r);

    for (uint32_t i = 0; i < slice && metric_read(&r->metrics.bytes_out) < enough; i++) {
        struct outbox *o = reader_next(&r->reader);
        if (o == NULL) {
            break;
        }
        (void)connection_flush(r, connection_of(o));
    }
    metric_set(&r->metrics.skipped, r->reader.skipped);
    metric_set(&r->metrics.delivered, r->reader.delivered);
    metric_set(&r->metrics.queue_bytes, r->reader.queued_bytes);
}

struct up_batch *reactor_take_up(struct reactor *r, struct up_batch *empty)
{
    struct up_batch *full = r->up;

    r->up = empty;
    r->outstanding += up_batch_size(full);
    return full;
}

void reactor_credit(struct reactor *r, uint64_t bytes)
{
    r->outstanding -= bytes;
}

bool reactor_busy(const struct reactor *r)
{
    return reactor_has_up(r) || reader_pending(&r->reader) ||
           ((r->event_at < r->event_count || anybody_waits(r)) && !out_of_credit(r));
}
