#include "gateway/gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "gateway/internal.h"

void gateway_settings_init(struct gateway_settings *s)
{
    *s = (struct gateway_settings){
        .threads = 1, .bind = "loopback", .port = 8765, .drain_ms = 10000};
    hub_settings_init(&s->hub);
    reactor_settings_init(&s->reactor);
}

static void raise_file_limit(void)
{
    struct rlimit limit;

    /* A program that embeds this may have less than it could; failing leaves it as it was. */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void fill_random(void *owner, void *bytes, size_t len)
{
    char *at = bytes;

    (void)owner;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got > 0) {
            at += got;
            len -= (size_t)got;
        } else if (errno != EINTR) {
            abort();
        }
    }
}

static void forward_log(void *owner, enum log_level level, const char *event, struct str client,
                        struct str details)
{
    struct gateway *g = owner;

    if (g->settings.log != NULL) {
        g->settings.log(g->settings.owner, level, event, client, details);
    }
}

static void digest(void *owner, struct str secret, uint8_t ret_digest[32])
{
    struct gateway *g = owner;

    g->settings.digest(g->settings.owner, secret, ret_digest);
}

static bool verify(void *owner, struct str token, void *ctx,
                   void (*take)(void *ctx, const struct hub_claims *claims))
{
    const struct gateway *g = owner;

    return g->settings.verify(g->settings.owner, token, ctx, take);
}

static void judged(void *owner, uint64_t conn, const struct hub_asker *asker, struct str request,
                   size_t head_len)
{
    struct gateway *g = owner;

    g->settings.judged(g->settings.owner, conn, asker, request, head_len);
}

static uint64_t count_memory(void *owner)
{
    struct gateway *g = owner;

    return g->settings.memory(g->settings.owner);
}

static void tell_host(void *owner, const struct hub_event *event)
{
    const struct gateway *g = owner;

    g->settings.host.event(g->settings.host.owner, event);
}

static int ask_host(void *owner, const struct hub_heard *message)
{
    const struct gateway *g = owner;

    return g->settings.host.hear(g->settings.host.owner, message);
}

static void have_checked(void *owner, uint64_t job, struct str secret, bool is_password,
                         const uint8_t address[16])
{
    const struct gateway *g = owner;

    g->settings.host.check_credential(g->settings.host.owner, job, secret, is_password, address);
}

/* --- building --------------------------------------------------------------------------------- */

static bool make_hub(struct gateway *g)
{
    const struct gateway_settings *s = &g->settings;
    struct hub_ports ports = {
        .owner = g,
        .random = fill_random,
        .log = forward_log,
        .digest = s->digest != NULL ? digest : NULL,
        .verify = s->verify != NULL ? verify : NULL,
        .check_password = s->verify_password != NULL ? work_check_password : NULL,
        .judged = s->judged != NULL ? judged : NULL,
        .memory = s->memory != NULL ? count_memory : NULL,
        .event = s->host.event != NULL ? tell_host : NULL,
        .hear = s->host.hear != NULL ? ask_host : NULL,
        .check_credential = s->host.check_credential != NULL ? have_checked : NULL,
    };

    g->settings.hub.reactors = g->settings.threads;
    g->hub = hub_new(&g->settings.hub, &ports, clock_now());
    g->empty = down_batch_new();
    return g->hub != NULL && g->empty != NULL;
}

static bool make_reactor(struct gateway *g, unsigned i, struct net_policy *policy)
{
    struct reactor_settings s = g->settings.reactor;
    struct reactor_ports ports = {.owner = g};

    s.index = i;
    s.policy = policy;
    if (g->settings.threads > 1) {
        ports.hand_over = threads_hand_over;
        if (!queue_init(&g->queues[i])) {
            return false;
        }
        g->queue_count = i + 1;
    }
    g->reactors[i] = reactor_new(&s, &ports);
    if (g->reactors[i] == NULL) {
        return false;
    }
    for (unsigned door = 0; door < g->listener_count; door++) {
        if (!reactor_add_door(g->reactors[i], &g->listeners[door])) {
            return false;
        }
    }
    return true;
}

/* The product's, with the limits of the hub; NULL: no memory. */
static struct net_policy *make_policy(const struct hub_settings *hub)
{
    struct net_policy_source source;
    struct buf error;

    net_policy_source_init(&source);
    source.max_message_bytes = (uint32_t)hub->max_message_bytes;
    source.max_frame_bytes = (uint32_t)hub->max_frame_bytes;
    source.max_backlog = hub->max_send_queue_bytes;
    buf_init(&error, 0); /* its texts are good */
    return net_policy_new(&source, &error);
}

static bool make_reactors(struct gateway *g)
{
    struct net_policy *given = g->settings.policy;
    struct net_policy *policy =
        given != NULL ? net_policy_ref(given) : make_policy(&g->settings.hub);
    bool made = policy != NULL;

    for (unsigned i = 0; i < g->settings.threads && made; i++) {
        made = make_reactor(g, i, policy);
    }
    net_policy_unref(policy);
    return made;
}

int gateway_new(const struct gateway_settings *settings, struct gateway **ret_gateway,
                enum gateway_part *ret_part)
{
    struct gateway *g = calloc(1, sizeof(*g));
    int error = -ENOMEM;

    *ret_part = GATEWAY_RESOURCES;
    if (g == NULL) {
        return error;
    }
    g->settings = *settings;
    g->outer_fd = g->timer_fd = -1;
    raise_file_limit();
    /* First of all, since sockets that were given are taken whatever else fails. */
    error = doors_open(g, ret_part);
    g->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (error == 0 && g->wake_fd < 0) {
        error = -errno;
    }
    if (error != 0) {
        goto fail;
    }
    error = -ENOMEM;
    if (!work_init(g) || !make_hub(g) || !make_reactors(g)) {
        goto fail;
    }
    *ret_gateway = g;
    return 0;
fail:
    gateway_free(g);
    return error;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

void gateway_free(struct gateway *g)
{
    if (g == NULL) {
        return;
    }
    work_fini(g);
    for (unsigned i = 0; i < g->queue_count; i++) {
        queue_fini(&g->queues[i]);
    }
    for (unsigned i = 0; i < MAX_REACTORS; i++) {
        reactor_free(g->reactors[i]);
    }
    down_batch_free(g->empty);
    hub_free(g->hub);
    for (unsigned i = 0; i < g->listener_count; i++) {
        listener_close(&g->listeners[i]);
    }
    close_fd(&g->wake_fd);
    close_fd(&g->outer_fd);
    close_fd(&g->timer_fd);
    free(g);
}

/* --- running ---------------------------------------------------------------------------------- */

int gateway_start(struct gateway *g)
{
    return g->settings.threads > 1 ? threads_start(g) : single_start(g);
}

void gateway_end(struct gateway *g)
{
    if (g->settings.threads > 1) {
        threads_end(g);
    } else {
        single_end(g);
    }
}

static bool has_work(const struct gateway *g)
{
    return g->settings.threads > 1 ? threads_ready(g) : single_ready(g);
}

/* Sets the timer to when the next step is due; it must not be 0, which would be never. */
static void arm_timer(const struct gateway *g)
{
    int ms = has_work(g) ? 0 : turn_timeout_ms(g, clock_now());
    struct itimerspec when = {.it_value = {ms / 1000, (long)(ms % 1000) * 1000000 + 1}};

    (void)timerfd_settime(g->timer_fd, 0, &when, NULL);
}

bool gateway_step(struct gateway *g, bool wait)
{
    bool goes_on = g->settings.threads > 1 ? threads_step(g, wait) : single_step(g, wait);

    if (!wait && g->outer_fd >= 0) {
        arm_timer(g);
    }
    return goes_on;
}

int gateway_run(struct gateway *g)
{
    int error = gateway_start(g);

    while (error == 0 && gateway_step(g, true)) {
    }
    gateway_end(g);
    return error;
}

static bool watch_fd(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};

    return fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

int gateway_fd(struct gateway *g)
{
    if (g->outer_fd >= 0) {
        return g->outer_fd;
    }
    int inner = g->settings.threads > 1 ? g->wake_fd : g->reactors[0]->epoll;
    g->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    g->outer_fd = epoll_create1(EPOLL_CLOEXEC);
    if (g->outer_fd < 0 || !watch_fd(g->outer_fd, g->timer_fd) || !watch_fd(g->outer_fd, inner)) {
        int error = -errno;
        close_fd(&g->outer_fd);
        close_fd(&g->timer_fd);
        return error;
    }
    arm_timer(g);
    return g->outer_fd;
}

void gateway_wake(struct gateway *g)
{
    const uint64_t one = 1;
    int error = errno;

    if (g->settings.threads > 1) {
        /* It fails only when a wake-up is already pending. */
        ssize_t done = write(g->wake_fd, &one, sizeof(one));
        (void)done;
    } else {
        reactor_wake(g->reactors[0]);
    }
    errno = error;
}

void gateway_stop(struct gateway *g)
{
    atomic_fetch_add(&g->stops, 1);
    gateway_wake(g);
}

void gateway_drain(struct gateway *g)
{
    atomic_store(&g->drains, true);
    gateway_wake(g);
}

void gateway_reload(struct gateway *g)
{
    atomic_fetch_add(&g->reloads, 1);
    gateway_wake(g);
}

bool gateway_set_password(struct gateway *g, const char *hash)
{
    return worker_set_password(g->worker, hash);
}

void gateway_set_drain(struct gateway *g, uint64_t drain_ms)
{
    g->settings.drain_ms = drain_ms;
}

const struct listener *gateway_listeners(const struct gateway *g, size_t *ret_count)
{
    *ret_count = g->listener_count;
    return g->listeners;
}

struct hub *gateway_hub(struct gateway *g)
{
    return g->hub;
}

const struct reactor_metrics *gateway_metrics(const struct gateway *g, unsigned i)
{
    return &g->reactors[i]->metrics;
}
