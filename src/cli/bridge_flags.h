#ifndef PARLEY_CLI_BRIDGE_FLAGS_H
#define PARLEY_CLI_BRIDGE_FLAGS_H

/* The arguments of the Matrix bridge, for `parley bridge`, which describes and starts it, and for
 * the program itself. */

#include "cli/command.h"

enum { BRIDGE_CONFIG, BRIDGE_CHECK, BRIDGE_ONCE, BRIDGE_SET };

extern const struct flag bridge_flags[];
extern const char bridge_synopsis[], bridge_examples[], bridge_about[];

#endif
