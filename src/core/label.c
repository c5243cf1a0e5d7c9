#include "core/label.h"

#include <stdlib.h>

struct label {
    char *text; /* owned; NULL: the slot is not in use */
    uint32_t len;
    uint32_t users;
    uint32_t unused; /* the slab's, once it is free */
};

static struct label *label_at(const struct labels *l, uint32_t index)
{
    return slab_at(&l->slab, index);
}

static uint64_t hash_label(const void *owner, uint32_t index)
{
    const struct labels *l = owner;
    const struct label *one = label_at(l, index);

    return hash_bytes(l->secret, one->text, one->len);
}

static bool label_is(const void *owner, uint32_t index, const void *key)
{
    return str_equal(label_text(owner, index), *(const struct str *)key);
}

static const struct map_type labels_map = {.hash = hash_label, .equal = label_is};

void labels_init(struct labels *l, const uint8_t *secret)
{
    l->secret = secret;
    slab_init(&l->slab, sizeof(struct label), LABELS_MAX);
    map_init(&l->by_text, &labels_map, l);
}

void labels_fini(struct labels *l)
{
    for (uint32_t i = 0; i < slab_limit(&l->slab); i++) {
        free(label_at(l, i)->text);
    }
    map_fini(&l->by_text);
    slab_fini(&l->slab);
}

struct str label_text(const struct labels *l, uint32_t label)
{
    return label == SLAB_NONE ? STR("")
                              : str_make(label_at(l, label)->text, label_at(l, label)->len);
}

static uint32_t add(struct labels *l, uint64_t hash, struct str text)
{
    uint32_t index;
    struct label *one = slab_acquire(&l->slab, &index);

    if (one == NULL) {
        return SLAB_NONE;
    }
    one->text = strndup(text.ptr, text.len);
    one->len = (uint32_t)text.len;
    if (one->text == NULL || !map_insert(&l->by_text, hash, index)) {
        free(one->text);
        one->text = NULL;
        slab_release(&l->slab, index);
        return SLAB_NONE;
    }
    return index;
}

uint32_t label_get(struct labels *l, struct str text)
{
    uint64_t hash;

    if (text.len == 0) {
        return SLAB_NONE;
    }
    hash = hash_bytes(l->secret, text.ptr, text.len);
    uint32_t index = map_find(&l->by_text, hash, &text);
    if (index == MAP_NONE) {
        index = add(l, hash, text);
    }
    if (index != SLAB_NONE) {
        label_at(l, index)->users++;
    }
    return index;
}

void label_release(struct labels *l, uint32_t label)
{
    if (label == SLAB_NONE || --label_at(l, label)->users > 0) {
        return;
    }
    struct label *one = label_at(l, label);
    map_remove(&l->by_text, hash_label(l, label), label);
    free(one->text);
    one->text = NULL;
    slab_release(&l->slab, label);
}
