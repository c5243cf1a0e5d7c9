#ifndef PARLEY_BASE_HEAP_H
#define PARLEY_BASE_HEAP_H

/*
 * A binary heap of indexes: the first of many at any time, and any of them taken out. The items
 * themselves are the owner's, who compares them and is told where each stands.
 */

#include <stdbool.h>
#include <stdint.h>

struct heap_type {
    /* Whether item `a` comes before item `b`. */
    bool (*before)(const void *owner, uint32_t a, uint32_t b);
    /* Item `index` stands at `place` now, for heap_remove. */
    void (*moved)(void *owner, uint32_t index, uint32_t place);
};

struct heap {
    const struct heap_type *type;
    void *owner;     /* passed to the functions of `type`; borrowed */
    uint32_t *items; /* owned; each comes before those at twice its place, and one and two more */
    uint32_t count;
    uint32_t cap;
};

/* Allocates nothing. */
void heap_init(struct heap *h, const struct heap_type *type, void *owner);
void heap_fini(struct heap *h);

/* False: no memory. */
bool heap_insert(struct heap *h, uint32_t index);
/* Takes out the item that stands at `place`. Cannot fail. */
void heap_remove(struct heap *h, uint32_t place);
/* The first one; there must be one. */
static inline uint32_t heap_first(const struct heap *h)
{
    return h->items[0];
}

#endif
