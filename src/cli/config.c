#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/printable.h"
#include "cli/args.h"
#include "cli/texts.h"
#include "json/writer.h"

enum { MAX_OUTPUT = 64 * 1024 * 1024 };

enum { FLAG_CONFIG, FLAG_SET, FLAG_ORIGIN, FLAG_JSON };

static const struct flag flags[] = {
    [FLAG_CONFIG] = {"--config", "FILE", "read this file, and look for no other"},
    [FLAG_SET] = {"--set", "KEY=VALUE", "any option, as for serve"},
    [FLAG_ORIGIN] = {"--origin", NULL, "show: where each value comes from"},
    [FLAG_JSON] = {"--json", NULL, "show: one JSON object for each option"},
    {0},
};

struct asking {
    const char *what;
    struct config_sources sources;
    bool origins;
    bool as_json;
};

/* --- what it prints --------------------------------------------------------------------------- */

static enum cli_exit print_text(struct str text, bool failed)
{
    if (failed) {
        complain("out of memory");
        return CLI_FAILED;
    }
    if (fwrite(text.ptr, 1, text.len, stdout) != text.len) {
        complain("cannot write to standard output: %s", strerror(errno));
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* As the file would have it: numbers and words that stand for themselves, and text. */
static void write_value(struct json_writer *w, const struct option *option,
                        const struct config_value *value)
{
    struct str element, text = str_from_z(value->text);

    switch (option->kind) {
    case OPTION_BOOL:
        json_bool(w, value->number != 0);
        return;
    case OPTION_LIST:
        json_begin_array(w);
        while (config_next_element(&text, &element)) {
            json_string(w, element);
        }
        json_end_array(w);
        return;
    case OPTION_INT:
        if (text.ptr[0] >= '0' && text.ptr[0] <= '9') {
            json_uint(w, value->number);
            return;
        }
        break;
    default:
        break;
    }
    json_string(w, text);
}

/* {"key", "value" or "set", "number"?, "origin", "file"?, "line"?} on a line. */
static void write_option(struct buf *out, const struct config *c, size_t id)
{
    static const char *const origins[] = {
        [CONFIG_DEFAULT] = "default",
        [CONFIG_FILE] = "file",
        [CONFIG_ENVIRONMENT] = "environment",
        [CONFIG_FLAG] = "flag",
    };
    const struct option *option = &option_table[id];
    const struct config_value *value = &c->values[id];
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key_string(&w, STR("key"), str_from_z(option->key));
    if (option->secret) {
        json_key_bool(&w, STR("set"), value->text[0] != '\0');
    } else {
        json_key(&w, STR("value"));
        write_value(&w, option, value);
    }
    if (option->kind == OPTION_SIZE || option->kind == OPTION_DURATION) {
        json_key_uint(&w, STR("number"), value->number);
    }
    json_key_string(&w, STR("origin"), str_from_z(origins[value->origin]));
    if (value->origin == CONFIG_FILE) {
        json_key_string(&w, STR("file"), str_from_z(c->file));
        json_key_uint(&w, STR("line"), value->line);
    }
    json_end_object(&w);
    buf_append_char(out, '\n');
}

/* --- what it does ----------------------------------------------------------------------------- */

static enum cli_exit do_check(const struct asking *asking, const struct config *c)
{
    struct buf out;

    (void)asking;
    buf_init(&out, MAX_OUTPUT);
    buf_printf(&out, "ok: %s\n",
               c->file != NULL ? c->file : "there is no file, and none is needed");
    enum cli_exit code = print_text(buf_str(&out), out.failed);
    buf_fini(&out);
    return code;
}

static enum cli_exit do_show(const struct asking *asking, const struct config *c)
{
    struct buf out;
    char *here = getcwd(NULL, 0);

    buf_init(&out, MAX_OUTPUT);
    if (asking->as_json) {
        for (size_t i = 0; i < OPTION_COUNT; i++) {
            write_option(&out, c, i);
        }
    } else {
        config_print(c, here != NULL ? here : ".", asking->origins, &out);
    }
    enum cli_exit code = print_text(buf_str(&out), out.failed);
    buf_fini(&out);
    free(here);
    return code;
}

/* What the command can do; in the order of `actions`. */
static const struct word words[] = {
    {"check", "whether the gateway would start with it"},
    {"show", "what is in force, as a configuration file"},
    {"schema", "JSON Schema (2020-12) of the file, for editors"},
    {0},
};

/* NULL: needs no configuration. */
static enum cli_exit (*const actions[])(const struct asking *asking,
                                        const struct config *c) = {do_check, do_show, NULL};

static enum cli_exit act(const struct asking *asking)
{
    int action = args_word(&command_config, asking->what);
    struct config c;
    struct buf warnings, error;

    if (action < 0) {
        return CLI_USAGE;
    }
    if (actions[action] == NULL) {
        return print_text(str_make(text_config_schema.bytes, text_config_schema.size), false);
    }
    buf_init(&warnings, CONFIG_MAX_ERROR);
    buf_init(&error, CONFIG_MAX_ERROR);
    enum cli_exit code = CLI_CONFIG;
    if (config_load(&c, &asking->sources, &warnings, &error)) {
        complain_lines(buf_str(&warnings));
        code = actions[action](asking, &c);
    } else {
        complain("%.*s", STR_ARG(buf_str(&error)));
    }
    config_fini(&c);
    buf_fini(&warnings);
    buf_fini(&error);
    return code;
}

/* Takes the arguments; `settings` has room for all of them. */
static enum cli_exit read_args(struct args *args, struct config_flag *settings,
                               struct asking *asking, bool *ret_help)
{
    const char *value;
    int taken;

    while ((taken = args_next(args, &value)) != ARGS_END) {
        switch (taken) {
        case ARGS_OPERAND:
            if (asking->what != NULL) {
                complain("config does one thing at a time: %s or %s", asking->what, value);
                return CLI_USAGE;
            }
            asking->what = value;
            break;
        case FLAG_CONFIG:
            asking->sources.file = value;
            break;
        case FLAG_SET:
            settings[asking->sources.flag_count++] =
                (struct config_flag){.name = "--set", .value = value};
            break;
        case FLAG_ORIGIN:
            asking->origins = true;
            break;
        case FLAG_JSON:
            asking->as_json = true;
            break;
        default:
            *ret_help = taken == ARGS_HELP;
            return args_exit(taken);
        }
    }
    return CLI_OK;
}

static enum cli_exit run_config(struct args *args)
{
    struct asking asking = {.sources.environment = environ};
    size_t count = 0;
    bool help = false;

    while (args->rest[count] != NULL) {
        count++;
    }
    struct config_flag *settings = calloc(count + 1, sizeof(*settings));
    if (settings == NULL) {
        complain("out of memory");
        return CLI_FAILED;
    }
    asking.sources.flags = settings;
    enum cli_exit code = read_args(args, settings, &asking, &help);
    if (code == CLI_OK && !help) {
        code = act(&asking);
    }
    free(settings);
    return code;
}

const struct command command_config = {
    .name = "config",
    .summary = "check and show the configuration",
    .synopsis = "ACTION [--config FILE] [--set KEY=VALUE]... [--origin] [--json]",
    .examples = "  % config check\n"
                "  % config show --origin\n"
                "  % config schema > parley.schema.json\n",
    .about =
        "check says whether the gateway would start with what the file, the environment and the\n"
        "flags say, and if not, what is wrong where (exit code 78). show prints what is in force\n"
        "as a configuration file, with --origin also where each value comes from; secrets are\n"
        "left out. schema prints the JSON Schema (2020-12) of the file, for editors.\n"
        "The file is FILE, else $PARLEY_CONFIG, else the first that exists of ./parley.yaml,\n"
        "$XDG_CONFIG_HOME/parley/parley.yaml (~/.config) and /etc/parley/parley.yaml.\n",
    .flags = flags,
    .words = words,
    .run = run_config,
};
