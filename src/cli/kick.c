#include "cli/api.h"
#include "cli/args.h"
#include "json/writer.h"

enum { MAX_TEXT = 64 * 1024 };

static enum cli_exit kick(const struct address_flags *where, const char *id, const char *reason)
{
    struct buf path, json, answer;
    struct json_writer w;

    buf_init(&path, MAX_TEXT);
    buf_init(&json, MAX_TEXT);
    buf_init(&answer, API_MAX_ANSWER);
    buf_printf(&path, "/api/gateway/clients/%s/kick", id);
    json_writer_init(&w, &json);
    json_begin_object(&w);
    if (reason != NULL) {
        json_key_string(&w, STR("reason"), str_from_z(reason));
    }
    json_end_object(&w);
    enum cli_exit code = CLI_USAGE;
    if (json.failed) {
        complain("the reason is too long");
    } else {
        code = api_ask(where, buf_str(&path), buf_str(&json), &answer);
    }
    if (code == CLI_OK) {
        complain("%s is disconnected", id);
    }
    buf_fini(&answer);
    buf_fini(&json);
    buf_fini(&path);
    return code;
}

static const struct flag flags[] = {
    FLAG_URL,
    FLAG_TOKEN_FILE,
    {0},
};

static enum cli_exit run_kick(struct args *args)
{
    const char *operands[2] = {NULL, NULL};
    struct address_flags where = {0};
    const char **const values[] = {&where.url, &where.token_file};
    enum cli_exit code;

    if (!args_read(args, values, operands, 2, &code)) {
        return code;
    }
    if (operands[0] == NULL) {
        complain("say whom: %s kick ID [REASON]; %s clients lists them", program_path,
                 program_path);
        return CLI_USAGE;
    }
    if (!url_id_valid(str_from_z(operands[0]))) {
        complain("%s cannot be the id of a client or an agent", operands[0]);
        return CLI_USAGE;
    }
    return kick(&where, operands[0], operands[1]);
}

const struct command command_kick = {
    .name = "kick",
    .summary = "disconnect a client",
    .synopsis = "ID [REASON]",
    .examples = "  % kick c-abcdefghijklm\n"
                "  % kick timmy 'you talk too much'\n",
    .about = "Closes the connection of a client, or of an agent, with the close code 4408; it is\n"
             "told the reason. It may come again: to keep it out, take its token out of the\n"
             "gateway's configuration. It needs the grant `admin`.\n",
    .flags = flags,
    .run = run_kick,
};
