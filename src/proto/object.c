#include "proto/object.h"

#include "proto/memory.h"

#include <stdlib.h>

static bool report_twice(const struct report *r, const struct step *path, struct str key,
                         const char *at)
{
    struct step member = {.up = path, .name = key};

    return report_other(r, PARLEY_DUPLICATE, &member, at, "the member once", "it twice");
}

bool field_is_also(const struct field_info *field, struct str key)
{
    const struct str *name = field->also;

    while (name != NULL && name->len > 0 && !str_equal(*name, key)) {
        name++;
    }
    return name != NULL && name->len > 0;
}

/* The field of this name, looked for from `*next` on, since most messages keep the order. */
static size_t find_field(const struct object_info *info, struct str key, size_t *next)
{
    for (size_t i = 0; i < info->count; i++) {
        size_t at = (*next + i) % info->count;
        if (str_equal(info->fields[at].name, key)) {
            *next = at + 1;
            return at;
        }
    }
    return info->count;
}

static bool unescape_key(struct object_members *m, struct str raw, struct str *ret_key)
{
    if (json_string_plain(raw, ret_key)) {
        return true;
    }
    char *text = memory_take(&m->memory, raw.len);
    if (text == NULL) {
        return false;
    }
    *ret_key = str_make(text, json_unescape_to(raw, text, raw.len));
    return true;
}

static bool add_other(struct object_members *m, struct str raw_key, struct str key,
                      struct str value)
{
    if (m->other_count == m->other_cap) {
        size_t cap = m->other_cap * 2;
        struct other_member *others =
            realloc(m->others == m->few ? NULL : m->others, cap * sizeof(*others));
        if (others == NULL) {
            return false;
        }
        if (m->others == m->few) {
            memcpy(others, m->few, sizeof(m->few));
        }
        m->others = others;
        m->other_cap = cap;
    }
    size_t len = (size_t)(value.ptr + value.len - raw_key.ptr);
    m->others[m->other_count++] =
        (struct other_member){.text = str_make(raw_key.ptr, len), .key = key, .value = value};
    return true;
}

/* By key, and equal ones in the order in which they stand there. */
static int compare_others(const void *a, const void *b)
{
    const struct other_member *left = *(const struct other_member *const *)a;
    const struct other_member *right = *(const struct other_member *const *)b;
    size_t len = left->key.len < right->key.len ? left->key.len : right->key.len;
    int order = len > 0 ? memcmp(left->key.ptr, right->key.ptr, len) : 0;

    if (order != 0) {
        return order;
    }
    if (left->key.len != right->key.len) {
        return left->key.len < right->key.len ? -1 : 1;
    }
    return left < right ? -1 : 1;
}

static bool refuse_duplicates(struct object_members *m, const struct report *r,
                              const struct step *path)
{
    if (m->other_count < 2) {
        return true;
    }
    const struct other_member **sorted =
        memory_take_items(&m->memory, m->other_count, sizeof(struct other_member *));
    if (sorted == NULL) {
        return report_no_memory(r, path, m->others[0].text.ptr);
    }
    for (size_t i = 0; i < m->other_count; i++) {
        sorted[i] = &m->others[i];
    }
    qsort(sorted, m->other_count, sizeof(struct other_member *), compare_others);
    for (size_t i = 1; i < m->other_count; i++) {
        if (str_equal(sorted[i - 1]->key, sorted[i]->key)) {
            return report_twice(r, path, sorted[i]->key, sorted[i]->text.ptr);
        }
    }
    return true;
}

/* Fields that are not there by their own name are looked for by their other names. */
static void find_other_names(struct object_members *m, const struct object_info *info)
{
    for (size_t i = 0; i < info->count; i++) {
        const struct field_info *field = &info->fields[i];
        for (size_t j = 0; field->also != NULL && m->values[i].len == 0 && j < m->other_count;
             j++) {
            struct other_member *other = &m->others[j];
            if (field_is_also(field, other->key)) {
                m->values[i] = other->value;
                m->names[i] = other->key;
                other->taken = true;
            }
        }
    }
}

bool object_members_init(struct object_members *m, const struct report *r,
                         const struct object_info *info, struct str raw, const struct step *path)
{
    struct json_iter it = json_iter_of(raw);
    struct str raw_key, key, value;
    size_t next = 0;

    memset(m->values, 0, info->count * sizeof(m->values[0]));
    m->others = m->few;
    m->other_count = 0;
    m->other_cap = FEW_OTHERS;
    m->memory = NULL;
    while (json_next_member(&it, &raw_key, &value)) {
        if (!unescape_key(m, raw_key, &key)) {
            return report_no_memory(r, path, raw_key.ptr);
        }
        size_t found = find_field(info, key, &next);
        if (found == info->count) {
            if (!add_other(m, raw_key, key, value)) {
                return report_no_memory(r, path, raw_key.ptr);
            }
        } else if (m->values[found].len > 0) {
            return report_twice(r, path, key, raw_key.ptr);
        } else {
            m->values[found] = value;
            m->names[found] = info->fields[found].name;
        }
    }
    find_other_names(m, info);
    return refuse_duplicates(m, r, path);
}

void object_members_fini(struct object_members *m)
{
    if (m->others != m->few) {
        free(m->others);
    }
    memory_free(&m->memory);
}
