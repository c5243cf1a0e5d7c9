#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/call.h"
#include "cli/duration.h"
#include "cli/envelope.h"
#include "cli/socket.h"
#include "json/reader.h"
#include "json/wire.h"

enum {
    MAX_CAPABILITY = 256,
    MAX_TALK = 64 * 1024,
    CALL_TIMEOUT_MS = 30000,
    SLACK_MS = 5000,  /* the gateway says itself that the time is over */
    CANCEL_MS = 2000, /* for its answer to a cancel */
    AT_ONCE = 32,     /* messages, and then a look at what more has come */
};

#define ID_CALL   STR("call")
#define ID_CANCEL STR("cancel")

/* --- what is asked ---------------------------------------------------------------------------- */

/* No further than it may be long: it need not have an end. */
static bool read_stdin(struct buf *out)
{
    char bytes[65536];
    size_t len;

    while (!out->failed && (len = fread(bytes, 1, sizeof(bytes), stdin)) > 0) {
        buf_append(out, bytes, len);
    }
    if (ferror(stdin) != 0) {
        complain("standard input cannot be read: %s", strerror(errno));
        return false;
    }
    if (out->failed) {
        complain("standard input is too long: a request is at most %d MiB",
                 REMOTE_MAX_MESSAGE / (1024 * 1024));
    }
    return !out->failed;
}

/* Inside of a message there are two brackets around it. */
static bool is_shallow(struct str request)
{
    struct buf inside;

    buf_init(&inside, REMOTE_MAX_MESSAGE + 4);
    buf_append_str(&inside, STR("[["));
    buf_append_str(&inside, request);
    buf_append_str(&inside, STR("]]"));
    bool ok = !inside.failed && json_valid(buf_str(&inside));
    buf_fini(&inside);
    if (!ok) {
        complain("the request is nested too deeply: a message is at most %d deep", WIRE_MAX_DEPTH);
    }
    return ok;
}

static bool take_request(struct call *c, const char *text)
{
    bool from_stdin = text != NULL && strcmp(text, "-") == 0;

    if (from_stdin && !read_stdin(&c->request)) {
        return false;
    }
    if (!from_stdin) {
        buf_append_str(&c->request, text != NULL ? str_from_z(text) : STR("null"));
    }
    if (json_valid(buf_str(&c->request))) {
        return is_shallow(buf_str(&c->request));
    }
    if (from_stdin) {
        complain("what standard input holds is no JSON; a text has quotes: \"hello\"");
    } else {
        complain("%s is no JSON; a text has quotes of its own: '\"hello\"'", text);
    }
    return false;
}

static bool check_arguments(const struct call *c)
{
    size_t len = c->capability != NULL ? strlen(c->capability) : 0;

    if (len == 0 || len > MAX_CAPABILITY) {
        complain("say what is to be done: %s call CAPABILITY [JSON]", program_path);
        return false;
    }
    if (c->agent != NULL && !url_id_valid(str_from_z(c->agent))) {
        complain("%s cannot be the id of an agent", c->agent);
        return false;
    }
    return true;
}

static enum cli_exit send_request(struct call *c)
{
    struct json_writer w;
    struct buf frame;

    buf_init(&frame, REMOTE_MAX_MESSAGE);
    envelope_open(&w, &frame, "route_request", ID_CALL);
    json_key_string(&w, STR("capability"), str_from_z(c->capability));
    if (c->agent != NULL) {
        json_key_string(&w, STR("agentId"), str_from_z(c->agent));
    }
    json_key_raw(&w, STR("request"), buf_str(&c->request));
    json_key_uint(&w, STR("timeoutMs"), (uint64_t)c->timeout_ms);
    json_key_bool(&w, STR("stream"), c->stream);
    envelope_close(&w, STR(""));
    enum cli_exit code = remote_send(&c->remote, buf_str(&frame));
    buf_fini(&frame);
    c->deadline = socket_now_ms() + c->timeout_ms + SLACK_MS;
    return code;
}

/* The first interruption cancels; the gateway's answer to that is waited for, but not for long. */
static enum cli_exit cancel(struct call *c)
{
    struct json_writer w;
    struct buf frame;

    if (c->cancelled) {
        return CLI_INTERRUPTED;
    }
    c->cancelled = true;
    buf_init(&frame, MAX_TALK);
    envelope_open(&w, &frame, "route_cancel", ID_CANCEL);
    json_key_string(&w, STR("requestId"), ID_CALL);
    envelope_close(&w, STR(""));
    enum cli_exit code = remote_send(&c->remote, buf_str(&frame));
    buf_fini(&frame);
    c->deadline = socket_now_ms() + CANCEL_MS;
    return code;
}

static enum cli_exit hear_signal(struct call *c)
{
    struct signalfd_siginfo info;

    return read(c->signals, &info, sizeof(info)) > 0 ? cancel(c) : CLI_OK;
}

/* --- what is answered ------------------------------------------------------------------------- */

/* What has come of a stream stands before the word that ends it. */
static enum cli_exit print_parts(struct call *c)
{
    return c->stream && !c->cancelled ? call_print(c) : CLI_OK;
}

static enum cli_exit fail(struct call *c, struct str error, enum cli_exit exit)
{
    enum cli_exit code = print_parts(c);

    c->done = true;
    if (code != CLI_OK) {
        return code;
    }
    call_complain(error);
    return exit;
}

/*
 * Prints what stdout takes without waiting: a look at it for each piece, and not for each line.
 * Nobody can say how much more is to come, so there is an end to what is kept.
 */
static enum cli_exit print_on(struct call *c)
{
    enum cli_exit code = CLI_OK;

    if (call_waiting(c) >= c->refused + CALL_PIECE) {
        code = call_print_some(c);
    }
    if (code == CLI_OK && call_waiting(c) > CALL_MAX_WAITING) {
        complain("what reads stdout is too slow: more than %d MiB of the answer wait for it, and "
                 "no more is taken",
                 CALL_MAX_WAITING / (1024 * 1024));
        code = call_print(c);
        return code == CLI_OK ? CLI_FAILED : code;
    }
    return code;
}

static enum cli_exit hear_response(struct call *c, struct str payload)
{
    struct str result = json_get(payload, STR("result"));

    if (c->cancelled) {
        return CLI_OK;
    }
    if (!str_equal(json_get(payload, STR("ok")), STR("true"))) {
        return fail(c, json_get(payload, STR("error")), CLI_FAILED);
    }
    c->done = str_equal(json_get(payload, STR("done")), STR("true"));
    if (result.len > 0) {
        call_append(c, result);
        c->began = true;
    }
    if (c->done) {
        return call_print(c);
    }
    return c->stream ? print_on(c) : CLI_OK;
}

static enum cli_exit hear_error(struct call *c, const struct envelope *e)
{
    bool ours = envelope_answers(e, ID_CALL) || e->reply_to.len == 0;

    if (c->cancelled && (ours || envelope_answers(e, ID_CANCEL))) {
        return CLI_INTERRUPTED;
    }
    return ours ? fail(c, e->payload, envelope_error_exit(e->payload)) : CLI_OK;
}

/* The connection is of no more use. */
static enum cli_exit lose(struct call *c, enum cli_exit exit)
{
    bool is_mute = c->stream && c->began && exit == CLI_UNAVAILABLE && !c->remote.is_closed;
    enum cli_exit code = print_parts(c);

    if (code != CLI_OK) {
        return code;
    }
    complain("%.*s%s", STR_ARG(buf_str(&c->remote.error)),
             is_mute
                 ? " without a word, as it does when more than its limits.send_queue_bytes wait "
                   "for a reader (its log has client_lagged then); raise that, or let the agent "
                   "send fewer and longer parts"
                 : "");
    return exit;
}

static enum cli_exit hear(struct call *c, struct str text)
{
    struct envelope e;

    if (!envelope_read(text, &e)) {
        complain("the other side does not speak the gateway dialect");
        return CLI_PROTOCOL;
    }
    if (envelope_is(&e, STR("error"))) {
        return hear_error(c, &e);
    }
    if (envelope_is(&e, STR("route_response")) && envelope_answers(&e, ID_CALL)) {
        return hear_response(c, e.payload);
    }
    return CLI_OK;
}

/*
 * All that has come. Parts may come faster than they can be dealt with, and the gateway ends the
 * connection of one who leaves too much with it; so what waits is taken off the socket in between.
 */
static enum cli_exit hear_all(struct call *c)
{
    struct str text;
    bool taken;

    for (unsigned count = 0; !c->done; count++) {
        enum cli_exit code = CLI_OK;
        if (count % AT_ONCE == 0) {
            remote_read_ahead(&c->remote);
            code = hear_signal(c);
        }
        if (code != CLI_OK) {
            return code;
        }
        code = remote_take(&c->remote, &taken, &text);
        if (code != CLI_OK) {
            return lose(c, code);
        }
        if (!taken) {
            break;
        }
        code = hear(c, text);
        if (code != CLI_OK) {
            return code;
        }
    }
    return CLI_OK;
}

static enum cli_exit be_late(struct call *c)
{
    if (c->cancelled) {
        return CLI_INTERRUPTED;
    }
    enum cli_exit code = print_parts(c);
    if (code == CLI_OK) {
        complain("the gateway did not answer in time");
        code = CLI_TRY_AGAIN;
    }
    return code;
}

enum { WATCH_GATEWAY, WATCH_SIGNALS, WATCH_STDOUT, WATCHED };

/* Waits for whatever comes first. False: for nothing that is known of. */
static bool watch(const struct call *c, struct pollfd fds[WATCHED], int64_t left)
{
    bool prints = c->stream && !c->cancelled && call_waiting(c) > 0;

    fds[WATCH_GATEWAY] = (struct pollfd){.fd = c->remote.channel.fd, .events = POLLIN};
    fds[WATCH_SIGNALS] = (struct pollfd){.fd = c->signals, .events = POLLIN};
    fds[WATCH_STDOUT] = (struct pollfd){.fd = prints ? STDOUT_FILENO : -1, .events = POLLOUT};
    return poll(fds, WATCHED, left > INT_MAX ? INT_MAX : (int)left) >= 0;
}

static enum cli_exit await(struct call *c)
{
    struct pollfd fds[WATCHED];
    enum cli_exit code = CLI_OK;

    while (code == CLI_OK && !c->done) {
        int64_t left = c->deadline - socket_now_ms();
        if (left <= 0) {
            return be_late(c);
        }
        if (!watch(c, fds, left)) {
            continue;
        }
        if (fds[WATCH_SIGNALS].revents != 0) {
            code = hear_signal(c);
        }
        if (code == CLI_OK && fds[WATCH_GATEWAY].revents != 0) {
            code = hear_all(c);
        }
        if (code == CLI_OK && fds[WATCH_STDOUT].revents != 0 && !c->cancelled) {
            code = call_print_some(c);
        }
    }
    return code;
}

/* --- the command ------------------------------------------------------------------------------ */

/* From here on an interruption is heard where it can be told to the gateway. */
static bool take_signals(struct call *c)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    c->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return c->signals >= 0;
}

static enum cli_exit call_it(struct call *c, const struct address *to)
{
    remote_init(&c->remote);
    enum cli_exit code = remote_enter_gateway(&c->remote, to);
    if (code == CLI_OK && !take_signals(c)) {
        complain("signals cannot be heard: %s", strerror(errno));
        code = CLI_FAILED;
    } else if (code == CLI_OK && (code = send_request(c)) == CLI_OK) {
        code = await(c);
        (void)close(c->signals);
    } else {
        complain("%.*s", STR_ARG(buf_str(&c->remote.error)));
    }
    remote_close(&c->remote);
    remote_fini(&c->remote);
    return c->cancelled ? CLI_INTERRUPTED : code;
}

static const struct flag flags[] = {
    {"--agent", "ID", "this agent alone"},
    {"--timeout", "TIME", "how long to wait, as in 500ms, 30s, 5m (30s)"},
    {"--stream", NULL, "print each part of the answer as it comes"},
    {"--json", NULL, "print the answer as the JSON that it is, one value on a line"},
    FLAG_URL_PATH,
    FLAG_TOKEN_FILE,
    {0},
};

static enum cli_exit run_call(struct args *args)
{
    struct call c = {.timeout_ms = CALL_TIMEOUT_MS, .terminal = isatty(STDOUT_FILENO)};
    const char *operands[2] = {NULL, NULL};
    const char *timeout = NULL, *stream = NULL, *json = NULL;
    struct address_flags where = {0};
    const char **const values[] = {&c.agent, &timeout,   &stream,
                                   &json,    &where.url, &where.token_file};
    struct address address;
    enum cli_exit code;

    if (!args_read(args, values, operands, 2, &code)) {
        return code;
    }
    c.capability = operands[0];
    c.stream = stream != NULL;
    c.json = json != NULL;
    buf_init(&c.request, REMOTE_MAX_MESSAGE);
    buf_init(&c.answer, CALL_MAX_ANSWER);
    code = CLI_USAGE;
    if (check_arguments(&c) && duration_read("--timeout", timeout, &c.timeout_ms) &&
        take_request(&c, operands[1])) {
        code = address_find(&where, &address);
    }
    if (code == CLI_OK) {
        code = call_it(&c, &address);
        address_fini(&address);
    }
    buf_fini(&c.answer);
    buf_fini(&c.request);
    return code;
}

const struct command command_call = {
    .name = "call",
    .summary = "ask whoever can do something",
    .synopsis = "CAPABILITY [JSON] [--agent ID] [--timeout TIME] [--stream] [--json]",
    .examples = "  % call demo.upper '\"hello\"'\n"
                "  % call sum '[1,2,3]' --timeout 5s --json\n"
                "  % call count --stream\n"
                "  % call sum - < numbers.json\n",
    .about = "Sends a request to an agent that has this capability, and prints its answer: a text\n"
             "as it is, anything else as JSON on one line; with --json a text has its quotes. The\n"
             "request is any JSON: null when none is given, standard input with -. With --stream\n"
             "each part is printed on a line as it comes; without, all of it at the end and only\n"
             "when all went well.\n"
             "\n"
             "The exit code is 1 when the agent fails, 69 when there is none (or it has gone), 75\n"
             "when it took too long or too many wait, 77 when the gateway refuses. Ctrl-C cancels\n"
             "the request and ends with 130.\n",
    .flags = flags,
    .run = run_call,
};
