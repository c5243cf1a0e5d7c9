#include <time.h>

#include "cli/args.h"
#include "cli/envelope.h"
#include "cli/print.h"
#include "cli/session.h"
#include "cli/socket.h"
#include "json/reader.h"
#include "json/wire.h"
#include "json/writer.h"

enum { MAX_LINE = 64 * 1024 };

#define ID_SEND STR("send")
#define ID_PING STR("ping")

struct sending {
    const char *to;
    const char *as;
    const char *world;
    const char *session; /* NULL: it is sent in a world, in its dialect */
    const char *type;
    const char *data;
};

static const struct flag flags[] = {
    {"--to", "ID", "to this agent or client alone"},
    {"--as", "ID", "say that this agent is the sender (agent_id)"},
    {"--world", "NAME", "the world to send it in (main)"},
    {"--session", "ID", "the session to send it in, in the gateway dialect"},
    FLAG_URL_PATH,
    FLAG_TOKEN_FILE,
    {0},
};

/* Whether the arguments make a message; if not, a sentence is printed. */
static bool check_arguments(const struct sending *s)
{
    struct str data = str_from_z(s->data);

    if (s->type == NULL || s->type[0] == '\0') {
        complain("say what to send: %s send TYPE [JSON]", program_path);
        return false;
    }
    if (s->data != NULL && (!json_valid(data) || json_kind_of(data) != JSON_OBJECT)) {
        complain("%s is no JSON object; the data of a message is one, like '{\"text\":\"hello\"}'",
                 s->data);
        return false;
    }
    if (s->session != NULL && s->as != NULL) {
        complain("--as is for worlds; in a session the gateway says who the sender is");
        return false;
    }
    return session_check_place(s->world, s->session);
}

static void make_world_message(const struct sending *s, struct buf *out)
{
    struct json_writer w;
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key_string(&w, STR("type"), str_from_z(s->type));
    if (s->as != NULL) {
        json_key_string(&w, STR("agent_id"), str_from_z(s->as));
    }
    if (s->to != NULL) {
        json_key_string(&w, STR("target_id"), str_from_z(s->to));
    }
    json_key_raw(&w, STR("data"), s->data != NULL ? str_from_z(s->data) : STR("{}"));
    json_key(&w, STR("ts"));
    json_seconds(&w, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
    json_end_object(&w);
}

static enum cli_exit send_in_world(struct remote *r, const struct sending *s)
{
    struct buf message;

    buf_init(&message, REMOTE_MAX_MESSAGE);
    make_world_message(s, &message);
    enum cli_exit code = remote_send(r, buf_str(&message));
    buf_fini(&message);
    return code == CLI_OK ? remote_send(r, STR("{\"type\":\"ping\"}")) : code;
}

/* All at once: the gateway deals with it in this order. */
static enum cli_exit send_in_session(struct remote *r, const struct sending *s)
{
    struct str data = s->data != NULL ? str_from_z(s->data) : STR("{}");
    struct buf message, ping;

    buf_init(&message, REMOTE_MAX_MESSAGE);
    buf_init(&ping, MAX_LINE);
    envelope_write(&message, str_from_z(s->type), ID_SEND, str_from_z(s->session),
                   str_from_z(s->to), data);
    envelope_write(&ping, STR("ping"), ID_PING, STR(""), STR(""), STR("{}"));
    enum cli_exit code = session_send_join(r, str_from_z(s->session));
    if (code == CLI_OK) {
        code = remote_send(r, buf_str(&message));
    }
    if (code == CLI_OK) {
        code = remote_send(r, buf_str(&ping));
    }
    buf_fini(&ping);
    buf_fini(&message);
    return code;
}

/* What a message that came means for what was sent. */
enum meaning { MEANS_NOTHING, MEANS_TAKEN, MEANS_REFUSED, MEANS_NONSENSE };

/* "TARGET_NOT_FOUND: nobody has that id". */
static void say_refusal(struct str error)
{
    struct buf line;

    buf_init(&line, MAX_LINE);
    envelope_append_error(&line, error);
    complain("%.*s", STR_ARG(buf_str(&line)));
    buf_fini(&line);
}

static enum meaning hear_in_world(struct str message)
{
    struct wire wire;

    wire_scan(message.ptr, message.len, WIRE_WORLD, &wire);
    struct str type = wire_raw(&wire, message.ptr, WIRE_TYPE);
    if (wire.status != WIRE_OK || json_kind_of(type) != JSON_STRING) {
        return MEANS_NONSENSE;
    }
    if (json_string_is(type, STR("error"))) {
        say_refusal(wire_raw(&wire, message.ptr, WIRE_DATA));
        return MEANS_REFUSED;
    }
    return json_string_is(type, STR("pong")) ? MEANS_TAKEN : MEANS_NOTHING;
}

/* `refused`: it was already, so that what was sent next is refused for the same reason. */
static enum meaning hear_in_session(struct str message, bool refused)
{
    struct envelope e;

    if (!envelope_read(message, &e)) {
        return MEANS_NONSENSE;
    }
    if (envelope_is(&e, STR("error"))) {
        if (!refused) {
            say_refusal(e.payload);
        }
        /* A ping that is refused has no other answer. */
        return envelope_answers(&e, ID_PING) ? MEANS_TAKEN : MEANS_REFUSED;
    }
    return envelope_is(&e, STR("pong")) && envelope_answers(&e, ID_PING) ? MEANS_TAKEN
                                                                         : MEANS_NOTHING;
}

/* Until the answer to our ping: everything that the gateway says of what was sent comes before. */
static enum cli_exit await_pong(struct remote *r, bool in_session)
{
    int64_t deadline = socket_now_ms() + REMOTE_TIMEOUT_MS;
    enum cli_exit outcome = CLI_OK;

    for (;;) {
        struct str message;
        int64_t left = deadline - socket_now_ms();
        if (left <= 0) {
            complain("the gateway did not answer in time");
            return CLI_TRY_AGAIN;
        }
        enum cli_exit code = remote_receive(r, (int)left, &message);
        if (code != CLI_OK) {
            complain("%.*s", STR_ARG(buf_str(&r->error)));
            return code;
        }
        switch (in_session ? hear_in_session(message, outcome != CLI_OK) : hear_in_world(message)) {
        case MEANS_TAKEN:
            return outcome;
        case MEANS_REFUSED:
            outcome = CLI_FAILED;
            break;
        case MEANS_NONSENSE:
            complain("the other side does not speak this protocol");
            return CLI_PROTOCOL;
        case MEANS_NOTHING:
            break;
        }
    }
}

static enum cli_exit send_it(struct remote *r, const struct address *to, const struct sending *s)
{
    bool in_session = s->session != NULL;

    enum cli_exit code =
        in_session ? remote_enter_gateway(r, to) : remote_enter_world(r, to, str_from_z(s->world));
    if (code == CLI_OK) {
        code = in_session ? send_in_session(r, s) : send_in_world(r, s);
    }
    if (code != CLI_OK) {
        complain("%.*s", STR_ARG(buf_str(&r->error)));
        return code;
    }
    return await_pong(r, in_session);
}

static enum cli_exit run_send(struct args *args)
{
    struct sending s = {0};
    const char *operands[2] = {NULL, NULL};
    struct address_flags where = {0};
    const char **const values[] = {&s.to,      &s.as,      &s.world,
                                   &s.session, &where.url, &where.token_file};
    struct address address;
    struct remote remote;
    enum cli_exit code;

    if (!args_read(args, values, operands, 2, &code)) {
        return code;
    }
    s.type = operands[0];
    s.data = operands[1];
    if (!check_arguments(&s)) {
        return CLI_USAGE;
    }
    code = address_find(&where, &address);
    if (code != CLI_OK) {
        return code;
    }
    remote_init(&remote);
    code = send_it(&remote, &address, &s);
    remote_close(&remote);
    remote_fini(&remote);
    address_fini(&address);
    return code;
}

const struct command command_send = {
    .name = "send",
    .summary = "say something in a world or a session",
    .synopsis = "[--to ID] [--as ID] [--world NAME|--session ID] TYPE [JSON]",
    .examples = "  % send bark '{\"text\":\"hello\"}'\n"
                "  % send --to timmy agent_message '{\"text\":\"for you alone\"}'\n"
                "  % send --session den chat '{\"message\":\"hello\"}'\n"
                "  % send --session den --to c-abcdefghijklm note '{\"text\":\"for you\"}'\n",
    .about = "Sends one message of this type, with the JSON object as its data, and returns when\n"
             "the gateway has taken it. What the gateway says against it is on stderr, with the\n"
             "rule in brackets, and the exit code is 1.\n"
             "\n"
             "With --session it joins a session in the gateway dialect, and the JSON object is\n"
             "the payload. The session has to be there (`parley sessions` lists them), but for a\n"
             "world, world:NAME, which begins when somebody joins it. The others in the session\n"
             "are told that somebody came and went.\n",
    .flags = flags,
    .run = run_send,
};
