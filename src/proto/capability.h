#ifndef PARLEY_PROTO_CAPABILITY_H
#define PARLEY_PROTO_CAPABILITY_H

/* What agents can do, as they said it when they registered. */

#include "base/str.h"

/*
 * Whether capabilities, raw JSON as an agent registered them, have one of this name. An array is
 * the `tools` of an object. An object has `chat` and `streaming` when they are true, the names in
 * `tools` and `modes`, with or without the prefix `tools:` or `modes:`, and the keys of `custom`
 * whose value is not false, null, 0 or "".
 */
bool capability_has(struct str capabilities, struct str name);

enum { CAPABILITY_NAME_MAX = 256 };

/*
 * Calls `visit` for each name that capability_has finds, as it reads: `name`, which has `prefix`
 * ("tools:", "modes:", or nothing) in front where it is asked for with one. A name that is longer
 * than CAPABILITY_NAME_MAX is passed over. Ends when `visit` says false, and returns that.
 */
bool capability_each(struct str capabilities,
                     bool (*visit)(void *ctx, struct str prefix, struct str name), void *ctx);

#endif
