#ifndef PARLEY_BASE_MAP_H
#define PARLEY_BASE_MAP_H

/*
 * A hash map from keys to item indexes (of a slab, say) that stores nothing but the indexes: four
 * bytes a slot, at most 3/4 of them used. The key stands in the item; `struct map_type` says how
 * to find it. Keys that a peer chooses must be hashed with a secret (hash_bytes).
 */

#include "base/str.h"

struct map_type {
    /* The hash of item `index`'s key; the same as was given to map_find for an equal key. */
    uint64_t (*hash)(const void *owner, uint32_t index);
    /* Whether item `index` has this key. */
    bool (*equal)(const void *owner, uint32_t index, const void *key);
};

struct map {
    const struct map_type *type;
    const void *owner; /* passed to the functions of `type`; borrowed */
    uint32_t *slots;
    uint32_t cap; /* slots; a power of two, or 0 */
    uint32_t count;
};

/* No index. A macro, since an enumerator is an int. */
#define MAP_NONE UINT32_MAX

/* Allocates nothing. */
void map_init(struct map *m, const struct map_type *type, const void *owner);
void map_fini(struct map *m);

/* The index of the item with this key, or MAP_NONE. */
uint32_t map_find(const struct map *m, uint64_t hash, const void *key);
/* Adds an item whose key no other item in the map has. Returns false when out of memory. */
bool map_insert(struct map *m, uint64_t hash, uint32_t index);
/* Removes item `index`, which must be in the map under `hash`. Cannot fail. */
void map_remove(struct map *m, uint64_t hash, uint32_t index);

/* SipHash-2-4 (Aumasson, Bernstein 2012) of the bytes under a secret of 16 bytes. */
uint64_t hash_bytes(const uint8_t secret[16], const void *bytes, size_t len);
/*
 * Of a number that no peer chooses: 32 bits of its product with a secret odd number
 * (multiply-shift; Dietzfelbinger et al. 1997). Much cheaper; but who may choose numbers, and sees
 * how long each takes, could find many that collide.
 */
uint64_t hash_number(uint64_t secret, uint64_t number);

#endif
