#include "base/printable.h"
#include "matrix/daemon_internal.h"

/*
 * `--check`: configuration, state file, homeserver and all that belongs to it, agent; a line each.
 * Nothing is synced, no turn is opened, and the state file is only looked at, so that it can be
 * done beside a bridge that runs.
 */

enum { AGENT_MS = 10000 };

struct check {
    struct daemon *d;
    void (*line)(void *owner, const char *step, bool is_ok, const char *sentence);
    void *owner;
    bool homeserver_done;
    bool all_ok;
    enum homeserver_fault fault;
};

static void report(void *owner, const char *step, bool is_ok, const char *sentence)
{
    struct check *c = owner;

    c->all_ok = c->all_ok && is_ok;
    c->line(c->owner, step, is_ok, sentence);
}

static void on_ended(void *owner, enum homeserver_fault fault)
{
    struct check *c = owner;

    c->homeserver_done = true;
    c->fault = fault;
}

static void turn(struct check *c)
{
    struct daemon *d = c->d;
    struct http_watch watch = daemon_adapter(d)->watch(d->agent);

    watch.revents = 0;
    http_wait(d->http, &watch, 1, 50);
    d->now = daemon_clock();
    if (watch.fd >= 0 && watch.revents != 0) {
        daemon_adapter(d)->ready(d->agent, watch.revents);
    }
    homeserver_tick(d->homeserver, d->now);
    daemon_adapter(d)->tick(d->agent, d->now);
}

static void check_homeserver(struct check *c)
{
    const struct homeserver_checker checker = {c, report, on_ended};

    homeserver_check(c->d->homeserver, &checker);
    while (!c->homeserver_done && !atomic_load(&c->d->stop_asked)) {
        turn(c);
    }
}

static void check_agent(struct check *c)
{
    struct daemon *d = c->d;
    uint64_t until_ms = d->now.mono_ms + AGENT_MS;

    daemon_adapter(d)->probe(d->agent);
    while (d->reached < 0 && d->now.mono_ms < until_ms && !atomic_load(&d->stop_asked)) {
        turn(c);
    }
    buf_append_char(&d->reach_sentence, '\0');
    report(c, "agent", d->reached > 0,
           d->reached > 0   ? "it can be reached"
           : d->reached < 0 ? "it does not answer; see whether it runs, and agent.base_url"
                            : d->reach_sentence.data);
}

/* Whether the file can be had, or is had by a bridge that runs, which is as good. */
static bool check_store(struct check *c)
{
    const char *path = config_text(&c->d->setup->config, OPTION_BRIDGE_STATE_FILE);
    struct buf error;

    buf_init(&error, CONFIG_MAX_ERROR);
    enum store_state state = store_probe(path, &error);
    buf_append_char(&error, '\0');
    bool is_ok = state == STORE_USABLE || state == STORE_IN_USE;
    report(c, "state file", is_ok,
           !is_ok                  ? error.data
           : state == STORE_IN_USE ? "a bridge that runs has it"
                                   : "it can be used");
    buf_fini(&error);
    return is_ok;
}

static bool make_parts(struct check *c)
{
    struct daemon *d = c->d;
    struct homeserver_ports homeserver_ports = daemon_homeserver_ports(d);
    struct agent_ports agent_ports = daemon_agent_ports(d);

    d->homeserver = homeserver_new(&d->setup->homeserver, &homeserver_ports, d->http, d->now);
    d->agent = d->setup->adapter->new (&d->setup->agent, &agent_ports, d->http, d->now);
    return d->homeserver != NULL && d->agent != NULL;
}

static enum daemon_exit exit_of(const struct check *c)
{
    switch (c->fault) {
    case HOMESERVER_WRONG_PASSWORD:
    case HOMESERVER_LOCKED:
    case HOMESERVER_DEACTIVATED:
    case HOMESERVER_WRONG_DEVICE:
        return DAEMON_REFUSED;
    case HOMESERVER_CONFIG:
        return DAEMON_CONFIG;
    case HOMESERVER_AWAY:
    case HOMESERVER_NO_SERVER:
        return DAEMON_AWAY;
    case HOMESERVER_FINE:
        return c->d->reached <= 0 ? DAEMON_AWAY : c->all_ok ? DAEMON_OK : DAEMON_FAILED;
    default:
        return DAEMON_FAILED;
    }
}

enum daemon_exit daemon_check(struct daemon *d,
                              void (*line)(void *owner, const char *step, bool is_ok,
                                           const char *sentence),
                              void *owner)
{
    struct check c = {.d = d, .line = line, .owner = owner, .all_ok = true};
    struct buf error;

    buf_init(&error, CONFIG_MAX_ERROR);
    d->error = &error;
    d->now = daemon_clock();
    report(&c, "configuration", true,
           d->setup->config.file != NULL ? d->setup->config.file : "no file");
    enum daemon_exit code = DAEMON_CONFIG;
    if (check_store(&c)) {
        if (make_parts(&c)) {
            check_homeserver(&c);
            check_agent(&c);
            code = exit_of(&c);
        } else {
            code = DAEMON_FAILED;
        }
    }
    buf_fini(&error);
    d->error = NULL;
    return code;
}
