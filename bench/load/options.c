#include "load.h"

#include "message.h"

#include <getopt.h>
#include <stdlib.h>

static const char *const mode_names[LOAD_MODE_COUNT] = {
    [LOAD_FANOUT] = "fanout", [LOAD_CHAT] = "chat",       [LOAD_PAIRS] = "pairs",
    [LOAD_IDLE] = "idle",     [LOAD_CONNECT] = "connect",
};

static const char help[] =
    "usage: parley-load --url ws://HOST:PORT/PATH [option]...\n"
    "\n"
    "Puts a load on a WebSocket hub and says what each delivery cost the server.\n"
    "\n"
    "  --url URL           the hub; {id} and {peer} in it become the client's name and\n"
    "                      that of its pair's other half (bench-00042)\n"
    "  --pid PID           the server's process, for its CPU time and memory\n"
    "  --mode MODE         fanout: one speaks, all others hear (default)\n"
    "                      chat: all speak in turn, all others hear\n"
    "                      pairs: clients two by two answer each other\n"
    "                      idle: connections are held; memory for each\n"
    "                      connect: connections are opened; CPU time for each\n"
    "  --clients N         receivers of a fan-out, clients in all else (100)\n"
    "  --window N          messages under way in all (fanout: 1; chat: one for each client;\n"
    "                      pairs: one for each pair)\n"
    "  --size BYTES        of a message (128)\n"
    "  --seconds S         how long messages are sent (2)\n"
    "  --warmup S          how long before that, unmeasured (0.5)\n"
    "  --messages N        how many are sent, instead of --seconds\n"
    "  --skip-greeting     the server speaks first; wait for that\n"
    "  --hello TEXT        what each client sends first, with {id} and {peer}\n"
    "  --text              for people; the default is one JSON object\n";

enum option_id {
    OPTION_URL = 1,
    OPTION_PID,
    OPTION_MODE,
    OPTION_CLIENTS,
    OPTION_WINDOW,
    OPTION_SIZE,
    OPTION_SECONDS,
    OPTION_WARMUP,
    OPTION_MESSAGES,
    OPTION_SKIP_GREETING,
    OPTION_HELLO,
    OPTION_TEXT,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"url", required_argument, NULL, OPTION_URL},
    {"pid", required_argument, NULL, OPTION_PID},
    {"mode", required_argument, NULL, OPTION_MODE},
    {"clients", required_argument, NULL, OPTION_CLIENTS},
    {"window", required_argument, NULL, OPTION_WINDOW},
    {"size", required_argument, NULL, OPTION_SIZE},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"warmup", required_argument, NULL, OPTION_WARMUP},
    {"messages", required_argument, NULL, OPTION_MESSAGES},
    {"skip-greeting", no_argument, NULL, OPTION_SKIP_GREETING},
    {"hello", required_argument, NULL, OPTION_HELLO},
    {"text", no_argument, NULL, OPTION_TEXT},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

const char *load_mode_name(enum load_mode mode)
{
    return mode_names[mode];
}

void load_options_init(struct load_options *o)
{
    *o = (struct load_options){.clients = 100, .size = 128, .seconds = 2.0, .warmup_seconds = 0.5};
}

static bool take_number(const char *text, uint64_t max, uint64_t *ret_value)
{
    return str_to_uint(str_from_z(text), max, ret_value) && *ret_value > 0;
}

static bool take_small(const char *text, uint32_t max, uint32_t *ret_value)
{
    uint64_t value;
    bool ok = take_number(text, max, &value);
    if (ok) {
        *ret_value = (uint32_t)value;
    }
    return ok;
}

static bool take_seconds(const char *text, double *ret_value)
{
    char *end;
    double value = strtod(text, &end);
    bool ok = end != text && *end == '\0' && value >= 0 && value <= 86400;
    if (ok) {
        *ret_value = value;
    }
    return ok;
}

static bool take_mode(const char *text, enum load_mode *ret_mode)
{
    for (unsigned i = 0; i < LOAD_MODE_COUNT; i++) {
        if (strcmp(text, mode_names[i]) == 0) {
            *ret_mode = (enum load_mode)i;
            return true;
        }
    }
    return false;
}

static bool take_pid(const char *text, pid_t *ret_pid)
{
    uint64_t value;
    bool ok = take_number(text, INT32_MAX, &value);
    if (ok) {
        *ret_pid = (pid_t)value;
    }
    return ok;
}

static bool take_option(struct load_options *o, enum option_id id, const char *value)
{
    switch (id) {
    case OPTION_URL:
        o->url = value;
        return true;
    case OPTION_PID:
        return take_pid(value, &o->pid);
    case OPTION_MODE:
        return take_mode(value, &o->mode);
    case OPTION_CLIENTS:
        return take_small(value, LOAD_MAX_CLIENTS, &o->clients);
    case OPTION_WINDOW:
        return take_small(value, LOAD_MAX_WINDOW, &o->window);
    case OPTION_SIZE:
        return take_small(value, LOAD_MAX_SIZE, &o->size);
    case OPTION_SECONDS:
        return take_seconds(value, &o->seconds);
    case OPTION_WARMUP:
        return take_seconds(value, &o->warmup_seconds);
    case OPTION_MESSAGES:
        return take_number(value, UINT32_MAX, &o->messages);
    case OPTION_SKIP_GREETING:
        o->skip_greeting = true;
        return true;
    case OPTION_HELLO:
        o->hello = value;
        return true;
    default:
        return false;
    }
}

/* What one option alone cannot say. NULL when all is well. */
static const char *complete(struct load_options *o)
{
    if (o->url == NULL) {
        return "--url is missing";
    }
    if (o->window == 0) {
        o->window = o->mode == LOAD_CHAT ? o->clients : o->mode == LOAD_PAIRS ? o->clients / 2 : 1;
    }
    if (o->mode == LOAD_PAIRS && o->clients % 2 != 0) {
        return "pairs need an even number of clients";
    }
    if (o->mode == LOAD_CHAT && o->clients < 2) {
        return "a chat needs two clients";
    }
    if (o->mode == LOAD_IDLE && o->pid == 0) {
        return "idle needs --pid: it reads that process's memory";
    }
    if (o->size < message_smallest(o->mode == LOAD_PAIRS)) {
        return "--size has no room for the members of a message";
    }
    return NULL;
}

int load_options_parse(struct load_options *o, int argc, char **argv, bool *ret_text)
{
    int id;
    bool text = false;
    while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (id == '?') {
            return -1;
        }
        if (id == OPTION_HELP) {
            (void)fputs(help, stdout);
            return 1;
        }
        if (id == OPTION_TEXT) {
            text = true;
        } else if (!take_option(o, (enum option_id)id, optarg)) {
            (void)fprintf(stderr, "parley-load: a value that cannot be: %s\n", optarg);
            return -1;
        }
    }
    const char *wrong = optind < argc ? "there is an argument too many" : complete(o);
    if (wrong != NULL) {
        (void)fprintf(stderr, "parley-load: %s; see --help\n", wrong);
        return -1;
    }
    *ret_text = text;
    return 0;
}
