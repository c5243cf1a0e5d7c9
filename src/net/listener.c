#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,    /* with 128, silent connections shut real clients out */
    DEFER_SECONDS = 1, /* a connection is accepted when it has said something, or after this */
    UNSENT_BYTES = 256 * 1024, /* the kernel keeps no more of what a slow reader has not taken */
    PORT_TRIES = 32,
};

static int fail_closed(int fd)
{
    int error = errno;

    close(fd);
    return -error;
}

/* A listening TCP socket, or a negative errno. */
static int open_tcp(const struct sockaddr *address, socklen_t size)
{
    const int on = 1;
    const int defer = DEFER_SECONDS;
    const int unsent = UNSENT_BYTES;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -errno;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer, sizeof(defer)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent)) != 0 ||
        (address->sa_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
        bind(fd, address, size) != 0 || listen(fd, BACKLOG) != 0) {
        return fail_closed(fd);
    }
    return fd;
}

static int open_v4(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    return open_tcp((const struct sockaddr *)&address, sizeof(address));
}

static int open_v6(uint16_t port)
{
    const struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};

    return open_tcp((const struct sockaddr *)&address, sizeof(address));
}

/* The port that a listening IPv4 socket has got. */
static int port_of(int fd, uint16_t *ret_port)
{
    struct sockaddr_in address = {0};
    socklen_t size = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        return -errno;
    }
    *ret_port = ntohs(address.sin_port);
    return 0;
}

static void fill_tcp(struct listener *l, int fd, const char *address, uint16_t port)
{
    *l = (struct listener){.fd = fd, .stream = &stream_tcp, .port = port};
    (void)snprintf(l->address, sizeof(l->address), "%s", address);
}

/* One try; with port 0 the port of the second may happen to be taken. */
static int open_both(uint16_t port, struct listener ret_listeners[2])
{
    int v4 = open_v4(port);

    if (v4 < 0) {
        return v4;
    }
    int error = port_of(v4, &port);
    if (error != 0) {
        close(v4);
        return error;
    }
    int v6 = open_v6(port);
    if (v6 < 0 && v6 != -EAFNOSUPPORT && v6 != -EADDRNOTAVAIL) {
        close(v4);
        return v6;
    }
    fill_tcp(&ret_listeners[0], v4, "127.0.0.1", port);
    if (v6 < 0) {
        return 1;
    }
    fill_tcp(&ret_listeners[1], v6, "::1", port);
    return 2;
}

int listener_open_loopback(uint16_t port, struct listener ret_listeners[2])
{
    int result = open_both(port, ret_listeners);

    for (int tries = 1; port == 0 && result == -EADDRINUSE && tries < PORT_TRIES; tries++) {
        result = open_both(port, ret_listeners);
    }
    return result;
}

/* Removes a socket file that nobody listens on; 0, or a negative errno. */
static int remove_stale(const struct sockaddr_un *address)
{
    struct stat about;

    if (lstat(address->sun_path, &about) != 0) {
        return errno == ENOENT ? 0 : -errno;
    }
    if (!S_ISSOCK(about.st_mode)) {
        return -EEXIST;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    /* A full backlog is EAGAIN: somebody listens. */
    bool stale = connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
                 (errno == ECONNREFUSED || errno == ENOENT);
    close(fd);
    if (!stale) {
        return -EADDRINUSE;
    }
    return unlink(address->sun_path) == 0 || errno == ENOENT ? 0 : -errno;
}

int listener_open_unix(const char *path, struct listener *ret_listener)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    struct stat about;

    if (len == 0 || len >= sizeof(address.sun_path)) {
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, len);
    int error = remove_stale(&address);
    if (error != 0) {
        return error;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    /* The file takes over the mode of the socket, so at no time can anybody else open it. */
    if (fchmod(fd, S_IRUSR | S_IWUSR) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        return fail_closed(fd);
    }
    if (listen(fd, BACKLOG) != 0 || lstat(path, &about) != 0) {
        error = fail_closed(fd);
        (void)unlink(path);
        return error;
    }
    *ret_listener = (struct listener){.fd = fd,
                                      .stream = &stream_tcp,
                                      .is_unix = true,
                                      .device = about.st_dev,
                                      .inode = about.st_ino};
    memcpy(ret_listener->address, path, len);
    return 0;
}

void listener_close(struct listener *l)
{
    struct stat about;

    if (l == NULL || l->fd < 0) {
        return;
    }
    close(l->fd);
    l->fd = -1;
    /* Another gateway may have put its own socket there since. */
    if (l->is_unix && lstat(l->address, &about) == 0 && about.st_dev == l->device &&
        about.st_ino == l->inode) {
        (void)unlink(l->address);
    }
}
