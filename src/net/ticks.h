#ifndef PARLEY_NET_TICKS_H
#define PARLEY_NET_TICKS_H

/*
 * Deadlines of connections in coarse ticks: one number for each slot, in one array, which is swept
 * when the tick changes. Sweeping 100,000 of them costs less than keeping one timer object each,
 * and nothing at all while none is set.
 */

#include <stdbool.h>
#include <stdint.h>

enum { TICK_MS = 100 };

struct ticks {
    uint32_t *at;  /* by slot: the tick at which it is due, 0: never */
    uint32_t cap;  /* slots in `at` */
    uint32_t live; /* how many are set */
};

void ticks_init(struct ticks *t);
void ticks_fini(struct ticks *t);
/* Makes room for a slot; false: no memory. To be called before any other use of it. */
bool ticks_reserve(struct ticks *t, uint32_t slot);
/* Sets the deadline of a slot to a tick above 0, in place of the one it has; 0 for none. */
void ticks_set(struct ticks *t, uint32_t slot, uint32_t tick);
/* The deadline of a slot; 0: it has none. */
static inline uint32_t ticks_get(const struct ticks *t, uint32_t slot)
{
    return slot < t->cap ? t->at[slot] : 0;
}
/*
 * Finds the next slot from *slot on that is due at `now`, clears its deadline and leaves its number
 * in *slot; false when there is none. Deadlines may be set and cleared between calls.
 */
bool ticks_due(struct ticks *t, uint32_t now, uint32_t *slot);

#endif
