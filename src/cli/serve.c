#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/banner.h"
#include "cli/log.h"
#include "cli/print.h"
#include "cli/socket.h"
#include "gateway/assembly.h"

enum { MAX_TALK = 16 * 1024 };

enum { FLAG_PORT, FLAG_BIND, FLAG_UNIX, FLAG_THREADS, FLAG_SET };

static const struct flag flags[] = {
    {"--port", "N", "listen on this port; 0 for a free one (8765)"},
    {"--bind", "A", "where to listen: loopback, and nothing else in this build"},
    {"--unix", "PATH", "listen on a UNIX socket as well"},
    {"--threads", "N", "how many reactors (auto: the CPUs, at most 4)"},
    {"--set", "KEY=VALUE", "any option; docs/configuration.md lists them"},
    {0},
};

/* The option that a flag stands for. */
static const enum option_id flag_options[] = {
    [FLAG_PORT] = OPTION_LISTEN_PORT,
    [FLAG_BIND] = OPTION_LISTEN_BIND,
    [FLAG_UNIX] = OPTION_LISTEN_UNIX,
    [FLAG_THREADS] = OPTION_THREADS,
};

/* A serving gateway, as the log and the signals see it. */
struct server {
    struct assembly assembly;
    struct log_sink log;
    int64_t started_ms;
};

/* For the signal handler, which is told nothing else. */
static struct gateway *volatile running;

static void on_signal(int signal_number)
{
    struct gateway *g = running;

    (void)signal_number;
    if (g != NULL) {
        gateway_stop(g);
    }
}

static void catch_signals(struct gateway *g)
{
    struct sigaction stop = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    running = g;
    (void)sigemptyset(&stop.sa_mask);
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

/* --- configuration ---------------------------------------------------------------------------- */

/* Returns CLI_OK, or what to end with; a sentence is in `error` when it is CLI_CONFIG. */
static enum cli_exit read_flags(struct args *args, struct config *c, bool *ret_help,
                                struct buf *error)
{
    const char *value;
    int taken;

    *ret_help = false;
    while ((taken = args_next(args, &value)) != ARGS_END) {
        if (taken == ARGS_OPERAND) {
            complain("serve takes no operand: %s", value);
            return CLI_USAGE;
        }
        if (taken < 0) {
            *ret_help = taken == ARGS_HELP;
            return args_exit(taken);
        }
        bool ok;
        if (taken == FLAG_SET) {
            ok = config_set_pair(c, str_from_z(value), error);
        } else {
            ok = config_set(c, str_from_z(option_table[flag_options[taken]].key), str_from_z(value),
                            CONFIG_FLAG, flags[taken].name, error);
        }
        if (!ok) {
            return CLI_CONFIG;
        }
    }
    return CLI_OK;
}

static void choose_log(struct log_sink *log, const struct config *c)
{
    uint64_t format = config_number(c, OPTION_LOG_FORMAT);
    bool people = format == LOG_FORMAT_AUTO && isatty(STDERR_FILENO);

    *log = (struct log_sink){
        .fd = STDERR_FILENO,
        .style = people                      ? LOG_FOR_PEOPLE
                 : format == LOG_FORMAT_JSON ? LOG_AS_JSON
                                             : LOG_AS_TEXT,
        .level = (unsigned)config_number(c, OPTION_LOG_LEVEL),
    };
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

static void tell_person(const struct server *s, const struct listener *tcp, uint64_t took_ms)
{
    struct buf text;
    char path[256], ready[64];

    (void)snprintf(path, sizeof(path), "%.*s", STR_ARG(s->assembly.world_paths[0]));
    struct banner banner = {
        .program = program_path,
        .world_path = path,
        .address = tcp->address,
        .port = tcp->port,
        .unix_path = s->assembly.settings.unix_path,
    };
    buf_init(&text, MAX_TALK);
    banner_append(&text, &banner);
    (void)fwrite(text.data, 1, text.len, stderr);
    buf_fini(&text);
    (void)snprintf(ready, sizeof(ready), "ready in %llu ms", (unsigned long long)took_ms);
    say(ready);
}

static void tell_log(struct server *s, const struct listener *tcp, uint64_t took_ms)
{
    struct buf details;

    buf_init(&details, MAX_TALK);
    log_add(&details, "version", STR(PARLEY_VERSION));
    log_add(&details, "address", str_from_z(tcp->address));
    log_add_uint(&details, "port", tcp->port);
    if (s->assembly.settings.unix_path != NULL) {
        log_add(&details, "unix", str_from_z(s->assembly.settings.unix_path));
    }
    log_add_uint(&details, "threads", s->assembly.settings.threads);
    log_add_uint(&details, "took_ms", took_ms);
    log_write(&s->log, 1, "ready", STR(""), buf_str(&details));
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

/* --- serving ---------------------------------------------------------------------------------- */

static enum cli_exit serve(struct server *s, const struct config *c, struct buf *error)
{
    bool taken = false;

    choose_log(&s->log, c);
    if (!assembly_init(&s->assembly, c, PARLEY_VERSION, error)) {
        return CLI_CONFIG;
    }
    s->assembly.owner = s;
    s->assembly.log = write_log;
    if (!assembly_open(&s->assembly, error, &taken)) {
        return taken ? CLI_CONFIG : CLI_FAILED;
    }
    catch_signals(s->assembly.gateway);
    tell_ready(s);
    int failure = gateway_run(s->assembly.gateway);
    running = NULL;
    if (failure != 0) {
        buf_printf(error, "the gateway cannot run: %s", strerror(-failure));
        return CLI_FAILED;
    }
    if (s->log.style == LOG_FOR_PEOPLE) {
        say("stopped");
    } else {
        log_write(&s->log, 1, "stopped", STR(""), STR(""));
    }
    return CLI_OK;
}

static enum cli_exit configure_and_serve(struct args *args, struct config *c, struct buf *error)
{
    struct server server = {.started_ms = socket_now_ms()};
    bool help;

    enum cli_exit code = read_flags(args, c, &help, error);
    if (code != CLI_OK || help) {
        return code;
    }
    if (!config_read_environment(c, environ, error) || !config_check(c, NULL, error)) {
        return CLI_CONFIG;
    }
    code = serve(&server, c, error);
    assembly_fini(&server.assembly);
    return code;
}

static enum cli_exit run_serve(struct args *args)
{
    struct config c;
    struct buf error;

    buf_init(&error, MAX_TALK);
    enum cli_exit code = CLI_FAILED;
    if (config_init(&c)) {
        code = configure_and_serve(args, &c, &error);
    } else {
        buf_append_str(&error, STR("out of memory"));
    }
    if (error.len > 0) {
        complain("%.*s", STR_ARG(buf_str(&error)));
    }
    buf_fini(&error);
    config_fini(&c);
    return code;
}

const struct command command_serve = {
    .name = "serve",
    .summary = "run the gateway",
    .synopsis = "[--port N] [--unix PATH] [--threads N] [--set KEY=VALUE]...",
    .examples = "  % serve\n"
                "  % serve --port 9000 --threads 2\n"
                "  % serve --set heartbeat.interval=10s --set log.format=json\n",
    .about = "Runs the gateway until SIGTERM or SIGINT (^C): then it takes no more clients, tells\n"
             "those it has and ends; a second signal ends it at once. It needs no configuration.\n"
             "Options come from flags, else from the environment (PARLEY_SECTION__KEY), else they\n"
             "have their defaults. A wrong option, or a port that is taken: exit code 78.\n",
    .flags = flags,
    .run = run_serve,
};
