/*
 * Preloaded into a program, kills it at its N-th call that writes to a file or to the network:
 * before it, after it, or in the middle, when half of the bytes are out. So a test can try all of
 * the places where a power cut or a kill leaves something half done.
 *
 *   KILL_AT     which call, from 1; none: nobody is killed
 *   KILL_WHEN   before, torn, after
 *   KILL_COUNT  a file that gets the number of calls when the program ends by itself
 *
 * Calls go to the kernel without the C library's own function, which would need to be looked up.
 */

/* Else the headers would give functions the names of their siblings with 64 in them. */
#undef _FILE_OFFSET_BITS

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))

enum when { BEFORE, TORN, AFTER };

static atomic_ulong calls;
static unsigned long kill_at;
static enum when kill_when;

__attribute__((constructor)) static void read_environment(void)
{
    const char *at = getenv("KILL_AT"), *when = getenv("KILL_WHEN");

    kill_at = at != NULL ? strtoul(at, NULL, 10) : 0;
    if (when != NULL) {
        kill_when = strcmp(when, "torn") == 0 ? TORN : strcmp(when, "after") == 0 ? AFTER : BEFORE;
    }
}

__attribute__((destructor)) static void write_count(void)
{
    const char *path = getenv("KILL_COUNT");
    char text[32];
    int fd, len;

    if (path == NULL) {
        return;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    len = snprintf(text, sizeof(text), "%lu\n", atomic_load(&calls));
    if (fd >= 0) {
        (void)!syscall(SYS_write, fd, text, (size_t)len);
        close(fd);
    }
}

static void die(void)
{
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) {
        pause();
    }
}

/* Files and the network; not pipes, terminals and what only wakes a loop. */
static bool matters(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    struct stat st;

    if (fd <= STDERR_FILENO || fstat(fd, &st) != 0) {
        return false;
    }
    if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
        return true;
    }
    return S_ISSOCK(st.st_mode) && getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
           (address.ss_family == AF_INET || address.ss_family == AF_INET6);
}

/* Counts a call. True: it is the one, and only half of it may be done. */
static bool count(bool is_counted)
{
    if (!is_counted || atomic_fetch_add(&calls, 1) + 1 != kill_at) {
        return false;
    }
    if (kill_when == BEFORE) {
        die();
    }
    return true;
}

static long done(bool is_last, long result)
{
    if (is_last) {
        die();
    }
    return result;
}

static size_t part(bool is_last, size_t len)
{
    return is_last && kill_when == TORN ? len / 2 : len;
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library's names are its
 * own. */

SEEN ssize_t write(int fd, const void *bytes, size_t len)
{
    bool is_last = count(matters(fd));

    return done(is_last, syscall(SYS_write, fd, bytes, part(is_last, len)));
}

SEEN ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    bool is_last = count(matters(fd));

    return done(is_last, syscall(SYS_pwrite64, fd, bytes, part(is_last, len), offset));
}

SEEN ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset)
{
    return pwrite(fd, bytes, len, offset);
}

SEEN ssize_t writev(int fd, const struct iovec *parts, int number)
{
    bool is_last = count(matters(fd));

    return done(is_last, syscall(SYS_writev, fd, parts, (int)part(is_last, (size_t)number)));
}

SEEN ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    bool is_last = count(matters(fd));

    return done(is_last, syscall(SYS_sendto, fd, bytes, part(is_last, len), flags, NULL, 0));
}

SEEN ssize_t sendto(int fd, const void *bytes, size_t len, int flags, __CONST_SOCKADDR_ARG to,
                    socklen_t size)
{
    bool is_last = count(matters(fd));

    return done(is_last,
                syscall(SYS_sendto, fd, bytes, part(is_last, len), flags, to.__sockaddr__, size));
}

SEEN ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    bool is_last = count(matters(fd));

    return done(is_last, syscall(SYS_sendmsg, fd, message, flags));
}

SEEN int fsync(int fd)
{
    bool is_last = count(true);

    return (int)done(is_last, syscall(SYS_fsync, fd));
}

SEEN int fdatasync(int fd)
{
    bool is_last = count(true);

    return (int)done(is_last, syscall(SYS_fdatasync, fd));
}

SEEN int ftruncate(int fd, off_t len)
{
    bool is_last = count(true);

    return (int)done(is_last, syscall(SYS_ftruncate, fd, len));
}

SEEN int ftruncate64(int fd, off64_t len)
{
    return ftruncate(fd, len);
}

SEEN int rename(const char *from, const char *to)
{
    bool is_last = count(true);

    return (int)done(is_last, syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
}

SEEN int unlink(const char *path)
{
    bool is_last = count(true);

    return (int)done(is_last, syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
