#ifndef PARLEY_CLI_BESIDE_H
#define PARLEY_CLI_BESIDE_H

/*
 * Programs that stand beside this one and are commands of it: each its own process, so that the
 * gateway's program stays small.
 */

#include "cli/args.h"

/*
 * Becomes `name` ("parley-bench"), with the arguments that are left; it finds the path that we were
 * started by in its own first argument. Asked for help it prints it, without that program. Returns
 * only when there is nothing to become, or for help: the code to end with; a sentence is on stderr.
 */
enum cli_exit beside_run(const char *name, struct args *args);

#endif
