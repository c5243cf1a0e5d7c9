#ifndef PARLEY_CLI_ARGS_H
#define PARLEY_CLI_ARGS_H

/*
 * The arguments of a command, one after the other, by its table of flags. Flags and operands may
 * be mixed; "--" ends the flags; no abbreviations. -h and --help stand in every table.
 */

#include "cli/command.h"

struct args {
    const struct command *command;
    const char *const *rest; /* NULL-terminated */
    bool operands_only;
};

enum {
    ARGS_END = -1,
    ARGS_OPERAND = -2, /* *ret_value is it */
    ARGS_HELP = -3,    /* help was printed; exit 0 */
    ARGS_ERROR = -4,   /* a sentence was printed; exit 2 */
};

/*
 * Takes the next argument. Returns the index of a flag in the command's table (*ret_value is its
 * value, or NULL), or one of the above. Borrows from the arguments.
 */
int args_next(struct args *args, const char **ret_value);

/* The exit code for one of the above that ends the command: CLI_OK or CLI_USAGE. */
static inline enum cli_exit args_exit(int result)
{
    return result == ARGS_HELP ? CLI_OK : CLI_USAGE;
}

#endif
