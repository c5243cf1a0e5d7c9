#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "json/reader.h"
#include "json/wire.h"
#include "json/writer.h"

enum {
    MAX_TYPES = 64, /* the gateway's limit */
    MAX_TARGET = 256,
    MAX_SUBSCRIPTION = 64 * 1024,
    MAX_LINE = 4 * REMOTE_MAX_MESSAGE,
    SHORTEST_WAIT_MS = 100,
    LONGEST_WAIT_MS = 2000,
};

struct watch {
    struct str types[MAX_TYPES]; /* all when there are none */
    size_t type_count;
    const char *from; /* an agent id, or NULL */
    const char *world;
    struct address_flags where;
    bool json;
    bool terminal;
    bool colour;
};

enum { FLAG_TYPE, FLAG_FROM, FLAG_WORLD, FLAG_JSON };

static const struct flag flags[] = {
    {"--type", "TYPE", "only this type; `scene_*` for all that begin so; may be given again"},
    {"--from", "ID", "only what this agent says"},
    {"--world", "NAME", "the world to watch (main)"},
    {"--json", NULL, "each message as it came, one on a line"},
    FLAG_URL,
    FLAG_TOKEN_FILE,
    {0},
};

static bool take_type(struct watch *w, const char *type)
{
    if (w->type_count == MAX_TYPES) {
        complain("more than %d types are not possible", MAX_TYPES);
        return false;
    }
    w->types[w->type_count++] = str_from_z(type);
    return true;
}

/* Returns whether to go on; if not, *ret_code is what to end with. */
static bool read_arguments(struct args *args, struct watch *w, enum cli_exit *ret_code)
{
    const char **values[] = {NULL, &w->from, &w->world, NULL, &w->where.url, &w->where.token_file};
    const char *value;
    int taken;

    *ret_code = CLI_USAGE;
    while ((taken = args_next(args, &value)) != ARGS_END) {
        if (taken == ARGS_OPERAND) {
            complain("tail takes no operand: %s", value);
            return false;
        }
        if (taken < 0) {
            *ret_code = args_exit(taken);
            return false;
        }
        if (taken == FLAG_JSON) {
            w->json = true;
        } else if (taken != FLAG_TYPE) {
            *values[taken] = value;
        } else if (!take_type(w, value)) {
            return false;
        }
    }
    if (w->world != NULL && !url_world_valid(str_from_z(w->world))) {
        complain("%s cannot be the name of a world", w->world);
        return false;
    }
    return true;
}

static enum cli_exit subscribe(struct remote *r, const struct watch *w)
{
    struct buf text;
    struct json_writer json;

    if (w->type_count == 0) {
        return CLI_OK;
    }
    buf_init(&text, MAX_SUBSCRIPTION);
    json_writer_init(&json, &text);
    json_begin_object(&json);
    json_key_string(&json, STR("type"), STR("subscribe"));
    json_key(&json, STR("types"));
    json_begin_array(&json);
    for (size_t i = 0; i < w->type_count; i++) {
        json_string(&json, w->types[i]);
    }
    json_end_array(&json);
    json_end_object(&json);
    enum cli_exit code = remote_send(r, buf_str(&text));
    buf_fini(&text);
    return code;
}

/* What came before the gateway had read the subscription is sorted out here. */
static bool wants_type(const struct watch *w, struct str type_raw)
{
    char type[256];
    size_t len = json_unescape_to(type_raw, type, sizeof(type));
    struct str text = str_make(type, len < sizeof(type) ? len : sizeof(type));

    for (size_t i = 0; i < w->type_count; i++) {
        struct str want = w->types[i];
        bool prefix = want.len > 0 && want.ptr[want.len - 1] == '*';
        if (prefix ? str_starts_with(text, str_slice(want, 0, want.len - 1))
                   : str_equal(text, want)) {
            return true;
        }
    }
    return w->type_count == 0;
}

/* What the gateway says to us alone is talk. */
static void print_talk(struct str message)
{
    struct buf line;
    struct str data = json_get(message, STR("data"));

    buf_init(&line, MAX_SUBSCRIPTION);
    print_value(&line, json_get(data, STR("code")));
    buf_append_str(&line, STR(": "));
    print_value(&line, json_get(data, STR("message")));
    complain("%.*s", STR_ARG(buf_str(&line)));
    buf_fini(&line);
}

/* Returns false when stdout takes no more. */
static bool show(const struct watch *w, struct str message)
{
    struct wire wire;
    struct buf line;

    wire_scan(message.ptr, message.len, WIRE_WORLD, &wire);
    struct str type = wire_raw(&wire, message.ptr, WIRE_TYPE);
    struct str agent = wire_raw(&wire, message.ptr, WIRE_AGENT_ID);
    if (wire.status == WIRE_OK && json_kind_of(type) == JSON_STRING) {
        if (json_string_is(type, STR("connection_ack"))) {
            return true;
        }
        if (json_string_is(type, STR("error"))) {
            print_talk(message);
            return true;
        }
        if (!wants_type(w, type) ||
            (w->from != NULL &&
             (json_kind_of(agent) != JSON_STRING || !json_string_is(agent, str_from_z(w->from))))) {
            return true;
        }
    }
    buf_init(&line, MAX_LINE);
    if (w->json) {
        print_raw_message(&line, message, w->terminal);
    } else {
        print_world_message(&line, message, time(NULL), w->colour);
    }
    buf_append_char(&line, '\n');
    bool ok =
        line.failed || (fwrite(line.data, 1, line.len, stdout) == line.len && fflush(stdout) == 0);
    buf_fini(&line);
    return ok;
}

/* Watches one connection until it ends. *ret_greeted: the world was joined. */
static enum cli_exit watch_once(struct remote *r, const struct address *to, const struct watch *w,
                                bool *ret_greeted)
{
    struct buf target;
    struct str message;

    buf_init(&target, MAX_TARGET);
    url_append_world(&target, str_from_z(w->world));
    enum cli_exit code = remote_open(r, to, buf_str(&target));
    buf_fini(&target);
    if (code == CLI_OK) {
        code = subscribe(r, w);
    }
    while (code == CLI_OK && (code = remote_receive(r, -1, &message)) == CLI_OK) {
        if (!*ret_greeted) {
            *ret_greeted = true;
            complain("watching the world %s", w->world != NULL ? w->world : "main");
        }
        if (!show(w, message)) {
            return CLI_FAILED;
        }
    }
    return code;
}

/*
 * A gateway that was there once may be starting again, so it is waited for; nobody there from the
 * start is more likely the wrong address.
 */
static enum cli_exit watch_always(const struct address *to, const struct watch *w)
{
    struct remote remote;
    int wait_ms = SHORTEST_WAIT_MS;
    bool ever = false, told = false;

    for (;;) {
        bool greeted = false;
        remote_init(&remote);
        enum cli_exit code = watch_once(&remote, to, w, &greeted);
        bool again = (ever || greeted) && (code == CLI_UNAVAILABLE || code == CLI_TRY_AGAIN);
        if (greeted) {
            ever = true;
            told = false;
            wait_ms = SHORTEST_WAIT_MS;
        }
        if (!told && remote.error.len > 0) {
            complain("%.*s%s", STR_ARG(buf_str(&remote.error)), again ? "; trying again" : "");
            told = true;
        }
        remote_fini(&remote);
        if (!again) {
            return code;
        }
        (void)poll(NULL, 0, wait_ms);
        wait_ms = wait_ms * 2 < LONGEST_WAIT_MS ? wait_ms * 2 : LONGEST_WAIT_MS;
    }
}

static enum cli_exit run_tail(struct args *args)
{
    struct watch w = {
        .terminal = isatty(STDOUT_FILENO),
        .colour = print_in_colour(STDOUT_FILENO),
    };
    struct address address;
    enum cli_exit code;

    if (!read_arguments(args, &w, &code)) {
        return code;
    }
    code = address_find(&w.where, &address);
    if (code == CLI_OK) {
        code = watch_always(&address, &w);
        address_fini(&address);
    }
    return code;
}

const struct command command_tail = {
    .name = "tail",
    .summary = "watch what is said in a world",
    .synopsis = "[--type TYPE]... [--from ID] [--world NAME] [--json]",
    .examples = "  % tail\n"
                "  % tail --type bark --type 'scene_*'\n"
                "  % tail --from timmy --json\n",
    .about = "Joins a world without a name and prints each message on one line as it comes: when,\n"
             "its type, the agent it is about, what it says. When the gateway goes away it waits\n"
             "for it and comes back.\n",
    .flags = flags,
    .run = run_tail,
};
