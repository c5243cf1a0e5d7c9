#ifndef PARLEY_BASE_SLAB_H
#define PARLEY_BASE_SLAB_H

/*
 * Items of one size, found by a small index that stays the same while the item lives. Items are
 * allocated in chunks that never move, so a pointer to an item is good until slab_release. A freed
 * index is used again, last freed first. Chunks are returned to the system with slab_fini only:
 * what was needed once will be needed again. The list of free indexes is threaded through the last
 * four bytes of the released items, so it costs nothing and releasing cannot fail.
 */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No index. A macro, since an enumerator is an int. */
#define SLAB_NONE UINT32_MAX

enum { SLAB_CHUNK_BITS = 8 }; /* 256 items in each */

struct slab {
    char **chunks;
    size_t item_size;
    uint32_t chunk_count;
    uint32_t chunk_cap;
    uint32_t next;       /* first index never used */
    uint32_t free_head;  /* last index released, or SLAB_NONE */
    uint32_t free_count; /* indexes released */
    uint32_t max;        /* never more items than this */
};

/* At most `max` items (< SLAB_NONE) of `item_size` (>= 4) bytes. Allocates nothing. */
void slab_init(struct slab *s, size_t item_size, uint32_t max);
/* Frees everything; NULL is taken, and one that is all zeros. */
void slab_fini(struct slab *s);

/* A zeroed item; *ret_index is its index. Returns NULL when full or out of memory. */
void *slab_acquire(struct slab *s, uint32_t *ret_index);
/* Gives item `index` back. It must be in use. Cannot fail. */
void slab_release(struct slab *s, uint32_t index);

/* The item at `index`, which must be below slab_limit; a released item's bytes are
   stale, but for the last four, which are the slab's. */
static inline void *slab_at(const struct slab *s, uint32_t index)
{
    uint32_t in_chunk = index & ((1u << SLAB_CHUNK_BITS) - 1);

    assert(index < s->next);
    return s->chunks[index >> SLAB_CHUNK_BITS] + (size_t)in_chunk * s->item_size;
}
/* One more than the highest index ever in use: for walking, with a mark of use in the item. */
static inline uint32_t slab_limit(const struct slab *s)
{
    return s->next;
}
/* Items in use. */
static inline uint32_t slab_count(const struct slab *s)
{
    return s->next - s->free_count;
}

#endif
