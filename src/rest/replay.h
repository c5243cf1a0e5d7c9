#ifndef PARLEY_REST_REPLAY_H
#define PARLEY_REST_REPLAY_H

/*
 * Idempotency keys: who repeats a request, because the answer to the first one was lost, gets the
 * answer again, and it is not done twice. A key is good for REPLAY_MS, and belongs to the one who
 * used it.
 *
 * Keys and requests are kept as hashes of 128 bits under a secret, so a key costs the same however
 * long it and its request are. Keys stand in a list by age; those that are too old go whenever
 * another one comes. When there are REPLAY_MAX young ones, the next is refused: forgetting one
 * would break the promise that was made with it.
 */

#include "base/list.h"
#include "base/map.h"
#include "base/slab.h"

enum { REPLAY_MAX = 10000, REPLAY_MS = 5 * 60 * 1000, REPLAY_MAX_KEY = 128 };

struct replay_hash {
    uint64_t words[2];
};

struct replay {
    struct list link; /* by age */
    struct replay_hash key;
    struct replay_hash request;
    uint64_t until_ms;
    uint64_t delivered; /* the answer */
    uint32_t index;     /* its own */
    uint32_t spare;     /* the slab's, of a released one */
};

struct replays {
    struct slab slab;
    struct map map;
    struct list by_age; /* oldest first */
    uint8_t secret[2][16];
};

enum replay_found {
    REPLAY_NEW,   /* noted; its `delivered` is set, or replay_forget follows */
    REPLAY_AGAIN, /* *ret_replay has the answer */
    REPLAY_OTHER, /* the key was used for another request */
    REPLAY_FULL,
};

/* `secret`: 32 unpredictable bytes. Allocates nothing. */
void replays_init(struct replays *r, const uint8_t secret[32]);
void replays_fini(struct replays *r);
/* Looks a key of `owner` up at `now_ms`. The answer, and the new one, are good until the next. */
enum replay_found replay_find(struct replays *r, struct str owner, struct str key,
                              struct str request, uint64_t now_ms, struct replay **ret_replay);
/* What was new came to nothing: its key may be used again. */
void replay_forget(struct replays *r, struct replay *replay);

#endif
