#include "cli/args.h"

#include "base/suggest.h"

/* A secret in the arguments can be seen by everybody on the machine, so none is taken there. */
static bool is_secret(struct str name)
{
    return str_equal(name, STR("--token")) || str_equal(name, STR("--password"));
}

static int refuse_flag(const struct args *args, struct str name)
{
    struct suggestion nearest;

    if (is_secret(name)) {
        complain("%.*s is refused: whoever lists the processes could read the secret; put it into "
                 "a file for --token-file FILE (- is standard input)",
                 STR_ARG(name));
        return ARGS_ERROR;
    }

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

int args_word(const struct command *command, const char *name)
{
    struct suggestion nearest;

    if (name == NULL) {
        complain("say what to do: %s %s %s", program_path, command->name, command->words[0].name);
        return -1;
    }
    suggestion_init(&nearest, str_from_z(name));
    for (int i = 0; command->words[i].name != NULL; i++) {
        if (strcmp(command->words[i].name, name) == 0) {
            return i;
        }
        suggestion_offer(&nearest, str_from_z(command->words[i].name), command->words[i].name);
    }
    if (nearest.best != NULL) {
        complain("%s knows no %s; did you mean %s?", command->name, name, nearest.best);
    } else {
        complain("%s knows no %s; see %s %s --help", command->name, name, program_path,
                 command->name);
    }
    return -1;
}

bool args_read(struct args *args, const char **const *values, const char **operands,
               size_t operand_count, enum cli_exit *ret_code)
{
    const char *value;
    size_t given = 0;
    int taken;

    while ((taken = args_next(args, &value)) != ARGS_END) {
        if (taken >= 0) {
            *values[taken] = value != NULL ? value : args->command->flags[taken].name;
        } else if (taken != ARGS_OPERAND) {
            *ret_code = args_exit(taken);
            return false;
        } else if (given < operand_count) {
            operands[given++] = value;
        } else {
            complain("%s takes %s: %s", args->command->name,
                     operand_count == 0 ? "no operand" : "no further operand", value);
            *ret_code = CLI_USAGE;
            return false;
        }
    }
    return true;
}
