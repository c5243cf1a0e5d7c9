#include "names.h"

#include <assert.h>
#include <stdlib.h>

static uint32_t hash(struct str text)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < text.len; i++) {
        h = (h ^ (uint8_t)text.ptr[i]) * 16777619u;
    }
    return h;
}

static uint32_t *slot_of(const struct names *n, struct str text)
{
    uint32_t at = hash(text) & (n->cap - 1);

    while (n->slots[at] != NO_NAME &&
           !str_equal(str_make(n->texts[n->slots[at]], n->lengths[n->slots[at]]), text)) {
        at = (at + 1) & (n->cap - 1);
    }
    return &n->slots[at];
}

uint32_t names_find(const struct names *n, struct str text)
{
    return n->cap == 0 ? NO_NAME : *slot_of(n, text);
}

static void grow(struct names *n)
{
    uint32_t cap = n->cap == 0 ? 1024 : n->cap * 2;

    free(n->slots);
    n->slots = malloc(cap * sizeof(*n->slots));
    n->texts = realloc(n->texts, cap * sizeof(*n->texts));
    n->lengths = realloc(n->lengths, cap * sizeof(*n->lengths));
    assert(n->slots != NULL && n->texts != NULL && n->lengths != NULL);
    memset(n->slots, 0xff, cap * sizeof(*n->slots));
    n->cap = cap;
    for (uint32_t i = 0; i < n->count; i++) {
        *slot_of(n, str_make(n->texts[i], n->lengths[i])) = i;
    }
}

uint32_t names_add(struct names *n, struct str text)
{
    if (2 * n->count >= n->cap) {
        grow(n);
    }
    uint32_t *slot = slot_of(n, text);
    if (*slot == NO_NAME) {
        char *copy = malloc(text.len + 1);
        assert(copy != NULL);
        memcpy(copy, text.len > 0 ? text.ptr : "", text.len);
        n->texts[n->count] = copy;
        n->lengths[n->count] = text.len;
        *slot = n->count++;
    }
    return *slot;
}

void names_fini(struct names *n)
{
    for (uint32_t i = 0; i < n->count; i++) {
        free(n->texts[i]);
    }
    free(n->texts);
    free(n->lengths);
    free(n->slots);
    *n = (struct names){0};
}
