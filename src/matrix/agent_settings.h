#ifndef PARLEY_MATRIX_AGENT_SETTINGS_H
#define PARLEY_MATRIX_AGENT_SETTINGS_H

/* What all adapters do with their settings. */

#include "matrix/agent.h"

enum { AGENT_AWAY_MS = 20000 /* so long an agent may be away before people are told */ };

/* How long to wait before it is tried again, after so many failures before this one. */
uint64_t agent_backoff(unsigned failures);

/*
 * Copies settings; their texts go to `texts`, which is made by this and freed by the caller. The
 * base URL loses the slashes at its end. False: no memory.
 */
bool agent_settings_keep(struct agent_settings *s, const struct agent_settings *settings,
                         struct buf *texts);

#endif
