#include "cli/api.h"
#include "cli/args.h"
#include "cli/print.h"
#include "cli/table.h"
#include "json/reader.h"

enum { MAX_PATH = 1024 };

/* --- all of them ------------------------------------------------------------------------------ */

static const char *const titles[] = {"CLIENT", "AGENT", "USER",    "ADDRESS",
                                     "SINCE",  "IDLE",  "DROPPED", NULL};

/* How long ago, by two clocks that may differ a little. */
static void append_idle(struct buf *out, struct str ms, time_t now)
{
    uint64_t then = print_whole(ms) / 1000;

    print_duration(out, (uint64_t)now > then ? (uint64_t)now - then : 0);
}

static void append_row(struct buf *rows, struct str client, time_t now)
{
    struct buf since, idle;

    buf_init(&since, 32);
    buf_init(&idle, 32);
    print_since(&since, (time_t)(print_whole(json_get(client, STR("connectedAt"))) / 1000), now);
    append_idle(&idle, json_get(client, STR("lastActivityAt")), now);
    table_cell(rows, json_get(client, STR("id")));
    table_cell(rows, json_get(client, STR("agentId")));
    table_cell(rows, json_get(client, STR("userId")));
    table_cell(rows, json_get(client, STR("ip")));
    table_text(rows, buf_str(&since));
    table_text(rows, buf_str(&idle));
    table_cell(rows, json_get(client, STR("dropped")));
    buf_fini(&idle);
    buf_fini(&since);
}

static const struct listing listing = {
    .member = "clients", .nothing = "no clients", .titles = titles, .row = append_row};

/* --- one of them ------------------------------------------------------------------------------ */

static void append_field(struct buf *rows, const char *name, struct str raw)
{
    table_text(rows, str_from_z(name));
    table_cell(rows, raw);
    table_end_row(rows);
}

static void append_times(struct buf *rows, struct str client)
{
    struct buf text;
    time_t now = time(NULL);

    buf_init(&text, 64);
    print_since(&text, (time_t)(print_whole(json_get(client, STR("connectedAt"))) / 1000), now);
    table_text(rows, STR("since"));
    table_text(rows, buf_str(&text));
    table_end_row(rows);
    buf_clear(&text);
    append_idle(&text, json_get(client, STR("lastActivityAt")), now);
    table_text(rows, STR("idle"));
    table_text(rows, buf_str(&text));
    table_end_row(rows);
    buf_fini(&text);
}

static void append_sessions(struct buf *rows, struct str sessions)
{
    struct json_iter it = json_iter_of(sessions);
    const char *name = "sessions";
    struct str session;

    while (json_next_element(&it, &session)) {
        append_field(rows, name, session);
        name = " ";
    }
}

static enum cli_exit print_client(struct str client)
{
    struct buf rows, out;

    buf_init(&rows, API_MAX_ANSWER);
    buf_init(&out, API_MAX_ANSWER);
    append_field(&rows, "client", json_get(client, STR("id")));
    append_field(&rows, "agent", json_get(client, STR("agentId")));
    append_field(&rows, "user", json_get(client, STR("userId")));
    append_field(&rows, "dialect", json_get(client, STR("dialect")));
    append_field(&rows, "authenticated", json_get(client, STR("authenticated")));
    append_field(&rows, "address", json_get(client, STR("ip")));
    append_field(&rows, "program", json_get(client, STR("userAgent")));
    append_times(&rows, client);
    append_field(&rows, "dropped", json_get(client, STR("dropped")));
    append_sessions(&rows, json_get(client, STR("sessions")));
    table_layout(&out, buf_str(&rows), false);
    out.failed = out.failed || rows.failed;
    enum cli_exit code = api_print(&out);
    buf_fini(&out);
    buf_fini(&rows);
    return code;
}

static enum cli_exit show_client(const struct address_flags *where, const char *id, bool json)
{
    struct buf path, answer;

    if (!url_id_valid(str_from_z(id))) {
        complain("%s cannot be the id of a client or an agent", id);
        return CLI_USAGE;
    }
    buf_init(&path, MAX_PATH);
    buf_init(&answer, API_MAX_ANSWER);
    buf_printf(&path, "/api/gateway/clients/%s", id);
    enum cli_exit code = api_ask(where, buf_str(&path), STR(""), &answer);
    if (code == CLI_OK) {
        code = json ? api_print_json(buf_str(&answer)) : print_client(buf_str(&answer));
    }
    buf_fini(&answer);
    buf_fini(&path);
    return code;
}

static const struct flag flags[] = {
    {"--json", NULL, "one JSON object for each, on a line"},
    FLAG_URL,
    FLAG_TOKEN_FILE,
    {0},
};

static enum cli_exit run_clients(struct args *args)
{
    const char *id = NULL, *json = NULL;
    struct address_flags where = {0};
    const char **const values[] = {&json, &where.url, &where.token_file};
    enum cli_exit code;

    if (!args_read(args, values, &id, 1, &code)) {
        return code;
    }
    return id != NULL ? show_client(&where, id, json != NULL)
                      : listing_show(&listing, &where, STR("/api/gateway/clients?limit=1000"),
                                     json != NULL);
}

const struct command command_clients = {
    .name = "clients",
    .summary = "who is connected, and from where",
    .synopsis = "[ID] [--json]",
    .examples = "  % clients\n"
                "  % clients timmy\n"
                "  % clients --json\n",
    .about =
        "Lists the connections of a gateway, or shows one of them, by the id of the client or\n"
        "of its agent. It needs the grant `admin`.\n",
    .flags = flags,
    .run = run_clients,
};
