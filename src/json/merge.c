#include "json/merge.h"

#include <stdlib.h>

#include "base/map.h"
#include "json/reader.h"

/* What a patch says of one name. */
struct change {
    struct str key; /* raw, as the value is */
    struct str value;
    uint64_t hash;
    struct changes *inner; /* owned: the members of the value, read when they are needed first */
    uint32_t next;         /* the next one that is not null; `count`: there is none */
    bool is_old;           /* the target has this name; for null it does not matter */
};

/*
 * The members of a patch in their order, found by name without a walk. A target may have a name
 * many times, and each is changed; so they are read once, and those that are null are passed over.
 */
struct changes {
    struct change *all; /* owned */
    uint32_t count, cap;
    uint32_t first; /* that is not null */
    struct map by_name;
};

struct merge {
    struct buf *out; /* failed also when there is no memory for the changes */
    const uint8_t *secret;
};

/* --- the members of a patch ------------------------------------------------------------------- */

static uint64_t hash_change(const void *owner, uint32_t index)
{
    const struct changes *c = owner;

    return c->all[index].hash;
}

static bool change_is(const void *owner, uint32_t index, const void *key)
{
    const struct changes *c = owner;

    return json_string_equal(c->all[index].key, *(const struct str *)key);
}

static const struct map_type changes_map = {.hash = hash_change, .equal = change_is};

/* By the first bytes of what it reads as: of names that are longer a text has few. */
static uint64_t hash_name(const struct merge *m, struct str raw_key)
{
    char text[256];
    size_t len = json_unescape_to(raw_key, text, sizeof(text));

    return hash_bytes(m->secret, text, len < sizeof(text) ? len : sizeof(text));
}

/* NULL: the patch does not say anything of this name. */
static struct change *find(const struct changes *c, uint64_t hash, struct str raw_key)
{
    uint32_t index = map_find(&c->by_name, hash, &raw_key);

    return index != MAP_NONE ? &c->all[index] : NULL;
}

static bool make_room(struct changes *c)
{
    uint32_t cap = c->cap == 0 ? 8 : c->cap * 2;
    struct change *all = realloc(c->all, cap * sizeof(*all));

    if (all == NULL) {
        return false;
    }
    c->all = all;
    c->cap = cap;
    return true;
}

static bool add(struct changes *c, uint64_t hash, struct str key, struct str value)
{
    struct change *same = find(c, hash, key);

    if (same != NULL) {
        same->value = value;
        return true;
    }
    if ((c->count == c->cap && !make_room(c)) || !map_insert(&c->by_name, hash, c->count)) {
        return false;
    }
    c->all[c->count++] = (struct change){.key = key, .value = value, .hash = hash};
    return true;
}

/* Once all are there: of a name that stands twice the last value counts. */
static void chain(struct changes *c)
{
    uint32_t next = c->count;

    for (uint32_t i = c->count; i-- > 0;) {
        c->all[i].next = next;
        next = json_kind_of(c->all[i].value) != JSON_NULL ? i : next;
    }
    c->first = next;
}

static bool read_changes(const struct merge *m, struct changes *c, struct str patch)
{
    struct json_iter it = json_iter_of(patch);

    for (struct str key, value; json_next_member(&it, &key, &value);) {
        if (!add(c, hash_name(m, key), key, value)) {
            return false;
        }
    }
    chain(c);
    return true;
}

/* As deep as a patch is: 64 levels at most. */
static void free_changes(struct changes *c)
{
    if (c == NULL) {
        return;
    }
    for (uint32_t i = 0; i < c->count; i++) {
        free_changes(c->all[i].inner);
    }
    map_fini(&c->by_name);
    free(c->all);
    free(c);
}

/* The members of an object that a name becomes; NULL: no memory. */
static struct changes *inner_of(const struct merge *m, struct change *change)
{
    if (change->inner != NULL) {
        return change->inner;
    }
    struct changes *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return NULL;
    }
    map_init(&c->by_name, &changes_map, c);
    if (!read_changes(m, c, change->value)) {
        free_changes(c);
        return NULL;
    }
    change->inner = c;
    return c;
}

/* --- merging ---------------------------------------------------------------------------------- */

static void merge(struct merge *m, struct str target, struct change *change);

static void write_key(struct merge *m, bool *first, struct str key)
{
    if (!*first) {
        buf_append_char(m->out, ',');
    }
    *first = false;
    buf_append_str(m->out, key);
    buf_append_char(m->out, ':');
}

/* What was there: kept, changed or left out. */
static void write_old(struct merge *m, struct str target, struct changes *c, bool *first)
{
    struct json_iter it = json_iter_of(target);

    for (struct str key, value; !m->out->failed && json_next_member(&it, &key, &value);) {
        struct change *change = find(c, hash_name(m, key), key);
        if (change == NULL) {
            write_key(m, first, key);
            buf_append_str(m->out, value);
            continue;
        }
        change->is_old = true;
        if (json_kind_of(change->value) != JSON_NULL) {
            write_key(m, first, key);
            merge(m, value, change);
        }
    }
}

/* What was not; the changes are as before for the next target. */
static void write_new(struct merge *m, struct changes *c, bool *first)
{
    for (uint32_t i = c->first; i < c->count && !m->out->failed; i = c->all[i].next) {
        struct change *change = &c->all[i];
        if (!change->is_old) {
            write_key(m, first, change->key);
            merge(m, STR("{}"), change);
        }
        change->is_old = false;
    }
}

static void merge_objects(struct merge *m, struct str target, struct change *change)
{
    struct changes *c = inner_of(m, change);
    bool first = true;

    if (c == NULL) {
        m->out->failed = true;
        return;
    }
    buf_append_char(m->out, '{');
    write_old(m, target, c, &first);
    write_new(m, c, &first);
    buf_append_char(m->out, '}');
}

/* As deep as the texts are: 64 levels at most. */
static void merge(struct merge *m, struct str target, struct change *change)
{
    if (json_kind_of(change->value) != JSON_OBJECT) {
        buf_append_str(m->out, change->value);
    } else {
        merge_objects(m, json_kind_of(target) == JSON_OBJECT ? target : STR("{}"), change);
    }
}

bool json_merge(struct buf *out, const uint8_t secret[16], struct str target, struct str patch)
{
    struct merge m = {.out = out, .secret = secret};
    struct change whole = {.value = patch};

    merge(&m, target, &whole);
    free_changes(whole.inner);
    return !out->failed;
}
