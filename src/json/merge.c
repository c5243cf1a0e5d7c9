#include "json/merge.h"

#include "json/reader.h"

struct merge {
    struct buf *out;
    uint32_t work; /* comparisons left */
};

/* The last member of this name; false: there is none. */
static bool find(struct merge *m, struct str object, struct str name, struct str *ret_value)
{
    struct json_iter it = json_iter_of(object);
    bool found = false;

    for (struct str key, value; json_next_member(&it, &key, &value);) {
        m->work -= m->work > 0;
        if (json_string_equal(key, name)) {
            *ret_value = value;
            found = true;
        }
    }
    return found;
}

static void merge(struct merge *m, struct str target, struct str patch);

static void write_member(struct merge *m, bool *first, struct str key)
{
    if (!*first) {
        buf_append_char(m->out, ',');
    }
    *first = false;
    buf_append_str(m->out, key);
    buf_append_char(m->out, ':');
}

/* What was there: kept, changed or left out. */
static void write_old(struct merge *m, struct str target, struct str patch, bool *first)
{
    struct json_iter it = json_iter_of(target);

    for (struct str key, value, change; json_next_member(&it, &key, &value) && m->work > 0;) {
        if (!find(m, patch, key, &change)) {
            write_member(m, first, key);
            buf_append_str(m->out, value);
        } else if (json_kind_of(change) != JSON_NULL) {
            write_member(m, first, key);
            merge(m, value, change);
        }
    }
}

static void write_new(struct merge *m, struct str target, struct str patch, bool *first)
{
    struct json_iter it = json_iter_of(patch);

    for (struct str key, value, old; json_next_member(&it, &key, &value) && m->work > 0;) {
        if (json_kind_of(value) != JSON_NULL && !find(m, target, key, &old)) {
            write_member(m, first, key);
            merge(m, STR("{}"), value);
        }
    }
}

/* As deep as the texts are: 64 levels at most. */
static void merge(struct merge *m, struct str target, struct str patch)
{
    bool first = true;

    if (json_kind_of(patch) != JSON_OBJECT) {
        buf_append_str(m->out, patch);
        return;
    }
    if (json_kind_of(target) != JSON_OBJECT) {
        target = STR("{}");
    }
    buf_append_char(m->out, '{');
    write_old(m, target, patch, &first);
    write_new(m, target, patch, &first);
    buf_append_char(m->out, '}');
}

bool json_merge(struct buf *out, struct str target, struct str patch)
{
    struct merge m = {.out = out, .work = MERGE_MAX_WORK};

    merge(&m, target, patch);
    return m.work > 0 && !out->failed;
}
