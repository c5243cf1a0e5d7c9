#include "gateway/assembly.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "base/printable.h"
#include "crypto/jwt.h"
#include "crypto/password.h"
#include "gateway/cpus.h"
#include "http/head.h"

static void read_figures(void *owner, unsigned reactor, struct rest_figures *ret_figures)
{
    const struct assembly *a = owner;
    const struct reactor_metrics *m = gateway_metrics(a->gateway, reactor);

    *ret_figures = (struct rest_figures){
        .connections = metric_read(&m->connections),
        .accepted = metric_read(&m->accepted),
        .turned_away = metric_read(&m->turned_away),
        .displaced = metric_read(&m->displaced),
        .out_of_files = metric_read(&m->out_of_files),
        .bytes_in = metric_read(&m->bytes_in),
        .bytes_out = metric_read(&m->bytes_out),
        .delivered = metric_read(&m->delivered),
        .skipped = metric_read(&m->skipped),
        .too_big = metric_read(&m->too_big),
        .lagged = metric_read(&m->lagged),
        .queue_bytes = metric_read(&m->queue_bytes),
        .out_of_memory = metric_read(&m->out_of_memory),
        .inflated = metric_read(&m->inflated),
        .inflated_saved = metric_read(&m->inflated_saved),
        .violations = metric_read(&m->violations),
        .timeouts = metric_read(&m->timeouts),
        .tls_handshakes = metric_read(&m->tls_handshakes),
        .tls_resumed = metric_read(&m->tls_resumed),
        .tls_failed = metric_read(&m->tls_failed),
        .requests = metric_read(&m->requests),
        .refused = metric_read(&m->refused),
        .loop_lag = &m->loop_lag,
        .route = &m->route,
    };
}

static void answer(void *owner, struct hub *hub, uint64_t conn, const struct evidence *evidence,
                   struct str request, size_t head_len)
{
    struct assembly *a = owner;

    rest_handle(&a->rest, hub, conn, evidence, request, head_len);
}

static void judged(void *owner, uint64_t conn, const struct hub_asker *asker, struct str request,
                   size_t head_len)
{
    struct assembly *a = owner;

    rest_judged(&a->rest, gateway_hub(a->gateway), conn, asker, request, head_len);
}

static void stop(void *owner)
{
    const struct assembly *a = owner;

    gateway_drain(a->gateway);
}

static void forward_log(void *owner, enum log_level level, const char *event, struct str client,
                        struct str details)
{
    struct assembly *a = owner;

    a->ports.log(a->ports.owner, (unsigned)level, event, client, details);
}

static void forward_phase(void *owner, enum gateway_phase phase)
{
    struct assembly *a = owner;

    a->ports.phase(a->ports.owner, phase);
}

static void forward_alive(void *owner)
{
    struct assembly *a = owner;

    a->ports.alive(a->ports.owner);
}

/* What listen.status_port serves. */
static bool is_status_path(struct str path)
{
    static const struct str paths[] = {
        {"/health", 7}, {"/healthz", 8}, {"/readyz", 7}, {"/api/gateway/status", 19}};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (str_equal(path, paths[i])) {
            return true;
        }
    }
    return false;
}

static void add_echo(struct assembly *a, const struct config *c, size_t *count)
{
    struct str path = str_from_z(config_text(c, OPTION_LISTEN_ECHO_PATH));

    /* A host that looks at credentials itself has authentication, whatever auth.mode says. */
    if (path.len > 0 && a->ports.host.check_credential == NULL) {
        a->routes[(*count)++] = (struct route){.path = path, .is_websocket = true, .is_echo = true};
    }
}

static bool make_routes(struct assembly *a, const struct config *c, struct buf *error)
{
    struct str path, rest = str_from_z(config_text(c, OPTION_LISTEN_WORLD_PATHS));
    size_t count = 0;

    while (config_next_element(&rest, &path)) {
        if (count == ASSEMBLY_MAX_WORLD_PATHS) {
            buf_printf(error, "listen.world_paths: more than %d paths", ASSEMBLY_MAX_WORLD_PATHS);
            return false;
        }
        a->world_paths[count] = path;
        a->routes[count++] =
            (struct route){.path = path, .is_websocket = true, .dialect = DIALECT_WORLD};
    }
    size_t worlds = count;
    a->routes[count++] =
        (struct route){.path = str_from_z(config_text(c, OPTION_LISTEN_GATEWAY_PATH)),
                       .is_websocket = true,
                       .dialect = DIALECT_GATEWAY};
    add_echo(a, c, &count);
    a->rest = (struct rest){.world_paths = a->world_paths,
                            .world_path_count = worlds,
                            .gateway_path = a->routes[worlds].path,
                            .public_metrics = config_number(c, OPTION_METRICS_PUBLIC) != 0,
                            .state = rest_state_new(),
                            .owner = a,
                            .figures = read_figures,
                            .stop = stop};
    if (a->rest.state == NULL) {
        buf_append_str(error, STR("the gateway cannot start: there is no memory"));
        return false;
    }
    for (size_t i = 0; rest_path(i).path.len > 0; i++) {
        struct rest_path at = rest_path(i);
        assert(count < ASSEMBLY_MAX_ROUTES);
        a->routes[count++] = (struct route){.path = at.path,
                                            .suffix = at.suffix,
                                            .has_parameter = at.has_parameter,
                                            .methods = at.methods,
                                            .takes_message = at.takes_message,
                                            .max_body = at.takes_message ? REST_AROUND_MESSAGE : 0,
                                            .is_status = is_status_path(at.path)};
    }
    a->settings.reactor.routes = a->routes;
    a->settings.reactor.route_count = count;
    return true;
}

/* --- reloading -------------------------------------------------------------------------------- */

static struct setup *load_setup(const struct assembly *a)
{
    struct setup_source source = {.sources = a->sources,
                                  .running = a->first != NULL ? &a->first->config : NULL,
                                  .file = a->setup != NULL ? a->setup->config.file : NULL,
                                  .host_checks = a->ports.host.check_credential != NULL,
                                  .exposed = a->ports.exposed};

    return setup_load(&source);
}

/* In the worker's thread: what it looks at does not change while the gateway runs. */
static void *reload_load(void *owner)
{
    return load_setup(owner);
}

static void reload_drop(void *owner, void *setup)
{
    (void)owner;
    setup_free(setup);
}

/* What a setup says of the gateway while it runs. */
static void use(struct assembly *a, struct setup *p)
{
    setup_hub_settings(p, &a->settings.hub);
    a->rest.public_metrics = config_number(&p->config, OPTION_METRICS_PUBLIC) != 0;
    a->setup = p;
}

static size_t count_changes(const struct setup *before, const struct setup *after)
{
    struct config_change changes[OPTION_COUNT];

    return config_changes(&before->config, &after->config, changes);
}

/* A host that looks at credentials itself does so whatever the configuration says. */
static bool set_access(const struct assembly *a, struct hub *hub, const struct setup *p)
{
    struct hub_access access = p->access;

    if (a->ports.host.check_credential != NULL) {
        access = (struct hub_access){.mode = HUB_AUTH_HOST};
    }
    return hub_set_access(hub, &access);
}

/*
 * Takes what a whole setup says. False: for want of memory not all of it; what was taken is part of
 * the new one, and doing it again takes the rest.
 */
static bool take(struct assembly *a, struct hub *hub, struct setup *p)
{
    /* The hash before its digest: nobody comes in by a password that was withdrawn. */
    bool whole = gateway_set_password(a->gateway, p->password) && set_access(a, hub, p) &&
                 hub_tell_policy(hub, &p->policy->shared);

    hub_reload(hub, &a->settings.hub);
    gateway_set_drain(a->gateway, config_number(&p->config, OPTION_DRAIN));
    return whole;
}

static void reload_apply(void *owner, struct hub *hub, void *setup)
{
    struct assembly *a = owner;
    struct setup *p = setup;
    struct setup *before = a->setup;
    struct reload_report report = {.setup = p};

    if (p == NULL || p->error.len > 0) {
        report.error = p == NULL ? STR("out of memory") : buf_str(&p->error);
        a->ports.reloaded(a->ports.owner, &report);
        setup_free(p);
        return;
    }
    report.changes = count_changes(before, p);
    use(a, p);
    if (!take(a, hub, p)) {
        report.error = STR("out of memory before all of it was taken; reload once more");
    }
    a->ports.reloaded(a->ports.owner, &report);
    if (before != a->first) {
        setup_free(before);
    }
}

/* --- starting --------------------------------------------------------------------------------- */

static void digest(void *owner, struct str secret, uint8_t ret_digest[DIGEST_SIZE])
{
    (void)owner;
    digest_sha256(secret.ptr, secret.len, ret_digest);
}

static bool verify(void *owner, struct str token, void *ctx,
                   void (*take_claims)(void *ctx, const struct hub_claims *claims))
{
    const struct assembly *a = owner;
    const struct config *c = &a->setup->config;
    struct jwt_rules rules = {.audience = str_from_z(config_text(c, OPTION_AUTH_JWT_AUDIENCE)),
                              .leeway_ms = config_number(c, OPTION_AUTH_JWT_LEEWAY)};
    struct hub *hub = gateway_hub(a->gateway);
    struct jwt_claims claims;
    struct jwt_refusal why;
    char details[128];

    if (!jwt_verify(&a->setup->keys, token, hub_now(hub).wall_ms, &rules, &claims, &why)) {
        /* Who asked is in the event auth_failed, which comes behind this one. */
        forward_log(owner, LOG_INFO, "jwt_refused", STR(""),
                    str_format(details, sizeof(details), "reason=%s what=%s",
                               jwt_reason_word(why.reason), why.what != NULL ? why.what : "-"));
        return false;
    }
    struct hub_claims said = {.name = claims.subject,
                              .agent_id = claims.agent_id,
                              .grants = claims.grants,
                              .expires_ms = claims.expires_at_ms};
    jwt_claims_identify(&claims, said.identity);
    memcpy(said.key, claims.key_id, sizeof(said.key));
    take_claims(ctx, &said);
    jwt_claims_fini(&claims);
    return true;
}

static bool verify_password(const char *hash, struct str password)
{
    return password_verify(str_from_z(hash), password);
}

static uint64_t count_memory(void *owner)
{
    struct assembly *a = owner;

    return memory_used(&a->memory, a->settings.hub.max_memory);
}

static void choose_threads(const struct config *c, struct gateway_settings *s)
{
    uint64_t cpus = cpus_available("");
    uint64_t wanted = config_number(c, OPTION_THREADS);

    s->threads = wanted > 0 ? (unsigned)wanted : cpus_threads(cpus);
    s->spin = config_number(c, OPTION_SPIN) == SPIN_AUTO &&
              cpus_spare(cpus, s->threads, (unsigned)sysconf(_SC_NPROCESSORS_ONLN));
}

static void make_settings(struct assembly *a, const char *version)
{
    const struct config *c = &a->first->config;
    const char *unix_path = config_text(c, OPTION_LISTEN_UNIX);
    struct gateway_settings *s = &a->settings;

    s->hub.version = version;
    s->policy = a->first->policy;
    choose_threads(c, s);
    s->bind = config_text(c, OPTION_LISTEN_BIND);
    s->port = (uint16_t)config_number(c, OPTION_LISTEN_PORT);
    s->status_port = (uint16_t)config_number(c, OPTION_LISTEN_STATUS_PORT);
    s->sockets = a->ports.sockets;
    s->socket_count = a->ports.socket_count;
    s->unix_path = unix_path[0] != '\0' ? unix_path : NULL;
    s->drain_ms = config_number(c, OPTION_DRAIN);
    s->reactor.max_body_bytes = REST_BODY;
    s->owner = a;
    s->request = answer;
    s->log = forward_log;
    s->digest = digest;
    s->verify = verify;
    s->judged = judged;
    s->memory = count_memory;
    s->verify_password = verify_password;
    s->reload_load = reload_load;
    s->reload_apply = reload_apply;
    s->reload_drop = reload_drop;
    s->phase = forward_phase;
    s->alive = a->ports.alive != NULL ? forward_alive : NULL;
    s->alive_ms = a->ports.alive_ms;
    s->host = a->ports.host;
}

bool assembly_init(struct assembly *a, const struct config_sources *sources,
                   const struct assembly_ports *ports, const char *version, struct buf *error)
{
    *a = (struct assembly){.ports = *ports, .sources = sources};
    memory_meter_init(&a->memory);
    gateway_settings_init(&a->settings);
    a->first = load_setup(a);
    if (a->first == NULL) {
        buf_append_str(error, STR("out of memory"));
        return false;
    }
    if (a->first->error.len > 0) {
        buf_append_str(error, buf_str(&a->first->error));
        return false;
    }
    use(a, a->first);
    make_settings(a, version);
    return make_routes(a, &a->first->config, error);
}

/* Appends the setting that asked for a listener, and where it was to be. */
static void name_part(const struct assembly *a, enum gateway_part part, struct buf *error)
{
    const struct gateway_settings *s = &a->settings;

    switch (part) {
    case GATEWAY_UNIX:
        buf_append_str(error, STR("listen.unix: "));
        printable_append(error, str_from_z(s->unix_path));
        break;
    case GATEWAY_STATUS:
        buf_printf(error, "listen.status_port: %u", (unsigned)s->status_port);
        break;
    case GATEWAY_SOCKETS:
        buf_append_str(error, STR("a socket that the service manager gives"));
        break;
    default:
        buf_printf(error, "listen.port: %u", (unsigned)s->port);
        break;
    }
}

/* What is to be done about a listener that cannot be had. */
static void explain(const struct assembly *a, int failure, enum gateway_part part,
                    struct buf *error)
{
    const char *another = part == GATEWAY_UNIX     ? "path"
                          : part == GATEWAY_STATUS ? "port"
                                                   : "port (--port N, 0 for a free one)";

    name_part(a, part, error);
    switch (failure) {
    case EADDRINUSE:
        buf_printf(error, " is taken by another program; stop it, or choose another %s", another);
        break;
    case EEXIST:
        buf_append_str(error, STR(" exists and is no socket; remove it, or choose another path"));
        break;
    case EADDRNOTAVAIL:
        buf_append_str(error, STR(": listen.bind is no address of this machine: "));
        printable_append(error, str_from_z(a->settings.bind));
        break;
    case EACCES:
        if (part != GATEWAY_UNIX) {
            buf_append_str(error, STR(" needs a privilege; choose one from 1024 on, or have the "
                                      "service manager open it (parley.socket)"));
            break;
        }
        buf_printf(error, ": %s", strerror(failure));
        break;
    default:
        buf_printf(error, ": %s", strerror(failure));
    }
}

bool assembly_open(struct assembly *a, struct buf *error, bool *ret_taken)
{
    enum gateway_part part;
    int failure = gateway_new(&a->settings, &a->gateway, &part);

    if (failure != 0) {
        *ret_taken = part != GATEWAY_RESOURCES;
        if (*ret_taken) {
            explain(a, -failure, part, error);
        } else {
            buf_printf(error, "the gateway cannot start: %s", strerror(-failure));
        }
        return false;
    }
    if (!gateway_set_password(a->gateway, a->setup->password) ||
        !set_access(a, gateway_hub(a->gateway), a->setup)) {
        buf_append_str(error, STR("the gateway cannot start: out of memory"));
        *ret_taken = false;
        return false;
    }
    return true;
}

void assembly_fini(struct assembly *a)
{
    if (a == NULL) {
        return;
    }
    gateway_free(a->gateway);
    a->gateway = NULL;
    rest_state_free(a->rest.state);
    a->rest.state = NULL;
    if (a->setup != a->first) {
        setup_free(a->setup);
    }
    setup_free(a->first);
    a->setup = a->first = NULL;
    memory_meter_fini(&a->memory);
}
