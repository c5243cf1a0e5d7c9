#include "base/slab.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_ITEMS = 1 << SLAB_CHUNK_BITS };

static void make_empty(struct slab *s, size_t item_size, uint32_t max)
{
    *s = (struct slab){.item_size = item_size, .max = max, .free_head = SLAB_NONE};
}

void slab_init(struct slab *s, size_t item_size, uint32_t max)
{
    assert(item_size >= sizeof(uint32_t) && max < SLAB_NONE);
    make_empty(s, item_size, max);
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
    make_empty(s, s->item_size, s->max);
}

static bool add_chunk(struct slab *s)
{
    if (s->chunk_count == s->chunk_cap) {
        uint32_t cap = s->chunk_cap == 0 ? 1 : s->chunk_cap * 2;
        char **chunks = realloc(s->chunks, cap * sizeof(*chunks));
        if (chunks == NULL) {
            return false;
        }
        s->chunks = chunks;
        s->chunk_cap = cap;
    }
    char *chunk = malloc(s->item_size * CHUNK_ITEMS);
    if (chunk == NULL) {
        return false;
    }
    s->chunks[s->chunk_count++] = chunk;
    return true;
}

/* Where a released item keeps the index of the one released before it. */
static char *free_link(const struct slab *s, uint32_t index)
{
    return (char *)slab_at(s, index) + s->item_size - sizeof(uint32_t);
}

static uint32_t take_index(struct slab *s)
{
    uint32_t index = s->free_head;

    if (index != SLAB_NONE) {
        memcpy(&s->free_head, free_link(s, index), sizeof(s->free_head));
        s->free_count--;
        return index;
    }
    if (s->next >= s->max || (s->next == s->chunk_count * CHUNK_ITEMS && !add_chunk(s))) {
        return SLAB_NONE;
    }
    return s->next++;
}

void *slab_acquire(struct slab *s, uint32_t *ret_index)
{
    uint32_t index = take_index(s);

    if (index == SLAB_NONE) {
        return NULL;
    }
    void *item = slab_at(s, index);
    memset(item, 0, s->item_size);
    *ret_index = index;
    return item;
}

void slab_release(struct slab *s, uint32_t index)
{
    memcpy(free_link(s, index), &s->free_head, sizeof(s->free_head));
    s->free_head = index;
    s->free_count++;
}
