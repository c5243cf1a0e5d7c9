#include "cli/api.h"
#include "cli/args.h"
#include "cli/table.h"
#include "json/reader.h"

static const char *const titles[] = {"SESSION", "MEMBERS", "AGENTS", NULL};

static void append_row(struct buf *rows, struct str session, time_t now)
{
    (void)now;
    table_cell(rows, json_get(session, STR("name")));
    table_cell(rows, json_get(session, STR("members")));
    table_cell(rows, json_get(session, STR("agents")));
}

static const struct listing listing = {
    .member = "sessions", .nothing = "no sessions", .titles = titles, .row = append_row};

static const struct flag flags[] = {
    {"--json", NULL, "one JSON object for each, on a line"},
    FLAG_URL,
    FLAG_TOKEN_FILE,
    {0},
};

static enum cli_exit run_sessions(struct args *args)
{
    const char *json = NULL;
    struct address_flags where = {0};
    const char **const values[] = {&json, &where.url, &where.token_file};
    enum cli_exit code;

    if (!args_read(args, values, NULL, 0, &code)) {
        return code;
    }
    return listing_show(&listing, &where, STR("/api/gateway/sessions?limit=1000"), json != NULL);
}

const struct command command_sessions = {
    .name = "sessions",
    .summary = "which sessions and worlds there are",
    .synopsis = "[--json]",
    .examples = "  % sessions\n  % sessions --json\n",
    .about = "Lists the sessions that you may enter, with how many are in each. A world is the\n"
             "session world:NAME.\n",
    .flags = flags,
    .run = run_sessions,
};
