#include "swarm.h"

#include "gauge.h"

#include "base/base64.h"
#include "net/stream_tls.h"
#include "ws/ws.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    EVENTS_PER_TURN = 1024,
    OPENING_AT_ONCE = 128,  /* the least backlog among the peers is 511 */
    STOP_EVENT = INT32_MAX, /* no client has this number */
};

static const uint64_t open_idle_ns = UINT64_C(10000000000);
static const uint64_t settle_ns = UINT64_C(200000000);

bool swarm_fail(struct swarm *s, const char *what)
{
    (void)snprintf(s->error, LOAD_ERROR_SIZE, "%s", what);
    return false;
}

static bool fail_conn(struct swarm *s)
{
    return swarm_fail(s, s->shared.error);
}

static bool make_secrets(struct swarm *s)
{
    uint8_t nonce[16];
    if (getrandom(nonce, sizeof(nonce), 0) != sizeof(nonce) ||
        getrandom(&s->shared.random, sizeof(s->shared.random), 0) != sizeof(s->shared.random)) {
        return swarm_fail(s, "the kernel gives no random numbers");
    }
    s->shared.random |= 1;
    base64_encode(nonce, sizeof(nonce), s->shared.key);
    ws_accept_key(str_make(s->shared.key, CONN_KEY_SIZE), s->shared.accept);
    return true;
}

/* How clients come in, by the mode. */
static void choose_manners(struct swarm *s, const struct load_options *o, const struct plan *plan)
{
    static const enum dialect_text texts[3][3] = {
        {DIALECT_PATH, DIALECT_HELLO, DIALECT_HELLO},
        {DIALECT_DIRECTED_PATH, DIALECT_DIRECTED_HELLO, DIALECT_DIRECTED_HELLO},
        {DIALECT_REQUEST_PATH, DIALECT_AGENT_HELLO, DIALECT_ASKER_HELLO},
    };
    unsigned row = o->mode == LOAD_PAIRS ? 1 : o->mode == LOAD_REQUESTS ? 2 : 0;
    for (unsigned i = 0; i < 2; i++) {
        s->shared.manners[i] = (struct conn_manner){
            .path = &o->dialect->texts[texts[row][0]],
            .hello = &o->dialect->texts[texts[row][1 + i]],
        };
    }
    s->shared.split = o->mode == LOAD_REQUESTS ? plan->agents : UINT32_MAX;
}

static bool watch_stop(struct swarm *s)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = STOP_EVENT};
    return s->stop_fd < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->stop_fd, &event) == 0 ||
           swarm_fail(s, "epoll_ctl failed");
}

bool swarm_init(struct swarm *s, const struct load_options *o, const struct plan *plan,
                void (*on_message)(void *context, uint32_t client, struct str payload),
                void *context, char *error)
{
    *s = (struct swarm){.capacity = plan->clients, .stop_fd = o->stop_fd};
    s->error = error;
    s->shared = (struct conn_shared){
        .plan = plan,
        .token = o->token,
        .framing = o->dialect->framing,
        .greets = o->dialect->greets,
        .streams = &stream_tcp,
        .on_message = on_message,
        .context = context,
    };
    choose_manners(s, o, plan);
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->conns = calloc(plan->clients, sizeof(*s->conns));
    s->queued = calloc(plan->clients, sizeof(*s->queued));
    s->shared.receive = malloc(CONN_RECEIVE_SIZE);
    if (s->epoll < 0 || s->conns == NULL || s->queued == NULL || s->shared.receive == NULL) {
        return swarm_fail(s, "not enough memory or file descriptors");
    }
    if (o->deflate) {
        s->shared.unpacker = unpacker_new();
        if (s->shared.unpacker == NULL) {
            return swarm_fail(s, "not enough memory");
        }
    }
    return swarm_find_hub(s, o->url) && make_secrets(s) && watch_stop(s);
}

void swarm_close(struct swarm *s)
{
    for (uint32_t i = 0; i < s->started; i++) {
        conn_close(&s->conns[i]);
    }
    s->started = 0;
    s->ready = 0;
    s->queued_count = 0;
}

void swarm_fini(struct swarm *s)
{
    swarm_close(s);
    free(s->conns);
    free(s->queued);
    free(s->shared.receive);
    unpacker_free(s->shared.unpacker);
    tls_unref(s->shared.tls);
    if (s->epoll > 0) {
        close(s->epoll);
    }
    *s = (struct swarm){.epoll = -1};
}

/* Polls for room while something is queued (or connect() is under way), and else not. */
static bool poll_conn(struct swarm *s, struct conn *c, bool new)
{
    bool out = c->state == CONN_CONNECTING || conn_has_more(c);
    if (!new &&out == c->polls_out) {
        return true;
    }
    struct epoll_event event = {.events = EPOLLIN | (out ? EPOLLOUT : 0u), .data.u32 = c->client};
    c->polls_out = out;
    return epoll_ctl(s->epoll, new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &event) == 0 ||
           swarm_fail(s, "epoll_ctl failed");
}

static bool handle_event(struct swarm *s, const struct epoll_event *event)
{
    if (event->data.u32 == STOP_EVENT) {
        s->told_to_stop = true;
        return true;
    }
    struct conn *c = &s->conns[event->data.u32];
    bool was_ready = c->state == CONN_READY;
    s->now_ns = gauge_now_ns();
    if ((event->events & EPOLLOUT) != 0 && !conn_writable(c, &s->shared)) {
        return fail_conn(s);
    }
    if (c->state != CONN_CONNECTING && (event->events & ~(uint32_t)EPOLLOUT) != 0 &&
        !conn_readable(c, &s->shared)) {
        return fail_conn(s);
    }
    if (!was_ready && c->state == CONN_READY) {
        s->ready++;
        if (s->arrivals != NULL) {
            latency_record(s->arrivals, s->now_ns - c->started_ns, 1);
        }
    }
    return poll_conn(s, c, false);
}

bool swarm_turn(struct swarm *s, uint64_t timeout_ns, unsigned *ret_events)
{
    struct epoll_event events[EVENTS_PER_TURN];
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000u),
                               .tv_nsec = (long)(timeout_ns % 1000000000u)};
    int count = epoll_pwait2(s->epoll, events, EVENTS_PER_TURN, &timeout, NULL);
    if (count < 0 && errno != EINTR) {
        return swarm_fail(s, "epoll_pwait2 failed");
    }
    for (int i = 0; i < count; i++) {
        if (!handle_event(s, &events[i])) {
            return false;
        }
    }
    *ret_events = count > 0 ? (unsigned)count : 0;
    s->now_ns = gauge_now_ns();
    return true;
}

bool swarm_deafen(struct swarm *s, uint32_t client)
{
    struct conn *c = &s->conns[client];
    c->deaf = true;
    return epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL) == 0 ||
           swarm_fail(s, "epoll_ctl failed");
}

bool swarm_open(struct swarm *s, uint32_t count)
{
    uint32_t end = s->started + count;
    while (s->ready < end) {
        while (s->started < end && s->started - s->ready < OPENING_AT_ONCE) {
            struct conn *c = &s->conns[s->started];
            bool ok = conn_start(c, s->started, &s->shared);
            c->started_ns = gauge_now_ns();
            s->started++;
            if (!ok) {
                return fail_conn(s);
            }
            if (!poll_conn(s, c, true)) {
                return false;
            }
        }
        unsigned events;
        if (!swarm_turn(s, open_idle_ns, &events)) {
            return false;
        }
        if (events == 0) {
            return swarm_fail(s, "the hub does not answer all who connect");
        }
    }
    return true;
}

bool swarm_send(struct swarm *s, uint32_t client, struct str payload)
{
    struct conn *c = &s->conns[client];
    if (!conn_queue(c, &s->shared, payload)) {
        return swarm_fail(s, "not enough memory to queue a message");
    }
    if (!c->queued) {
        c->queued = true;
        s->queued[s->queued_count++] = client;
    }
    return true;
}

bool swarm_flush(struct swarm *s)
{
    for (uint32_t i = 0; i < s->queued_count; i++) {
        struct conn *c = &s->conns[s->queued[i]];
        c->queued = false;
        if (!conn_flush(c, &s->shared)) {
            return fail_conn(s);
        }
        if (!poll_conn(s, c, false)) {
            return false;
        }
    }
    s->queued_count = 0;
    return true;
}

bool swarm_settle(struct swarm *s)
{
    unsigned events;
    do {
        if (!swarm_turn(s, settle_ns, &events)) {
            return false;
        }
    } while (events > 0);
    return true;
}
