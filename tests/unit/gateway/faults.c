#include "faults.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

const char *const fault_names[FAULT_KINDS] = {
    "malloc", "accept4", "epoll_create1", "epoll_ctl",   "epoll_wait",  "eventfd",        "recv",
    "send",   "sendmsg", "shutdown",      "open",        "read",        "fstat",          "socket",
    "bind",   "listen",  "setsockopt",    "getsockname", "getpeername", "pthread_create", "close"};

const int fault_errors[FAULT_KINDS][12] = {
    [FAULT_ALLOC] = {ENOMEM},
    [FAULT_ACCEPT] = {EINTR, EAGAIN, ECONNABORTED, EPERM, EPROTO, ENOMEM, ENOBUFS, EMFILE, ENFILE},
    [FAULT_EPOLL_CREATE] = {EMFILE, ENFILE, ENOMEM},
    [FAULT_EPOLL_CTL] = {ENOMEM, ENOSPC},
    [FAULT_EPOLL_WAIT] = {EINTR},
    [FAULT_EVENTFD] = {EMFILE, ENFILE, ENOMEM},
    [FAULT_RECV] = {SHORT, ALWAYS_SHORT, EINTR, EAGAIN, ENOMEM, ENOBUFS, ECONNRESET, ETIMEDOUT},
    [FAULT_SEND] = {SHORT, ALWAYS_SHORT, EINTR, EAGAIN, ENOMEM, ENOBUFS, ECONNRESET, EPIPE},
    [FAULT_SENDMSG] = {SHORT, ALWAYS_SHORT, EINTR, EAGAIN, ENOMEM, ENOBUFS, ECONNRESET, EPIPE},
    [FAULT_SHUTDOWN] = {ENOTCONN},
    [FAULT_OPEN] = {EMFILE, ENFILE, ENOMEM, EACCES},
    [FAULT_READ] = {SHORT, ALWAYS_SHORT, EINTR, EIO},
    [FAULT_FSTAT] = {ENOMEM},
    [FAULT_SOCKET] = {EMFILE, ENFILE, ENOBUFS, ENOMEM},
    [FAULT_BIND] = {EADDRINUSE, ENOMEM},
    [FAULT_LISTEN] = {EADDRINUSE},
    [FAULT_SETSOCKOPT] = {ENOBUFS, ENOMEM},
    [FAULT_GETSOCKNAME] = {ENOBUFS},
    [FAULT_GETPEERNAME] = {ENOBUFS, ENOTCONN},
    [FAULT_THREAD] = {EAGAIN},
    [FAULT_CLOSE] = {EINTR, EIO},
};

enum { SOME = 5000 };

_Atomic uint64_t faults_now_ms = 1000;

static struct {
    enum fault_kind kind;
    enum fault_zone zone;
    int error; /* 0: none */
    unsigned nth;
    atomic_bool struck;
    atomic_uint struck_count; /* of ALWAYS_SHORT */
    atomic_uint seen[FAULT_KINDS][2];
    atomic_long blocks;
} faults;

static pthread_t test_thread;
static bool within;

void faults_set(enum fault_kind kind, enum fault_zone zone, int error, unsigned nth)
{
    test_thread = pthread_self();
    faults.kind = kind;
    faults.zone = zone;
    faults.error = error;
    faults.nth = nth;
    faults.struck = false;
    faults.struck_count = 0;
    memset(faults.seen, 0, sizeof(faults.seen));
}

void faults_none(void)
{
    faults_set(FAULT_ALLOC, ZONE_TEST, 0, 0);
}

void faults_stop(void)
{
    faults.error = 0;
}

bool faults_struck(void)
{
    return faults.struck;
}

unsigned faults_seen(enum fault_kind kind, enum fault_zone zone)
{
    return faults.seen[kind][zone];
}

void faults_enter(void)
{
    within = true;
}

void faults_leave(void)
{
    within = false;
}

long faults_blocks(void)
{
    return faults.blocks;
}

/* What this call is to fail with; 0: it is not. */
static int strikes(enum fault_kind kind)
{
    enum fault_zone zone = ZONE_OTHERS;

    if (pthread_equal(pthread_self(), test_thread)) {
        if (!within) {
            return 0;
        }
        zone = ZONE_TEST;
    }
    unsigned n = faults.seen[kind][zone]++;
    bool always = faults.error == ALWAYS_SHORT && n > faults.nth;
    if (faults.error == 0 || kind != faults.kind || zone != faults.zone ||
        (n != faults.nth && !always)) {
        return 0;
    }
    faults.struck = true;
    return faults.error;
}

static bool fails(enum fault_kind kind)
{
    int error = strikes(kind);

    if (error > 0) {
        errno = error;
    }
    return error > 0;
}

/* The same for a call with a length, which may be cut. */
static bool cuts(enum fault_kind kind, size_t *len)
{
    int error = strikes(kind);

    if (error == SHORT || (error == ALWAYS_SHORT && faults.struck_count++ % 3 == 0)) {
        *len = *len > 1 ? 1 : *len;
    } else if (error == ALWAYS_SHORT) {
        *len = *len > SOME ? SOME : *len;
    }
    if (error > 0) {
        errno = error;
    }
    return error > 0;
}

/* --- memory ----------------------------------------------------------------------------------- */

void *__wrap_malloc(size_t size);
void *__real_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_reallocarray(void *block, size_t n, size_t size);
char *__wrap_getcwd(char *room, size_t size);
char *__real_getcwd(char *room, size_t size);
char *__wrap_strdup(const char *text);
char *__real_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);
char *__real_strndup(const char *text, size_t len);
void __wrap_free(void *block);
void __real_free(void *block);

static void *count(void *block)
{
    faults.blocks += block != NULL;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return fails(FAULT_ALLOC) ? NULL : count(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails(FAULT_ALLOC) ? NULL : count(__real_calloc(n, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    if (fails(FAULT_ALLOC)) {
        return NULL;
    }
    bool is_new = block == NULL;
    void *moved = __real_realloc(block, size);
    return is_new ? count(moved) : moved;
}

void *__wrap_reallocarray(void *block, size_t n, size_t size)
{
    assert_true(size == 0 || n <= SIZE_MAX / size);
    return __wrap_realloc(block, n * size);
}

char *__wrap_getcwd(char *room, size_t size)
{
    assert_null(room);
    return fails(FAULT_ALLOC) ? NULL : count(__real_getcwd(room, size));
}

char *__wrap_strdup(const char *text)
{
    return fails(FAULT_ALLOC) ? NULL : count(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t len)
{
    return fails(FAULT_ALLOC) ? NULL : count(__real_strndup(text, len));
}

void __wrap_free(void *block)
{
    faults.blocks -= block != NULL;
    __real_free(block);
}

/* --- calls that fail or do not ---------------------------------------------------------------- */

#define WRAP(kind, name, failed, params, args)                                                     \
    int __wrap_##name params;                                                                      \
    int __real_##name params;                                                                      \
    int __wrap_##name params                                                                       \
    {                                                                                              \
        return fails(kind) ? (failed) : __real_##name args;                                        \
    }

WRAP(FAULT_ACCEPT, accept4, -1, (int fd, struct sockaddr *a, socklen_t *len, int flags),
     (fd, a, len, flags))
WRAP(FAULT_EPOLL_CREATE, epoll_create1, -1, (int flags), (flags))
WRAP(FAULT_EPOLL_CTL, epoll_ctl, -1, (int e, int op, int fd, struct epoll_event *event),
     (e, op, fd, event))
WRAP(FAULT_EPOLL_WAIT, epoll_wait, -1, (int e, struct epoll_event *events, int max, int timeout),
     (e, events, max, timeout))
WRAP(FAULT_EVENTFD, eventfd, -1, (unsigned value, int flags), (value, flags))
WRAP(FAULT_SHUTDOWN, shutdown, -1, (int fd, int how), (fd, how))
/* By the names that they have with offsets of 64 bits. */
WRAP(FAULT_OPEN, open64, -1, (const char *path, int flags, mode_t mode), (path, flags, mode))
WRAP(FAULT_FSTAT, fstat64, -1, (int fd, struct stat64 *st), (fd, st))
WRAP(FAULT_SOCKET, socket, -1, (int family, int type, int protocol), (family, type, protocol))
WRAP(FAULT_BIND, bind, -1, (int fd, const struct sockaddr *a, socklen_t len), (fd, a, len))
WRAP(FAULT_LISTEN, listen, -1, (int fd, int backlog), (fd, backlog))
WRAP(FAULT_SETSOCKOPT, setsockopt, -1,
     (int fd, int level, int option, const void *value, socklen_t len),
     (fd, level, option, value, len))
WRAP(FAULT_GETSOCKNAME, getsockname, -1, (int fd, struct sockaddr *a, socklen_t *len), (fd, a, len))
WRAP(FAULT_GETPEERNAME, getpeername, -1, (int fd, struct sockaddr *a, socklen_t *len), (fd, a, len))
WRAP(FAULT_THREAD, pthread_create, EAGAIN,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg),
     (thread, attributes, run, arg))

int __wrap_close(int fd);
int __real_close(int fd);

/* What fails has closed it all the same, so whoever tries again may close another one's. */
int __wrap_close(int fd)
{
    bool failed = fails(FAULT_CLOSE);
    int error = errno;
    int done = __real_close(fd);

    if (!failed) {
        return done;
    }
    errno = error;
    return -1;
}

/* --- calls with a length ---------------------------------------------------------------------- */

ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __real_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __wrap___recv_chk(int fd, void *bytes, size_t len, size_t room, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_read(int fd, void *bytes, size_t len);
ssize_t __real_read(int fd, void *bytes, size_t len);
ssize_t __wrap___read_chk(int fd, void *bytes, size_t len, size_t room);

ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags)
{
    return cuts(FAULT_RECV, &len) ? -1 : __real_recv(fd, bytes, len, flags);
}

ssize_t __wrap___recv_chk(int fd, void *bytes, size_t len, size_t room, int flags)
{
    assert_true(len <= room);
    return __wrap_recv(fd, bytes, len, flags);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    return cuts(FAULT_SEND, &len) ? -1 : __real_send(fd, bytes, len, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    size_t len = SIZE_MAX;

    if (cuts(FAULT_SENDMSG, &len)) {
        return -1;
    }
    const struct iovec *first = &message->msg_iov[0];
    return len == SIZE_MAX ? __real_sendmsg(fd, message, flags)
                           : __real_send(fd, first->iov_base,
                                         first->iov_len < len ? first->iov_len : len, flags);
}

ssize_t __wrap_read(int fd, void *bytes, size_t len)
{
    /* A counter of events is read whole. */
    if (len == sizeof(uint64_t)) {
        return __real_read(fd, bytes, len);
    }
    return cuts(FAULT_READ, &len) ? -1 : __real_read(fd, bytes, len);
}

ssize_t __wrap___read_chk(int fd, void *bytes, size_t len, size_t room)
{
    assert_true(len <= room);
    return __wrap_read(fd, bytes, len);
}

/* --- the clock -------------------------------------------------------------------------------- */

int __wrap_clock_gettime(clockid_t id, struct timespec *ret_time);

int __wrap_clock_gettime(clockid_t id, struct timespec *ret_time)
{
    uint64_t ms = faults_now_ms;

    (void)id;
    *ret_time = (struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    return 0;
}
