#include "fanout/segment.h"

#include <assert.h>
#include <stdlib.h>

struct segment *segment_new(size_t size, uint64_t first)
{
    /* Entries are laid from the end down, so the end has to be aligned for one. */
    size_t cap =
        (size + _Alignof(struct entry) - 1) / _Alignof(struct entry) * _Alignof(struct entry);

    assert(cap <= UINT32_MAX);
    struct segment *s = malloc(sizeof(*s) + cap);
    if (s == NULL) {
        return NULL;
    }
    memset(s, 0, sizeof(*s));
    atomic_init(&s->refs, 1);
    s->cap = (uint32_t)cap;
    s->first = first;
    return s;
}

struct segment *segment_ref(struct segment *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

static void free_loose_types(struct segment *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const struct type_name *type = segment_entry(s, i)->type;
        if (type != NULL && type->id == TYPE_LOOSE) {
            free((void *)(uintptr_t)type);
        }
    }
}

void segment_unref(struct segment *s)
{
    if (s == NULL) {
        return;
    }
    unsigned before = atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before == 1) {
        free_loose_types(s);
        if (s->secret) {
            explicit_bzero(s->data, s->used);
        }
        free(s);
    }
}

size_t segment_room(const struct segment *s, size_t entries)
{
    size_t taken = s->used + (s->count + entries) * sizeof(struct entry);

    return taken < s->cap ? s->cap - taken : 0;
}

static struct entry *entry_at(const struct segment *s, uint32_t i)
{
    return (struct entry *)(void *)((char *)(uintptr_t)s->data + s->cap) - 1 - i;
}

const struct entry *segment_entry(const struct segment *s, uint32_t i)
{
    return entry_at(s, i);
}

char *segment_extend(struct segment *s, size_t len)
{
    assert(len <= segment_room(s, 0));
    char *at = s->data + s->used;
    s->used += (uint32_t)len;
    return at;
}

void segment_add_entry(struct segment *s, uint32_t len, uint64_t sender, uint64_t seq,
                       const struct type_name *type)
{
    assert(segment_room(s, 0) >= sizeof(struct entry) && len <= s->used);
    *entry_at(s, s->count) = (struct entry){
        .off = s->used - len, .len = len, .sender = sender, .seq = seq, .type = type};
    s->count++;
}

void segment_hold(struct segment *s, unsigned reactor)
{
    if (s->held[reactor]++ > 0) {
        segment_unref(s);
    }
}

void segment_release(struct segment *s, unsigned reactor)
{
    assert(s->held[reactor] > 0);
    if (--s->held[reactor] == 0) {
        segment_unref(s);
    }
}
