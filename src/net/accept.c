#include "net/accept.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* One that is watched already is fine: it may have been another that could not be. */
static bool watch_door(struct reactor *r, unsigned door)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.u64 = DOOR_ID | door};

    return epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->doors[door]->fd, &event) == 0 || errno == EEXIST;
}

bool doors_init(struct reactor *r)
{
    r->spare_fd = open_spare();
    return r->spare_fd >= 0;
}

void doors_fini(struct reactor *r)
{
    if (r->spare_fd >= 0) {
        close(r->spare_fd);
        r->spare_fd = -1;
    }
}

bool reactor_add_door(struct reactor *r, const struct listener *l)
{
    if (r->door_count == LISTENERS_MAX) {
        return false;
    }
    r->doors[r->door_count] = l;
    if (!watch_door(r, r->door_count)) {
        return false;
    }
    r->door_count++;
    return true;
}

static void unwatch_doors(struct reactor *r)
{
    for (unsigned i = 0; i < r->door_count; i++) {
        (void)epoll_ctl(r->epoll, EPOLL_CTL_DEL, r->doors[i]->fd, NULL);
    }
}

/* Nothing can be accepted now; trying at once again would spin. */
static void shut_doors(struct reactor *r)
{
    unwatch_doors(r);
    r->doors_shut = true;
}

void doors_try_again(struct reactor *r)
{
    if (!r->doors_shut) {
        return;
    }
    r->doors_shut = false;
    if (r->spare_fd < 0) {
        r->spare_fd = open_spare();
    }
    for (unsigned i = 0; i < r->door_count; i++) {
        if (!r->doors_closed && !watch_door(r, i)) {
            r->doors_shut = true;
        }
    }
}

/*
 * No descriptor is left. Who waits is taken with the spare one and closed, so that he learns of it
 * and the listener does not stay readable. (Without a descriptor accept4 says so even when nobody
 * waits.) Returns whether there may be more who wait.
 */
static bool shed(struct reactor *r, int listener)
{
    if (r->spare_fd < 0) {
        metric_add(&r->metrics.out_of_files, 1);
        shut_doors(r);
        return false;
    }
    close(r->spare_fd);
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    bool nobody = fd < 0 && errno == EAGAIN;
    if (fd >= 0) {
        close(fd);
    }
    r->spare_fd = open_spare();
    if (nobody) {
        return false;
    }
    metric_add(&r->metrics.out_of_files, 1);
    if (fd < 0 || r->spare_fd < 0) {
        shut_doors(r);
        return false;
    }
    return true;
}

/* Nobody has to go as long as nobody waits: without a descriptor accept4 cannot tell. */
static bool make_way(struct reactor *r, int listener)
{
    struct pollfd waiting = {.fd = listener, .events = POLLIN};

    return poll(&waiting, 1, 0) == 1 && connection_make_room(r);
}

static void take_in(struct reactor *r, int fd, unsigned door)
{
    metric_add(&r->metrics.accepted, 1);
    if (r->ports.hand_over != NULL &&
        r->ports.hand_over(r->ports.owner, r->settings.index, fd, door)) {
        metric_add(&r->metrics.handed_over, 1);
        return;
    }
    connection_open(r, fd, door);
}

void doors_accept(struct reactor *r, unsigned door)
{
    /* The event may be from before they were closed, and the listener somebody else's to close. */
    if (r->doors_closed) {
        return;
    }
    int listener = r->doors[door]->fd;
    for (int i = 0; i < ACCEPT_SLICE; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take_in(r, fd, door);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno == EMFILE || errno == ENFILE) {
            if (!make_way(r, listener) && !shed(r, listener)) {
                return;
            }
        } else if (errno == ENOMEM || errno == ENOBUFS) {
            shut_doors(r);
            return;
        }
        /* Anything else is an error of the connection that was waiting, and has gone with it. */
    }
}

void reactor_close_doors(struct reactor *r)
{
    unwatch_doors(r);
    r->doors_closed = true;
    echo_end(r);
}

void reactor_close_idle(struct reactor *r)
{
    r->idle_closed = true;
    for (uint32_t slot = 0; slot < slab_limit(&r->connections); slot++) {
        struct connection *c = slab_at(&r->connections, slot);
        if (c->outbox.conn != NO_CONN && connection_is_idle(c)) {
            connection_destroy(r, c);
        }
    }
}
