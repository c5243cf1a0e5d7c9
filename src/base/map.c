#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

enum { SMALLEST = 16 };

void map_init(struct map *m, const struct map_type *type, const void *owner)
{
    *m = (struct map){.type = type, .owner = owner};
}

void map_fini(struct map *m)
{
    if (m != NULL) {
        free(m->slots);
        *m = (struct map){.type = m->type, .owner = m->owner};
    }
}

uint32_t map_find(const struct map *m, uint64_t hash, const void *key)
{
    if (m->count == 0) {
        return MAP_NONE;
    }
    for (uint32_t at = (uint32_t)hash & (m->cap - 1);; at = (at + 1) & (m->cap - 1)) {
        uint32_t index = m->slots[at];
        if (index == MAP_NONE || m->type->equal(m->owner, index, key)) {
            return index;
        }
    }
}

static void place(struct map *m, uint64_t hash, uint32_t index)
{
    uint32_t at = (uint32_t)hash & (m->cap - 1);

    while (m->slots[at] != MAP_NONE) {
        at = (at + 1) & (m->cap - 1);
    }
    m->slots[at] = index;
}

static bool grow(struct map *m)
{
    uint32_t old_cap = m->cap;
    uint32_t *old_slots = m->slots;
    uint32_t cap = old_cap == 0 ? SMALLEST : old_cap * 2;
    uint32_t *slots = malloc(cap * sizeof(*slots));

    if (slots == NULL) {
        return false;
    }
    memset(slots, 0xff, cap * sizeof(*slots));
    m->slots = slots;
    m->cap = cap;
    for (uint32_t i = 0; i < old_cap; i++) {
        if (old_slots[i] != MAP_NONE) {
            place(m, m->type->hash(m->owner, old_slots[i]), old_slots[i]);
        }
    }
    free(old_slots);
    return true;
}

bool map_insert(struct map *m, uint64_t hash, uint32_t index)
{
    assert(index != MAP_NONE);
    if (m->count + 1 > m->cap / 4 * 3 && !grow(m)) {
        return false;
    }
    place(m, hash, index);
    m->count++;
    return true;
}

/*
 * Deletion without tombstones: the items behind the hole move up as long as the hole lies between
 * their home slot and where they are.
 */
void map_remove(struct map *m, uint64_t hash, uint32_t index)
{
    uint32_t mask = m->cap - 1;
    uint32_t hole = (uint32_t)hash & mask;

    while (m->slots[hole] != index) {
        assert(m->slots[hole] != MAP_NONE);
        hole = (hole + 1) & mask;
    }
    for (uint32_t at = (hole + 1) & mask; m->slots[at] != MAP_NONE; at = (at + 1) & mask) {
        uint32_t home = (uint32_t)m->type->hash(m->owner, m->slots[at]) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            m->slots[hole] = m->slots[at];
            hole = at;
        }
    }
    m->slots[hole] = MAP_NONE;
    m->count--;
}
