#include <poll.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/envelope.h"
#include "cli/print.h"
#include "cli/session.h"
#include "cli/socket.h"
#include "cli/tail.h"

enum {
    MAX_SUBSCRIPTION = 64 * 1024,
    MAX_TYPE = 128,
    SHORTEST_WAIT_MS = 100,
    LONGEST_WAIT_MS = 2000,
};

enum { FLAG_TYPE, FLAG_FROM, FLAG_WORLD, FLAG_SESSION, FLAG_JSON };

static const struct flag flags[] = {
    {"--type", "TYPE", "only this type; `scene_*` for all that begin so; may be given again"},
    {"--from", "ID", "only what this agent says (in a session: this agent or client)"},
    {"--world", "NAME", "the world to watch (main)"},
    {"--session", "ID", "the session to watch, in the gateway dialect"},
    {"--json", NULL, "each message as it came, one on a line"},
    FLAG_URL_PATH,
    FLAG_TOKEN_FILE,
    {0},
};

static bool take_type(struct watch *w, const char *type)
{
    if (w->type_count == TAIL_MAX_TYPES) {
        complain("more than %d types are not possible", TAIL_MAX_TYPES);
        return false;
    }
    w->types[w->type_count++] = str_from_z(type);
    return true;
}

/* What the gateway of a world would refuse, and then tail would show all that is said. */
static bool check_types(const struct watch *w)
{
    for (size_t i = 0; i < w->type_count && w->session == NULL; i++) {
        if (w->types[i].len == 0 || w->types[i].len > MAX_TYPE) {
            complain("--type \"%.*s\" can be no type: it has 1 to %d bytes", STR_ARG(w->types[i]),
                     MAX_TYPE);
            return false;
        }
    }
    return true;
}

/* Returns whether to go on; if not, *ret_code is what to end with. */
static bool read_arguments(struct args *args, struct watch *w, enum cli_exit *ret_code)
{
    const char **values[] = {NULL, &w->from,      &w->world,           &w->session,
                             NULL, &w->where.url, &w->where.token_file};
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
    return session_check_place(w->world, w->session) && check_types(w);
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

/* Until the answer: everything that the session says comes after it. */
static enum cli_exit join(struct remote *r, const struct watch *w)
{
    int64_t deadline = socket_now_ms() + REMOTE_TIMEOUT_MS;
    struct str text;

    enum cli_exit code = session_send_join(r, str_from_z(w->session));
    while (code == CLI_OK) {
        struct envelope e;
        int64_t left = deadline - socket_now_ms();
        code = remote_receive(r, left > 0 ? (int)left : 0, &text);
        if (code != CLI_OK) {
            break;
        }
        if (!envelope_read(text, &e) || !envelope_answers(&e, SESSION_JOIN_ID)) {
            continue;
        }
        if (!envelope_is(&e, STR("error"))) {
            return CLI_OK;
        }
        buf_clear(&r->error);
        envelope_append_error(&r->error, e.payload);
        code = envelope_error_exit(e.payload);
    }
    return code;
}

/* Watches one connection until it ends. *ret_joined: the world or the session was joined. */
static enum cli_exit watch_once(struct remote *r, const struct address *to, const struct watch *w,
                                bool *ret_joined)
{
    struct str message;
    bool is_world = w->session == NULL;

    enum cli_exit code =
        is_world ? remote_enter_world(r, to, str_from_z(w->world)) : remote_enter_gateway(r, to);
    if (code == CLI_OK && r->is_asked) {
        buf_clear(&r->error);
        buf_append_str(&r->error, STR("the gateway asks for a credential, and who has none hears "
                                      "nothing; a token is taken from --token-file FILE or "
                                      "PARLEY_TOKEN"));
        return CLI_REFUSED;
    }
    if (code == CLI_OK) {
        code = is_world ? subscribe(r, w) : join(r, w);
    }
    if (code == CLI_OK) {
        *ret_joined = true;
        complain("watching the %s %s", is_world ? "world" : "session",
                 !is_world          ? w->session
                 : w->world != NULL ? w->world
                                    : "main");
    }
    while (code == CLI_OK && (code = remote_receive(r, -1, &message)) == CLI_OK) {
        if (!tail_show(w, message)) {
            return CLI_FAILED;
        }
    }
    return code;
}

/*
 * A gateway that was there once may be starting again, and a session begins again only when
 * somebody makes it; so they are waited for. Nobody there from the start is more likely the wrong
 * address, or the wrong session.
 */
static enum cli_exit watch_always(const struct address *to, const struct watch *w)
{
    struct remote remote;
    int wait_ms = SHORTEST_WAIT_MS;
    bool ever = false, told = false;

    for (;;) {
        bool joined = false;
        remote_init(&remote);
        enum cli_exit code = watch_once(&remote, to, w, &joined);
        bool again = (ever || joined) && (code == CLI_UNAVAILABLE || code == CLI_TRY_AGAIN);
        if (joined) {
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
    .summary = "watch what is said in a world or a session",
    .synopsis = "[--type TYPE]... [--from ID] [--world NAME|--session ID] [--json]",
    .examples = "  % tail\n"
                "  % tail --type bark --type 'scene_*'\n"
                "  % tail --from timmy --json\n"
                "  % tail --session den\n"
                "  % tail --session den --type 'chat*' --from c-abcdefghijklm\n",
    .about = "Joins a world without a name and prints each message on one line as it comes: when,\n"
             "its type, the agent it is about, what it says. When the gateway goes away it waits\n"
             "for it and comes back.\n"
             "\n"
             "With --session it joins a session in the gateway dialect, and the messages are\n"
             "envelopes: with --json whole, else their payload. The session has to be there\n"
             "(`parley sessions` lists them): tail makes none, but for a world, world:NAME, which\n"
             "begins when somebody joins it. The others in the session are told that somebody\n"
             "came. After a restart of the gateway it waits for the session, too.\n",
    .flags = flags,
    .run = run_tail,
};
