#include <stdlib.h>

#include "matrix/bridge_internal.h"

/* --- texts ------------------------------------------------------------------------------------ */

void text_clear(struct str *text)
{
    free((char *)(uintptr_t)text->ptr);
    *text = STR("");
    text->ptr = NULL;
}

void text_set(struct bridge *b, struct str *text, struct str value)
{
    char *copy = NULL;

    if (value.len > 0) {
        copy = malloc(value.len);
        if (copy == NULL) {
            b->failed = true;
            value.len = 0;
        } else {
            memcpy(copy, value.ptr, value.len);
        }
    }
    text_clear(text);
    *text = str_make(copy, value.len);
}

struct str text_cut(struct str text, size_t max)
{
    if (text.len <= max) {
        return text;
    }
    /* Not before a continuation byte. */
    while (max > 0 && ((uint8_t)text.ptr[max] & 0xc0) == 0x80) {
        max--;
    }
    return str_slice(text, 0, max);
}

bool text_is_blank(struct str text)
{
    while (text.len > 0 && (uint8_t)text.ptr[0] <= ' ') {
        text = str_slice(text, 1, text.len);
    }
    return text.len == 0;
}

struct str text_random(struct bridge *b, char buffer[2 * KEY_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[KEY_BYTES];

    b->ports.random(b->ports.owner, bytes, sizeof(bytes));
    for (size_t i = 0; i < KEY_BYTES; i++) {
        buffer[2 * i] = digits[bytes[i] >> 4];
        buffer[2 * i + 1] = digits[bytes[i] & 15];
    }
    return str_make(buffer, 2 * KEY_BYTES);
}

/* --- things ----------------------------------------------------------------------------------- */

static struct str number_key(uint64_t number, char buffer[24])
{
    return str_format(buffer, 24, "%llu", (unsigned long long)number);
}

void *thing_find(struct bridge *b, enum bridge_table table, struct str key)
{
    struct table *t = &b->tables[table];
    uint32_t index = map_find(&t->map, hash_bytes(b->secret, key.ptr, key.len), &key);

    return index == MAP_NONE ? NULL : slab_at(&t->slab, index);
}

void *thing_find_number(struct bridge *b, enum bridge_table table, uint64_t number)
{
    char buffer[24];

    return thing_find(b, table, number_key(number, buffer));
}

void *thing_new(struct bridge *b, enum bridge_table table, struct str key)
{
    struct table *t = &b->tables[table];
    uint32_t index;
    struct thing *thing = slab_acquire(&t->slab, &index);

    if (thing == NULL) {
        b->failed = true;
        return NULL;
    }
    list_init(&thing->dirty);
    thing->table = (uint8_t)table;
    thing->index = index;
    text_set(b, &thing->key, key);
    if (b->failed || !map_insert(&t->map, hash_bytes(b->secret, key.ptr, key.len), index)) {
        b->failed = true;
        text_clear(&thing->key);
        thing->state = THING_FREE;
        slab_release(&t->slab, index);
        return NULL;
    }
    thing->state = THING_LIVE;
    thing_touch(b, thing);
    return thing;
}

void *thing_new_number(struct bridge *b, enum bridge_table table)
{
    char buffer[24];
    uint64_t number = b->next_numbers[table]++;
    struct thing *thing = thing_new(b, table, number_key(number, buffer));

    if (thing != NULL) {
        thing->number = number;
    }
    return thing;
}

void thing_touch(struct bridge *b, struct thing *t)
{
    if (list_empty(&t->dirty)) {
        list_append(&b->dirty, &t->dirty);
    }
}

static void unmap(struct bridge *b, struct thing *t)
{
    map_remove(&b->tables[t->table].map, hash_bytes(b->secret, t->key.ptr, t->key.len), t->index);
}

void thing_drop(struct bridge *b, struct thing *t)
{
    if (t->state == THING_LIVE) {
        unmap(b, t);
        t->state = THING_GONE;
        thing_touch(b, t);
    }
}

void thing_free(struct bridge *b, struct thing *t)
{
    if (t->state == THING_LIVE) {
        unmap(b, t);
    }
    list_remove(&t->dirty);
    row_fini(t);
    text_clear(&t->key);
    t->state = THING_FREE;
    slab_release(&b->tables[t->table].slab, t->index);
}

void *thing_next(struct bridge *b, enum bridge_table table, uint32_t *at)
{
    struct slab *slab = &b->tables[table].slab;

    while (*at < slab_limit(slab)) {
        struct thing *t = slab_at(slab, (*at)++);
        if (t->state == THING_LIVE) {
            return t;
        }
    }
    return NULL;
}
