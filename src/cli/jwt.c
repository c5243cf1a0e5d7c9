#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/printable.h"
#include "cli/args.h"
#include "cli/print.h"
#include "cli/secret.h"
#include "config/config.h"
#include "crypto/jwt.h"
#include "json/writer.h"

enum { MAX_OUTPUT = 64 * 1024 };

enum { FLAG_CONFIG, FLAG_SET, FLAG_JSON };

static const struct flag flags[] = {
    [FLAG_CONFIG] = {"--config", "FILE", "read this file, and look for no other"},
    [FLAG_SET] = {"--set", "KEY=VALUE", "any option, as for serve"},
    [FLAG_JSON] = {"--json", NULL, "one JSON object"},
    {0},
};

static const struct word words[] = {
    {"check", "say what a token on standard input is good for"},
    {0},
};

/* What to do about a token that is refused. */
static const char *const fixes[JWT_REASONS] = {
    [JWT_MALFORMED] = "it has to be three parts in base64url with dots between them, signed by one "
                      "of the keys; headers that bring keys or extensions along are not taken",
    [JWT_UNKNOWN_KEY] = "no key of auth.jwt.keys has its algorithm and kid; add the key, with "
                        "kid=KID as the issuer names it",
    [JWT_BAD_SIGNATURE] = "the keys of its algorithm and kid have not signed it; compare the key "
                          "file with the issuer's key",
    [JWT_WRONG_ISSUER] = "its `iss` is not that of the key; set iss=ISSUER in the line of the key, "
                         "or auth.jwt.issuer, to exactly that",
    [JWT_WRONG_AUDIENCE] = "it is for somebody else; have the issuer put auth.jwt.audience into "
                           "`aud`, or set that option to what is there",
    [JWT_EXPIRED] = "get a new one from the issuer; if it is new, compare the clocks",
    [JWT_NOT_YET] = "wait for its time to come; if it has come, compare the clocks",
    [JWT_BAD_CLAIMS] = "have the issuer put it right; docs/access.md says how each claim has to be",
    [JWT_NO_MEMORY] = "there is no memory for it; try again",
};

struct asking {
    struct config_sources sources;
    bool as_json;
};

/* --- what it says ----------------------------------------------------------------------------- */

static void write_claims(struct buf *out, const struct jwt_claims *c)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key_string(&w, STR("subject"), c->subject);
    json_key_string(&w, STR("issuer"), c->issuer);
    json_key_string(&w, STR("kid"), c->kid);
    json_key_uint(&w, STR("expires_at_ms"), c->expires_at_ms);
    json_key_string(&w, STR("agent_id"), c->agent_id);
    json_key_string(&w, STR("publish"), c->grants.publish);
    json_key_string(&w, STR("sessions"), c->grants.sessions);
    json_key_string(&w, STR("act_as"), c->grants.act_as);
    json_key_bool(&w, STR("broadcast"), c->grants.broadcast);
    json_key_bool(&w, STR("admin"), c->grants.admin);
    json_end_object(&w);
    buf_append_char(out, '\n');
}

/* A line for what there is. */
static void list_text(struct buf *out, const char *name, struct str text)
{
    if (text.len > 0) {
        buf_printf(out, "%-10s", name);
        printable_append(out, text);
        buf_append_char(out, '\n');
    }
}

static void list_claims(struct buf *out, const struct jwt_claims *c, uint64_t now_ms)
{
    list_text(out, "subject", c->subject);
    list_text(out, "issuer", c->issuer);
    list_text(out, "kid", c->kid);
    buf_printf(out, "%-10sin ", "expires");
    print_duration(out, (c->expires_at_ms - now_ms) / 1000);
    buf_append_char(out, '\n');
    list_text(out, "agent_id", c->agent_id);
    list_text(out, "publish", c->grants.publish);
    list_text(out, "sessions", c->grants.sessions);
    list_text(out, "act_as", c->grants.act_as);
    list_text(out, "broadcast", c->grants.broadcast ? STR("yes") : STR(""));
    list_text(out, "admin", c->grants.admin ? STR("yes") : STR(""));
    if (grants_within(&c->grants, &(struct grants){.publish = STR("")})) {
        list_text(out, "grants", STR("nothing; the claim `parley` says what a token may do"));
    }
}

static enum cli_exit print_claims(const struct asking *asking, const struct jwt_claims *claims,
                                  uint64_t now_ms)
{
    struct buf out;

    buf_init(&out, MAX_OUTPUT);
    if (asking->as_json) {
        write_claims(&out, claims);
    } else {
        list_claims(&out, claims, now_ms);
    }
    bool ok = !out.failed && fwrite(out.data, 1, out.len, stdout) == out.len;
    if (!ok) {
        complain("the claims cannot be written to standard output");
    }
    buf_fini(&out);
    return ok ? CLI_OK : CLI_FAILED;
}

/* --- what it does ----------------------------------------------------------------------------- */

static enum cli_exit check_token(const struct asking *asking, const struct jwt_keys *keys,
                                 const struct jwt_rules *rules, struct str token)
{
    struct jwt_claims claims;
    struct jwt_refusal why;
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    if (!jwt_verify(keys, token, now_ms, rules, &claims, &why)) {
        complain("the token is refused: %s (%s); %s", jwt_reason_word(why.reason), why.what,
                 fixes[why.reason]);
        return CLI_REFUSED;
    }
    enum cli_exit code = print_claims(asking, &claims, now_ms);
    jwt_claims_fini(&claims);
    return code;
}

static enum cli_exit read_and_check(const struct asking *asking, const struct config *c,
                                    const struct jwt_keys *keys, struct buf *error)
{
    struct jwt_rules rules = {
        .audience = str_from_z(config_text(c, OPTION_AUTH_JWT_AUDIENCE)),
        .leeway_ms = config_number(c, OPTION_AUTH_JWT_LEEWAY),
    };
    struct secret token;

    if (!secret_read(&token, STDIN_FILENO, "Token", false, error)) {
        complain("no token: %.*s", STR_ARG(buf_str(error)));
        return CLI_FAILED;
    }
    enum cli_exit code = check_token(asking, keys, &rules, secret_str(&token));
    secret_wipe(&token);
    return code;
}

static enum cli_exit check(const struct asking *asking)
{
    struct buf warnings, error;
    struct jwt_keys keys;
    struct config c;
    enum cli_exit code = CLI_CONFIG;

    buf_init(&warnings, CONFIG_MAX_ERROR);
    buf_init(&error, CONFIG_MAX_ERROR);
    jwt_keys_init(&keys);
    /* What else is odd about the configuration is for `config check` to say. */
    if (!config_load(&c, &asking->sources, NULL, &error) ||
        !jwt_keys_add_list(&keys, str_from_z(config_text(&c, OPTION_AUTH_JWT_KEYS)),
                           str_from_z(config_text(&c, OPTION_AUTH_JWT_ISSUER)), &warnings,
                           &error)) {
        complain("%.*s", STR_ARG(buf_str(&error)));
    } else if (keys.count == 0) {
        complain("the configuration names no keys of JSON Web Tokens; list them in auth.jwt.keys");
    } else {
        complain_lines(buf_str(&warnings));
        code = read_and_check(asking, &c, &keys, &error);
    }
    jwt_keys_fini(&keys);
    config_fini(&c);
    buf_fini(&warnings);
    buf_fini(&error);
    return code;
}

/* Takes the arguments; `settings` has room for all of them. Returns whether to go on. */
static bool read_args(struct args *args, struct config_flag *settings, struct asking *asking,
                      enum cli_exit *ret_code)
{
    const char *value, *what = NULL;
    int taken;

    while ((taken = args_next(args, &value)) != ARGS_END) {
        switch (taken) {
        case ARGS_OPERAND:
            if (what != NULL || strchr(value, '.') != NULL) {
                /* It may be the token, so it is not repeated. */
                complain("jwt does one thing: %s jwt check, with the token on standard input",
                         program_path);
                *ret_code = CLI_USAGE;
                return false;
            }
            what = value;
            break;
        case FLAG_CONFIG:
            asking->sources.file = value;
            break;
        case FLAG_SET:
            settings[asking->sources.flag_count++] =
                (struct config_flag){.name = "--set", .value = value};
            break;
        case FLAG_JSON:
            asking->as_json = true;
            break;
        default:
            *ret_code = args_exit(taken);
            return false;
        }
    }
    *ret_code = CLI_USAGE;
    return args_word(args->command, what) >= 0;
}

static enum cli_exit run_jwt(struct args *args)
{
    struct asking asking = {.sources.environment = environ};
    enum cli_exit code;
    size_t count = 0;

    while (args->rest[count] != NULL) {
        count++;
    }
    struct config_flag *settings = calloc(count + 1, sizeof(*settings));
    if (settings == NULL) {
        complain("out of memory");
        return CLI_FAILED;
    }
    asking.sources.flags = settings;
    if (read_args(args, settings, &asking, &code)) {
        code = check(&asking);
    }
    free(settings);
    return code;
}

const struct command command_jwt = {
    .name = "jwt",
    .summary = "say what a JSON Web Token is good for",
    .synopsis = "check [--config FILE] [--set KEY=VALUE]... [--json]",
    .examples = "  % jwt check < token.txt\n"
                "  % jwt check --config parley.yaml --json < token.txt\n",
    .about =
        "Reads a token from standard input and judges it by the keys, the issuer and the\n"
        "audience of the configuration (auth.jwt.*). Prints whose it is, what it grants and when\n"
        "it runs out, or why it is refused and what to do about that (exit code 77). Nothing is\n"
        "sent anywhere, and nothing of a token that is refused is shown.\n",
    .flags = flags,
    .words = words,
    .run = run_jwt,
};
