#include "gateway/assembly.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>

#include "base/printable.h"
#include "http/head.h"

enum { AUTO_THREADS = 4 };

static unsigned count_threads(const struct config *c)
{
    uint64_t wanted = config_number(c, OPTION_THREADS);
    cpu_set_t cpus;

    if (wanted > 0) {
        return (unsigned)wanted;
    }
    if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0) {
        return 1;
    }
    int count = CPU_COUNT(&cpus);
    return count < 1 ? 1 : count > AUTO_THREADS ? AUTO_THREADS : (unsigned)count;
}

static void read_figures(void *owner, unsigned reactor, struct rest_figures *ret_figures)
{
    const struct assembly *a = owner;
    const struct reactor_metrics *m = gateway_metrics(a->gateway, reactor);

    *ret_figures = (struct rest_figures){
        .connections = metric_read(&m->connections),
        .accepted = metric_read(&m->accepted),
        .turned_away = metric_read(&m->turned_away),
        .out_of_files = metric_read(&m->out_of_files),
        .bytes_in = metric_read(&m->bytes_in),
        .bytes_out = metric_read(&m->bytes_out),
        .delivered = metric_read(&m->delivered),
        .skipped = metric_read(&m->skipped),
        .too_big = metric_read(&m->too_big),
        .lagged = metric_read(&m->lagged),
        .queue_bytes = metric_read(&m->queue_bytes),
        .out_of_memory = metric_read(&m->out_of_memory),
        .violations = metric_read(&m->violations),
        .timeouts = metric_read(&m->timeouts),
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

static void stop(void *owner)
{
    const struct assembly *a = owner;

    gateway_stop(a->gateway);
}

static void forward_log(void *owner, enum log_level level, const char *event, struct str client,
                        struct str details)
{
    struct assembly *a = owner;

    if (a->log != NULL) {
        a->log(a->owner, (unsigned)level, event, client, details);
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
    a->rest = (struct rest){.world_paths = a->world_paths,
                            .world_path_count = count,
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
                                            .methods = at.methods};
    }
    a->settings.reactor.routes = a->routes;
    a->settings.reactor.route_count = count;
    return true;
}

_Static_assert((int)WORLD_VALIDATION_OFF == VALIDATE_OFF &&
                   (int)WORLD_VALIDATION_KNOWN == VALIDATE_KNOWN &&
                   (int)WORLD_VALIDATION_STRICT == VALIDATE_STRICT,
               "the option's words stand in the order of the hub's values");

static void make_hub_settings(struct hub_settings *s, const struct config *c, const char *version)
{
    s->version = version;
    s->max_clients = (uint32_t)config_number(c, OPTION_LIMITS_CLIENTS);
    s->max_message_bytes = config_number(c, OPTION_LIMITS_MESSAGE_BYTES);
    s->max_frame_bytes = config_number(c, OPTION_LIMITS_FRAME_BYTES);
    s->max_send_queue_bytes = config_number(c, OPTION_LIMITS_SEND_QUEUE_BYTES);
    s->heartbeat_interval_ms = config_number(c, OPTION_HEARTBEAT_INTERVAL);
    s->heartbeat_timeout_ms = config_number(c, OPTION_HEARTBEAT_TIMEOUT);
    s->verify_sender = config_number(c, OPTION_WORLD_IDENTITY) == WORLD_IDENTITY_VERIFY;
    s->validation = (uint8_t)config_number(c, OPTION_WORLD_VALIDATION);
    s->close_slow_clients = config_number(c, OPTION_SLOW_CLIENT) == SLOW_CLIENT_CLOSE;
}

bool assembly_init(struct assembly *a, const struct config *c, const char *version,
                   struct buf *error)
{
    const char *unix_path = config_text(c, OPTION_LISTEN_UNIX);

    *a = (struct assembly){0};
    gateway_settings_init(&a->settings);
    make_hub_settings(&a->settings.hub, c, version);
    a->settings.threads = count_threads(c);
    a->settings.port = (uint16_t)config_number(c, OPTION_LISTEN_PORT);
    a->settings.unix_path = unix_path[0] != '\0' ? unix_path : NULL;
    a->settings.drain_ms = config_number(c, OPTION_DRAIN);
    a->settings.owner = a;
    a->settings.request = answer;
    a->settings.log = forward_log;
    return make_routes(a, c, error);
}

/* What is to be done about a listener that cannot be had. */
static void explain(const struct assembly *a, int failure, enum gateway_part part,
                    struct buf *error)
{
    bool is_unix = part == GATEWAY_UNIX;

    if (is_unix) {
        buf_append_str(error, STR("listen.unix: "));
        printable_append(error, str_from_z(a->settings.unix_path));
    } else {
        buf_printf(error, "listen.port: %u", (unsigned)a->settings.port);
    }
    switch (failure) {
    case EADDRINUSE:
        buf_printf(error, " is taken by another program; stop it, or choose another %s",
                   is_unix ? "path" : "port (--port N, 0 for a free one)");
        return;
    case EEXIST:
        buf_append_str(error, STR(" exists and is no socket; remove it, or choose another path"));
        return;
    default:
        buf_printf(error, ": %s", strerror(failure));
    }
}

bool assembly_open(struct assembly *a, struct buf *error, bool *ret_taken)
{
    enum gateway_part part;
    int failure = gateway_new(&a->settings, &a->gateway, &part);

    if (failure == 0) {
        return true;
    }
    *ret_taken = part != GATEWAY_RESOURCES;
    if (*ret_taken) {
        explain(a, -failure, part, error);
    } else {
        buf_printf(error, "the gateway cannot start: %s", strerror(-failure));
    }
    return false;
}

void assembly_fini(struct assembly *a)
{
    if (a != NULL) {
        gateway_free(a->gateway);
        a->gateway = NULL;
        rest_state_free(a->rest.state);
        a->rest.state = NULL;
    }
}
