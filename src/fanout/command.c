#include "fanout/command.h"

#include <assert.h>
#include <stdlib.h>

enum {
    FIRST_ITEMS = 64,
    KEPT_ITEMS = 4096,      /* a batch that is used again keeps room for so many */
    KEPT_TEXT = 256 * 1024, /* and this much text */
    MAX_TEXT = 0x7fffffff,  /* offsets are 32 bits */
};

/* Makes room for `extra` more elements in an array; false: no memory. */
static bool grow(void **items, uint32_t count, uint32_t extra, uint32_t *cap, size_t size)
{
    if (count + extra <= *cap) {
        return true;
    }
    uint32_t more = *cap == 0 ? FIRST_ITEMS : *cap;
    while (more < count + extra) {
        more *= 2;
    }
    void *moved = realloc(*items, more * size);
    if (moved == NULL) {
        return false;
    }
    *items = moved;
    *cap = more;
    return true;
}

static void shrink(void **items, uint32_t *cap)
{
    if (*cap > KEPT_ITEMS) {
        free(*items);
        *items = NULL;
        *cap = 0;
    }
}

struct up_batch *up_batch_new(void)
{
    struct up_batch *b = calloc(1, sizeof(*b));

    if (b != NULL) {
        buf_init(&b->text, MAX_TEXT);
    }
    return b;
}

/* What may hold a credential does not stay in memory that is used again. */
static void wipe_secrets(struct up_batch *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        if (b->items[i].secret && b->items[i].len > 0) {
            explicit_bzero(b->text.data + b->items[i].off, b->items[i].len);
        }
    }
    b->text.secret = false;
}

void up_batch_free(struct up_batch *b)
{
    if (b != NULL) {
        wipe_secrets(b);
        free(b->items);
        buf_fini(&b->text);
        free(b);
    }
}

void up_batch_clear(struct up_batch *b)
{
    wipe_secrets(b);
    b->count = 0;
    b->taken = 0;
    b->runs = 0;
    shrink((void **)&b->items, &b->cap);
    if (b->text.cap > KEPT_TEXT) {
        buf_fini(&b->text);
    }
    buf_clear(&b->text);
}

/* `evidence` may be NULL. */
static struct up *add_up(struct up_batch *b, enum up_kind kind, uint64_t conn,
                         const struct evidence *evidence, struct str text)
{
    if (!grow((void **)&b->items, b->count, 1, &b->cap, sizeof(*b->items))) {
        return NULL;
    }
    size_t off = b->text.len;
    if (evidence != NULL) {
        b->text.secret = true; /* before it grows with half of it in */
        evidence_pack(evidence, &b->text);
    }
    buf_append_str(&b->text, text);
    if (b->text.failed) {
        if (evidence != NULL && b->text.len > off) {
            explicit_bzero(b->text.data + off, b->text.len - off);
        }
        b->text.failed = false;
        b->text.len = off;
        return NULL;
    }
    b->runs += b->count == 0 || b->items[b->count - 1].conn != conn;
    struct up *item = &b->items[b->count++];
    *item = (struct up){.kind = (uint8_t)kind,
                        .secret = evidence != NULL,
                        .conn = conn,
                        .off = (uint32_t)off,
                        .len = (uint32_t)(b->text.len - off)};
    return item;
}

struct up *up_batch_add(struct up_batch *b, enum up_kind kind, uint64_t conn, struct str text)
{
    return add_up(b, kind, conn, NULL, text);
}

void up_batch_hide(struct up_batch *b, struct up *item)
{
    item->secret = true;
    b->text.secret = true;
}

struct up *up_batch_add_asking(struct up_batch *b, enum up_kind kind, uint64_t conn,
                               const struct evidence *evidence, struct str text)
{
    return add_up(b, kind, conn, evidence, text);
}

struct down_batch *down_batch_new(void)
{
    return calloc(1, sizeof(struct down_batch));
}

void down_batch_clear(struct down_batch *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        if (b->items[i].kind == DOWN_FILTER) {
            filter_free(b->items[i].filter);
        } else if (b->items[i].kind == DOWN_POLICY) {
            shared_unref(b->items[i].policy);
        }
    }
    for (uint32_t i = 0; i < b->segment_count; i++) {
        segment_unref(b->segments[i]);
    }
    b->count = 0;
    b->segment_count = 0;
    b->credit = 0;
    shrink((void **)&b->items, &b->cap);
    shrink((void **)&b->segments, &b->segment_cap);
}

void down_batch_free(struct down_batch *b)
{
    if (b != NULL) {
        down_batch_clear(b);
        free(b->items);
        free(b->segments);
        free(b);
    }
}

/*
 * A reference for each segment mentioned. Most commands of a turn are about the same one or two
 * segments, so looking at the last few finds nearly every repetition; a reference too many is
 * harmless.
 */
static bool mention(struct down_batch *b, struct segment *segment)
{
    for (uint32_t i = b->segment_count; i > 0 && i + 4 > b->segment_count; i--) {
        if (b->segments[i - 1] == segment) {
            return true;
        }
    }
    if (!grow((void **)&b->segments, b->segment_count, 1, &b->segment_cap, sizeof(*b->segments))) {
        return false;
    }
    b->segments[b->segment_count++] = segment_ref(segment);
    return true;
}

bool down_batch_reserve(struct down_batch *b, uint32_t count)
{
    return grow((void **)&b->items, b->count, count, &b->cap, sizeof(*b->items)) &&
           grow((void **)&b->segments, b->segment_count, count, &b->segment_cap,
                sizeof(*b->segments));
}

bool down_batch_add(struct down_batch *b, const struct down *item)
{
    if ((item->segment != NULL && !mention(b, item->segment)) ||
        !grow((void **)&b->items, b->count, 1, &b->cap, sizeof(*b->items))) {
        filter_free(item->filter);
        shared_unref(item->policy);
        return false;
    }
    b->items[b->count++] = *item;
    return true;
}
