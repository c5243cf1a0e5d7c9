#include "cli/serve_args.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FLAG_CONFIG,
    FLAG_PORT,
    FLAG_BIND,
    FLAG_TOKEN_FILE,
    FLAG_ALLOW_ANONYMOUS,
    FLAG_UNIX,
    FLAG_THREADS,
    FLAG_ECHO,
    FLAG_SET,
};

const struct flag serve_flags[] = {
    {"--config", "FILE", "read the options from this file; else from the first that is there"},
    {"--port", "N", "listen on this port; 0 for a free one (8765)"},
    {"--bind", "A", "where to listen: loopback, all, or an address (loopback)"},
    {"--token-file", "FILE", "a secret that all share, or token lines: let in who has one"},
    {"--allow-anonymous", NULL, "listen beyond loopback without authentication"},
    {"--unix", "PATH", "listen on a UNIX socket as well"},
    {"--threads", "N", "how many reactors (auto: the CPUs, at most 4)"},
    {"--echo", "PATH", "development only: a WebSocket there sends back what it is sent"},
    {"--set", "KEY=VALUE", "any option; docs/configuration.md lists them"},
    {0},
};

/* The option that a flag stands for, and its value where the flag takes none. */
static const struct {
    enum option_id option;
    const char *value;
} meanings[] = {
    [FLAG_PORT] = {OPTION_LISTEN_PORT, NULL},
    [FLAG_BIND] = {OPTION_LISTEN_BIND, NULL},
    [FLAG_TOKEN_FILE] = {OPTION_AUTH_TOKEN_FILE, NULL},
    [FLAG_ALLOW_ANONYMOUS] = {OPTION_AUTH_ALLOW_ANONYMOUS, "true"},
    [FLAG_UNIX] = {OPTION_LISTEN_UNIX, NULL},
    [FLAG_THREADS] = {OPTION_THREADS, NULL},
    [FLAG_ECHO] = {OPTION_LISTEN_ECHO_PATH, NULL},
};

/* Takes a flag into the sources. False: a sentence was printed. */
static bool take_flag(struct serve_args *s, int taken, const char *value)
{
    if (taken == FLAG_CONFIG) {
        s->sources.file = value;
        return true;
    }
    if (taken == FLAG_TOKEN_FILE && strcmp(value, "-") == 0) {
        complain("serve reads its tokens again when it reloads, so --token-file needs a file");
        return false;
    }
    struct config_flag *flag = &s->flags[s->sources.flag_count++];
    *flag = (struct config_flag){.name = serve_flags[taken].name, .value = value};
    if (taken != FLAG_SET) {
        flag->key = option_table[meanings[taken].option].key;
        flag->value = meanings[taken].value != NULL ? meanings[taken].value : value;
    }
    s->sources.has_shared_secret |= taken == FLAG_TOKEN_FILE;
    return true;
}

/* There cannot be more flags than arguments. */
static bool make_room(struct serve_args *s, const struct args *args)
{
    size_t count = 0;

    while (args->rest[count] != NULL) {
        count++;
    }
    s->flags = calloc(count + 1, sizeof(*s->flags));
    s->sources.flags = s->flags;
    return s->flags != NULL;
}

bool serve_args_read(struct serve_args *s, struct args *args, enum cli_exit *ret_code)
{
    const char *value;
    int taken;

    *s = (struct serve_args){.sources.environment = environ};
    if (!make_room(s, args)) {
        complain("out of memory");
        *ret_code = CLI_FAILED;
        return false;
    }
    while ((taken = args_next(args, &value)) != ARGS_END) {
        if (taken == ARGS_OPERAND) {
            complain("serve takes no operand: %s", value);
            *ret_code = CLI_USAGE;
            return false;
        }
        if (taken < 0) {
            *ret_code = args_exit(taken);
            return false;
        }
        if (!take_flag(s, taken, value)) {
            *ret_code = CLI_USAGE;
            return false;
        }
    }
    return true;
}

void serve_args_fini(struct serve_args *s)
{
    if (s != NULL) {
        free(s->flags);
        s->flags = NULL;
    }
}
