#include "cli/agent.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/socket.h"

enum {
    FIRST_WAIT_MS = 1000, /* before the next connection; half of it is chance */
    LONGEST_WAIT_MS = 30000,
    REGISTER_MS = 10000, /* to be registered */
    IDLE_MS = 30000,     /* of silence: then the gateway is asked for a sign of life */
    SILENT_MS = 60000,   /* of silence: then it is taken for lost */
    GRACE_MS = 10000,    /* for what runs when we are to end */
    GOODBYE_MS = 10000,  /* for the last answers to go, and the goodbye to be answered */
};

/* What is polled: the signals, the gateway, and three pipes for each program. */
struct watch {
    struct pollfd *fds;
    struct errand **errands; /* whose each three are, from the third one on */
    size_t count;
};

enum { WATCH_SIGNALS, WATCH_GATEWAY, WATCH_PIPES };

/* --- the connection --------------------------------------------------------------------------- */

/* Not so long that people wait, and not all at once when a gateway comes back. */
static int64_t next_try(struct agent *a)
{
    int wait_ms = a->wait_ms / 2 + (int)arc4random_uniform((uint32_t)a->wait_ms / 2 + 1);

    a->wait_ms = a->wait_ms * 2 < LONGEST_WAIT_MS ? a->wait_ms * 2 : LONGEST_WAIT_MS;
    return socket_now_ms() + wait_ms;
}

/*
 * The connection is of no more use. A gateway that was there once may be starting again, so it is
 * waited for; nobody there from the start is more likely the wrong address.
 */
static void lose(struct agent *a, enum cli_exit code)
{
    bool again =
        a->phase == AGENT_SERVING && a->ever && (code == CLI_UNAVAILABLE || code == CLI_TRY_AGAIN);

    if (a->phase == AGENT_SERVING && (!again || !a->told)) {
        complain("%.*s%s", STR_ARG(buf_str(&a->remote.error)), again ? "; trying again" : "");
        a->told = true;
    }
    if (again) {
        a->retry_at = next_try(a);
    } else {
        a->outcome = a->phase == AGENT_SERVING ? code : a->outcome;
        a->phase = AGENT_OVER;
    }
    a->link = LINK_DOWN;
    remote_fini(&a->remote);
    errands_drop(a);
}

static void lose_because(struct agent *a, enum cli_exit code, const char *sentence)
{
    buf_clear(&a->remote.error);
    buf_append_str(&a->remote.error, str_from_z(sentence));
    lose(a, code);
}

/* While it is being made nothing runs and nobody knows us, so a signal may end us where we are. */
static void leave_at_once(int number)
{
    (void)number;
    _exit(CLI_OK);
}

static const int ending[] = {SIGTERM, SIGINT, SIGHUP};

static void hold_back(int how)
{
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        (void)sigaddset(&set, ending[i]);
    }
    (void)sigprocmask(how, &set, NULL);
}

static void connect_again(struct agent *a)
{
    hold_back(SIG_UNBLOCK);
    enum cli_exit code = link_open(a);
    hold_back(SIG_BLOCK);
    if (code != CLI_OK) {
        lose(a, code);
    }
}

static void greet(struct agent *a)
{
    complain("%s is ready%s; it does %s", a->options.id, a->ever ? " again" : "",
             a->options.capability);
    a->ever = true;
    a->told = false;
    a->wait_ms = FIRST_WAIT_MS;
}

/* What has come, and what there is room for now. */
static void turn_link(struct agent *a, short happened, int64_t now)
{
    enum agent_link before = a->link;
    enum cli_exit code = CLI_OK;

    if ((happened & ~POLLOUT) != 0) {
        a->heard = now;
        a->pinged = false;
        code = link_receive(a);
    }
    if (a->link == LINK_REGISTERED && before == LINK_OPENED) {
        greet(a);
    }
    if (code != CLI_OK) {
        /* The answer to its goodbye. */
        (void)remote_flush(&a->remote);
        lose(a, code);
    }
}

/* Whoever is silent for too long is gone. */
static void judge_silence(struct agent *a, int64_t now)
{
    if (a->link == LINK_OPENED && now - a->opened >= REGISTER_MS) {
        lose_because(a, CLI_TRY_AGAIN, "the gateway did not answer in time");
    } else if (a->link == LINK_REGISTERED && now - a->heard >= SILENT_MS) {
        lose_because(a, CLI_UNAVAILABLE, "the gateway has fallen silent");
    } else if (a->link == LINK_REGISTERED && now - a->heard >= IDLE_MS && !a->pinged) {
        (void)remote_ping(&a->remote);
        a->pinged = true;
    }
}

static void flush(struct agent *a)
{
    if (a->link == LINK_DOWN) {
        return;
    }
    if (a->remote.out.failed) {
        lose_because(a, CLI_FAILED, "out of memory");
        return;
    }
    enum cli_exit code = remote_flush(&a->remote);
    if (code != CLI_OK) {
        lose(a, code);
    }
}

/* --- the end ---------------------------------------------------------------------------------- */

static void end_errands(struct agent *a)
{
    errands_stop(a, "SHUTTING_DOWN", "the agent is being stopped");
    a->deadline = SOCKET_FOREVER;
}

static void begin_end(struct agent *a)
{
    if (a->phase == AGENT_FINISHING) {
        end_errands(a);
        return;
    }
    if (a->phase != AGENT_SERVING) {
        return;
    }
    a->outcome = CLI_OK;
    if (a->link != LINK_REGISTERED) {
        a->phase = AGENT_OVER;
        return;
    }
    size_t open = errands_open(a);
    if (open > 0) {
        complain("%zu under way may end; another signal ends them now", open);
    }
    a->phase = AGENT_FINISHING;
    a->deadline = socket_now_ms() + GRACE_MS;
    link_say_busy(a);
}

static void turn_phase(struct agent *a, int64_t now)
{
    if (a->phase == AGENT_FINISHING && errands_open(a) == 0) {
        a->phase = AGENT_LEAVING;
        a->deadline = now + GOODBYE_MS;
        link_say_goodbye(a);
    } else if (a->phase == AGENT_FINISHING && now >= a->deadline) {
        end_errands(a);
    } else if (a->phase == AGENT_LEAVING && now >= a->deadline) {
        a->phase = AGENT_OVER;
    }
    if (a->phase == AGENT_OVER) {
        errands_drop(a);
    }
}

/* Returns whether a program has ended. */
static bool hear_signals(struct agent *a)
{
    struct signalfd_siginfo info;
    bool ended = false;

    while (read(a->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD) {
            ended = true;
        } else {
            begin_end(a);
        }
    }
    return ended;
}

static bool take_signals(struct agent *a)
{
    struct sigaction leave = {.sa_handler = leave_at_once};
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        (void)sigaddset(&set, ending[i]);
        (void)sigaction(ending[i], &leave, NULL);
    }
    /* A program that does not read its input is no reason to end. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    a->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return a->signals >= 0;
}

/* --- the loop --------------------------------------------------------------------------------- */

static void watch_errand(struct watch *w, struct errand *errand, bool has_room)
{
    const struct child *c = &errand->child;
    struct pollfd *fds = &w->fds[w->count];
    bool wanted = has_room || errand->state == ERRAND_STOPPING;

    w->errands[(w->count - WATCH_PIPES) / 3] = errand;
    fds[0] = (struct pollfd){.fd = c->in, .events = POLLOUT};
    fds[1] = (struct pollfd){.fd = wanted ? c->out : -1, .events = POLLIN};
    fds[2] = (struct pollfd){.fd = c->err, .events = POLLIN};
    w->count += 3;
}

static void watch_all(struct watch *w, struct agent *a)
{
    bool is_up = a->link != LINK_DOWN;
    bool waits = is_up && a->remote.out.len > 0;

    w->fds[WATCH_SIGNALS] = (struct pollfd){.fd = a->signals, .events = POLLIN};
    w->fds[WATCH_GATEWAY] = (struct pollfd){.fd = is_up ? a->remote.fd : -1,
                                            .events = (short)(POLLIN | (waits ? POLLOUT : 0))};
    w->count = WATCH_PIPES;
    for (size_t i = 0; i < a->errand_count; i++) {
        struct errand *errand = &a->errands[i];
        if (errand->state == ERRAND_RUNNING || errand->state == ERRAND_STOPPING) {
            watch_errand(w, errand, link_has_room(a));
        }
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int time_to_wait(const struct agent *a)
{
    int64_t next = errands_deadline(a);

    if (a->phase == AGENT_FINISHING || a->phase == AGENT_LEAVING) {
        next = earlier(next, a->deadline);
    }
    if (a->link == LINK_OPENED) {
        next = earlier(next, a->opened + REGISTER_MS);
    } else if (a->link == LINK_REGISTERED) {
        next = earlier(next, a->heard + (a->pinged ? SILENT_MS : IDLE_MS));
    } else if (a->phase == AGENT_SERVING && errands_open(a) == 0) {
        next = earlier(next, a->retry_at);
    }
    if (next == SOCKET_FOREVER) {
        return -1;
    }
    int64_t left = next - socket_now_ms();
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* Programs whose pipes can be read or written, and all of them once the gateway has room again. */
static void pump(struct agent *a, const struct watch *w, bool had_room)
{
    bool all = !had_room && link_has_room(a);

    for (size_t at = WATCH_PIPES; at < w->count; at += 3) {
        const struct pollfd *fds = &w->fds[at];
        if (all || fds[0].revents != 0 || fds[1].revents != 0 || fds[2].revents != 0) {
            errand_pump(a, w->errands[(at - WATCH_PIPES) / 3]);
        }
    }
}

static void turn(struct agent *a, struct watch *w)
{
    watch_all(w, a);
    bool had_room = link_has_room(a);
    if (poll(w->fds, w->count, time_to_wait(a)) < 0) {
        /* EINTR, or a moment without memory: nothing is known to have happened. */
        return;
    }
    int64_t now = socket_now_ms();
    bool ended = w->fds[WATCH_SIGNALS].revents != 0 && hear_signals(a);
    if (w->fds[WATCH_GATEWAY].revents != 0) {
        flush(a);
    }
    if (w->fds[WATCH_GATEWAY].revents != 0 && a->link != LINK_DOWN) {
        turn_link(a, w->fds[WATCH_GATEWAY].revents, now);
    }
    pump(a, w, had_room);
    errands_turn(a, now, ended);
    judge_silence(a, now);
    turn_phase(a, now);
    flush(a);
}

enum cli_exit agent_loop(struct agent *a)
{
    size_t places = a->options.concurrency;
    struct watch w = {.fds = calloc(WATCH_PIPES + 3 * places, sizeof(*w.fds)),
                      .errands = calloc(places, sizeof(struct errand *))};

    a->wait_ms = FIRST_WAIT_MS;
    if (w.fds == NULL || w.errands == NULL || !errands_init(a) || !take_signals(a)) {
        complain("the agent cannot start: %s", strerror(errno));
        a->outcome = CLI_FAILED;
        a->phase = AGENT_OVER;
    }
    while (a->phase != AGENT_OVER || errands_open(a) > 0) {
        if (a->link == LINK_DOWN && a->phase == AGENT_SERVING && errands_open(a) == 0 &&
            socket_now_ms() >= a->retry_at) {
            connect_again(a);
        } else {
            turn(a, &w);
        }
    }
    if (a->link != LINK_DOWN) {
        remote_close(&a->remote);
        remote_fini(&a->remote);
    }
    errands_fini(a);
    if (a->signals >= 0) {
        (void)close(a->signals);
    }
    free(w.errands);
    free(w.fds);
    return a->outcome;
}
