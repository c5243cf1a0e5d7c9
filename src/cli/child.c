#include "cli/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_INPUT = 256 * 1024 * 1024 };

void child_init(struct child *c)
{
    *c = (struct child){.in = -1, .out = -1, .err = -1};
    buf_init(&c->input, MAX_INPUT);
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

void child_fini(struct child *c)
{
    if (c->pid > 0) {
        child_signal(c, SIGKILL);
        while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR) {
        }
        c->pid = 0;
    }
    close_fd(&c->in);
    close_fd(&c->out);
    close_fd(&c->err);
    buf_fini(&c->input);
}

/* --- starting --------------------------------------------------------------------------------- */

/* Ours is [0] of what we read and [1] of what we write; only that one never waits. */
static bool make_pipe(int fds[2], int ours)
{
    return pipe2(fds, O_CLOEXEC) == 0 && fcntl(fds[ours], F_SETFL, O_NONBLOCK) == 0;
}

/*
 * The signals that this program holds back or ignores mean to the child what they usually mean. Its
 * own descriptors are closed by O_CLOEXEC.
 */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, usual;

    (void)sigemptyset(&none);
    (void)sigemptyset(&usual);
    (void)sigaddset(&usual, SIGPIPE);
    (void)sigaddset(&usual, SIGINT);
    (void)sigaddset(&usual, SIGTERM);
    (void)sigaddset(&usual, SIGHUP);
    int error = posix_spawnattr_setflags(
        attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    error = error != 0 ? error : posix_spawnattr_setpgroup(attributes, 0);
    error = error != 0 ? error : posix_spawnattr_setsigmask(attributes, &none);
    return error != 0 ? error : posix_spawnattr_setsigdefault(attributes, &usual);
}

/* Returns 0 or an errno. */
static int spawn(struct child *c, const char *command, char *const *environment,
                 const int streams[3])
{
    char shell[] = "sh", flag[] = "-c";
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;

    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) {
        return error;
    }
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        for (int i = 0; i < 3 && error == 0; i++) {
            error = posix_spawn_file_actions_adddup2(&actions, streams[i], i);
        }
        error = error != 0 ? error : set_attributes(&attributes);
        if (error == 0) {
            char *copy = strdup(command);
            char *const argv[] = {shell, flag, copy, NULL};
            error = copy != NULL
                        ? posix_spawn(&c->pid, "/bin/sh", &actions, &attributes, argv, environment)
                        : ENOMEM;
            free(copy);
        }
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

bool child_start(struct child *c, const char *command, char *const *environment, struct str input,
                 struct buf *error)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};

    assert(c->pid == 0 && c->in < 0);
    buf_append_str(&c->input, input);
    int failure = ENOMEM;
    if (!c->input.failed) {
        bool ok = make_pipe(in, 1) && make_pipe(out, 0) && make_pipe(err, 0);
        const int streams[3] = {in[0], out[1], err[1]};
        failure = ok ? spawn(c, command, environment, streams) : errno;
    }
    close_fd(&in[0]);
    close_fd(&out[1]);
    close_fd(&err[1]);
    c->in = in[1];
    c->out = out[0];
    c->err = err[0];
    if (failure != 0) {
        c->pid = 0;
        buf_printf(error, "the program could not be started: %s", strerror(failure));
    }
    return failure == 0;
}

/* --- living ----------------------------------------------------------------------------------- */

void child_signal(const struct child *c, int number)
{
    if (c->pid > 0) {
        (void)kill(-c->pid, number);
    }
}

void child_give(struct child *c)
{
    while (c->in >= 0 && c->given < c->input.len) {
        ssize_t written = write(c->in, c->input.data + c->given, c->input.len - c->given);
        if (written < 0 && errno == EAGAIN) {
            return;
        }
        if (written < 0 && errno != EINTR) {
            /* It does not want to read any more, and need not. */
            c->given = c->input.len;
        }
        c->given += written > 0 ? (size_t)written : 0;
    }
    close_fd(&c->in);
    buf_fini(&c->input);
    c->given = 0;
}

static enum child_read read_pipe(int *fd, char *bytes, size_t cap, size_t *ret_len)
{
    ssize_t got;

    do {
        got = cap > 0 && *fd >= 0 ? read(*fd, bytes, cap) : 0;
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        *ret_len = (size_t)got;
        return CHILD_READ;
    }
    if (got < 0 && errno == EAGAIN) {
        return CHILD_EMPTY;
    }
    close_fd(fd);
    return CHILD_CLOSED;
}

enum child_read child_read_out(struct child *c, char *bytes, size_t cap, size_t *ret_len)
{
    bool ended = c->pid == 0;

    enum child_read got =
        read_pipe(&c->out, bytes, ended && c->left < cap ? c->left : cap, ret_len);
    if (ended && got == CHILD_READ) {
        c->left -= *ret_len;
    }
    return got;
}

enum child_read child_read_err(struct child *c, char *bytes, size_t cap, size_t *ret_len)
{
    return read_pipe(&c->err, bytes, cap, ret_len);
}

bool child_reap(struct child *c)
{
    siginfo_t info = {0};
    int left = 0;

    if (c->pid == 0) {
        return true;
    }
    /* Left unreaped for a moment, so that its number, which is the group's, is nobody else's. */
    if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
        return false;
    }
    child_signal(c, SIGKILL);
    (void)waitpid(c->pid, &c->status, 0);
    c->pid = 0;
    if (c->out >= 0 && ioctl(c->out, FIONREAD, &left) == 0 && left > 0) {
        c->left = (size_t)left;
    }
    return true;
}
