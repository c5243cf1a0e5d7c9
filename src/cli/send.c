#include <time.h>

#include "cli/args.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "cli/socket.h"
#include "json/reader.h"
#include "json/wire.h"
#include "json/writer.h"

enum { MAX_LINE = 64 * 1024 };

struct sending {
    const char *to;
    const char *as;
    const char *world;
    const char *type;
    const char *data;
};

static const struct flag flags[] = {
    {"--to", "ID", "to this agent or client alone"},
    {"--as", "ID", "say that this agent is the sender (agent_id)"},
    {"--world", "NAME", "the world to send it in (main)"},
    FLAG_URL,
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
    if (s->world != NULL && !url_world_valid(str_from_z(s->world))) {
        complain("%s cannot be the name of a world", s->world);
        return false;
    }
    return true;
}

static void make_message(const struct sending *s, struct buf *out)
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

/* "TARGET_NOT_FOUND: nobody has that id". */
static void print_error(struct str message)
{
    struct buf line;
    struct str data = json_get(message, STR("data"));

    buf_init(&line, MAX_LINE);
    print_value(&line, json_get(data, STR("code")));
    buf_append_str(&line, STR(": "));
    print_value(&line, json_get(data, STR("message")));
    complain("%.*s", STR_ARG(buf_str(&line)));
    buf_fini(&line);
}

/* Until the answer to our ping: everything that the gateway says of what was sent comes before. */
static enum cli_exit await_pong(struct remote *r)
{
    int64_t deadline = socket_now_ms() + REMOTE_TIMEOUT_MS;
    enum cli_exit outcome = CLI_OK;

    for (;;) {
        struct wire wire;
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
        wire_scan(message.ptr, message.len, WIRE_WORLD, &wire);
        struct str type = wire_raw(&wire, message.ptr, WIRE_TYPE);
        if (wire.status != WIRE_OK || json_kind_of(type) != JSON_STRING) {
            complain("the other side does not speak the world's protocol");
            return CLI_PROTOCOL;
        }
        if (json_string_is(type, STR("pong"))) {
            return outcome;
        }
        if (json_string_is(type, STR("error"))) {
            print_error(message);
            outcome = CLI_FAILED;
        }
    }
}

static enum cli_exit send_it(struct remote *r, const struct address *to, const struct sending *s)
{
    struct buf target, message;

    buf_init(&target, MAX_LINE);
    buf_init(&message, REMOTE_MAX_MESSAGE);
    url_append_world(&target, str_from_z(s->world));
    make_message(s, &message);
    enum cli_exit code = remote_open(r, to, buf_str(&target));
    if (code == CLI_OK) {
        code = remote_send(r, buf_str(&message));
    }
    if (code == CLI_OK) {
        code = remote_send(r, STR("{\"type\":\"ping\"}"));
    }
    buf_fini(&message);
    buf_fini(&target);
    if (code != CLI_OK) {
        complain("%.*s", STR_ARG(buf_str(&r->error)));
        return code;
    }
    return await_pong(r);
}

static enum cli_exit run_send(struct args *args)
{
    struct sending s = {0};
    const char *operands[2] = {NULL, NULL};
    struct address_flags where = {0};
    const char **const values[] = {&s.to, &s.as, &s.world, &where.url, &where.token_file};
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
    .summary = "say something in a world",
    .synopsis = "[--to ID] [--as ID] [--world NAME] TYPE [JSON]",
    .examples = "  % send bark '{\"text\":\"hello\"}'\n"
                "  % send --to timmy agent_message '{\"text\":\"for you alone\"}'\n",
    .about = "Sends one message of this type, with the JSON object as its data, and returns when\n"
             "the gateway has taken it. What the gateway says against it is on stderr, and the\n"
             "exit code is 1.\n",
    .flags = flags,
    .run = run_send,
};
