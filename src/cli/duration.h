#ifndef PARLEY_CLI_DURATION_H
#define PARLEY_CLI_DURATION_H

/* Durations as values of flags: 500ms, 30s, 5m, 1h. */

#include "base/str.h"

/*
 * Reads the value of `flag`, from 1 ms to 24 h. NULL, a flag that was not given, leaves *ret_ms as
 * it is. Returns false when it is no duration: then a sentence is on stderr.
 */
bool duration_read(const char *flag, const char *text, int64_t *ret_ms);

#endif
