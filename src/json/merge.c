#include "json/merge.h"

#include <stdlib.h>

#include "base/map.h"
#include "json/reader.h"

/* What a patch says of one name. */
struct change {
    struct str key; /* raw, as the value is */
    struct str value;
    uint64_t hash;
    bool is_old; /* the target has this name */
};

/* The members of a patch in their order, found by name without a walk. */
struct changes {
    struct change *all; /* owned */
    uint32_t count, cap;
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

static bool read_changes(const struct merge *m, struct changes *c, struct str patch)
{
    struct json_iter it = json_iter_of(patch);

    for (struct str key, value; json_next_member(&it, &key, &value);) {
        if (!add(c, hash_name(m, key), key, value)) {
            return false;
        }
    }
    return true;
}

/* --- merging ---------------------------------------------------------------------------------- */

static void merge(struct merge *m, struct str target, struct str patch);

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
            merge(m, value, change->value);
        }
    }
}

static void write_new(struct merge *m, const struct changes *c, bool *first)
{
    for (uint32_t i = 0; i < c->count && !m->out->failed; i++) {
        const struct change *change = &c->all[i];
        if (!change->is_old && json_kind_of(change->value) != JSON_NULL) {
            write_key(m, first, change->key);
            merge(m, STR("{}"), change->value);
        }
    }
}

static void merge_objects(struct merge *m, struct str target, struct str patch)
{
    struct changes c = {.all = NULL};
    bool first = true;

    map_init(&c.by_name, &changes_map, &c);
    if (read_changes(m, &c, patch)) {
        buf_append_char(m->out, '{');
        write_old(m, target, &c, &first);
        write_new(m, &c, &first);
        buf_append_char(m->out, '}');
    } else {
        m->out->failed = true;
    }
    map_fini(&c.by_name);
    free(c.all);
}

/* As deep as the texts are: 64 levels at most. */
static void merge(struct merge *m, struct str target, struct str patch)
{
    if (json_kind_of(patch) != JSON_OBJECT) {
        buf_append_str(m->out, patch);
    } else {
        merge_objects(m, json_kind_of(target) == JSON_OBJECT ? target : STR("{}"), patch);
    }
}

bool json_merge(struct buf *out, const uint8_t secret[16], struct str target, struct str patch)
{
    struct merge m = {.out = out, .secret = secret};

    merge(&m, target, patch);
    return !out->failed;
}
