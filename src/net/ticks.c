#include "net/ticks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* It grows by as much: twice as many would leave up to half of them to nobody. */
enum { MORE_SLOTS = 1024 };

void ticks_init(struct ticks *t)
{
    *t = (struct ticks){.at = NULL};
}

void ticks_fini(struct ticks *t)
{
    free(t->at);
    ticks_init(t);
}

bool ticks_reserve(struct ticks *t, uint32_t slot)
{
    if (slot < t->cap) {
        return true;
    }
    uint32_t cap = (slot / MORE_SLOTS + 1) * MORE_SLOTS;
    uint32_t *at = realloc(t->at, cap * sizeof(*at));
    if (at == NULL) {
        return false;
    }
    memset(at + t->cap, 0, (cap - t->cap) * sizeof(*at));
    t->at = at;
    t->cap = cap;
    return true;
}

void ticks_set(struct ticks *t, uint32_t slot, uint32_t tick)
{
    assert(slot < t->cap);
    t->live -= t->at[slot] != 0;
    t->live += tick != 0;
    t->at[slot] = tick;
}

bool ticks_due(struct ticks *t, uint32_t now, uint32_t *slot)
{
    for (uint32_t i = *slot; t->live > 0 && i < t->cap; i++) {
        if (t->at[i] != 0 && t->at[i] <= now) {
            ticks_set(t, i, 0);
            *slot = i;
            return true;
        }
    }
    return false;
}
