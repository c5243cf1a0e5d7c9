#include "cli/args.h"

#include "base/suggest.h"

static int refuse_flag(const struct args *args, struct str name)
{
    struct suggestion nearest;

    suggestion_init(&nearest, name);
    for (const struct flag *flag = args->command->flags; flag->name != NULL; flag++) {
        suggestion_offer(&nearest, str_from_z(flag->name), flag->name);
    }
    if (nearest.best != NULL) {
        complain("%s has no %.*s; did you mean %s?", args->command->name, STR_ARG(name),
                 nearest.best);
    } else {
        complain("%s has no %.*s; see %s %s --help", args->command->name, STR_ARG(name),
                 program_path, args->command->name);
    }
    return ARGS_ERROR;
}

static int take_flag(struct args *args, const char *word, const char **ret_value)
{
    struct str name = str_from_z(word);
    size_t equals = str_find(name, '=');
    bool has_value = equals < name.len;

    name = str_slice(name, 0, equals);
    if (str_equal(name, STR("--help")) || str_equal(name, STR("-h"))) {
        command_print_help(args->command);
        return ARGS_HELP;
    }
    for (int i = 0; args->command->flags[i].name != NULL; i++) {
        const struct flag *flag = &args->command->flags[i];
        if (!str_equal(str_from_z(flag->name), name)) {
            continue;
        }
        if (flag->value == NULL && has_value) {
            complain("%s takes no value", flag->name);
            return ARGS_ERROR;
        }
        if (flag->value != NULL && !has_value && *args->rest == NULL) {
            complain("%s needs a value: %s %s", flag->name, flag->name, flag->value);
            return ARGS_ERROR;
        }
        *ret_value = flag->value == NULL ? NULL : has_value ? word + equals + 1 : *args->rest++;
        return i;
    }
    return refuse_flag(args, name);
}

int args_next(struct args *args, const char **ret_value)
{
    const char *word = *args->rest;

    if (word == NULL) {
        return ARGS_END;
    }
    args->rest++;
    if (args->operands_only || word[0] != '-' || word[1] == '\0') {
        *ret_value = word;
        return ARGS_OPERAND;
    }
    if (strcmp(word, "--") == 0) {
        args->operands_only = true;
        return args_next(args, ret_value);
    }
    return take_flag(args, word, ret_value);
}
