#ifndef PARLEY_NET_LISTENER_H
#define PARLEY_NET_LISTENER_H

/*
 * Listening sockets. One is shared by all reactors: each has it in its epoll, and the kernel wakes
 * one of them for a connection. Options that accepted sockets inherit are set here, once, so that
 * accepting costs no further system call.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "net/stream.h"

enum { LISTENERS_MAX = 8 };

struct listener {
    int fd; /* -1: closed */
    const struct stream_type *stream;
    bool is_unix;
    bool status_only; /* only routes for that are there, and no WebSocket; set by the composition */
    char address[sizeof(((struct sockaddr_un *)0)->sun_path) + 1]; /* "127.0.0.1", or the path;
"@name" when it is abstract */
    uint16_t port;                                                 /* of TCP */
    dev_t device; /* of AF_UNIX: the file that was made, and no other, is removed at the end */
    ino_t inode;
};

/*
 * Listens on 127.0.0.1 and, where the machine has it, on ::1, on the same port; port 0 finds one
 * that is free on both. Writes one or two listeners and returns how many, or a negative errno:
 * -EADDRINUSE when either is taken. A machine without IPv4 has the other alone.
 */
int listener_open_loopback(uint16_t port, struct listener ret_listeners[2]);

/*
 * Listens on a path of the file system, mode 0600. A socket file that nobody listens on is
 * replaced; anything else that is there is an error. Returns 0 or a negative errno: -EADDRINUSE
 * when somebody listens, -EEXIST when it is no socket, -ENAMETOOLONG.
 */
int listener_open_unix(const char *path, struct listener *ret_listener);

/*
 * Listens on all addresses of the machine (`address` NULL): on [::] for both versions of the
 * internet protocol, or on 0.0.0.0 where there is no IPv6. Or on one address, in figures, with a
 * scope if it needs one ("fe80::1%eth0"). Port 0 finds a free one. Returns 0 or a negative errno:
 * -EINVAL for what is no address, -EADDRNOTAVAIL for one that is not ours, -EADDRINUSE, -EACCES.
 */
int listener_open_any(const char *address, uint16_t port, struct listener *ret_listener);

/*
 * Takes over a socket that somebody else opened and listens on, TCP or AF_UNIX, as systemd passes
 * them. Its file, if it has one, stays at the end. Returns 0 or a negative errno, and `fd` is as
 * it was: -EINVAL when it is no listening stream socket of these families, -ENOTSOCK, -EBADF.
 */
int listener_adopt(int fd, struct listener *ret_listener);

/* Closes it and removes the file that it made. May be called again, and with NULL. */
void listener_close(struct listener *l);

#endif
