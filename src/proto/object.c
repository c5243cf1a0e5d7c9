#include "proto/object.h"

#include "proto/memory.h"
#include "json/scan.h"

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
    size_t at = *next;

    for (size_t tried = 0; tried < info->count; tried++, at++) {
        at = at < info->count ? at : 0;
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

static bool make_room(struct object_members *m)
{
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
    return true;
}

/* A member as it stands in the text; whether it is a field's is asked later. */
static bool collect(struct object_members *m, struct str raw_key, struct str value)
{
    struct str key;

    if ((m->other_count == m->other_cap && !make_room(m)) || !unescape_key(m, raw_key, &key)) {
        return false;
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

/* Fields get their values; what is left are the others, still in order. */
static bool find_fields(struct object_members *m, const struct report *r,
                        const struct object_info *info, const struct step *path)
{
    size_t next = 0, left = 0;

    memset(m->values, 0, info->count * sizeof(m->values[0]));
    for (size_t i = 0; i < m->other_count; i++) {
        const struct other_member *member = &m->others[i];
        size_t found = find_field(info, member->key, &next);
        if (found == info->count) {
            m->others[left++] = *member;
        } else if (m->values[found].len > 0) {
            return report_twice(r, path, member->key, member->text.ptr);
        } else {
            m->values[found] = member->value;
            m->names[found] = info->fields[found].name;
        }
    }
    m->other_count = left;
    return true;
}

bool object_members_sort(struct object_members *m, const struct report *r,
                         const struct object_info *info, const struct step *path)
{
    if (!find_fields(m, r, info, path)) {
        return false;
    }
    find_other_names(m, info);
    return refuse_duplicates(m, r, path);
}

static void begin(struct object_members *m)
{
    m->others = m->few;
    m->other_count = 0;
    m->other_cap = FEW_OTHERS;
    m->memory = NULL;
}

bool object_members_init(struct object_members *m, const struct report *r, struct str raw,
                         const struct step *path)
{
    struct json_iter it = json_iter_of(raw);
    struct str key, value;

    begin(m);
    while (json_next_member(&it, &key, &value)) {
        if (!collect(m, key, value)) {
            return report_no_memory(r, path, key.ptr);
        }
    }
    return true;
}

struct walk {
    struct scan scan;
    struct object_members *members;
};

/*
 * One member of a message, from its key up to the end of its value. Returns NULL with s->status for
 * broken text, and without when there is no memory.
 */
static const char *scan_member(void *owner, const char *at)
{
    struct walk *walk = owner;
    struct object_members *m = walk->members;
    struct scan *s = &walk->scan;
    struct str key;
    const char *value = scan_key(s, at, &key);

    at = value != NULL ? scan_value(s, value) : NULL;
    /* Those that are too many are read for their grammar alone. */
    if (at == NULL || m->other_count > WIRE_MAX_MEMBERS) {
        return at;
    }
    return collect(m, key, str_make(value, (size_t)(at - value))) ? at : NULL;
}

bool object_members_scan(struct object_members *m, const struct report *r, size_t len)
{
    struct walk walk = {.members = m};
    struct scan *s = &walk.scan;

    begin(m);
    scan_init(s, str_make(r->text, len));
    const char *object = scan_space(s->text, s->end);
    bool is_object = object < s->end && *object == '{';
    const char *at = is_object ? scan_object(s, object, scan_member, &walk) : scan_value(s, object);
    if (at == NULL || scan_end(s, at) == NULL) {
        return s->status == WIRE_OK
                   ? report_no_memory(r, NULL, r->text)
                   : report_scan(r, (enum wire_status)s->status, r->text + s->position);
    }
    if (!is_object) {
        return report_scan(r, WIRE_NOT_OBJECT, object);
    }
    if (m->other_count > WIRE_MAX_MEMBERS) {
        return report_scan(r, WIRE_TOO_MANY_MEMBERS, m->others[WIRE_MAX_MEMBERS].text.ptr);
    }
    return true;
}

void object_members_fini(struct object_members *m)
{
    if (m->others != m->few) {
        free(m->others);
    }
    memory_free(&m->memory);
}
