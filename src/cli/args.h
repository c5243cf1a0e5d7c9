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

/*
 * The index of `name` in the command's table of words, or -1: then a sentence with the nearest one
 * is on stderr. `name` is NULL when there was no operand.
 */
int args_word(const struct command *command, const char *name);

/*
 * The arguments of a command that takes flags and at most `operand_count` operands: the values go
 * to where `values` points for each flag, in the order of its table (a flag without a value puts
 * its own name there, so that it is not NULL), the operands to `operands`. What is not given stays
 * as it was. Returns whether to go on; if not, *ret_code is what to end with. Borrows.
 */
bool args_read(struct args *args, const char **const *values, const char **operands,
               size_t operand_count, enum cli_exit *ret_code);

/* The exit code for one of the above that ends the command: CLI_OK or CLI_USAGE. */
static inline enum cli_exit args_exit(int result)
{
    return result == ARGS_HELP ? CLI_OK : CLI_USAGE;
}

#endif
