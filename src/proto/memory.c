#include "proto/memory.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16, LEAST_BLOCK = 512 };

struct block {
    struct block *next;
    size_t used;
    size_t cap;
    _Alignas(ALIGNMENT) char bytes[];
};

void *memory_take(void **memory, size_t size)
{
    struct block *block = *memory;

    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (block == NULL || block->cap - block->used < size) {
        size_t cap = size + LEAST_BLOCK;
        block = malloc(sizeof(*block) + cap);
        if (block == NULL) {
            return NULL;
        }
        *block = (struct block){.next = *memory, .cap = cap};
        *memory = block;
    }
    void *taken = block->bytes + block->used;
    block->used += size;
    return memset(taken, 0, size);
}

void *memory_take_items(void **memory, size_t count, size_t size)
{
    assert(size > 0);
    return count <= SIZE_MAX / size ? memory_take(memory, count * size) : NULL;
}

void memory_free(void **memory)
{
    struct block *block = *memory;

    while (block != NULL) {
        struct block *next = block->next;
        explicit_bzero(block->bytes, block->used);
        free(block);
        block = next;
    }
    *memory = NULL;
}
