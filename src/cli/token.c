#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/suggest.h"
#include "cli/args.h"
#include "cli/secret.h"
#include "cli/tokens.h"
#include "crypto/token_file.h"

enum { MAX_TALK = 16 * 1024, MAX_LINE = 32 * 1024 };

enum {
    FLAG_AGENT_ID,
    FLAG_PUBLISH,
    FLAG_SESSIONS,
    FLAG_ACT_AS,
    FLAG_BROADCAST,
    FLAG_ADMIN,
    FLAG_FILE,
    FLAG_JSON
};

static const struct flag flags[] = {
    [FLAG_AGENT_ID] = {"--agent-id", "ID", "new, hash: the one agent that it may register"},
    [FLAG_PUBLISH] = {"--publish", "PATTERNS", "new, hash: message types that it may send"},
    [FLAG_SESSIONS] = {"--sessions", "PATTERNS", "new, hash: where it may be, as in world:*"},
    [FLAG_ACT_AS] = {"--act-as", "PATTERNS", "new, hash: agents that it may speak as"},
    [FLAG_BROADCAST] = {"--broadcast", NULL, "new, hash: it may send to all at once"},
    [FLAG_ADMIN] = {"--admin", NULL, "new, hash: it may run the gateway"},
    [FLAG_FILE] = {"--file", "FILE", "new: add the line to this token file"},
    [FLAG_JSON] = {"--json", NULL, "list: one JSON object a line"},
    {0},
};

enum { GRANT_FLAGS = 1u << FLAG_FILE, OF_LINE = GRANT_FLAGS - 1 /* all before --file */ };

struct asking {
    const char *operand; /* a name or a file; NULL for none */
    struct token_line line;
    const char *file;
    bool as_json;
    unsigned given; /* a bit for each flag */
};

/* --- new, hash ----------------------------------------------------------------------------------
 */

static bool name_token(struct asking *asking, const char *name)
{
    asking->line.name = str_from_z(name);
    if (!token_name_valid(asking->line.name)) {
        complain("a token's name is 1 to 64 characters of A-Z a-z 0-9 . _ @ -");
        return false;
    }
    /* Who says nothing of grants wants a client like any other. */
    if ((asking->given & OF_LINE & ~(1u << FLAG_AGENT_ID)) == 0) {
        asking->line.grants.publish = STR("*");
        asking->line.grants.sessions = STR("*");
    }
    return true;
}

/* Prints the token, when there is one, and the line, when there is no file for it. */
static void print_lines(const struct asking *asking, struct str token)
{
    struct buf line;

    if (token.len > 0) {
        (void)printf("%.*s\n", STR_ARG(token));
    }
    if (asking->file == NULL) {
        buf_init(&line, MAX_LINE);
        token_line_append(&line, &asking->line);
        (void)printf("%.*s\n", STR_ARG(buf_str(&line)));
        buf_fini(&line);
    }
    (void)fflush(stdout);
}

static void explain(const struct asking *asking, bool has_token)
{
    if (!isatty(STDOUT_FILENO)) {
        return;
    }
    if (has_token) {
        (void)fprintf(stderr,
                      "\nThe first line is the token, for %.*s alone. It is shown this once.\n",
                      STR_ARG(asking->line.name));
    }
    if (asking->file != NULL) {
        (void)fprintf(stderr, "Its line is in %s; a running gateway reads it on SIGHUP.\n",
                      asking->file);
    } else {
        (void)fprintf(stderr,
                      "%s belongs into the gateway's token file (auth.token_file). Nobody can\n"
                      "come in by it alone.\n",
                      has_token ? "The second line" : "\nThe line");
    }
}

static enum cli_exit make_token(struct asking *asking)
{
    char token[TOKEN_NEW_SIZE];
    struct buf error;

    if (asking->operand == NULL) {
        complain("whose token? Say: %s token new NAME", program_path);
        return CLI_USAGE;
    }
    if (!name_token(asking, asking->operand)) {
        return CLI_USAGE;
    }
    if (!token_new(token)) {
        complain("the system has no random numbers to give: %s", strerror(errno));
        return CLI_FAILED;
    }
    digest_sha256(token, sizeof(token), asking->line.digest);
    buf_init(&error, MAX_TALK);
    bool ok = asking->file == NULL || token_file_append(asking->file, &asking->line, &error);
    if (ok) {
        print_lines(asking, str_make(token, sizeof(token)));
        explain(asking, true);
    } else {
        complain("%.*s", STR_ARG(buf_str(&error)));
    }
    explicit_bzero(token, sizeof(token));
    buf_fini(&error);
    return ok ? CLI_OK : CLI_FAILED;
}

static enum cli_exit print_hash(struct asking *asking, struct str token)
{
    if (!token_valid(token)) {
        complain("a token is 1 to 512 characters of A-Z a-z 0-9 . _ ~ -");
        return CLI_FAILED;
    }
    if (token.len < TOKEN_SET_SHORT_SECRET) {
        complain("warning: this has fewer than %d characters and can be guessed; %s token new "
                 "makes a better one",
                 TOKEN_SET_SHORT_SECRET, program_path);
    }
    digest_sha256(token.ptr, token.len, asking->line.digest);
    print_lines(asking, STR(""));
    explain(asking, false);
    return CLI_OK;
}

static enum cli_exit hash_token(struct asking *asking)
{
    struct secret token;
    struct buf error;

    if (!name_token(asking, asking->operand != NULL ? asking->operand : "shared")) {
        return CLI_USAGE;
    }
    buf_init(&error, MAX_TALK);
    bool ok = secret_read(&token, STDIN_FILENO, "Token", false, &error);
    enum cli_exit code = CLI_FAILED;
    if (ok) {
        code = print_hash(asking, secret_str(&token));
        secret_wipe(&token);
    } else {
        complain("no token: %.*s", STR_ARG(buf_str(&error)));
    }
    buf_fini(&error);
    return code;
}

/* --- list ---------------------------------------------------------------------------------------
 */

static enum cli_exit print_set(const struct token_set *set, bool as_json)
{
    struct buf out;

    buf_init(&out, TOKENS_MAX_OUTPUT);
    if (as_json) {
        tokens_write_json(&out, set);
    } else {
        tokens_write_table(&out, set);
    }
    bool ok = !out.failed && (out.len == 0 || fwrite(out.data, 1, out.len, stdout) == out.len);
    buf_fini(&out);
    if (!ok) {
        complain("the list could not be written");
    }
    return ok ? CLI_OK : CLI_FAILED;
}

static enum cli_exit list_tokens(struct asking *asking)
{
    struct token_set set;
    struct buf warnings, error;
    enum cli_exit code = CLI_FAILED;

    if (asking->operand == NULL) {
        complain("which file? Say: %s token list FILE", program_path);
        return CLI_USAGE;
    }
    token_set_init(&set);
    buf_init(&warnings, MAX_TALK);
    buf_init(&error, MAX_TALK);
    bool ok = token_set_add_file(&set, asking->operand, &warnings, &error);
    complain_lines(buf_str(&warnings));
    if (ok) {
        code = print_set(&set, asking->as_json);
    } else {
        complain("%.*s", STR_ARG(buf_str(&error)));
    }
    buf_fini(&error);
    buf_fini(&warnings);
    token_set_fini(&set);
    return code;
}

/* --- arguments ----------------------------------------------------------------------------------
 */

/* What the command can do; in the order of `actions`. */
static const struct word words[] = {
    {"new", "make a token, and the line by which a gateway knows it"},
    {"hash", "the line of a token that is there already"},
    {"list", "the tokens of a file"},
    {0},
};

static const struct action {
    unsigned takes; /* a bit for each flag */
    enum cli_exit (*run)(struct asking *asking);
} actions[] = {
    {OF_LINE | 1u << FLAG_FILE, make_token},
    {OF_LINE, hash_token},
    {1u << FLAG_JSON, list_tokens},
};

static const struct action *find_action(const char *name)
{
    struct suggestion nearest;

    suggestion_init(&nearest, str_from_z(name));
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(words[i].name, name) == 0) {
            return &actions[i];
        }
        suggestion_offer(&nearest, str_from_z(words[i].name), words[i].name);
    }
    /* What it does not know may be a token, so it is not repeated. */
    if (nearest.best != NULL) {
        complain("token cannot do that; did you mean %s?", nearest.best);
    } else {
        complain("token cannot do that; see %s token --help", program_path);
    }
    return NULL;
}

static bool take_patterns(struct str *ret_patterns, const char *flag, const char *value)
{
    *ret_patterns = str_from_z(value);
    if (ret_patterns->len == 0 || !grants_valid(*ret_patterns)) {
        complain("%s takes one pattern, or several with one | between them: %s 'bark|scene_*'",
                 flag, flag);
        return false;
    }
    return true;
}

static bool take_flag(struct asking *asking, int flag, const char *value)
{
    struct grants *grants = &asking->line.grants;

    asking->given |= 1u << flag;
    switch (flag) {
    case FLAG_AGENT_ID:
        asking->line.agent_id = str_from_z(value);
        if (!token_agent_valid(asking->line.agent_id)) {
            complain("an agent's id is 1 to 128 characters of A-Z a-z 0-9 . _ : @ -");
            return false;
        }
        return true;
    case FLAG_PUBLISH:
        return take_patterns(&grants->publish, flags[flag].name, value);
    case FLAG_SESSIONS:
        return take_patterns(&grants->sessions, flags[flag].name, value);
    case FLAG_ACT_AS:
        return take_patterns(&grants->act_as, flags[flag].name, value);
    case FLAG_BROADCAST:
        grants->broadcast = true;
        return true;
    case FLAG_ADMIN:
        grants->admin = true;
        return true;
    case FLAG_FILE:
        asking->file = value;
        return true;
    default:
        asking->as_json = true;
        return true;
    }
}

/* Whether the action takes all flags that were given. */
static bool fits(const struct action *action, const struct asking *asking)
{
    unsigned wrong = asking->given & ~action->takes;

    if (wrong != 0) {
        complain("token %s takes no %s", words[action - actions].name,
                 flags[__builtin_ctz(wrong)].name);
    }
    return wrong == 0;
}

static enum cli_exit run_token(struct args *args)
{
    struct asking asking = {.line.name = STR("")};
    const struct action *action = NULL;
    const char *value;
    int taken;

    while ((taken = args_next(args, &value)) != ARGS_END) {
        if (taken == ARGS_OPERAND && action == NULL) {
            action = find_action(value);
            if (action == NULL) {
                return CLI_USAGE;
            }
        } else if (taken == ARGS_OPERAND && action->run == hash_token && strcmp(value, "-") == 0) {
            continue; /* standard input, where it reads in any case */
        } else if (taken == ARGS_OPERAND && asking.operand == NULL) {
            asking.operand = value;
        } else if (taken == ARGS_OPERAND) {
            complain("token %s takes no more than one operand", words[action - actions].name);
            return CLI_USAGE;
        } else if (taken < 0) {
            return args_exit(taken);
        } else if (!take_flag(&asking, taken, value)) {
            return CLI_USAGE;
        }
    }
    if (action == NULL) {
        complain("say what to do: %s token new NAME", program_path);
        return CLI_USAGE;
    }
    return fits(action, &asking) ? action->run(&asking) : CLI_USAGE;
}

const struct command command_token = {
    .name = "token",
    .summary = "make tokens, and see who has one",
    .synopsis = "new NAME|hash [NAME]|list FILE [--agent-id ID] [--publish PATTERNS] ...",
    .examples = "  % token new kitchen --file tokens\n"
                "  % token new stage --publish 'scene_*|bark' --sessions world:main\n"
                "  % token hash kitchen < secret.txt\n"
                "  % token list tokens\n",
    .about =
        "new makes a token and prints it, and the line by which a gateway knows it; with --file\n"
        "the line is added to a token file instead. hash reads a token that exists from standard\n"
        "input and prints its line. Without a flag that grants something, a token may send\n"
        "everything everywhere (publish=* sessions=*); with one, what is said and nothing more.\n"
        "list shows who has a token in a file, and for what. docs/access.md says more.\n",
    .flags = flags,
    .words = words,
    .run = run_token,
};
