#ifndef PARLEY_CLI_AGENTS_H
#define PARLEY_CLI_AGENTS_H

/* How agents are listed, by `agents` and by `status`. */

#include "cli/api.h"

extern const struct listing agents_listing;

#endif
