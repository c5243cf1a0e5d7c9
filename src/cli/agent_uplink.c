#include "cli/agent.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "cli/socket.h"

enum {
    FIRST_WAIT_MS = 1000, /* before the next connection; half of it is chance */
    LONGEST_WAIT_MS = 30000,
    REGISTER_MS = 10000, /* to be registered */
    IDLE_MS = 30000,     /* of silence: then the gateway is asked for a sign of life */
    SILENT_MS = 60000,   /* of silence: then it is taken for lost */
};

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
static void hold_back(int how)
{
    sigset_t set;

    (void)sigemptyset(&set);
    agent_add_signals(&set);
    (void)sigprocmask(how, &set, NULL);
}

void uplink_make(struct agent *a)
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

void uplink_hear(struct agent *a, short happened, int64_t now)
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

void uplink_turn(struct agent *a, int64_t now)
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

void uplink_flush(struct agent *a)
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

int64_t uplink_deadline(const struct agent *a)
{
    switch (a->link) {
    case LINK_DOWN:
        return a->retry_at;
    case LINK_OPENED:
        return a->opened + REGISTER_MS;
    case LINK_REGISTERED:
        break;
    }
    return a->heard + (a->pinged ? SILENT_MS : IDLE_MS);
}
