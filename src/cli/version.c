#include <stdio.h>

#include "cli/args.h"

static enum cli_exit run_version(struct args *args)
{
    const char *word;
    int taken = args_next(args, &word);

    if (taken == ARGS_OPERAND) {
        complain("version takes no operand: %s", word);
        return CLI_USAGE;
    }
    if (taken != ARGS_END) {
        return args_exit(taken);
    }
    (void)printf("parley %s\n", PARLEY_VERSION);
    return CLI_OK;
}

static const struct flag flags[] = {{0}};

const struct command command_version = {
    .name = "version",
    .summary = "the version of this program",
    .synopsis = "",
    .examples = "  % version\n",
    .about = "Prints the name and the version of this program.\n",
    .flags = flags,
    .run = run_version,
};
