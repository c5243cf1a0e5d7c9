#ifndef PARLEY_CLI_STANDARD_H
#define PARLEY_CLI_STANDARD_H

/* The files that a program is started with, stdin, stdout and stderr. */

#include <stdbool.h>

/*
 * A program may be started without some of them. Then the next files would get their numbers, and
 * what is said would go into a socket. What stands in for them takes and gives nothing, so that
 * writing fails as it should. To be called first of all; returns whether all three are open.
 */
bool standard_hold(void);

#endif
