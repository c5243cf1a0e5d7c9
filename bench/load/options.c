#include "options.h"

#include "swarm.h"
#include "values.h"

#include "cli/address.h"

#include <errno.h>
#include <stdlib.h>

enum { MAX_TEMPLATE = 1 << 20 };

static const struct command command = {
    .name = "bench",
    .synopsis = bench_synopsis,
    .examples = bench_examples,
    .about = bench_about,
    .flags = bench_flags,
    .words = bench_words,
};

/* In the order of bench_words: what each is when nothing else is said. */
static const struct usual {
    enum bench_action action;
    enum load_mode mode;
    uint32_t clients;
    uint32_t window; /* 0: by the clients */
    uint32_t size;
    double rate;
    double seconds;
} usuals[] = {
    {BENCH_RUN, LOAD_FANOUT, 100, 1, 128, 0, 2},
    {BENCH_RUN, LOAD_FANOUT, 100, 64, 128, 0, 2},
    {BENCH_RUN, LOAD_CHAT, 100, 0, 128, 0, 2},
    {BENCH_RUN, LOAD_PAIRS, 100, 0, 128, 0, 2},
    {BENCH_RUN, LOAD_REQUESTS, 1, 1, 128, 0, 2},
    {BENCH_RUN, LOAD_IDLE, 100, 1, 128, 0, 2},
    {BENCH_RUN, LOAD_CONNECT, 100, 1, 128, 0, 2},
    {BENCH_RUN, LOAD_STALLED, 50, 16, 1024, 0, 2},
    {BENCH_RUN, LOAD_PROBE, 100, 1, 128, 5, 2},
    {BENCH_RUN, LOAD_STOP, 100, 1, 128, 1500, 3},
    {BENCH_PLOT, LOAD_FANOUT, 100, 1, 128, 0, 2},
    {BENCH_PRINT_TEMPLATE, LOAD_FANOUT, 100, 1, 128, 0, 2},
};

/* --- the hub ---------------------------------------------------------------------------------- */

static bool read_template(const char *name, struct buf *text)
{
    char bytes[65536];
    size_t len;
    FILE *file = fopen(name, "re");
    if (file == NULL) {
        complain("--template %s cannot be read: %s", name, strerror(errno));
        return false;
    }
    /* No further than it may be long: it need not have an end. */
    while (!text->failed && (len = fread(bytes, 1, sizeof(bytes), file)) > 0) {
        buf_append(text, bytes, len);
    }
    const char *why = ferror(file) != 0 ? strerror(errno) : NULL;
    fclose(file);
    if (why != NULL) {
        complain("--template %s cannot be read: %s", name, why);
    } else if (text->failed) {
        complain("--template %s is no template: it is longer than %d KiB", name,
                 MAX_TEMPLATE / 1024);
    }
    return why == NULL && !text->failed;
}

static bool parse_dialect(struct bench_options *b, struct str source, const char *name)
{
    char error[TEMPLATE_ERROR_SIZE];
    if (!dialect_parse(&b->dialect, source, error)) {
        complain("%s: %s", name, error);
        return false;
    }
    b->load.dialect = &b->dialect;
    b->load.dialect_name = name;
    return true;
}

static bool take_dialect(struct bench_options *b, const char *name, const char *file)
{
    if (file != NULL) {
        struct buf text;
        buf_init(&text, MAX_TEMPLATE);
        bool ok = read_template(file, &text) && parse_dialect(b, buf_str(&text), file);
        buf_fini(&text);
        return ok;
    }
    name = name != NULL ? name : dialect_names[0];
    const char *source = dialect_source(name);
    if (source == NULL) {
        complain("there is no dialect %s; there are %s, and --template FILE for one of your own",
                 name, bench_flags[BENCH_DIALECT].value);
        return false;
    }
    return parse_dialect(b, str_from_z(source), name);
}

static bool take_hub(struct bench_options *b, const char *url, const char *token_file)
{
    const char *token = token_file == NULL ? getenv("PARLEY_TOKEN") : NULL;
    struct buf error;
    struct str rest;
    enum swarm_scheme scheme;
    bool ok = true;
    if (url == NULL) {
        url = getenv("PARLEY_URL");
    }
    b->load.url = url != NULL && url[0] != '\0' ? url : "ws://127.0.0.1:8765";
    if (!swarm_takes_url(str_from_z(b->load.url), &rest, &scheme)) {
        complain("%s is no address of a hub: ws://HOST:PORT, wss:// or tcp://", b->load.url);
        return false;
    }
    if (scheme == SCHEME_TCP && b->dialect.framing != FRAMING_NATS) {
        complain("tcp:// is for a dialect with `framing: nats`, as --dialect nats");
        return false;
    }
    if (scheme == SCHEME_TCP && b->load.deflate) {
        complain("--deflate is an extension of WebSocket; tcp:// is without");
        return false;
    }
    if (token_file == NULL && (token == NULL || token[0] == '\0')) {
        return true;
    }
    buf_init(&error, LOAD_ERROR_SIZE);
    ok = address_read_token(token_file, token, &b->token, &error);
    if (!ok) {
        complain("%.*s", STR_ARG(buf_str(&error)));
    }
    buf_fini(&error);
    b->load.token = buf_str(&b->token);
    return ok;
}

/* --- all of it -------------------------------------------------------------------------------- */

static bool take_numbers(struct bench_options *b, const char *const *values)
{
    struct load_options *o = &b->load;
    uint64_t pid = 0;
    bool ok = value_number(values, BENCH_PID, INT32_MAX, &pid) &&
              value_list(values, BENCH_CLIENTS, &b->clients) &&
              value_list(values, BENCH_SESSIONS, &b->sessions) &&
              value_small(values, BENCH_JOINS, LOAD_MAX_CLIENTS, &o->joins) &&
              value_small(values, BENCH_AGENTS, LOAD_MAX_CLIENTS, &o->agents) &&
              value_small(values, BENCH_WINDOW, LOAD_MAX_WINDOW, &b->window) &&
              value_small(values, BENCH_SIZE, LOAD_MAX_SIZE, &o->size) &&
              value_small(values, BENCH_PAUSE, 60000, &o->pause_ms) &&
              value_number(values, BENCH_MESSAGES, UINT32_MAX - 1, &o->messages) &&
              value_real(values, BENCH_RATE, 0.001, 1e7, &o->rate) &&
              value_real(values, BENCH_SECONDS, 0, 86400, &o->seconds) &&
              value_real(values, BENCH_WARMUP, 0, 86400, &o->warmup_seconds);
    o->pid = (pid_t)pid;
    return ok;
}

static void begin(struct bench_options *b)
{
    *b = (struct bench_options){
        .load = {.joins = 1,
                 .agents = 1,
                 .pause_ms = 100,
                 .warmup_seconds = 0.5,
                 .prefix = "bench",
                 .stop_fd = -1},
    };
    buf_init(&b->token, LOAD_ERROR_SIZE * 64);
}

/* What the word stands for, before the flags change it. */
static void take_usual(struct bench_options *b, const struct usual *u)
{
    b->action = u->action;
    b->load.mode = u->mode;
    b->load.size = u->size;
    b->load.rate = u->rate;
    b->load.seconds = u->seconds;
    b->usual_window = u->window;
    b->clients = (struct bench_list){.values = {u->clients}, .count = 1};
    b->sessions = (struct bench_list){.values = {u->mode == LOAD_IDLE ? 0 : 1}, .count = 1};
}

/* What one option alone cannot say. NULL when all is well. */
static const char *find_fault(const struct bench_options *b)
{
    enum load_mode mode = b->load.mode;
    bool in_sessions = mode == LOAD_CHAT || mode == LOAD_IDLE;
    if (b->action == BENCH_PLOT) {
        return b->svg == NULL ? "plot draws a file: --svg FILE" : NULL;
    }
    if (b->clients.count > 1 && b->sessions.count > 1) {
        return "several numbers can be given for --clients or for --sessions, not for both";
    }
    if (!in_sessions && (b->sessions.values[0] != 1 || b->sessions.count > 1)) {
        return "--sessions is for chat and idle";
    }
    if (!in_sessions && b->load.joins != 1) {
        return "--joins is for chat and idle";
    }
    if ((mode == LOAD_IDLE || mode == LOAD_STALLED) && b->load.pid == 0) {
        return "this reads the memory of the server: give its process with --pid";
    }
    if (mode == LOAD_STOP && b->load.pid == 0) {
        return "this stops the server for a moment: give its process with --pid";
    }
    return NULL;
}

bool bench_options_read(struct bench_options *b, const char *const *arguments,
                        enum cli_exit *ret_code)
{
    const char *given[BENCH_FLAG_COUNT] = {NULL};
    const char **values[BENCH_FLAG_COUNT];
    const char *operands[1] = {NULL};
    struct args args = {.command = &command, .rest = arguments};
    begin(b);
    for (unsigned i = 0; i < BENCH_FLAG_COUNT; i++) {
        values[i] = &given[i];
    }
    if (!args_read(&args, (const char **const *)values, operands, 1, ret_code)) {
        return false;
    }
    *ret_code = CLI_USAGE;
    int word = args_word(&command, operands[0]);
    if (word < 0) {
        return false;
    }
    take_usual(b, &usuals[word]);
    b->json = given[BENCH_JSON] != NULL;
    b->svg = given[BENCH_SVG];
    b->load.label = given[BENCH_LABEL];
    b->load.deflate = given[BENCH_DEFLATE] != NULL;
    if (!take_numbers(b, given) || !take_dialect(b, given[BENCH_DIALECT], given[BENCH_TEMPLATE]) ||
        !take_hub(b, given[BENCH_URL], given[BENCH_TOKEN_FILE])) {
        return false;
    }
    const char *fault = find_fault(b);
    if (b->action == BENCH_PRINT_TEMPLATE && given[BENCH_TEMPLATE] != NULL) {
        fault = "template prints a dialect that is built in: --dialect";
    }
    if (fault != NULL) {
        complain("%s", fault);
    }
    return fault == NULL;
}

void bench_options_fini(struct bench_options *b)
{
    dialect_fini(&b->dialect);
    buf_fini(&b->token);
}
