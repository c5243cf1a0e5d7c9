#include "cli/agents.h"
#include "cli/args.h"
#include "cli/print.h"
#include "json/reader.h"

static void print_head(struct buf *out, struct str status)
{
    struct str messages = json_get(status, STR("messages"));

    buf_append_str(out, STR("parley "));
    print_value(out, json_get(status, STR("version")));
    buf_append_str(out, STR("   "));
    print_value(out, json_get(status, STR("status")));
    buf_append_str(out, STR("   up "));
    print_duration(out, print_whole(json_get(status, STR("uptime_seconds"))));
    buf_append_str(out, STR("\n\n  clients   "));
    print_value(out, json_get(status, STR("connections")));
    buf_append_str(out, STR("\n  sessions  "));
    print_value(out, json_get(status, STR("sessions")));
    buf_append_str(out, STR("\n  messages  "));
    print_value(out, json_get(messages, STR("received")));
    buf_append_str(out, STR(" received, "));
    print_value(out, json_get(messages, STR("delivered")));
    buf_append_str(out, STR(" delivered, "));
    print_value(out, json_get(messages, STR("dropped")));
    buf_append_str(out, STR(" dropped\n\n"));
}

static enum cli_exit print_status(struct str status)
{
    struct buf out;

    buf_init(&out, 2 * API_MAX_ANSWER);
    print_head(&out, status);
    listing_append(&out, &agents_listing, status);
    enum cli_exit code = api_print(&out);
    buf_fini(&out);
    return code;
}

static const struct flag flags[] = {
    {"--json", NULL, "the gateway's answer as it came, on one line"},
    FLAG_URL,
    FLAG_TOKEN_FILE,
    {0},
};

static enum cli_exit run_status(struct args *args)
{
    const char *json = NULL;
    struct address_flags where = {0};
    const char **const values[] = {&json, &where.url, &where.token_file};
    enum cli_exit code;
    struct buf answer;

    if (!args_read(args, values, NULL, 0, &code)) {
        return code;
    }
    buf_init(&answer, API_MAX_ANSWER);
    code = api_ask(&where, STR("/api/gateway/status"), STR(""), &answer);
    if (code == CLI_OK) {
        code = json != NULL ? api_print_json(buf_str(&answer)) : print_status(buf_str(&answer));
    }
    buf_fini(&answer);
    return code;
}

const struct command command_status = {
    .name = "status",
    .summary = "who is connected to the gateway",
    .synopsis = "[--json]",
    .examples = "  % status\n  % status --json\n",
    .about = "Asks a running gateway who is connected and what it has done.\n",
    .flags = flags,
    .run = run_status,
};
