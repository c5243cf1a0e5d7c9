#include "library/library.h"

#include <stdlib.h>

const char *parley_version(void)
{
    return PARLEY_VERSION;
}

/* --- what the assembly tells ------------------------------------------------------------------ */

/* A line is written while the hub is at work, when the program could not call anything. */
static void note_log(void *owner, unsigned level, const char *event, struct str client,
                     struct str details)
{
    struct parley *p = owner;

    if (p->options->events.log != NULL) {
        hub_note_log(hub_of(p), (enum log_level)level, event, client, details);
    }
}

static void take_phase(void *owner, enum gateway_phase phase)
{
    struct parley *p = owner;
    const struct parley_events *e = &p->options->events;

    if (phase == GATEWAY_SERVING && e->started != NULL) {
        e->started(p, p->options->events_ctx);
    }
}

/* Nothing reloads a gateway that is embedded. */
static void take_reload(void *owner, const struct reload_report *report)
{
    (void)owner;
    (void)report;
}

/* --- posting ---------------------------------------------------------------------------------- */

enum parley_result parley_post(struct parley *p, void (*call)(struct parley *p, void *ctx),
                               void *ctx)
{
    struct posted *one = malloc(sizeof(*one));

    if (one == NULL) {
        return PARLEY_OUT_OF_MEMORY;
    }
    *one = (struct posted){.call = call, .ctx = ctx};
    (void)pthread_mutex_lock(&p->lock);
    *p->posted_end = one;
    p->posted_end = &one->next;
    (void)pthread_mutex_unlock(&p->lock);
    gateway_wake(p->assembly.gateway);
    return PARLEY_OK;
}

static struct posted *take_posted(struct parley *p)
{
    (void)pthread_mutex_lock(&p->lock);
    struct posted *first = p->posted;
    p->posted = NULL;
    p->posted_end = &p->posted;
    (void)pthread_mutex_unlock(&p->lock);
    return first;
}

/* What they post in turn is left for the next time. Returns whether there were any. */
static bool call_posted(struct parley *p)
{
    struct posted *one = take_posted(p);
    bool any = one != NULL;

    while (one != NULL) {
        struct posted *next = one->next;
        one->call(p, one->ctx);
        free(one);
        one = next;
    }
    return any;
}

static void take_turn(void *owner)
{
    struct parley *p = owner;

    (void)call_posted(p);
    logins_settle(p);
}

struct hub *hub_to_change(struct parley *p)
{
    if (!p->in_step && !p->woken) {
        p->woken = true;
        gateway_wake(p->assembly.gateway);
    }
    return hub_of(p);
}

/* --- life ------------------------------------------------------------------------------------- */

/* The sentence as a text of its own. */
static void give_error(const struct buf *error, char **ret_error)
{
    if (ret_error != NULL) {
        *ret_error = error->len > 0 && !error->failed ? strndup(error->data, error->len) : NULL;
    }
}

static bool open_gateway(struct parley *p, const struct parley_options *options, struct buf *error)
{
    bool taken;

    p->options = options_copy(options);
    if (p->options == NULL) {
        buf_append_str(error, STR("out of memory"));
        return false;
    }
    p->sources = (struct config_sources){
        .file = p->options->file,
        .flags = p->options->flags,
        .flag_count = p->options->flag_count,
        /* Who looks at credentials himself needs no list of them. */
        .has_shared_secret = options->check != NULL,
    };
    struct assembly_ports ports = {
        .owner = p,
        .log = note_log,
        .phase = take_phase,
        .reloaded = take_reload,
        .host = {.owner = p,
                 .event = hear_event,
                 .hear = hear_message,
                 .check_credential = options->check != NULL ? login_check_credential : NULL,
                 .turn = take_turn},
    };
    return assembly_init(&p->assembly, &p->sources, &ports, PARLEY_VERSION, error) &&
           assembly_open(&p->assembly, error, &taken);
}

struct parley *parley_new(const struct parley_options *options, char **ret_error)
{
    struct parley *p = calloc(1, sizeof(*p));
    struct buf error;

    buf_init(&error, CONFIG_MAX_ERROR);
    if (p == NULL || pthread_mutex_init(&p->lock, NULL) != 0) {
        buf_append_str(&error, STR("out of memory"));
        give_error(&error, ret_error);
        buf_fini(&error);
        free(p);
        return NULL;
    }
    p->assembly.memory.fd = -1; /* 0 would be a descriptor of the program's */
    p->posted_end = &p->posted;
    p->verdicts_end = &p->verdicts;
    if (!open_gateway(p, options, &error)) {
        give_error(&error, ret_error);
        parley_free(p);
        p = NULL;
    }
    buf_fini(&error);
    return p;
}

/* What the last turn has noted comes before `stopped`, the last event. */
static void end(struct parley *p)
{
    p->over = true;
    gateway_end(p->assembly.gateway);
    hub_tell_host(hub_of(p));
}

static void finish(struct parley *p)
{
    const struct parley_events *e = &p->options->events;

    if (p->started && !p->over) {
        end(p);
        if (e->stopped != NULL) {
            e->stopped(p, p->options->events_ctx);
        }
    }
}

void parley_free(struct parley *p)
{
    if (p == NULL) {
        return;
    }
    if (p->assembly.gateway != NULL) {
        finish(p);
        while (call_posted(p)) {
        }
    }
    assembly_fini(&p->assembly);
    logins_fini(p);
    handlers_fini(p);
    parley_options_free(p->options);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

/* Whether it goes on. */
static bool step(struct parley *p, bool wait)
{
    p->in_step = true;
    p->woken = false;
    bool goes_on = gateway_step(p->assembly.gateway, wait);
    p->in_step = false;
    return goes_on;
}

/* Whether it runs now. */
static bool start(struct parley *p)
{
    if (!p->started) {
        p->started = true;
        if (gateway_start(p->assembly.gateway) != 0) {
            end(p);
        }
    }
    return !p->over;
}

enum parley_result parley_run(struct parley *p)
{
    if (!start(p)) {
        return PARLEY_FAILED;
    }
    while (step(p, true)) {
    }
    finish(p);
    return PARLEY_OK;
}

bool parley_dispatch(struct parley *p)
{
    if (start(p) && !step(p, false)) {
        finish(p);
    }
    return !p->over;
}

int parley_fd(struct parley *p)
{
    int fd = gateway_fd(p->assembly.gateway);

    return fd >= 0 ? fd : -1;
}

void parley_stop(struct parley *p)
{
    gateway_stop(p->assembly.gateway);
}

uint16_t parley_port(const struct parley *p)
{
    size_t count;
    const struct listener *doors = gateway_listeners(p->assembly.gateway, &count);

    for (size_t i = 0; i < count; i++) {
        if (doors[i].port != 0 && !doors[i].status_only) {
            return doors[i].port;
        }
    }
    return 0;
}

void parley_set_context(struct parley *p, void *context)
{
    p->context = context;
}

void *parley_context(const struct parley *p)
{
    return p->context;
}
