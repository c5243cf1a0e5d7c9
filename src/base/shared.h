#ifndef PARLEY_BASE_SHARED_H
#define PARLEY_BASE_SHARED_H

/*
 * Something that threads share and nobody changes: it stands at the head of a larger struct, is
 * counted, and goes with its last user.
 */

#include <stdatomic.h>
#include <stddef.h>

struct shared {
    atomic_uint refs;
    void (*free)(struct shared *shared); /* of the whole struct */
};

/* The one who makes it has the first reference. */
static inline void shared_init(struct shared *s, void (*free)(struct shared *shared))
{
    atomic_init(&s->refs, 1);
    s->free = free;
}

static inline struct shared *shared_ref(struct shared *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

/* NULL is taken. */
static inline void shared_unref(struct shared *s)
{
    if (s != NULL && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1) {
        s->free(s);
    }
}

#endif
