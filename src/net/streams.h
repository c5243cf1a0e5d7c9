#ifndef PARLEY_NET_STREAMS_H
#define PARLEY_NET_STREAMS_H

/*
 * What streams keep for the connections of a reactor, by slot. A reactor whose listeners all speak
 * plain TCP has none, and a connection need not be larger for it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/stream.h"

struct streams {
    struct stream **at; /* owned; NULL for a connection that keeps nothing */
    uint32_t count;
};

/* Puts a stream of stream_tls (taken) at a slot. False: no memory, and it is freed. */
bool streams_set(struct streams *all, uint32_t slot, struct stream *s);
/* Frees the one of a slot, if there is one. */
void streams_drop(struct streams *all, uint32_t slot);
/* Frees the table; every slot has been dropped. */
void streams_fini(struct streams *all);

/* Borrowed; or NULL. */
static inline struct stream *streams_get(const struct streams *all, uint32_t slot)
{
    return slot < all->count ? all->at[slot] : NULL;
}

#endif
