#include "swarm.h"

#include "base/base64.h"
#include "ws/ws.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    EVENTS_PER_TURN = 1024,
    OPENING_AT_ONCE = 128, /* the least backlog among the peers is 511 */
    OPEN_IDLE_MS = 10000,
    SETTLE_MS = 200,
};

static bool fail(struct swarm *s, const char *what)
{
    (void)snprintf(s->error, LOAD_ERROR_SIZE, "%s", what);
    return false;
}

static bool fail_conn(struct swarm *s)
{
    return fail(s, s->shared.error);
}

/* ws://HOST[:PORT][/PATH] */
static bool take_url(struct swarm *s, const char *url)
{
    struct str rest = str_from_z(url);
    if (!str_starts_with(rest, STR("ws://"))) {
        return fail(s, "the URL must begin with ws://");
    }
    rest = str_slice(rest, 5, rest.len);
    struct str authority = str_slice(rest, 0, str_find(rest, '/'));
    struct str path = str_slice(rest, authority.len, rest.len);
    if (path.len == 0) {
        path = STR("/");
    }
    if (authority.len == 0 || authority.len >= sizeof(s->authority) ||
        path.len >= sizeof(s->path)) {
        return fail(s, "the URL has no host, or is too long");
    }
    memcpy(s->authority, authority.ptr, authority.len);
    memcpy(s->path, path.ptr, path.len);
    s->shared.authority = str_make(s->authority, authority.len);
    s->shared.path = str_make(s->path, path.len);
    return true;
}

static bool find_address(struct swarm *s)
{
    char host[sizeof(s->authority)];
    memcpy(host, s->authority, sizeof(host));
    char *port = strrchr(host, ':');
    const char *service = "80";
    if (port != NULL && strchr(port, ']') == NULL) {
        *port = '\0';
        service = port + 1;
    }
    char *name = host;
    size_t len = strlen(host);
    if (name[0] == '[' && name[len - 1] == ']') {
        name[len - 1] = '\0';
        name++;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int rc = getaddrinfo(name, service, &hints, &found);
    if (rc != 0) {
        (void)snprintf(s->error, LOAD_ERROR_SIZE, "%s: %s", s->authority, gai_strerror(rc));
        return false;
    }
    memcpy(&s->shared.address, found->ai_addr, found->ai_addrlen);
    s->shared.address_len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool make_secrets(struct swarm *s)
{
    uint8_t nonce[16];
    if (getrandom(nonce, sizeof(nonce), 0) != sizeof(nonce) ||
        getrandom(&s->shared.random, sizeof(s->shared.random), 0) != sizeof(s->shared.random)) {
        return fail(s, "the kernel gives no random numbers");
    }
    s->shared.random |= 1;
    base64_encode(nonce, sizeof(nonce), s->shared.key);
    ws_accept_key(str_make(s->shared.key, CONN_KEY_SIZE), s->shared.accept);
    return true;
}

bool swarm_init(struct swarm *s, const struct load_options *o, uint32_t capacity,
                void (*on_message)(void *context, uint32_t client, struct str payload),
                void *context, char *error)
{
    *s = (struct swarm){.capacity = capacity};
    s->error = error;
    s->shared.on_message = on_message;
    s->shared.context = context;
    s->shared.hello = str_from_z(o->hello);
    s->shared.skip_greeting = o->skip_greeting;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->conns = calloc(capacity, sizeof(*s->conns));
    s->queued = calloc(capacity, sizeof(*s->queued));
    s->shared.receive = malloc(CONN_RECEIVE_SIZE);
    if (s->epoll < 0 || s->conns == NULL || s->queued == NULL || s->shared.receive == NULL) {
        return fail(s, "not enough memory or file descriptors");
    }
    return take_url(s, o->url) && find_address(s) && make_secrets(s);
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
    if (s->epoll > 0) {
        close(s->epoll);
    }
    *s = (struct swarm){.epoll = -1};
}

/* Polls for room while something is queued (or connect() is under way), and else not. */
static bool poll_conn(struct swarm *s, struct conn *c, bool new)
{
    bool out = c->state == CONN_CONNECTING || c->out.len > 0;
    if (!new &&out == c->polls_out) {
        return true;
    }
    struct epoll_event event = {.events = EPOLLIN | (out ? EPOLLOUT : 0u), .data.u32 = c->client};
    c->polls_out = out;
    return epoll_ctl(s->epoll, new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &event) == 0 ||
           fail(s, "epoll_ctl failed");
}

static bool handle_event(struct swarm *s, const struct epoll_event *event)
{
    struct conn *c = &s->conns[event->data.u32];
    bool was_ready = c->state == CONN_READY;
    if ((event->events & EPOLLOUT) != 0 && !conn_writable(c, &s->shared)) {
        return fail_conn(s);
    }
    if (c->state != CONN_CONNECTING && (event->events & ~(uint32_t)EPOLLOUT) != 0 &&
        !conn_readable(c, &s->shared)) {
        return fail_conn(s);
    }
    if (!was_ready && c->state == CONN_READY) {
        s->ready++;
    }
    return poll_conn(s, c, false);
}

bool swarm_turn(struct swarm *s, int timeout_ms, unsigned *ret_events)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int count = epoll_wait(s->epoll, events, EVENTS_PER_TURN, timeout_ms);
    if (count < 0 && errno != EINTR) {
        return fail(s, "epoll_wait failed");
    }
    for (int i = 0; i < count; i++) {
        if (!handle_event(s, &events[i])) {
            return false;
        }
    }
    *ret_events = count > 0 ? (unsigned)count : 0;
    return true;
}

bool swarm_open(struct swarm *s, uint32_t count)
{
    uint32_t end = s->started + count;
    while (s->ready < end) {
        while (s->started < end && s->started - s->ready < OPENING_AT_ONCE) {
            struct conn *c = &s->conns[s->started];
            bool ok = conn_start(c, s->started, &s->shared);
            s->started++;
            if (!ok) {
                return fail_conn(s);
            }
            if (!poll_conn(s, c, true)) {
                return false;
            }
        }
        unsigned events;
        if (!swarm_turn(s, OPEN_IDLE_MS, &events)) {
            return false;
        }
        if (events == 0) {
            return fail(s, "the hub does not answer all who connect");
        }
    }
    return true;
}

bool swarm_send(struct swarm *s, uint32_t client, struct str payload)
{
    struct conn *c = &s->conns[client];
    if (!conn_queue_text(c, &s->shared, payload)) {
        return fail(s, "not enough memory to queue a message");
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
        if (!swarm_turn(s, SETTLE_MS, &events)) {
            return false;
        }
    } while (events > 0);
    return true;
}
