#include <stdio.h>

#include "cli/api.h"
#include "cli/args.h"
#include "cli/print.h"
#include "config/value.h"
#include "json/reader.h"

enum { MAX_TEXT = 64 * 1024 };

#define MANY_SECONDS UINT64_C(100000000000) /* the year 5138; as milliseconds, 1973 */

struct wanted {
    const char *publish;
    const char *sessions;
    const char *act_as;
    const char *agent_id;
    const char *broadcast;
    const char *admin;
    const char *ttl;
};

static const struct flag flags[] = {
    {"--publish", "PATTERNS", "the types it may send: 'bark|scene_*'"},
    {"--sessions", "PATTERNS", "the sessions it may enter: 'world:main'"},
    {"--act-as", "PATTERNS", "the agents it may speak as"},
    {"--agent-id", "ID", "the agent that it may register"},
    {"--broadcast", NULL, "it may send to everybody"},
    {"--admin", NULL, "it may administrate"},
    {"--ttl", "DURATION", "how long it is good for, at most 60s (60s)"},
    FLAG_URL,
    FLAG_TOKEN_FILE,
    {0},
};

/* A ticket's life, as an option of that kind would be read. */
static const struct option ttl_option = {
    .key = "--ttl",
    .kind = OPTION_DURATION,
    .min = 1,
    .max = 60000,
    .min_text = "1ms",
    .max_text = "60s",
};

static bool read_ttl(const char *text, uint64_t *ret_ms)
{
    if (value_read(&ttl_option, str_from_z(text), false, ret_ms) == VALUE_OK) {
        return true;
    }
    complain("--ttl %s: a duration from %s to %s is wanted, with its unit", text,
             ttl_option.min_text, ttl_option.max_text);
    return false;
}

static void write_request(const struct wanted *wanted, uint64_t ttl_ms, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    api_write_text(&w, STR("publish"), wanted->publish);
    api_write_text(&w, STR("sessions"), wanted->sessions);
    api_write_text(&w, STR("act_as"), wanted->act_as);
    api_write_text(&w, STR("agent_id"), wanted->agent_id);
    if (wanted->broadcast != NULL) {
        json_key_bool(&w, STR("broadcast"), true);
    }
    if (wanted->admin != NULL) {
        json_key_bool(&w, STR("admin"), true);
    }
    if (wanted->ttl != NULL) {
        json_key_uint(&w, STR("ttl_ms"), ttl_ms);
    }
    json_end_object(&w);
}

/* Seconds since 1970, from a number that is that or milliseconds: as seconds it would be far off.
 */
static time_t read_time(struct str raw)
{
    uint64_t number = print_whole(raw);

    return (time_t)(number > MANY_SECONDS ? number / 1000 : number);
}

/* The ticket is data, and until when it is good is talk. */
static enum cli_exit print_ticket(struct str answer)
{
    struct str ticket = json_get(answer, STR("ticket"));
    time_t expires = read_time(json_get(answer, STR("expires_at")));
    struct buf out;

    if (json_kind_of(ticket) != JSON_STRING) {
        complain("the answer has no ticket; is this the address of a Parley gateway?");
        return CLI_PROTOCOL;
    }
    buf_init(&out, MAX_TEXT);
    print_value(&out, ticket);
    buf_append_char(&out, '\n');
    enum cli_exit code = api_print(&out);
    buf_clear(&out);
    if (code == CLI_OK && expires > 0) {
        print_clock(&out, expires);
        complain("good once, until %.*s", STR_ARG(buf_str(&out)));
    }
    buf_fini(&out);
    return code;
}

static enum cli_exit make_ticket(const struct address_flags *where, struct str json)
{
    struct buf answer;

    buf_init(&answer, API_MAX_ANSWER);
    enum cli_exit code = api_ask(where, STR("/api/gateway/tickets"), json, &answer);
    if (code == CLI_OK) {
        code = print_ticket(buf_str(&answer));
    }
    buf_fini(&answer);
    return code;
}

static enum cli_exit run_ticket(struct args *args)
{
    struct wanted wanted = {0};
    struct address_flags where = {0};
    const char **const values[] = {&wanted.publish,  &wanted.sessions,  &wanted.act_as,
                                   &wanted.agent_id, &wanted.broadcast, &wanted.admin,
                                   &wanted.ttl,      &where.url,        &where.token_file};
    uint64_t ttl_ms = 0;
    enum cli_exit code;
    struct buf json;

    if (!args_read(args, values, NULL, 0, &code)) {
        return code;
    }
    if (wanted.ttl != NULL && !read_ttl(wanted.ttl, &ttl_ms)) {
        return CLI_USAGE;
    }
    buf_init(&json, MAX_TEXT);
    write_request(&wanted, ttl_ms, &json);
    if (json.failed) {
        complain("so much cannot be asked for; give shorter patterns");
        code = CLI_USAGE;
    } else {
        code = make_ticket(&where, buf_str(&json));
    }
    buf_fini(&json);
    return code;
}

const struct command command_ticket = {
    .name = "ticket",
    .summary = "make a credential that is good once",
    .synopsis = "[--publish PATTERNS] [--sessions PATTERNS] [--ttl DURATION] ...",
    .examples = "  % ticket\n"
                "  % ticket --sessions world:main --publish 'bark|chat_message' --ttl 30s\n"
                "  % ticket --agent-id timmy --publish '*' --sessions '*'\n",
    .about =
        "Prints a ticket, with which one connection is let in: /ws/matrix?ticket=TICKET. It is\n"
        "for those who should not get a token, like a page in a browser. A ticket may what is\n"
        "asked for and nothing else, and never more than its maker; when nothing is asked for,\n"
        "it may send and enter what its maker may. Patterns are separated by |. It needs the\n"
        "grant `admin`.\n",
    .flags = flags,
    .run = run_ticket,
};
