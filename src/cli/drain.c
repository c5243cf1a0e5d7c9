#include "cli/api.h"
#include "cli/args.h"

static const struct flag flags[] = {
    FLAG_URL,
    FLAG_TOKEN_FILE,
    {0},
};

static enum cli_exit run_drain(struct args *args)
{
    struct address_flags where = {0};
    const char **const values[] = {&where.url, &where.token_file};
    enum cli_exit code;
    struct buf answer;

    if (!args_read(args, values, NULL, 0, &code)) {
        return code;
    }
    buf_init(&answer, API_MAX_ANSWER);
    code = api_ask(&where, STR("/api/gateway/drain"), STR("{}"), &answer);
    if (code == CLI_OK) {
        complain("the gateway takes no more clients, tells those it has, and ends");
    }
    buf_fini(&answer);
    return code;
}

const struct command command_drain = {
    .name = "drain",
    .summary = "stop the gateway gently",
    .synopsis = "",
    .examples = "  % drain\n",
    .about = "Does what SIGTERM does: the gateway takes no more clients, is not ready any more,\n"
             "tells its clients over the time of the option `drain`, and ends. The command does\n"
             "not wait for that. It needs the grant `admin`.\n",
    .flags = flags,
    .run = run_drain,
};
