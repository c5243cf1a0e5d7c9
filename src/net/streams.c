#include "net/streams.h"

#include <stdlib.h>
#include <string.h>

#include "net/stream_tls.h"

enum { STREAMS_MIN = 64 };

/* Room for a slot. */
static bool reserve(struct streams *all, uint32_t slot)
{
    uint32_t count = all->count > 0 ? all->count : STREAMS_MIN;

    if (slot < all->count) {
        return true;
    }
    while (count <= slot) {
        count *= 2;
    }
    struct stream **at = realloc(all->at, count * sizeof(struct stream *));
    if (at == NULL) {
        return false;
    }
    memset(at + all->count, 0, (count - all->count) * sizeof(struct stream *));
    all->at = at;
    all->count = count;
    return true;
}

bool streams_set(struct streams *all, uint32_t slot, struct stream *s)
{
    if (!reserve(all, slot)) {
        stream_tls_free(s);
        return false;
    }
    all->at[slot] = s;
    return true;
}

void streams_drop(struct streams *all, uint32_t slot)
{
    if (slot < all->count) {
        stream_tls_free(all->at[slot]);
        all->at[slot] = NULL;
    }
}

void streams_fini(struct streams *all)
{
    free(all->at);
    *all = (struct streams){0};
}
