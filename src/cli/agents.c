#include "cli/agents.h"

#include "cli/args.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/url.h"
#include "json/reader.h"

enum { MAX_PATH = 64 * 1024, MAX_CAPABILITIES = 256 * 1024 };

/* --- the table -------------------------------------------------------------------------------- */

static const char *const titles[] = {"AGENT", "ROLE",   "TYPE",         "STATUS", "WORLD",
                                     "SINCE", "CLIENT", "CAPABILITIES", NULL};

static bool is_off(struct str value)
{
    return str_equal(value, STR("false")) || str_equal(value, STR("null"));
}

/* What an agent can do is an object: {"chat":true,"tools":["search"]} reads "chat tools:search". */
static void append_capability(struct buf *out, struct str key, struct str value)
{
    struct json_iter it = json_iter_of(value);
    bool is_list = json_kind_of(value) == JSON_ARRAY;
    struct str name, setting = STR("");

    if (str_equal(value, STR("true"))) {
        buf_append_char(out, ' ');
        print_value(out, key);
    }
    while (is_list ? json_next_element(&it, &name) : json_next_member(&it, &name, &setting)) {
        if (!is_off(setting)) {
            buf_append_char(out, ' ');
            print_value(out, key);
            buf_append_char(out, ':');
            print_value(out, name);
        }
    }
}

static void append_capabilities(struct buf *rows, struct str raw)
{
    struct json_iter it = json_iter_of(raw);
    struct str key, value;
    struct buf text;

    buf_init(&text, MAX_CAPABILITIES);
    if (json_kind_of(raw) == JSON_ARRAY) {
        while (json_next_element(&it, &value)) {
            buf_append_char(&text, ' ');
            print_value(&text, value);
        }
    }
    while (json_kind_of(raw) == JSON_OBJECT && json_next_member(&it, &key, &value)) {
        append_capability(&text, key, value);
    }
    /* Every name has a space before it. The names are escaped already. */
    buf_append_str(rows, text.len > 0 ? str_slice(buf_str(&text), 1, text.len) : STR("-"));
    buf_append_char(rows, '\t');
    buf_fini(&text);
}

static void append_row(struct buf *rows, struct str agent, time_t now)
{
    struct buf since;

    buf_init(&since, 32);
    print_since(&since, (time_t)print_whole(json_get(agent, STR("connected_at"))), now);
    table_cell(rows, json_get(agent, STR("agent_id")));
    table_cell(rows, json_get(agent, STR("role")));
    table_cell(rows, json_get(agent, STR("type")));
    table_cell(rows, json_get(agent, STR("status")));
    table_cell(rows, json_get(agent, STR("world")));
    table_text(rows, buf_str(&since));
    table_cell(rows, json_get(agent, STR("client_id")));
    append_capabilities(rows, json_get(agent, STR("capabilities")));
    buf_fini(&since);
}

const struct listing agents_listing = {
    .member = "agents", .nothing = "no agents", .titles = titles, .row = append_row};

/* --- the command ------------------------------------------------------------------------------ */

static const struct flag flags[] = {
    {"--capability", "C", "those that can do this: chat, a tool, a mode"},
    {"--type", "T", "those of this type"},
    {"--status", "online|busy|offline|all", "those in this state"},
    {"--json", NULL, "one JSON object for each, on a line"},
    FLAG_URL,
    FLAG_TOKEN_FILE,
    {0},
};

static enum cli_exit run_agents(struct args *args)
{
    const char *capability = NULL, *type = NULL, *status = NULL, *json = NULL;
    struct address_flags where = {0};
    const char **const values[] = {&capability, &type,      &status,
                                   &json,       &where.url, &where.token_file};
    enum cli_exit code;
    struct buf path;

    if (!args_read(args, values, NULL, 0, &code)) {
        return code;
    }
    buf_init(&path, MAX_PATH);
    buf_append_str(&path, STR("/api/gateway/agents?limit=1000"));
    if (capability != NULL) {
        url_append_query(&path, STR("capability"), str_from_z(capability));
    }
    if (type != NULL) {
        url_append_query(&path, STR("type"), str_from_z(type));
    }
    if (status != NULL) {
        url_append_query(&path, STR("status"), str_from_z(status));
    }
    code = listing_show(&agents_listing, &where, buf_str(&path), json != NULL);
    buf_fini(&path);
    return code;
}

const struct command command_agents = {
    .name = "agents",
    .summary = "which agents there are, and what they can do",
    .synopsis = "[--capability C] [--type T] [--status S] [--json]",
    .examples = "  % agents\n"
                "  % agents --capability chat\n"
                "  % agents --status all --json\n",
    .about = "Lists the agents that are connected, or those that match all that is asked for.\n",
    .flags = flags,
    .run = run_agents,
};
