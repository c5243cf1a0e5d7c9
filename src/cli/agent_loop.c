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
    GRACE_MS = 10000,   /* for what runs when we are to end */
    GOODBYE_MS = 10000, /* for the last answers to go, and the goodbye to be answered */
};

/* What is polled: the signals, the gateway, and three pipes for each program. */
struct watch {
    struct pollfd *fds;
    struct errand **errands; /* whose each three are, from the third one on */
    size_t count;
};

enum { WATCH_SIGNALS, WATCH_GATEWAY, WATCH_PIPES };

/* --- the end ---------------------------------------------------------------------------------- */

static void end_errands(struct agent *a, bool at_once)
{
    errands_stop(a, at_once, "SHUTTING_DOWN", "the agent is being stopped");
    a->deadline = SOCKET_FOREVER;
}

static void begin_end(struct agent *a)
{
    if (a->phase == AGENT_FINISHING) {
        end_errands(a, true);
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
        end_errands(a, false);
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

static const int ending[] = {SIGTERM, SIGINT, SIGHUP};

void agent_add_signals(sigset_t *set)
{
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        (void)sigaddset(set, ending[i]);
    }
}

/* Only where they are not held back: see agent_uplink.c. */
static void leave_at_once(int number)
{
    (void)number;
    _exit(CLI_OK);
}

static bool take_signals(struct agent *a)
{
    struct sigaction leave = {.sa_handler = leave_at_once};
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    agent_add_signals(&set);
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
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

static void watch_errand(struct watch *w, struct errand *errand, bool may_speak)
{
    const struct child *c = &errand->child;
    struct pollfd *fds = &w->fds[w->count];
    bool wanted = may_speak || errand->state == ERRAND_STOPPING;

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
    w->fds[WATCH_GATEWAY] = (struct pollfd){.fd = is_up ? a->remote.channel.fd : -1,
                                            .events = (short)(POLLIN | (waits ? POLLOUT : 0))};
    w->count = WATCH_PIPES;
    for (size_t i = 0; i < a->errand_count; i++) {
        struct errand *errand = &a->errands[(a->first_errand + i) % a->errand_count];
        if (errand->state == ERRAND_RUNNING || errand->state == ERRAND_STOPPING) {
            watch_errand(w, errand, program_may_speak(a, errand));
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
    if (a->link != LINK_DOWN || (a->phase == AGENT_SERVING && errands_open(a) == 0)) {
        next = earlier(next, uplink_deadline(a));
    }
    if (a->link != LINK_DOWN) {
        next = earlier(next, link_deadline(a));
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
    if (a->link != LINK_DOWN) {
        link_go_on(a);
        uplink_flush(a);
    }
    if (w->fds[WATCH_GATEWAY].revents != 0 && a->link != LINK_DOWN) {
        uplink_hear(a, w->fds[WATCH_GATEWAY].revents, now);
    }
    pump(a, w, had_room);
    errands_turn(a, now, ended);
    uplink_turn(a, now);
    turn_phase(a, now);
    uplink_flush(a);
}

static void serve(struct agent *a, struct watch *w)
{
    while (a->phase != AGENT_OVER || errands_open(a) > 0) {
        if (a->link == LINK_DOWN && a->phase == AGENT_SERVING && errands_open(a) == 0 &&
            socket_now_ms() >= a->retry_at) {
            uplink_make(a);
        } else {
            turn(a, w);
        }
    }
    if (a->link != LINK_DOWN) {
        remote_close(&a->remote);
        remote_fini(&a->remote);
    }
}

enum cli_exit agent_loop(struct agent *a)
{
    size_t places = a->options.concurrency;
    struct watch w = {.fds = calloc(WATCH_PIPES + 3 * places, sizeof(*w.fds)),
                      .errands = calloc(places, sizeof(struct errand *))};

    buf_init(&a->late, REMOTE_MAX_OUT);
    if (w.fds != NULL && w.errands != NULL && errands_init(a) && take_signals(a)) {
        serve(a, &w);
    } else {
        complain("the agent cannot start: %s", strerror(errno));
        a->outcome = CLI_FAILED;
    }
    errands_fini(a);
    buf_fini(&a->late);
    if (a->signals >= 0) {
        (void)close(a->signals);
    }
    free(w.errands);
    free(w.fds);
    return a->outcome;
}
