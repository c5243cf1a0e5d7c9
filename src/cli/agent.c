#include "cli/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cli/args.h"
#include "cli/duration.h"
#include "cli/socket.h"

enum { MAX_CAPABILITY = 256, MAX_NAME = 256, ID_CAPABILITY = 64, ID_HOST = 40 };

static const struct flag flags[] = {
    {"--exec", "CMD", "the program, as a shell takes it"},
    {"--id", "ID", "the agent's id (the capability, the machine and the process)"},
    {"--name", "NAME", "its name for people (the id)"},
    {"--stream", NULL, "each line that the program prints is a part of the answer"},
    {"--chat", NULL, "offer `chat` as well"},
    {"--concurrency", "N", "requests at a time, 1 to 256 (1)"},
    {"--timeout", "TIME", "how long the program may take for one, as in 30s (no limit)"},
    FLAG_URL_PATH,
    FLAG_TOKEN_FILE,
    {0},
};

static const struct word words[] = {
    {"run", "be an agent until a signal ends it"},
    {0},
};

/* What an id cannot have becomes a hyphen. */
static void append_name(char *out, size_t cap, size_t most, const char *name)
{
    size_t len = strlen(out);

    for (size_t i = 0; i < most && len + 1 < cap && name[i] != '\0'; i++) {
        out[len++] = url_id_valid(str_make(name + i, 1)) ? name[i] : '-';
    }
    out[len] = '\0';
}

/* "demo.upper@machine:4711" */
static void make_id(struct agent_options *o)
{
    char host[256] = "", tail[32];

    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(tail, sizeof(tail), ":%ld", (long)getpid());
    o->id[0] = '\0';
    append_name(o->id, sizeof(o->id), ID_CAPABILITY, o->capability);
    append_name(o->id, sizeof(o->id), 1, "@");
    append_name(o->id, sizeof(o->id), ID_HOST, host[0] != '\0' ? host : "local");
    append_name(o->id, sizeof(o->id), sizeof(tail), tail);
}

static bool take_id(struct agent_options *o, const char *id)
{
    if (id == NULL) {
        make_id(o);
        return true;
    }
    if (!url_id_valid(str_from_z(id))) {
        complain("%s cannot be the id of an agent: letters, digits and . _ : @ -, at most %d", id,
                 AGENT_MAX_ID);
        return false;
    }
    (void)snprintf(o->id, sizeof(o->id), "%s", id);
    return true;
}

/* A character has four bytes at most; the gateway counts them itself. */
static bool check_name(const struct agent_options *o)
{
    bool ok = o->name == NULL || strlen(o->name) <= 4 * (size_t)MAX_NAME;

    if (!ok) {
        complain("--name is too long: it has at most %d characters", MAX_NAME);
    }
    return ok;
}

static bool take_concurrency(struct agent_options *o, const char *text)
{
    uint64_t number = 1;

    if (text != NULL &&
        (!str_to_uint(str_from_z(text), AGENT_MAX_CONCURRENT, &number) || number == 0)) {
        complain("--concurrency %s is no number from 1 to %d", text, AGENT_MAX_CONCURRENT);
        return false;
    }
    o->concurrency = (unsigned)number;
    return true;
}

static bool take_operands(struct agent_options *o, const struct command *command,
                          const char *const operands[2])
{
    if (args_word(command, operands[0]) < 0) {
        return false;
    }
    struct str capability = str_from_z(operands[1]);
    if (capability.len == 0 || capability.len > MAX_CAPABILITY ||
        !utf8_valid(capability.ptr, capability.len)) {
        complain("say what the agent can do: %s agent run CAPABILITY --exec CMD", program_path);
        return false;
    }
    if (o->command == NULL || o->command[0] == '\0') {
        complain("say what does it: %s agent run %s --exec CMD", program_path, operands[1]);
        return false;
    }
    o->capability = operands[1];
    return true;
}

static enum cli_exit run_agent(struct args *args)
{
    struct agent a = {.signals = -1};
    struct agent_options *o = &a.options;
    const char *operands[2] = {NULL, NULL};
    const char *id = NULL, *stream = NULL, *chat = NULL, *concurrency = NULL, *timeout = NULL;
    struct address_flags where = {0};
    const char **const values[] = {&o->command,  &id,      &o->name,   &stream,          &chat,
                                   &concurrency, &timeout, &where.url, &where.token_file};
    enum cli_exit code;

    if (!args_read(args, values, operands, 2, &code)) {
        return code;
    }
    o->stream = stream != NULL;
    o->chat = chat != NULL;
    if (!take_operands(o, args->command, operands) || !take_id(o, id) || !check_name(o) ||
        !take_concurrency(o, concurrency) || !duration_read("--timeout", timeout, &o->timeout_ms)) {
        return CLI_USAGE;
    }
    code = address_find(&where, &a.address);
    if (code == CLI_OK) {
        code = agent_loop(&a);
        address_fini(&a.address);
    }
    return code;
}

const struct command command_agent = {
    .name = "agent",
    .summary = "become an agent: a program answers requests",
    .synopsis = "run CAPABILITY --exec CMD",
    .examples = "  % agent run demo.upper --exec 'tr a-z A-Z'\n"
                "  % agent run sum --exec 'jq add' --concurrency 4 --timeout 10s\n"
                "  % agent run count --stream --exec 'seq 5' --id counter\n",
    .about =
        "Registers an agent that can do CAPABILITY and runs CMD (by /bin/sh -c) for each request\n"
        "that comes. The program reads the request as one line of JSON from its standard input.\n"
        "What it prints is the answer: the JSON that it is, else the text without its last\n"
        "newline; with --stream each line is a part of the answer, sent as it comes, but no more\n"
        "in a second than four times the limits.send_queue_bytes that may wait for the asker. An\n"
        "exit code other than 0 fails the request, and the asker is told the code and the end of\n"
        "what the program wrote to standard error.\n"
        "\n"
        "The variables PARLEY_REQUEST_ID, PARLEY_CAPABILITY and PARLEY_SOURCE (who asks) are set;\n"
        "PARLEY_TOKEN is not handed on. When a request is cancelled or has taken --timeout, the\n"
        "program and what it started (its process group) get SIGTERM, and SIGKILL after 5 s. An\n"
        "agent with --chat takes chat messages too: the program reads the payload of one, and "
        "what\n"
        "it prints is the reply.\n"
        "\n"
        "When the gateway goes away, what runs is ended, and the agent comes back and registers\n"
        "again when the gateway does. SIGTERM and SIGINT: no new requests are taken, those under\n"
        "way have 10 s to end, what has been answered is sent, as fast as limits.rate allows, and\n"
        "the exit code is 0; a second signal ends them at once.\n",
    .flags = flags,
    .words = words,
    .run = run_agent,
};
