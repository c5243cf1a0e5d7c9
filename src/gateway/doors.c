#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "gateway/internal.h"

/* The most that one call opens: a port on both addresses of loopback. */
enum { DOORS_OF_PORT = 2 };

static bool is_one_of(const char *text, const char *const *words)
{
    while (*words != NULL && strcmp(text, *words) != 0) {
        words++;
    }
    return *words != NULL;
}

/* Opens a port, as `bind` says. Returns how many listeners were written, or a negative errno. */
static int open_port(const char *bind, uint16_t port, struct listener ret_listeners[DOORS_OF_PORT])
{
    static const char *const loopback[] = {"loopback", "localhost", "127.0.0.1", "::1", NULL};

    if (is_one_of(bind, loopback)) {
        return listener_open_loopback(port, ret_listeners);
    }
    int error = listener_open_any(strcmp(bind, "all") == 0 ? NULL : bind, port, ret_listeners);
    return error == 0 ? 1 : error;
}

static int add_port(struct gateway *g, uint16_t port, bool status_only)
{
    struct listener *first = &g->listeners[g->listener_count];

    if (g->listener_count + DOORS_OF_PORT > LISTENERS_MAX) {
        return -ENOSPC;
    }
    int count = open_port(g->settings.bind, port, first);
    if (count < 0) {
        return count;
    }
    for (int i = 0; i < count; i++) {
        first[i].status_only = status_only;
    }
    g->listener_count += (unsigned)count;
    return 0;
}

static int add_unix(struct gateway *g)
{
    if (g->listener_count == LISTENERS_MAX) {
        return -ENOSPC;
    }
    int error = listener_open_unix(g->settings.unix_path, &g->listeners[g->listener_count]);
    if (error == 0) {
        g->listener_count++;
    }
    return error;
}

/* Takes one that was given, if it is what is asked for. */
static int adopt(struct gateway *g, const struct gateway_socket *s)
{
    struct listener *l = &g->listeners[g->listener_count];

    if (g->listener_count == LISTENERS_MAX) {
        return -ENOSPC;
    }
    int error = listener_adopt(s->fd, l);
    if (error == 0) {
        l->status_only = s->status_only;
        g->listener_count++;
    }
    return error;
}

/* All that were given, those for status behind the others. */
static int adopt_all(struct gateway *g)
{
    int failure = 0;

    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < g->settings.socket_count; i++) {
            const struct gateway_socket *s = &g->settings.sockets[i];
            if (s->status_only != (pass == 1)) {
                continue;
            }
            int error = failure == 0 ? adopt(g, s) : failure;
            if (error != 0) {
                close(s->fd); /* taken all the same */
                failure = error;
            }
        }
    }
    return failure;
}

/* Programs of this host need no TLS. */
static void choose_streams(struct gateway *g)
{
    const struct net_policy *policy = g->settings.policy;

    if (policy == NULL || policy->tls == NULL) {
        return;
    }
    for (unsigned i = 0; i < g->listener_count; i++) {
        if (!g->listeners[i].is_unix) {
            g->listeners[i].stream = &stream_tls;
        }
    }
}

int doors_open(struct gateway *g, enum gateway_part *ret_part)
{
    const struct gateway_settings *s = &g->settings;
    int error = 0;

    *ret_part = GATEWAY_TCP;
    if (s->socket_count > 0) {
        *ret_part = GATEWAY_SOCKETS;
        error = adopt_all(g);
    } else if (s->bind != NULL) {
        error = add_port(g, s->port, false);
    }
    if (error == 0 && s->unix_path != NULL) {
        *ret_part = GATEWAY_UNIX;
        error = add_unix(g);
    }
    if (error == 0 && s->status_port != 0 && s->socket_count == 0 && s->bind != NULL) {
        *ret_part = GATEWAY_STATUS;
        error = add_port(g, s->status_port, true);
    }
    if (error == 0) {
        *ret_part = GATEWAY_RESOURCES;
        choose_streams(g);
    }
    return error;
}
