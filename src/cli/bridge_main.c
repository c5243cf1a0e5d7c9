#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/bridge_flags.h"
#include "cli/log.h"
#include "cli/service.h"
#include "cli/standard.h"
#include "matrix/daemon.h"

/* parley-bridge: the Matrix bridge as a program of its own. */

struct options {
    struct config_sources sources;
    struct config_flag *flags; /* owned */
    bool check;
    bool once;
};

struct program {
    struct log_sink log;
    struct service service;
};

/* For the signal handler, which is told nothing else. */
static struct daemon *volatile running;
static volatile sig_atomic_t had_terminal;

static void on_stop(int number)
{
    int error = errno;

    (void)number;
    if (running != NULL) {
        daemon_stop(running);
    }
    errno = error;
}

/* Sent to have it reload; or because its terminal was closed, which then is none any more. */
static void on_hangup(int number)
{
    int error = errno;

    (void)number;
    if (running != NULL && had_terminal && isatty(STDERR_FILENO) == 0) {
        daemon_stop(running);
    } else if (running != NULL) {
        daemon_reload(running);
    }
    errno = error;
}

static void catch_signals(struct daemon *d)
{
    struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    struct sigaction reload = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    running = d;
    had_terminal = isatty(STDERR_FILENO) != 0;
    (void)sigemptyset(&stop.sa_mask);
    (void)sigemptyset(&reload.sa_mask);
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGHUP, &reload, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

/* --- what is said ----------------------------------------------------------------------------- */

static void write_log(void *owner, unsigned level, const char *event, struct str about,
                      struct str details)
{
    struct program *p = owner;

    log_write(&p->log, level, event, about, details);
}

static void notify(void *owner, const char *message)
{
    const struct program *p = owner;

    service_tell(&p->service, message);
}

static void tell_reloading(void *owner)
{
    const struct program *p = owner;

    service_tell_reloading(&p->service);
}

static void configure(void *owner, const struct config *c)
{
    struct program *p = owner;

    p->log.level = (unsigned)config_number(c, OPTION_LOG_LEVEL);
    p->log.style =
        config_number(c, OPTION_LOG_FORMAT) == LOG_FORMAT_JSON ? LOG_AS_JSON : LOG_AS_TEXT;
}

/* A line of `--check`: what a person reads, so it goes to stdout. */
static void print_line(void *owner, const char *step, bool is_ok, const char *sentence)
{
    (void)owner;
    (void)printf("%-5s %-14s %s\n", is_ok ? "ok" : "fail", step, sentence);
    (void)fflush(stdout);
}

/* --- arguments -------------------------------------------------------------------------------- */

static bool read_options(struct options *o, struct args *args, enum cli_exit *ret_code)
{
    const char *value;
    size_t count = 0;
    int taken;

    while (args->rest[count] != NULL) {
        count++;
    }
    o->flags = calloc(count + 1, sizeof(*o->flags));
    o->sources = (struct config_sources){.environment = environ, .flags = o->flags};
    *ret_code = CLI_FAILED;
    while (o->flags != NULL && (taken = args_next(args, &value)) != ARGS_END) {
        switch (taken) {
        case BRIDGE_CONFIG:
            o->sources.file = value;
            break;
        case BRIDGE_CHECK:
            o->check = true;
            break;
        case BRIDGE_ONCE:
            o->once = true;
            break;
        case BRIDGE_SET:
            o->flags[o->sources.flag_count++] =
                (struct config_flag){.name = "--set", .value = value};
            break;
        case ARGS_OPERAND:
            complain("bridge takes no operand, but %s was given; see parley bridge --help", value);
            *ret_code = CLI_USAGE;
            return false;
        default:
            *ret_code = args_exit(taken);
            return false;
        }
    }
    return o->flags != NULL;
}

/* --- running ---------------------------------------------------------------------------------- */

static int run(struct program *p, const struct options *o, struct buf *error)
{
    const struct daemon_ports ports = {
        .owner = p,
        .log = write_log,
        .notify = notify,
        .reloading = tell_reloading,
        .configured = configure,
    };
    struct daemon *d = daemon_new(&o->sources, &ports, error);

    if (d == NULL) {
        return DAEMON_CONFIG;
    }
    catch_signals(d);
    p->log.level = o->check ? LEVEL_ERROR : LEVEL_INFO; /* its lines say what is wrong */
    enum daemon_exit code =
        o->check ? daemon_check(d, print_line, p) : daemon_run(d, o->once, error);
    running = NULL;
    daemon_free(d);
    return (int)code;
}

static enum cli_exit run_bridge(struct args *args)
{
    struct program p = {.log = {.fd = STDERR_FILENO}, .service.fd = -1};
    struct options o = {.flags = NULL};
    struct buf error;
    enum cli_exit code;

    buf_init(&error, CONFIG_MAX_ERROR);
    if (read_options(&o, args, &code)) {
        code = service_init(&p.service, &error) ? (enum cli_exit)run(&p, &o, &error) : CLI_CONFIG;
    }
    if (error.len > 0) {
        complain("%.*s", STR_ARG(buf_str(&error)));
    }
    service_fini(&p.service);
    free(o.flags);
    buf_fini(&error);
    return code;
}

static const struct command command = {
    .name = "bridge",
    .summary = "",
    .synopsis = bridge_synopsis,
    .examples = bridge_examples,
    .about = bridge_about,
    .flags = bridge_flags,
    .run = run_bridge,
};

int main(int argc, char **argv)
{
    struct args args = {.command = &command, .rest = (const char *const *)(argv + (argc > 0))};

    if (!standard_hold()) {
        return CLI_FAILED;
    }
    return (int)command.run(&args);
}
