#include "cli/service.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

enum {
    FIRST_SOCKET = 3,      /* SD_LISTEN_FDS_START */
    SEND_TIME_US = 100000, /* a manager that is busy is waited for so long: the hub tells it */
};

/* --- what there is to tell -------------------------------------------------------------------- */

/* A path, or "@name" in the abstract namespace. */
static bool set_address(struct service *s, const char *path)
{
    size_t len = strlen(path);

    if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof(s->manager.sun_path)) {
        return false;
    }
    s->manager.sun_family = AF_UNIX;
    memcpy(s->manager.sun_path, path, len);
    s->manager_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (path[0] == '@') {
        s->manager.sun_path[0] = '\0';
    } else {
        s->manager_len++;
    }
    return true;
}

static void open_notify(struct service *s)
{
    const char *path = getenv("NOTIFY_SOCKET");
    const struct timeval patience = {.tv_usec = SEND_TIME_US};

    if (path == NULL || !set_address(s, path)) {
        return;
    }
    s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s->fd >= 0) {
        (void)setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    }
}

/* A number in the environment, if it is one. */
static bool read_number(const char *name, uint64_t max, uint64_t *ret_value)
{
    const char *text = getenv(name);

    return text != NULL && str_to_uint(str_from_z(text), max, ret_value);
}

/* Whether what `name` says is meant for this process; `or_unset`: also when it says nothing. */
static bool is_ours(const char *name, bool or_unset)
{
    uint64_t pid;

    if (getenv(name) == NULL) {
        return or_unset;
    }
    return read_number(name, INT32_MAX, &pid) && pid == (uint64_t)getpid();
}

/* Twice in the time that it waits. */
static void read_watchdog(struct service *s)
{
    uint64_t timeout_us;

    if (is_ours("WATCHDOG_PID", true) && read_number("WATCHDOG_USEC", UINT64_MAX, &timeout_us) &&
        timeout_us > 0) {
        s->watchdog_ms = timeout_us < 2000 ? 1 : timeout_us / 2000;
    }
}

/* --- what is given ---------------------------------------------------------------------------- */

static bool get_option(int fd, int option, int *ret_value)
{
    socklen_t len = sizeof(*ret_value);

    return getsockopt(fd, SOL_SOCKET, option, ret_value, &len) == 0;
}

/* Whether connections can be accepted from it, without waiting from now on. */
static bool prepare(int fd)
{
    int listens, type, domain;
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && get_option(fd, SO_ACCEPTCONN, &listens) && listens != 0 &&
           get_option(fd, SO_TYPE, &type) && type == SOCK_STREAM &&
           get_option(fd, SO_DOMAIN, &domain) &&
           (domain == AF_INET || domain == AF_INET6 || domain == AF_UNIX) &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* Whether others than this machine can reach it. */
static bool is_exposed(int fd)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(address);

    (void)getsockname(fd, (struct sockaddr *)&address, &len);
    if (address.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&address;
        return ntohl(in->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET;
    }
    if (address.ss_family == AF_INET6) {
        const struct in6_addr *in6 =
            &((const struct sockaddr_in6 *)(const void *)&address)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == IN_LOOPBACKNET;
        return !mapped && !IN6_IS_ADDR_LOOPBACK(in6);
    }
    return address.ss_family != AF_UNIX;
}

static bool take_sockets(struct service *s, struct buf *error)
{
    const char *names = getenv("LISTEN_FDNAMES");
    struct str rest = str_from_z(names != NULL ? names : "");
    uint64_t count;

    if (!is_ours("LISTEN_PID", false) || !read_number("LISTEN_FDS", INT32_MAX, &count)) {
        return true;
    }
    if (count > SERVICE_SOCKETS) {
        buf_printf(error,
                   "the service manager gives %" PRIu64 " sockets; %d can be used: put fewer "
                   "ListenStream= lines into the socket unit",
                   count, SERVICE_SOCKETS);
        return false;
    }
    for (int i = 0; i < (int)count; i++) {
        size_t end = str_find(rest, ':');
        if (!prepare(FIRST_SOCKET + i)) {
            buf_printf(error,
                       "descriptor %d, which the service manager gives, is no socket that "
                       "connections can be accepted from: use ListenStream= and Accept=no",
                       FIRST_SOCKET + i);
            return false;
        }
        s->sockets[s->socket_count++] = (struct service_socket){
            .fd = FIRST_SOCKET + i,
            .status_only = str_equal(str_slice(rest, 0, end), STR("status")),
            .exposed = is_exposed(FIRST_SOCKET + i)};
        rest = str_slice(rest, end + 1, rest.len);
    }
    return true;
}

bool service_init(struct service *s, struct buf *error)
{
    static const char *const variables[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                            "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES"};

    *s = (struct service){.fd = -1};
    open_notify(s);
    read_watchdog(s);
    bool ok = take_sockets(s, error);
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        (void)unsetenv(variables[i]);
    }
    return ok;
}

void service_fini(struct service *s)
{
    if (s == NULL) {
        return;
    }
    if (!s->sockets_taken) {
        for (unsigned i = 0; i < s->socket_count; i++) {
            close(s->sockets[i].fd);
        }
        s->sockets_taken = true;
    }
    if (s->fd >= 0) {
        close(s->fd);
        s->fd = -1;
    }
}

/* --- telling ---------------------------------------------------------------------------------- */

void service_tell(const struct service *s, const char *message)
{
    if (s->fd >= 0) {
        /* A manager that does not listen is no reason to stop. */
        ssize_t sent = sendto(s->fd, message, strlen(message), MSG_NOSIGNAL,
                              (const struct sockaddr *)&s->manager, s->manager_len);
        (void)sent;
    }
}

void service_tell_reloading(const struct service *s)
{
    struct timespec now;
    char message[64];

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                   (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    service_tell(s, message);
}
