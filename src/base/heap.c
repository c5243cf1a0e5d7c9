#include "base/heap.h"

#include <assert.h>
#include <stdlib.h>

enum { SMALLEST = 16 };

void heap_init(struct heap *h, const struct heap_type *type, void *owner)
{
    *h = (struct heap){.type = type, .owner = owner};
}

void heap_fini(struct heap *h)
{
    if (h != NULL) {
        free(h->items);
        *h = (struct heap){.type = h->type, .owner = h->owner};
    }
}

static void put(struct heap *h, uint32_t place, uint32_t index)
{
    h->items[place] = index;
    h->type->moved(h->owner, index, place);
}

/* An item that belongs at `place` or nearer to the front. */
static void rise(struct heap *h, uint32_t place, uint32_t index)
{
    while (place > 0) {
        uint32_t parent = (place - 1) / 2;
        if (!h->type->before(h->owner, index, h->items[parent])) {
            break;
        }
        put(h, place, h->items[parent]);
        place = parent;
    }
    put(h, place, index);
}

/* An item that belongs at `place` or further behind. */
static void sink(struct heap *h, uint32_t place, uint32_t index)
{
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child + 1 < h->count &&
            h->type->before(h->owner, h->items[child + 1], h->items[child])) {
            child++;
        }
        if (child >= h->count || !h->type->before(h->owner, h->items[child], index)) {
            break;
        }
        put(h, place, h->items[child]);
        place = child;
    }
    put(h, place, index);
}

bool heap_insert(struct heap *h, uint32_t index)
{
    if (h->count == h->cap) {
        uint32_t cap = h->cap == 0 ? SMALLEST : h->cap * 2;
        uint32_t *items = realloc(h->items, cap * sizeof(*items));
        if (items == NULL) {
            return false;
        }
        h->items = items;
        h->cap = cap;
    }
    rise(h, h->count++, index);
    return true;
}

void heap_remove(struct heap *h, uint32_t place)
{
    assert(place < h->count);
    uint32_t last = h->items[--h->count];

    if (place == h->count) {
        return;
    }
    if (place > 0 && h->type->before(h->owner, last, h->items[(place - 1) / 2])) {
        rise(h, place, last);
    } else {
        sink(h, place, last);
    }
}
