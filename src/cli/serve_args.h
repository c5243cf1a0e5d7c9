#ifndef PARLEY_CLI_SERVE_ARGS_H
#define PARLEY_CLI_SERVE_ARGS_H

/* The arguments of `parley serve`, as one of the sources of its configuration. */

#include "cli/args.h"
#include "config/config.h"

extern const struct flag serve_flags[];

struct serve_args {
    struct config_sources sources; /* flags, environment, file; borrows from the arguments */
    struct config_flag *flags;     /* owned */
};

/*
 * Reads them. Returns whether to go on; if not, what there was to say has been said, and *ret_code
 * is what to end with. serve_args_fini is due in either case.
 */
bool serve_args_read(struct serve_args *s, struct args *args, enum cli_exit *ret_code);
/* NULL is taken. */
void serve_args_fini(struct serve_args *s);

#endif
