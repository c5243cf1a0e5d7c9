#ifndef PARLEY_JSON_MERGE_H
#define PARLEY_JSON_MERGE_H

/* JSON merge patch (RFC 7396) on raw texts: what is not changed keeps its spelling. */

#include "base/buf.h"

/*
 * Appends what `target` becomes by `patch`; both are valid JSON of at most 64 levels. Of a name
 * that the patch has twice the last value counts. `secret` has 16 bytes: so that nobody can choose
 * names that are slow to tell apart. Returns false when `out` has failed, or there is no memory.
 *
 * The names of a patch are hashed, and read once however often the target has the name that they
 * are to change, so each byte of the texts is passed over once or twice a level.
 */
bool json_merge(struct buf *out, const uint8_t secret[16], struct str target, struct str patch);

#endif
