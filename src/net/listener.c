#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
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

/* What accepted sockets inherit; it can be set for a socket that listens already. */
static bool set_tcp_options(int fd)
{
    const int on = 1;
    const int defer = DEFER_SECONDS;
    const int unsent = UNSENT_BYTES;

    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer, sizeof(defer)) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent)) == 0;
}

/* A listening TCP socket, or a negative errno. `v6_only`: one of IPv6 takes no IPv4. */
static int open_tcp(const struct sockaddr *address, socklen_t size, bool v6_only)
{
    const int on = 1;
    const int only = v6_only;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -errno;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 || !set_tcp_options(fd) ||
        (address->sa_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) != 0) ||
        bind(fd, address, size) != 0 || listen(fd, BACKLOG) != 0) {
        return fail_closed(fd);
    }
    return fd;
}

static int open_v4(uint32_t address, uint16_t port)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};

    return open_tcp((const struct sockaddr *)&to, sizeof(to), false);
}

static int open_v6(const struct in6_addr *address, uint16_t port, bool v6_only)
{
    const struct sockaddr_in6 to = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = *address};

    return open_tcp((const struct sockaddr *)&to, sizeof(to), v6_only);
}

/* Whether a failure means that the machine does not have this version of the protocol. */
static bool is_missing(int result)
{
    return result == -EAFNOSUPPORT || result == -EADDRNOTAVAIL;
}

/* The address of a TCP socket as text, and its port; false with errno. */
static bool describe_tcp(struct listener *l)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    char port[8];

    if (getsockname(l->fd, (struct sockaddr *)&address, &size) != 0) {
        return false;
    }
    if (getnameinfo((const struct sockaddr *)&address, size, l->address, sizeof(l->address), port,
                    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        errno = EINVAL;
        return false;
    }
    l->port = (uint16_t)strtoul(port, NULL, 10);
    return true;
}

/* Takes the socket, or the negative errno. */
static int fill_tcp(struct listener *ret_listener, int fd)
{
    struct listener l = {.fd = fd, .stream = &stream_tcp};

    if (fd < 0) {
        return fd;
    }
    if (!describe_tcp(&l)) {
        return fail_closed(fd);
    }
    *ret_listener = l;
    return 0;
}

/* One try; with port 0 the port of the second may happen to be taken. */
static int open_both(uint16_t port, struct listener ret_listeners[2])
{
    int count = 0;
    int error = fill_tcp(&ret_listeners[0], open_v4(INADDR_LOOPBACK, port));

    if (error == 0) {
        port = ret_listeners[0].port;
        count = 1;
    } else if (!is_missing(error)) {
        return error;
    }
    error = fill_tcp(&ret_listeners[count], open_v6(&in6addr_loopback, port, true));
    if (error == 0) {
        count++;
    } else if (count == 0 || !is_missing(error)) {
        listener_close(count > 0 ? &ret_listeners[0] : NULL);
        return error;
    }
    return count;
}

int listener_open_loopback(uint16_t port, struct listener ret_listeners[2])
{
    int result = open_both(port, ret_listeners);

    for (int tries = 1; port == 0 && result == -EADDRINUSE && tries < PORT_TRIES; tries++) {
        result = open_both(port, ret_listeners);
    }
    return result;
}

static int open_all(uint16_t port)
{
    int fd = open_v6(&in6addr_any, port, false);

    return is_missing(fd) ? open_v4(INADDR_ANY, port) : fd;
}

/* An address in figures. */
static int open_address(const char *address, uint16_t port)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char service[8];

    (void)snprintf(service, sizeof(service), "%u", (unsigned)port);
    int error = getaddrinfo(address, service, &hints, &found);
    if (error != 0) {
        return error == EAI_MEMORY ? -ENOMEM : -EINVAL;
    }
    int fd = open_tcp(found->ai_addr, found->ai_addrlen, true);
    freeaddrinfo(found);
    return fd;
}

int listener_open_any(const char *address, uint16_t port, struct listener *ret_listener)
{
    return fill_tcp(ret_listener, address == NULL ? open_all(port) : open_address(address, port));
}

/* --- sockets of others ------------------------------------------------------------------------ */

static bool get_option(int fd, int option, int *ret_value)
{
    socklen_t size = sizeof(*ret_value);

    return getsockopt(fd, SOL_SOCKET, option, ret_value, &size) == 0;
}

/* The path of an AF_UNIX socket; false with errno. */
static bool describe_unix(struct listener *l)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = sizeof(address);

    if (getsockname(l->fd, (struct sockaddr *)&address, &size) != 0) {
        return false;
    }
    /* A path may fill its room without a NUL behind it. */
    size_t len = size - offsetof(struct sockaddr_un, sun_path);
    if (len > sizeof(address.sun_path)) {
        len = sizeof(address.sun_path);
    }
    memcpy(l->address, address.sun_path, len);
    if (len > 0 && l->address[0] == '\0') {
        l->address[0] = '@';
    }
    return true;
}

int listener_adopt(int fd, struct listener *ret_listener)
{
    struct listener l = {.fd = fd, .stream = &stream_tcp};
    int type, listens, domain;

    if (!get_option(fd, SO_TYPE, &type) || !get_option(fd, SO_ACCEPTCONN, &listens) ||
        !get_option(fd, SO_DOMAIN, &domain)) {
        return -errno;
    }
    l.is_unix = domain == AF_UNIX;
    if (type != SOCK_STREAM || !listens ||
        (!l.is_unix && domain != AF_INET && domain != AF_INET6)) {
        return -EINVAL;
    }
    if (!(l.is_unix ? describe_unix(&l) : describe_tcp(&l) && set_tcp_options(fd))) {
        return -errno;
    }
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        return -errno;
    }
    *ret_listener = l;
    return 0;
}

/* --- AF_UNIX ---------------------------------------------------------------------------------- */

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
