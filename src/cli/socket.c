#include "cli/socket.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/printable.h"

enum { READ_SIZE = 65536, MAX_HOST = 256 };

int64_t socket_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for `events` until the deadline; the next call says whether they are errors. */
static bool wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    int ready;

    do {
        int64_t left = deadline == SOCKET_FOREVER ? -1 : deadline - socket_now_ms();
        if (deadline != SOCKET_FOREVER && left < 0) {
            left = 0;
        }
        ready = poll(&poll_fd, 1, left > INT_MAX ? INT_MAX : (int)left);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* Returns the descriptor, or -1 with errno. */
static int connect_address(const struct sockaddr *address, socklen_t len, int timeout_ms)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = 0;
    socklen_t error_len = sizeof(error);

    if (fd < 0) {
        return -1;
    }
    if (connect(fd, address, len) == 0) {
        return fd;
    }
    error = errno;
    if (error == EINPROGRESS) {
        error = ETIMEDOUT;
        if (wait_for(fd, POLLOUT, socket_now_ms() + timeout_ms) &&
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) == 0 && error == 0) {
            return fd;
        }
    }
    (void)close(fd);
    errno = error;
    return -1;
}

static int refuse(const struct url *url, const char *why, struct buf *error)
{
    buf_append_str(error, STR("no gateway at "));
    if (url->path.len > 0) {
        buf_append_str(error, STR("unix:"));
        printable_append(error, url->path);
    } else {
        buf_append_str(error, url->is_tls ? STR("https://") : STR("http://"));
        printable_append(error, url->authority);
    }
    buf_printf(error, ": %s", why);
    return -1;
}

static int connect_unix(const struct url *url, int timeout_ms, struct buf *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (url->path.len >= sizeof(address.sun_path)) {
        return refuse(url, "the path is too long", error);
    }
    memcpy(address.sun_path, url->path.ptr, url->path.len);
    int fd = connect_address((const struct sockaddr *)&address, sizeof(address), timeout_ms);
    return fd >= 0 ? fd : refuse(url, strerror(errno), error);
}

static int connect_tcp(const struct url *url, int timeout_ms, struct buf *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *addresses;
    char host[MAX_HOST], port[8];
    int fd = -1, one = 1;

    if (url->host.len >= sizeof(host)) {
        return refuse(url, "the name is too long", error);
    }
    memcpy(host, url->host.ptr, url->host.len);
    host[url->host.len] = '\0';
    (void)snprintf(port, sizeof(port), "%u", (unsigned)url->port);
    int failure = getaddrinfo(host, port, &hints, &addresses);
    if (failure != 0) {
        return refuse(url, gai_strerror(failure), error);
    }
    for (const struct addrinfo *at = addresses; at != NULL && fd < 0; at = at->ai_next) {
        fd = connect_address(at->ai_addr, at->ai_addrlen, timeout_ms);
    }
    failure = errno;
    freeaddrinfo(addresses);
    if (fd < 0) {
        return refuse(url, strerror(failure), error);
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

/* The handshake, to its end. Returns whether it was a good one; else c->stream says why. */
static bool shake_hands(struct channel *c, int64_t deadline)
{
    char bytes[READ_SIZE];

    while (!stream_tls_is_ready(c->stream)) {
        bool owes = stream_tls_owes(c->stream);
        if (!wait_for(c->fd, owes ? POLLOUT : POLLIN, deadline)) {
            return false;
        }
        ssize_t result = owes ? c->type->send(c->stream, c->fd, NULL, 0)
                              : c->type->receive(c->stream, c->fd, bytes, sizeof(bytes));
        if ((result < 0 && errno != EAGAIN) || (result == 0 && !owes)) {
            return false;
        }
    }
    return true;
}

static bool secure(struct channel *c, const struct url *url, int64_t deadline, struct buf *error)
{
    char host[MAX_HOST];
    struct tls *tls = tls_new_client();

    /* connect_tcp has looked at its length. */
    memcpy(host, url->host.ptr, url->host.len);
    host[url->host.len] = '\0';
    c->type = &stream_tls;
    c->stream = tls != NULL ? stream_tls_connect(tls, c->fd, host) : NULL;
    tls_unref(tls);
    if (c->stream == NULL) {
        (void)refuse(url, "TLS cannot be set up", error);
        return false;
    }
    if (shake_hands(c, deadline)) {
        return true;
    }
    const char *why = stream_tls_failure(c->stream);
    (void)refuse(url, why != NULL ? why : "no TLS was spoken in time", error);
    return false;
}

bool socket_connect(const struct url *url, int timeout_ms, struct channel *ret_channel,
                    struct buf *error)
{
    int64_t deadline = socket_now_ms() + timeout_ms;
    struct channel c = {.type = &stream_tcp};

    c.fd = url->path.len > 0 ? connect_unix(url, timeout_ms, error)
                             : connect_tcp(url, timeout_ms, error);
    if (c.fd < 0) {
        return false;
    }
    if (url->is_tls && !secure(&c, url, deadline, error)) {
        socket_close(&c);
        return false;
    }
    *ret_channel = c;
    return true;
}

void socket_close(struct channel *c)
{
    if (c->fd >= 0) {
        if (c->stream != NULL) {
            c->type->finish(c->stream, c->fd);
        }
        stream_tls_free(c->stream);
        (void)close(c->fd);
        *c = (struct channel){.fd = -1};
    }
}

/* One write. As send(2). */
static ssize_t send_some(const struct channel *c, struct str bytes)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes.ptr, .iov_len = bytes.len};

    return c->type->send(c->stream, c->fd, &iov, 1);
}

enum socket_result socket_write_some(const struct channel *c, struct str bytes, size_t *ret_written)
{
    size_t written = 0;

    while (written < bytes.len) {
        ssize_t sent = send_some(c, str_slice(bytes, written, bytes.len));
        if (sent == 0) {
            break; /* a byte is held back until the socket has room */
        }
        if (sent < 0 && errno != EINTR) {
            *ret_written = written;
            return errno == EAGAIN ? SOCKET_OK : SOCKET_ENDED;
        }
        written += sent > 0 ? (size_t)sent : 0;
    }
    *ret_written = written;
    return SOCKET_OK;
}

enum socket_result socket_write(const struct channel *c, struct str bytes, int timeout_ms)
{
    int64_t deadline = socket_now_ms() + timeout_ms;

    while (bytes.len > 0) {
        ssize_t sent = send_some(c, bytes);
        if (sent > 0) {
            bytes = str_slice(bytes, (size_t)sent, bytes.len);
        } else if (sent == 0 || errno == EAGAIN) {
            if (!wait_for(c->fd, POLLOUT, deadline)) {
                return SOCKET_TIMEOUT;
            }
        } else if (errno != EINTR) {
            return SOCKET_ENDED;
        }
    }
    return SOCKET_OK;
}

enum socket_result socket_read(const struct channel *c, struct buf *in, int64_t deadline)
{
    if (!buf_reserve(in, READ_SIZE)) {
        return SOCKET_FULL;
    }
    for (;;) {
        ssize_t got = c->type->receive(c->stream, c->fd, in->data + in->len, READ_SIZE);
        if (got > 0) {
            in->len += (size_t)got;
            return SOCKET_OK;
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            return SOCKET_ENDED;
        }
        if (errno == EAGAIN && !wait_for(c->fd, POLLIN, deadline)) {
            return SOCKET_TIMEOUT;
        }
    }
}
