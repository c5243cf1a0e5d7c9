#include "base/slab.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BITS = 8, CHUNK_ITEMS = 1 << CHUNK_BITS };

void slab_init(struct slab *s, size_t item_size, uint32_t max)
{
    assert(item_size > 0 && max < SLAB_NONE);
    *s = (struct slab){.item_size = item_size, .max = max};
}

void slab_fini(struct slab *s)
{
    if (s == NULL) {
        return;
    }
    for (uint32_t i = 0; i < s->chunk_count; i++) {
        free(s->chunks[i]);
    }
    free(s->chunks);
    free(s->free_list);
    *s = (struct slab){.item_size = s->item_size, .max = s->max};
}

/*
 * The free list is grown here, with the chunk whose items it may have to hold one day, so that
 * slab_release never needs memory.
 */
static bool add_chunk(struct slab *s)
{
    uint32_t items = (s->chunk_count + 1) * CHUNK_ITEMS;

    if (items > s->free_cap) {
        uint32_t cap = s->free_cap < CHUNK_ITEMS ? CHUNK_ITEMS : s->free_cap * 2;
        uint32_t *free_list = realloc(s->free_list, cap * sizeof(*free_list));
        if (free_list == NULL) {
            return false;
        }
        s->free_list = free_list;
        char **chunks = realloc(s->chunks, cap / CHUNK_ITEMS * sizeof(*chunks));
        if (chunks == NULL) {
            return false;
        }
        s->chunks = chunks;
        s->free_cap = cap;
    }
    char *chunk = malloc(s->item_size * CHUNK_ITEMS);
    if (chunk == NULL) {
        return false;
    }
    s->chunks[s->chunk_count++] = chunk;
    return true;
}

void *slab_acquire(struct slab *s, uint32_t *ret_index)
{
    uint32_t index;

    if (s->free_count > 0) {
        index = s->free_list[--s->free_count];
    } else {
        if (s->next >= s->max) {
            return NULL;
        }
        if (s->next == s->chunk_count * CHUNK_ITEMS && !add_chunk(s)) {
            return NULL;
        }
        index = s->next++;
    }
    void *item = slab_at(s, index);
    memset(item, 0, s->item_size);
    *ret_index = index;
    return item;
}

void slab_release(struct slab *s, uint32_t index)
{
    assert(index < s->next && s->free_count < s->free_cap);
    s->free_list[s->free_count++] = index;
}

void *slab_at(const struct slab *s, uint32_t index)
{
    assert(index < s->next);
    return s->chunks[index >> CHUNK_BITS] + (size_t)(index & (CHUNK_ITEMS - 1)) * s->item_size;
}
