#ifndef PARLEY_CORE_LABEL_H
#define PARLEY_CORE_LABEL_H

/*
 * Texts that many clients have in common (the User-Agent of a library), kept once and counted.
 * There are never more than LABELS_MAX: whoever brings yet another one goes without.
 */

#include "base/map.h"
#include "base/slab.h"

enum { LABELS_MAX = 10000 };

struct labels {
    struct slab slab;
    struct map by_text;
    const uint8_t *secret; /* 16 bytes, of the hashes; borrowed */
};

void labels_init(struct labels *l, const uint8_t *secret);
void labels_fini(struct labels *l);
/* The label of this text, used once more. SLAB_NONE: the text is empty, or there is no room. */
uint32_t label_get(struct labels *l, struct str text);
/* SLAB_NONE is taken. */
void label_release(struct labels *l, uint32_t label);
/* Borrowed until it is released; "" of SLAB_NONE. */
struct str label_text(const struct labels *l, uint32_t label);

#endif
