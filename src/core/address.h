#ifndef PARLEY_CORE_ADDRESS_H
#define PARLEY_CORE_ADDRESS_H

/*
 * What is counted by the address of a peer: how many clients it has, and how often it has failed
 * to authenticate. Addresses are those of struct evidence, and count as base/ip.h has it.
 */

#include "base/list.h"
#include "base/map.h"
#include "base/slab.h"

enum { ADDRESS_SIZE = 16 };

/* Whether it is 127.0.0.0/8, ::1, or none at all (AF_UNIX). */
bool address_is_local(const uint8_t address[ADDRESS_SIZE]);

/* --- clients of an address -------------------------------------------------------------------- */

struct address_counts {
    struct slab entries;
    struct map by_address;
    const uint8_t *secret; /* 16 bytes, of the hashes; borrowed */
};

void address_counts_init(struct address_counts *t, const uint8_t *secret);
void address_counts_fini(struct address_counts *t);
/* One more, unless there are `max` already or there is no memory. Local ones are not counted. */
bool address_enter(struct address_counts *t, const uint8_t address[ADDRESS_SIZE], uint32_t max);
/* One that address_enter let in has gone. */
void address_leave(struct address_counts *t, const uint8_t address[ADDRESS_SIZE]);

/* --- failures to authenticate ----------------------------------------------------------------- */

enum {
    LIMITER_FAILURES = 10, /* in LIMITER_WINDOW_MS; then nothing is looked at for LIMITER_LOCK_MS */
    LIMITER_WINDOW_MS = 60 * 1000,
    LIMITER_LOCK_MS = 5 * 60 * 1000,
    LIMITER_PENDING_MS = 1000, /* come again after, when as many are still being decided */
    LIMITER_ENTRIES = 65536,   /* above, the one that was used longest ago is forgotten */
};

/*
 * An attempt is charged before its credential is looked at, so that many attempts at the same time
 * are no way around it. Then it is given back when it was right, or has failed; only failures lock
 * out, and the last of them does at once, so that nobody waits for the next minute to fail again.
 */
struct limiter {
    struct slab entries;
    struct map by_address;
    struct list by_use; /* used longest ago first */
    const uint8_t *secret;
};

void limiter_init(struct limiter *l, const uint8_t *secret);
void limiter_fini(struct limiter *l);
/* Whether an attempt may be made now; if not, *ret_retry_ms says when. */
bool limiter_charge(struct limiter *l, const uint8_t address[ADDRESS_SIZE], uint64_t now_ms,
                    uint64_t *ret_retry_ms);
/* A charged attempt was wrong. One that was given up stays charged until its minute is over. */
void limiter_fail(struct limiter *l, const uint8_t address[ADDRESS_SIZE], uint64_t now_ms);
/* A charged attempt was right. */
void limiter_refund(struct limiter *l, const uint8_t address[ADDRESS_SIZE]);

#endif
