#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/printable.h"
#include "cli/args.h"
#include "cli/banner.h"
#include "cli/log.h"
#include "cli/print.h"
#include "cli/sandbox.h"
#include "cli/serve_args.h"
#include "cli/service.h"
#include "cli/socket.h"
#include "gateway/assembly.h"

enum { MAX_TALK = 16 * 1024 };

/* A serving gateway, as the log, the signals and the service manager see it. */
struct server {
    struct serve_args args; /* they hold for reloads, too */
    struct service service;
    struct assembly assembly;
    struct log_sink log;
    int64_t started_ms;
    unsigned sandbox;   /* the parts that hold */
    bool is_ready;      /* it has been said */
    bool reload_failed; /* the last one */
};

/* For the signal handler, which is told nothing else. */
static struct gateway *volatile running;
static volatile sig_atomic_t had_terminal;

static void on_signal(int signal_number)
{
    struct gateway *g = running;
    int error = errno;

    if (g != NULL) {
        gateway_stop(g);
    }
    (void)signal_number;
    errno = error;
}

/* Sent to have it reload; or because its terminal was closed, which then is none any more. */
static void on_hangup(int signal_number)
{
    struct gateway *g = running;
    int error = errno;

    (void)signal_number;
    if (g != NULL && had_terminal && isatty(STDERR_FILENO) == 0) {
        gateway_stop(g);
    } else if (g != NULL) {
        gateway_reload(g);
    }
    errno = error;
}

static void catch_signals(struct gateway *g)
{
    struct sigaction stop = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction reload = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    running = g;
    had_terminal = isatty(STDERR_FILENO) != 0;
    (void)sigemptyset(&stop.sa_mask);
    (void)sigemptyset(&reload.sa_mask);
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGHUP, &reload, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

static void choose_log(struct log_sink *log, const struct config *c)
{
    uint64_t format = config_number(c, OPTION_LOG_FORMAT);
    bool people = format == LOG_FORMAT_AUTO && isatty(STDERR_FILENO);

    log->fd = STDERR_FILENO;
    log->style = people ? LOG_FOR_PEOPLE : format == LOG_FORMAT_JSON ? LOG_AS_JSON : LOG_AS_TEXT;
    log->level = (unsigned)config_number(c, OPTION_LOG_LEVEL);
}

/* --- what is said ----------------------------------------------------------------------------- */

static void say(const char *sentence)
{
    struct buf line;

    buf_init(&line, MAX_TALK);
    print_clock(&line, time(NULL));
    buf_printf(&line, " %s\n", sentence);
    (void)fwrite(line.data, 1, line.len, stderr);
    buf_fini(&line);
}

static void write_log(void *owner, unsigned level, const char *event, struct str client,
                      struct str details)
{
    struct server *s = owner;

    if (s->log.style == LOG_FOR_PEOPLE && strcmp(event, "draining") == 0) {
        say("stopping: clients are told; once more ends it at once");
        return;
    }
    log_write(&s->log, level, event, client, details);
}

static const char *auth_mode(const struct server *s)
{
    const struct config *c = &s->assembly.setup->config;

    return option_table[OPTION_AUTH_MODE].words[config_number(c, OPTION_AUTH_MODE)];
}

/* Where it can be reached at from here: all addresses are no address. */
static const char *address_of(const struct listener *l)
{
    return strcmp(l->address, "0.0.0.0") == 0 ? "127.0.0.1"
           : strcmp(l->address, "::") == 0    ? "::1"
                                              : l->address;
}

/* NULL for none. */
static const char *echo_path(const struct server *s)
{
    const char *path = config_text(&s->assembly.first->config, OPTION_LISTEN_ECHO_PATH);

    return path[0] != '\0' ? path : NULL;
}

static void tell_person(const struct server *s, const struct listener *tcp, uint64_t took_ms)
{
    const struct assembly *a = &s->assembly;
    struct buf text;
    char path[256], ready[64];

    (void)snprintf(path, sizeof(path), "%.*s", STR_ARG(a->world_paths[0]));
    struct banner banner = {
        .program = program_path,
        .bind =
            s->service.socket_count > 0 ? NULL : config_text(&a->first->config, OPTION_LISTEN_BIND),
        .mode = auth_mode(s),
        .world_path = path,
        .gateway_path = config_text(&a->first->config, OPTION_LISTEN_GATEWAY_PATH),
        .echo_path = echo_path(s),
        .address = address_of(tcp),
        .port = tcp->port,
        .unix_path = a->settings.unix_path,
        .is_tls = tcp->stream == &stream_tls,
    };
    buf_init(&text, MAX_TALK);
    banner_append(&text, &banner);
    (void)fwrite(text.data, 1, text.len, stderr);
    buf_fini(&text);
    (void)snprintf(ready, sizeof(ready), "ready in %llu ms", (unsigned long long)took_ms);
    say(ready);
}

/* Of the door for status alone; 0: there is none. */
static uint16_t find_status_port(const struct server *s)
{
    size_t count;
    const struct listener *doors = gateway_listeners(s->assembly.gateway, &count);

    for (size_t i = 0; i < count; i++) {
        if (doors[i].status_only) {
            return doors[i].port;
        }
    }
    return 0;
}

static void log_add_sandbox(struct buf *details, unsigned parts)
{
    struct buf names;

    buf_init(&names, MAX_TALK);
    sandbox_append(&names, parts);
    log_add(details, "sandbox", buf_str(&names));
    buf_fini(&names);
}

static void tell_log(struct server *s, const struct listener *tcp, uint64_t took_ms)
{
    const struct assembly *a = &s->assembly;
    uint16_t status_port = find_status_port(s);
    struct buf details;

    buf_init(&details, MAX_TALK);
    log_add(&details, "version", STR(PARLEY_VERSION));
    log_add(&details, "address", str_from_z(tcp->address));
    log_add_uint(&details, "port", tcp->port);
    if (status_port != 0) {
        log_add_uint(&details, "status_port", status_port);
    }
    if (tcp->stream == &stream_tls) {
        log_add(&details, "tls", STR("true"));
    }
    if (a->settings.unix_path != NULL) {
        log_add(&details, "unix", str_from_z(a->settings.unix_path));
    }
    if (echo_path(s) != NULL) {
        log_add(&details, "echo", str_from_z(echo_path(s)));
    }
    if (a->setup->config.file != NULL) {
        log_add(&details, "config", str_from_z(a->setup->config.file));
    }
    log_add(&details, "auth", str_from_z(auth_mode(s)));
    log_add_uint(&details, "threads", a->settings.threads);
    log_add_sandbox(&details, s->sandbox);
    log_add_uint(&details, "pid", (uint64_t)getpid());
    log_add_uint(&details, "took_ms", took_ms);
    log_write(&s->log, LEVEL_INFO, "ready", STR(""), buf_str(&details));
    buf_fini(&details);
}

static void tell_ready(struct server *s)
{
    size_t count;
    const struct listener *tcp = gateway_listeners(s->assembly.gateway, &count);
    uint64_t took_ms = (uint64_t)(socket_now_ms() - s->started_ms);

    if (s->log.style == LOG_FOR_PEOPLE) {
        tell_person(s, tcp, took_ms);
    } else {
        tell_log(s, tcp, took_ms);
    }
}

/* `key` names what the sentence is in a line for programs. */
static void tell(struct server *s, unsigned level, const char *event, const char *key,
                 struct str sentence)
{
    struct buf text;

    buf_init(&text, 2 * MAX_TALK);
    if (s->log.style == LOG_FOR_PEOPLE) {
        buf_printf(&text, "%s: ", event);
        printable_append(&text, sentence);
        buf_append_char(&text, '\0');
        say(text.failed ? event : text.data);
    } else {
        log_add(&text, key, sentence);
        log_write(&s->log, level, event, STR(""), buf_str(&text));
    }
    buf_fini(&text);
}

static void tell_warnings(struct server *s, const struct setup *p)
{
    struct str rest = buf_str(&p->warnings);

    while (rest.len > 0) {
        size_t end = str_find(rest, '\n');
        tell(s, LEVEL_WARNING, "config_warning", "text", str_slice(rest, 0, end));
        rest = str_slice(rest, end + 1, rest.len);
    }
}

static void on_reloaded(void *owner, const struct reload_report *report)
{
    struct server *s = owner;
    const struct setup *p = report->setup;
    struct buf details;

    s->reload_failed = report->error.len > 0;
    if (s->reload_failed) {
        tell(s, LEVEL_ERROR, "reload_failed", "error", report->error);
        return;
    }
    choose_log(&s->log, &p->config);
    tell_warnings(s, p);
    buf_init(&details, MAX_TALK);
    log_add_uint(&details, "changed", report->changes);
    if (p->config.file != NULL) {
        log_add(&details, "config", str_from_z(p->config.file));
    }
    log_add(&details, "auth", str_from_z(auth_mode(s)));
    if (p->restart.len > 0) {
        log_add(&details, "needs_restart", buf_str(&p->restart));
    }
    if (s->log.style == LOG_FOR_PEOPLE) {
        say(p->restart.len > 0 ? "reloaded; some of what was changed needs a restart" : "reloaded");
    } else {
        log_write(&s->log, LEVEL_INFO, "reloaded", STR(""), buf_str(&details));
    }
    buf_fini(&details);
}

/* --- the service manager ---------------------------------------------------------------------- */

static void on_phase(void *owner, enum gateway_phase phase)
{
    struct server *s = owner;

    switch (phase) {
    case GATEWAY_SERVING:
        if (!s->is_ready) {
            s->is_ready = true;
            tell_ready(s);
        }
        service_tell(&s->service, s->reload_failed
                                      ? "READY=1\nSTATUS=Serving; the last reload failed, with the "
                                        "old settings still in force: the log says why"
                                      : "READY=1\nSTATUS=Serving");
        break;
    case GATEWAY_RELOADING:
        service_tell_reloading(&s->service);
        break;
    default:
        service_tell(&s->service, "STOPPING=1\nSTATUS=Telling clients goodbye");
        break;
    }
}

static void on_alive(void *owner)
{
    struct server *s = owner;

    service_tell(&s->service, "WATCHDOG=1");
}

/* --- serving ---------------------------------------------------------------------------------- */

_Static_assert((int)SERVICE_SOCKETS < (int)LISTENERS_MAX, "and one for listen.unix");

/* What the service manager gave goes over to the gateway. */
static void hand_over_sockets(struct server *s, struct gateway_socket *sockets,
                              struct assembly_ports *ports)
{
    for (unsigned i = 0; i < s->service.socket_count; i++) {
        struct service_socket *given = &s->service.sockets[i];
        sockets[i] = (struct gateway_socket){given->fd, given->status_only};
        ports->exposed |= given->exposed;
    }
    ports->sockets = sockets;
    ports->socket_count = s->service.socket_count;
}

static enum cli_exit serve(struct server *s, struct buf *error)
{
    struct gateway_socket sockets[SERVICE_SOCKETS];
    struct assembly_ports ports = {
        .owner = s,
        .log = write_log,
        .phase = on_phase,
        .reloaded = on_reloaded,
        .alive = s->service.watchdog_ms > 0 ? on_alive : NULL,
        .alive_ms = s->service.watchdog_ms,
    };
    bool taken = false;

    hand_over_sockets(s, sockets, &ports);
    if (!assembly_init(&s->assembly, &s->args.sources, &ports, PARLEY_VERSION, error)) {
        return CLI_CONFIG;
    }
    choose_log(&s->log, &s->assembly.setup->config);
    tell_warnings(s, s->assembly.setup);
    bool opened = assembly_open(&s->assembly, error, &taken);
    service_forget_sockets(&s->service);
    if (!opened) {
        return taken ? CLI_CONFIG : CLI_FAILED;
    }
    catch_signals(s->assembly.gateway);
    if (config_number(&s->assembly.setup->config, OPTION_SANDBOX) == SANDBOX_AUTO) {
        s->sandbox = sandbox_enter(&s->assembly.setup->config);
    }
    int failure = gateway_run(s->assembly.gateway);
    running = NULL;
    if (failure != 0) {
        buf_printf(error, "the gateway cannot run: %s", strerror(-failure));
        return CLI_FAILED;
    }
    if (s->log.style == LOG_FOR_PEOPLE) {
        say("stopped");
    } else {
        log_write(&s->log, LEVEL_INFO, "stopped", STR(""), STR(""));
    }
    return CLI_OK;
}

static enum cli_exit prepare_and_serve(struct args *args, struct server *s, struct buf *error)
{
    enum cli_exit code;

    if (!serve_args_read(&s->args, args, &code)) {
        return code;
    }
    if (!service_init(&s->service, error)) {
        return CLI_CONFIG;
    }
    code = serve(s, error);
    assembly_fini(&s->assembly);
    return code;
}

static enum cli_exit run_serve(struct args *args)
{
    struct server server = {.started_ms = socket_now_ms(), .service.fd = -1};
    struct buf error;

    buf_init(&error, MAX_TALK);
    enum cli_exit code = prepare_and_serve(args, &server, &error);
    if (error.len > 0) {
        complain("%.*s", STR_ARG(buf_str(&error)));
    }
    service_fini(&server.service);
    serve_args_fini(&server.args);
    buf_fini(&error);
    return code;
}

const struct command command_serve = {
    .name = "serve",
    .summary = "run the gateway",
    .synopsis = "[--config FILE] [--port N] [--bind A] [--token-file FILE] [--set KEY=VALUE]...",
    .examples = "  % serve\n"
                "  % serve --port 9000 --threads 2\n"
                "  % serve --bind all --token-file secret.txt\n"
                "  % serve --set heartbeat.interval=10s --set log.format=json\n",
    .about =
        "Runs the gateway until SIGTERM or SIGINT (^C): then it takes no more clients, tells\n"
        "those it has and ends; a second signal ends it at once. SIGHUP has it read its\n"
        "configuration and its tokens again. It needs no configuration. Options come from flags,\n"
        "else from the environment (PARLEY_SECTION__KEY), else from a file (--config,\n"
        "$PARLEY_CONFIG, ./parley.yaml, ~/.config/parley/parley.yaml, /etc/parley/parley.yaml),\n"
        "else they have their defaults. A wrong option, or a port that is taken: exit code 78.\n",
    .flags = serve_flags,
    .run = run_serve,
};
