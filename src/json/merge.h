#ifndef PARLEY_JSON_MERGE_H
#define PARLEY_JSON_MERGE_H

/* JSON merge patch (RFC 7396) on raw texts: what is not changed keeps its spelling. */

#include "base/buf.h"

/* Comparisons of names that one merge may cost; more is refused. */
enum { MERGE_MAX_WORK = 200000 };

/*
 * Appends what `target` becomes by `patch`; both are valid JSON of at most 64 levels. Returns false
 * when `out` has failed, or it would take too many comparisons.
 */
bool json_merge(struct buf *out, struct str target, struct str patch);

#endif
