#include "cli/args.h"

void command_print_overview(FILE *out)
{
    (void)fprintf(out,
                  "Parley: a gateway where agents, browsers and bots meet.\n\n"
                  "examples:\n"
                  "  %s serve                             start the gateway\n"
                  "  %s tail                              watch what is said\n"
                  "  %s send bark '{\"text\":\"hello\"}'      say something\n\n"
                  "commands:\n",
                  program_path, program_path, program_path);
    for (size_t i = 0; command_table[i] != NULL; i++) {
        (void)fprintf(out, "  %-10s %s\n", command_table[i]->name, command_table[i]->summary);
    }
    (void)fprintf(out, "\n`%s COMMAND --help` says more of each.\n", program_path);
}

static enum cli_exit run_help(struct args *args)
{
    const char *name;
    int taken = args_next(args, &name);

    if (taken == ARGS_END) {
        command_print_overview(stdout);
        return CLI_OK;
    }
    if (taken != ARGS_OPERAND) {
        return args_exit(taken);
    }
    const struct command *command = command_find(name);
    if (command == NULL) {
        return CLI_USAGE;
    }
    command_print_help(command);
    return CLI_OK;
}

static const struct flag flags[] = {{0}};

const struct command command_help = {
    .name = "help",
    .summary = "what there is, and help on each command",
    .synopsis = "[COMMAND]",
    .examples = "  % help\n  % help send\n",
    .about = "Prints what the program can do, or what one command can.\n",
    .flags = flags,
    .run = run_help,
};
