#include "cli/api.h"
#include "cli/args.h"
#include "cli/print.h"
#include "cli/table.h"
#include "json/reader.h"

enum { MAX_QUESTION = 16 * 1024 * 1024, MAX_CANDIDATE = 1024 };

struct question {
    const char *dialect;
    const char *as;
    const char *to;
    const char *world;
    const char *session;
    const char *type;
    const char *data;
};

/* Whether the arguments make a question; if not, a sentence is printed. */
static bool check_arguments(const struct question *q)
{
    struct str data = str_from_z(q->data);

    if (q->type == NULL || q->type[0] == '\0') {
        complain("say what would be sent: %s explain TYPE [JSON]", program_path);
        return false;
    }
    if (q->data != NULL && (!json_valid(data) || json_kind_of(data) != JSON_OBJECT)) {
        complain("%s is no JSON object; what a message says is one, like '{\"text\":\"hello\"}'",
                 q->data);
        return false;
    }
    return true;
}

static bool is_gateway(const struct question *q)
{
    return q->dialect != NULL && strcmp(q->dialect, "gateway") == 0;
}

/* The message in its dialect: a session is part of it in the one, and where it is sent in the
 * other. */
static void write_message(struct json_writer *w, const struct question *q)
{
    struct str data = q->data != NULL ? str_from_z(q->data) : STR("{}");

    json_begin_object(w);
    api_write_text(w, STR("type"), q->type);
    if (is_gateway(q)) {
        api_write_text(w, STR("id"), "explain");
        api_write_text(w, STR("sessionId"), q->session);
        api_write_text(w, STR("target"), q->to);
        json_key_raw(w, STR("payload"), data);
    } else {
        api_write_text(w, STR("id"), "explain");
        api_write_text(w, STR("target_id"), q->to);
        json_key_raw(w, STR("data"), data);
    }
    json_end_object(w);
}

static void write_question(struct buf *out, const struct question *q)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    api_write_text(&w, STR("dialect"), q->dialect);
    api_write_text(&w, STR("as"), q->as);
    api_write_text(&w, STR("world"), q->world);
    if (!is_gateway(q)) {
        api_write_text(&w, STR("session"), q->session);
    }
    json_key(&w, STR("message"));
    write_message(&w, q);
    json_end_object(&w);
}

/* "pi: full, 2 of 2". */
static void append_candidate(struct buf *rows, struct str candidate)
{
    struct str max = json_get(candidate, STR("maxConcurrent"));
    struct buf text;

    buf_init(&text, MAX_CANDIDATE);
    print_value(&text, json_get(candidate, STR("agentId")));
    buf_append_str(&text, STR(": "));
    print_value(&text, json_get(candidate, STR("fate")));
    if (max.len > 0) {
        buf_printf(&text, ", %llu of %llu",
                   (unsigned long long)print_whole(json_get(candidate, STR("inFlight"))),
                   (unsigned long long)print_whole(max));
    }
    table_text(rows, STR("candidate"));
    table_text(rows, buf_str(&text));
    table_end_row(rows);
    buf_fini(&text);
}

static void append_candidates(struct buf *rows, struct str candidates)
{
    struct json_iter it = json_iter_of(candidates);
    struct str candidate;

    while (json_next_element(&it, &candidate)) {
        append_candidate(rows, candidate);
    }
}

static enum cli_exit print_answer(struct str answer)
{
    static const char *const members[] = {"verdict", "message",    "receivers", "session",
                                          "target",  "considered", "details"};
    struct buf rows, out;

    buf_init(&rows, API_MAX_ANSWER);
    buf_init(&out, API_MAX_ANSWER);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        struct str raw = json_get(answer, str_from_z(members[i]));
        if (raw.len > 0 && !str_equal(raw, STR("{}"))) {
            table_text(&rows, str_from_z(members[i]));
            table_cell(&rows, raw);
            table_end_row(&rows);
        }
    }
    append_candidates(&rows, json_get(answer, STR("candidates")));
    table_layout(&out, buf_str(&rows), false);
    out.failed = out.failed || rows.failed;
    enum cli_exit code = api_print(&out);
    buf_fini(&out);
    buf_fini(&rows);
    return code;
}

static enum cli_exit ask(const struct address_flags *where, const struct question *q, bool json)
{
    struct buf body, answer;

    buf_init(&body, MAX_QUESTION);
    buf_init(&answer, API_MAX_ANSWER);
    write_question(&body, q);
    enum cli_exit code = CLI_USAGE;
    if (body.failed) {
        complain("the message is too long");
    } else {
        code = api_ask(where, STR("/api/gateway/explain"), buf_str(&body), &answer);
    }
    if (code == CLI_OK) {
        struct str verdict = json_get(buf_str(&answer), STR("verdict"));
        code = json ? api_print_json(buf_str(&answer)) : print_answer(buf_str(&answer));
        if (code == CLI_OK && !json_string_is(verdict, STR("delivered")) &&
            !json_string_is(verdict, STR("answered")) && !json_string_is(verdict, STR("waits"))) {
            code = CLI_FAILED;
        }
    }
    buf_fini(&answer);
    buf_fini(&body);
    return code;
}

static const struct flag flags[] = {
    {"--as", "ID", "the client or agent that would send it"},
    {"--to", "ID", "to this agent or client alone"},
    {"--world", "NAME", "the world that it would be sent in (main)"},
    {"--session", "ID", "the session that it would be sent in"},
    {"--dialect", "world|gateway", "the dialect of the message (world)"},
    {"--json", NULL, "the answer as one JSON object"},
    FLAG_URL,
    FLAG_TOKEN_FILE,
    {0},
};

static enum cli_exit run_explain(struct args *args)
{
    struct question q = {0};
    const char *operands[2] = {NULL, NULL}, *json = NULL;
    struct address_flags where = {0};
    const char **const values[] = {&q.as,      &q.to, &q.world,   &q.session,
                                   &q.dialect, &json, &where.url, &where.token_file};
    enum cli_exit code;

    if (!args_read(args, values, operands, 2, &code)) {
        return code;
    }
    q.type = operands[0];
    q.data = operands[1];
    return check_arguments(&q) ? ask(&where, &q, json != NULL) : CLI_USAGE;
}

const struct command command_explain = {
    .name = "explain",
    .summary = "say where a message would go, without sending it",
    .synopsis = "[--as ID] [--to ID] [--world NAME|--session ID] TYPE [JSON]",
    .examples = "  % explain bark '{\"text\":\"hello\"}'\n"
                "  % explain --to timmy agent_message\n"
                "  % explain --dialect gateway --as c-abcdefghijklm --session den note\n"
                "  % explain route_request '{\"capability\":\"sum\",\"request\":[1,2]}'\n",
    .about =
        "Asks the gateway what would become of a message of this type: how many would get it\n"
        "and where they are, or which rule refuses it, and then the exit code is 1. Nothing\n"
        "is sent. Without --as it is a message of yours to a world; with it, of the client or\n"
        "agent of this id, from where that one is. About clients that came in with another\n"
        "credential than yours you need the grant `admin` to ask.\n"
        "\n"
        "Of a request to agents it says who would get it, or that it would wait, and of each\n"
        "agent that was considered why it is not the one: offline, busy by its own word, full\n"
        "(it has as many requests as it takes), later (another one has less to do).\n",
    .flags = flags,
    .run = run_explain,
};
