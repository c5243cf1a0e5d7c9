#include "cli/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/printable.h"
#include "cli/api.h"
#include "cli/args.h"
#include "cli/print.h"
#include "json/writer.h"

enum { MAX_TEXT = 64 * 1024 };

static const struct doctor_check checks[] = {
    {"configuration", NEEDS_NOTHING, doctor_configuration},
    {"access", NEEDS_CONFIG, doctor_access},
    {"tokens", NEEDS_CONFIG, doctor_tokens},
    {"password", NEEDS_CONFIG, doctor_password},
    {"tls", NEEDS_CONFIG, doctor_tls},
    {"credential", NEEDS_NOTHING, doctor_credential},
    {"clock", NEEDS_NOTHING, doctor_clock},
    {"descriptors", NEEDS_CONFIG, doctor_descriptors},
    {"memory", NEEDS_CONFIG, doctor_memory},
    {"unix socket", NEEDS_CONFIG, doctor_unix},
    {"sandbox", NEEDS_CONFIG, doctor_sandbox},
    {"port", NEEDS_NO_URL, doctor_port},
    {"gateway", NEEDS_URL, doctor_gateway},
    {"status", NEEDS_GATEWAY, doctor_status},
    {"upgrade", NEEDS_GATEWAY, doctor_upgrade},
};

/* --- what is found ---------------------------------------------------------------------------- */

__attribute__((format(printf, 4, 0))) static void
say(struct finding *f, enum doctor_level level, const char *fix, const char *format, va_list args)
{
    char text[4096];
    bool cut;

    f->level = level;
    buf_clear(&f->found);
    buf_clear(&f->fix);
    printable_append(&f->found, str_vformat(text, sizeof(text), &cut, format, args));
    printable_append(&f->fix, str_from_z(fix));
}

void doctor_ok(struct finding *f, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(f, DOCTOR_OK, "", format, args);
    va_end(args);
}

void doctor_warn(struct finding *f, const char *fix, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(f, DOCTOR_WARN, fix, format, args);
    va_end(args);
}

void doctor_fail(struct finding *f, const char *fix, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(f, DOCTOR_FAIL, fix, format, args);
    va_end(args);
}

/* --- what is printed -------------------------------------------------------------------------- */

static const char *const level_names[] = {
    [DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail"};

static void append_json(struct buf *out, const char *name, const struct finding *f)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key_string(&w, STR("check"), str_from_z(name));
    json_key_string(&w, STR("result"), str_from_z(level_names[f->level]));
    json_key_string(&w, STR("found"), buf_str(&f->found));
    if (f->fix.len > 0) {
        json_key_string(&w, STR("fix"), buf_str(&f->fix));
    }
    json_end_object(&w);
    buf_append_char(out, '\n');
}

/* "fail  port           8765 is held by nginx (pid 12)", and the fix below. */
static void append_text(struct buf *out, const char *name, const struct finding *f, bool colour)
{
    static const unsigned colours[] = {[DOCTOR_OK] = 32, [DOCTOR_WARN] = 33, [DOCTOR_FAIL] = 31};

    if (colour) {
        buf_printf(out, "\033[%um", colours[f->level]);
    }
    buf_printf(out, "%-4s", level_names[f->level]);
    if (colour) {
        buf_append_str(out, STR("\033[0m"));
    }
    buf_printf(out, "  %-13s  %.*s\n", name, STR_ARG(buf_str(&f->found)));
    if (f->fix.len > 0) {
        buf_printf(out, "%21s%.*s\n", "", STR_ARG(buf_str(&f->fix)));
    }
}

static enum cli_exit print_finding(const char *name, const struct finding *f, bool json)
{
    struct buf out;

    buf_init(&out, 4 * MAX_TEXT);
    if (json) {
        append_json(&out, name, f);
    } else {
        append_text(&out, name, f, print_in_colour(STDOUT_FILENO));
    }
    enum cli_exit code = api_print(&out);
    buf_fini(&out);
    return code;
}

/* --- the command ------------------------------------------------------------------------------ */

static bool is_due(const struct doctor *d, enum doctor_need need)
{
    switch (need) {
    case NEEDS_CONFIG:
        return d->is_configured;
    case NEEDS_URL:
        return d->url != NULL;
    case NEEDS_NO_URL:
        return d->is_configured && d->url == NULL;
    case NEEDS_GATEWAY:
        return d->is_served;
    case NEEDS_NOTHING:
        break;
    }
    return true;
}

static enum cli_exit run_checks(struct doctor *d, bool json)
{
    enum cli_exit outcome = CLI_OK;

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        struct finding f = {.level = DOCTOR_OK};
        if (!is_due(d, checks[i].need)) {
            continue;
        }
        buf_init(&f.found, MAX_TEXT);
        buf_init(&f.fix, MAX_TEXT);
        checks[i].run(d, &f);
        enum cli_exit code = f.found.len > 0 ? print_finding(checks[i].name, &f, json) : CLI_OK;
        if (code != CLI_OK || f.level == DOCTOR_FAIL) {
            outcome = CLI_FAILED;
        }
        buf_fini(&f.found);
        buf_fini(&f.fix);
        if (code != CLI_OK) {
            break;
        }
    }
    return outcome;
}

enum { FLAG_CONFIG, FLAG_SET, FLAG_JSON, FLAG_AT, FLAG_SECRET };

static const struct flag flags[] = {
    {"--config", "FILE", "the configuration that `serve` is given"},
    {"--set", "KEY=VALUE", "an option that `serve` is given; may be given again"},
    {"--json", NULL, "one JSON object for each check, on a line"},
    FLAG_URL,
    FLAG_TOKEN_FILE,
    {0},
};

/* Returns whether to go on; if not, *ret_code is what to end with. */
static bool read_arguments(struct args *args, struct doctor *d, bool *ret_json,
                           enum cli_exit *ret_code)
{
    const char **const values[] = {
        [FLAG_CONFIG] = &d->config_file, [FLAG_AT] = &d->url, [FLAG_SECRET] = &d->token_file};
    const char *value;
    int taken;

    *ret_code = CLI_USAGE;
    while ((taken = args_next(args, &value)) != ARGS_END) {
        if (taken == ARGS_OPERAND) {
            complain("doctor takes no operand: %s", value);
            return false;
        }
        if (taken < 0) {
            *ret_code = args_exit(taken);
            return false;
        }
        if (taken == FLAG_JSON) {
            *ret_json = true;
        } else if (taken != FLAG_SET) {
            *values[taken] = value;
        } else if (d->set_count < DOCTOR_MAX_SETS) {
            d->sets[d->set_count++] = (struct config_flag){.name = "--set", .value = value};
        } else {
            complain("more than %d options are not possible; put them into a file",
                     DOCTOR_MAX_SETS);
            return false;
        }
    }
    return true;
}

static const char *environment_text(const char *name)
{
    const char *text = getenv(name);

    return text != NULL && text[0] != '\0' ? text : NULL;
}

static enum cli_exit run_doctor(struct args *args)
{
    struct doctor d = {.url = environment_text("PARLEY_URL"),
                       .token = environment_text("PARLEY_TOKEN")};
    enum cli_exit code;
    bool json = false;

    buf_init(&d.url_text, MAX_TEXT);
    buf_init(&d.gateway.token, MAX_TEXT);
    if (read_arguments(args, &d, &json, &code)) {
        code = run_checks(&d, json);
    }
    config_fini(&d.config);
    address_fini(&d.gateway);
    buf_fini(&d.url_text);
    return code;
}

const struct command command_doctor = {
    .name = "doctor",
    .summary = "what is wrong, and how to mend it",
    .synopsis = "[--config FILE] [--set KEY=VALUE]... [--url URL] [--json]",
    .examples = "  % doctor\n"
                "  % doctor --config /etc/parley/parley.yaml\n"
                "  % doctor --url http://127.0.0.1:8765 --token-file ~/.parley-token\n",
    .about =
        "Looks at the configuration, the machine and, where one runs, the gateway, and prints a\n"
        "line for each check: ok, warn or fail, what was found, and what to do about it. Give\n"
        "it the flags that `serve` is given. With --url the gateway there is asked, instead of\n"
        "the one that the configuration means. The exit code is 1 when any check fails.\n"
        "Nothing is changed.\n",
    .flags = flags,
    .run = run_doctor,
};
