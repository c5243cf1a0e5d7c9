#include "matrix/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "matrix/daemon_internal.h"
#include "json/writer.h"

enum {
    STOP_MS = 5000,       /* for what is being sent, once stopped */
    PROBE_MS = 30000,     /* between two looks at an agent that answers */
    PROBE_SOON_MS = 1000, /* and at one that does not */
};

/* --- the world outside ------------------------------------------------------------------------ */

static uint64_t read_ms(clockid_t id)
{
    struct timespec t;

    (void)clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct bridge_time daemon_clock(void)
{
    return (struct bridge_time){.mono_ms = read_ms(CLOCK_MONOTONIC),
                                .wall_ms = read_ms(CLOCK_REALTIME)};
}

void daemon_random(void *owner, void *bytes, size_t len)
{
    char *at = bytes;

    (void)owner;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got > 0) {
            at += got;
            len -= (size_t)got;
        } else if (errno != EINTR) {
            abort();
        }
    }
}

static void forward_log(void *owner, unsigned level, const char *event, struct str about,
                        struct str details)
{
    daemon_log(owner, level, event, about, details);
}

/* A line with one value, which may be any text. */
static void log_text(const struct daemon *d, unsigned level, const char *event, const char *key,
                     struct str text)
{
    struct json_writer w;
    struct buf details;

    buf_init(&details, 4 * CONFIG_MAX_ERROR);
    buf_printf(&details, "%s=", key);
    json_writer_init(&w, &details);
    json_string(&w, text);
    daemon_log(d, level, event, STR(""), details.failed ? STR("") : buf_str(&details));
    buf_fini(&details);
}

static void notify(const struct daemon *d, const char *message)
{
    if (d->ports.notify != NULL) {
        d->ports.notify(d->ports.owner, message);
    }
}

void daemon_end(struct daemon *d, enum daemon_exit code, const char *sentence)
{
    if (!d->over) {
        d->over = true;
        d->code = code;
        buf_append_str(d->error, str_from_z(sentence));
    }
}

const struct agent_adapter *daemon_adapter(const struct daemon *d)
{
    return d->setup->adapter;
}

/* --- what the homeserver tells ---------------------------------------------------------------- */

static void on_event(void *owner, const struct bridge_event *event)
{
    struct daemon *d = owner;

    if (daemon_adapter(d)->people != NULL && event->kind == MATRIX_MESSAGE && !event->old) {
        daemon_adapter(d)->people(d->agent, event->room, event->sender, true);
    }
    bridge_matrix_event(d->bridge, event);
}

static void on_synced(void *owner, struct str next_batch)
{
    struct daemon *d = owner;

    if (next_batch.len > 0) {
        bridge_synced(d->bridge, next_batch);
        d->has_synced = true;
    }
    step_end(d);
    if (d->once && d->has_synced) {
        homeserver_stop(d->homeserver);
    }
}

static void on_sent(void *owner, const struct bridge_sent *sent)
{
    const struct daemon *d = owner;

    bridge_sent(d->bridge, sent);
}

static void on_joined(void *owner, struct str room, struct str error)
{
    const struct daemon *d = owner;

    bridge_joined(d->bridge, room, error);
}

static void on_fault(void *owner, enum homeserver_fault fault, const char *sentence)
{
    struct daemon *d = owner;

    d->fault = fault;
    buf_clear(&d->fault_sentence);
    buf_append_str(&d->fault_sentence, str_from_z(sentence));
    switch (fault) {
    case HOMESERVER_FINE:
        break;
    case HOMESERVER_AWAY:
    case HOMESERVER_NO_SERVER:
        if (d->once) {
            daemon_end(d, DAEMON_AWAY, sentence);
        }
        break;
    case HOMESERVER_FAILED:
        if (d->once) {
            daemon_end(d, DAEMON_FAILED, sentence);
        }
        break;
    case HOMESERVER_CONFIG:
        daemon_end(d, DAEMON_CONFIG, sentence);
        break;
    case HOMESERVER_NO_MEMORY:
        daemon_end(d, DAEMON_FAILED, sentence);
        break;
    default:
        daemon_end(d, DAEMON_REFUSED, sentence);
    }
}

struct homeserver_ports daemon_homeserver_ports(struct daemon *d)
{
    return (struct homeserver_ports){
        .owner = d,
        .event = on_event,
        .synced = on_synced,
        .sent = on_sent,
        .joined = on_joined,
        .fault = on_fault,
        .random = daemon_random,
        .log = forward_log,
    };
}

/* --- what the agent tells --------------------------------------------------------------------- */

static void on_session_opened(void *owner, uint64_t turn, struct str session_id)
{
    const struct daemon *d = owner;

    bridge_session_opened(d->bridge, turn, session_id);
}

static void on_answering(void *owner, uint64_t turn, struct str text)
{
    const struct daemon *d = owner;

    bridge_answering(d->bridge, turn, text);
}

static void on_answered(void *owner, uint64_t turn, struct str text, enum bridge_failure failure,
                        struct str error)
{
    const struct daemon *d = owner;

    bridge_answered(d->bridge, turn, text, failure, error);
}

static void on_reachable(void *owner, bool is_reachable, const char *sentence)
{
    struct daemon *d = owner;

    if (d->reached != (int)is_reachable && is_reachable) {
        daemon_log(d, LOG_INFO, "agent_up", STR(""), STR(""));
    } else if (d->reached != (int)is_reachable) {
        log_text(d, LOG_WARNING, "agent_away", "reason", str_from_z(sentence));
    }
    d->reached = is_reachable;
    buf_clear(&d->reach_sentence);
    buf_append_str(&d->reach_sentence, str_from_z(sentence));
    d->probe_ms = d->now.mono_ms + (is_reachable ? PROBE_MS : PROBE_SOON_MS);
}

struct agent_ports daemon_agent_ports(struct daemon *d)
{
    return (struct agent_ports){
        .owner = d,
        .session_opened = on_session_opened,
        .answering = on_answering,
        .answered = on_answered,
        .reachable = on_reachable,
        .log = forward_log,
    };
}

/* --- making ----------------------------------------------------------------------------------- */

static struct setup *load(const struct config_sources *sources, struct buf *error)
{
    struct setup *s = malloc(sizeof(*s));

    if (s == NULL) {
        buf_append_str(error, STR("out of memory"));
        return NULL;
    }
    if (!setup_init(s, sources, error)) {
        setup_fini(s);
        free(s);
        return NULL;
    }
    return s;
}

static void unload(struct setup *s)
{
    setup_fini(s);
    free(s);
}

static void tell_warnings(const struct daemon *d, const struct setup *s)
{
    struct str rest = buf_str(&s->warnings);

    while (rest.len > 0) {
        size_t end = str_find(rest, '\n');
        log_text(d, LOG_WARNING, "config_warning", "text", str_slice(rest, 0, end));
        rest = str_slice(rest, end + 1, rest.len);
    }
}

struct daemon *daemon_new(const struct config_sources *sources, const struct daemon_ports *ports,
                          struct buf *error)
{
    struct daemon *d = calloc(1, sizeof(*d));

    if (d == NULL) {
        buf_append_str(error, STR("out of memory"));
        return NULL;
    }
    d->ports = *ports;
    d->sources = sources;
    d->actions_end = &d->actions;
    d->reached = -1;
    buf_init(&d->fault_sentence, CONFIG_MAX_ERROR);
    buf_init(&d->reach_sentence, CONFIG_MAX_ERROR);
    d->setup = load(sources, error);
    d->http = http_client_new();
    if (d->setup != NULL && d->http == NULL) {
        buf_append_str(error, STR("out of memory"));
    }
    if (d->setup == NULL || d->http == NULL) {
        daemon_free(d);
        return NULL;
    }
    return d;
}

void daemon_free(struct daemon *d)
{
    if (d == NULL) {
        return;
    }
    health_free(d->health);
    if (d->agent != NULL) {
        daemon_adapter(d)->free(d->agent);
    }
    homeserver_free(d->homeserver);
    bridge_free(d->bridge);
    step_fini(d);
    store_close(d->store);
    http_client_free(d->http);
    if (d->setup != NULL) {
        unload(d->setup);
    }
    if (d->earlier != NULL) {
        unload(d->earlier);
    }
    buf_fini(&d->fault_sentence);
    buf_fini(&d->reach_sentence);
    free(d);
}

static bool restore_row(void *ctx, const struct bridge_row *row)
{
    const struct daemon *d = ctx;

    return bridge_restore(d->bridge, row, d->error);
}

/* What was kept. What may pass is no matter of the configuration: the next start goes on. */
static bool restore(struct daemon *d)
{
    enum store_state state = STORE_USABLE;
    bool ok = store_each(d->store, restore_row, d, &state, d->error);

    if (!ok && d->error->len == 0) {
        buf_append_str(d->error, STR("out of memory"));
        state = STORE_SHORT;
    }
    d->code = state == STORE_SHORT ? DAEMON_FAILED : DAEMON_CONFIG;
    return ok;
}

/* False: *d->error says why, and d->code of which kind it is. */
static bool open_parts(struct daemon *d)
{
    struct bridge_ports bridge_ports = {.owner = d,
                                        .save = step_save,
                                        .act = step_act,
                                        .random = daemon_random,
                                        .log = forward_log};
    struct homeserver_ports homeserver_ports = daemon_homeserver_ports(d);
    struct agent_ports agent_ports = daemon_agent_ports(d);
    struct health_ports health_ports = {d, watch_ready, watch_metrics};
    struct str health = str_from_z(config_text(&d->setup->config, OPTION_BRIDGE_HEALTH));
    struct setup *s = d->setup;
    enum store_state state;

    d->code = DAEMON_CONFIG;
    d->store = store_open(config_text(&s->config, OPTION_BRIDGE_STATE_FILE), &state, d->error);
    if (d->store == NULL) {
        d->code = state == STORE_SHORT ? DAEMON_FAILED : DAEMON_CONFIG;
        return false;
    }
    if (health.len > 0 && (d->health = health_new(health, &health_ports, d->error)) == NULL) {
        return false;
    }
    s->homeserver.sync_timeout_ms = d->once ? 0 : s->homeserver.sync_timeout_ms;
    d->bridge = bridge_new(&s->bridge, &bridge_ports, d->now);
    d->homeserver = homeserver_new(&s->homeserver, &homeserver_ports, d->http, d->now);
    d->agent = s->adapter->new (&s->agent, &agent_ports, d->http, d->now);
    if (d->bridge == NULL || d->homeserver == NULL || d->agent == NULL) {
        buf_append_str(d->error, STR("out of memory"));
        d->code = DAEMON_FAILED;
        return false;
    }
    return restore(d);
}

/* --- the loop --------------------------------------------------------------------------------- */

static uint64_t earlier_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int timeout_ms(const struct daemon *d)
{
    uint64_t now = read_ms(CLOCK_MONOTONIC);
    uint64_t due = earlier_of(bridge_deadline(d->bridge), homeserver_deadline(d->homeserver));

    due = earlier_of(due, daemon_adapter(d)->deadline(d->agent));
    due = earlier_of(due, health_deadline(d->health));
    due = earlier_of(due, d->probe_ms);
    if (d->is_stopping) {
        due = earlier_of(due, d->stop_by_ms);
    }
    return due <= now ? 0 : due - now > 60000 ? 60000 : (int)(due - now);
}

/* The wait may have been long: turns that begin with what has come have their whole time. */
static void set_clocks(void *owner)
{
    struct daemon *d = owner;

    d->now = daemon_clock();
    bridge_clock(d->bridge, d->now);
    daemon_adapter(d)->clock(d->agent, d->now);
}

static void wait_and_serve(struct daemon *d)
{
    struct http_watch watches[1 + HEALTH_WATCHES];
    size_t count = health_watch(d->health, watches + 1);

    watches[0] = daemon_adapter(d)->watch(d->agent);
    watches[0].revents = 0;
    http_wait(d->http, watches, 1 + count, timeout_ms(d));
    d->now = daemon_clock();
    if (watches[0].fd >= 0 && watches[0].revents != 0) {
        daemon_adapter(d)->ready(d->agent, watches[0].revents);
    }
    health_ready(d->health, watches + 1, count, d->now.mono_ms);
}

static void tick(struct daemon *d)
{
    if (d->now.mono_ms >= d->probe_ms) {
        d->probe_ms = d->now.mono_ms + PROBE_MS;
        daemon_adapter(d)->probe(d->agent);
    }
    homeserver_tick(d->homeserver, d->now);
    daemon_adapter(d)->tick(d->agent, d->now);
    bridge_tick(d->bridge, d->now);
    step_end(d);
}

static void say_ready(struct daemon *d)
{
    if (d->said_ready || !d->has_synced) {
        return;
    }
    d->said_ready = true;
    daemon_log(d, LOG_INFO, "ready", STR(""), STR(""));
    notify(d, "READY=1\nSTATUS=Synced with the homeserver");
}

/* Whether all that came of one sync is done. */
static bool is_done(const struct daemon *d)
{
    struct bridge_counts c;

    bridge_counts(d->bridge, &c);
    return d->has_synced && c.questions_waiting == 0 && c.turns_open == 0 && c.sends_waiting == 0 &&
           homeserver_idle(d->homeserver);
}

static void begin_stop(struct daemon *d)
{
    d->is_stopping = true;
    d->stop_by_ms = d->now.mono_ms + STOP_MS;
    homeserver_stop(d->homeserver);
    daemon_log(d, LOG_INFO, "stopping", STR(""), STR(""));
    notify(d, "STOPPING=1\nSTATUS=Sending what is on its way");
}

/* What was changed and is not taken before the next start. */
static void tell_reloaded(const struct daemon *d, const struct setup *before)
{
    struct config_change changes[OPTION_COUNT];
    size_t count = config_changes(&before->config, &d->setup->config, changes);
    struct buf keys;

    buf_init(&keys, CONFIG_MAX_ERROR);
    for (size_t i = 0; i < count; i++) {
        if (!changes[i].reloadable) {
            buf_append_str(&keys, keys.len > 0 ? STR(",") : STR(""));
            buf_append_str(&keys, str_from_z(option_table[changes[i].id].key));
        }
    }
    if (keys.len > 0) {
        log_text(d, LOG_INFO, "reloaded", "needs_restart", buf_str(&keys));
    } else {
        daemon_log(d, LOG_INFO, "reloaded", STR(""), STR(""));
    }
    buf_fini(&keys);
}

/* Options that need a restart keep their values: the parts were made from them. */
static void reload(struct daemon *d)
{
    struct buf error;

    if (d->ports.reloading != NULL) {
        d->ports.reloading(d->ports.owner);
    }
    buf_init(&error, CONFIG_MAX_ERROR);
    struct config_sources sources = *d->sources;
    sources.found = d->setup->config.file;
    struct setup *s = load(&sources, &error);
    if (s != NULL) { /* what the parts were made with goes on to hold */
        const struct setup *first = d->earlier != NULL ? d->earlier : d->setup;
        s->homeserver.sync_timeout_ms = first->homeserver.sync_timeout_ms;
        s->bridge.turn_timeout_ms = first->bridge.turn_timeout_ms;
        s->bridge.model = first->bridge.model;
    }
    if (s != NULL && s->adapter == d->setup->adapter && bridge_reload(d->bridge, &s->bridge)) {
        if (d->earlier == NULL) {
            d->earlier = d->setup;
        } else {
            unload(d->setup);
        }
        d->setup = s;
        if (d->ports.configured != NULL) {
            d->ports.configured(d->ports.owner, &s->config);
        }
        tell_warnings(d, s);
        tell_reloaded(d, d->earlier);
    } else {
        if (s != NULL) {
            buf_append_str(&error, s->adapter != d->setup->adapter
                                       ? STR("agent.adapter needs a restart")
                                       : STR("out of memory"));
            unload(s);
        }
        log_text(d, LOG_ERROR, "reload_failed", "error", buf_str(&error));
    }
    buf_fini(&error);
    notify(d, "READY=1");
}

static void obey(struct daemon *d)
{
    if (atomic_exchange(&d->reload_asked, false)) {
        reload(d);
    }
    if (atomic_load(&d->stop_asked) && !d->is_stopping) {
        begin_stop(d);
    }
    bool has_stopped =
        d->is_stopping && (homeserver_idle(d->homeserver) || d->now.mono_ms >= d->stop_by_ms);
    if (has_stopped || (d->once && is_done(d))) {
        daemon_end(d, DAEMON_OK, "");
    }
}

enum daemon_exit daemon_run(struct daemon *d, bool once, struct buf *error)
{
    d->error = error;
    d->once = once;
    d->now = daemon_clock();
    tell_warnings(d, d->setup);
    if (d->ports.configured != NULL) {
        d->ports.configured(d->ports.owner, &d->setup->config);
    }
    if (!open_parts(d)) {
        return d->code;
    }
    d->code = DAEMON_OK;
    set_clocks(d);
    http_set_woken(d->http, set_clocks, d);
    bridge_start(d->bridge);
    step_end(d);
    homeserver_start(d->homeserver, bridge_next_batch(d->bridge));
    while (!d->over) {
        wait_and_serve(d);
        tick(d);
        say_ready(d);
        obey(d);
    }
    return d->code;
}

void daemon_stop(struct daemon *d)
{
    atomic_store(&d->stop_asked, true);
    http_wake(d->http);
}

void daemon_reload(struct daemon *d)
{
    atomic_store(&d->reload_asked, true);
    http_wake(d->http);
}
