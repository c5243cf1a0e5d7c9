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

/* The field of this name, looked for from `next` on, since most messages keep the order. */
static size_t find_field(const struct object_info *info, struct str key, size_t next)
{
    for (size_t at = next; at < info->count; at++) {
        if (str_equal_short(info->fields[at].name, key)) {
            return at;
        }
    }
    for (size_t at = 0; at < next; at++) {
        if (str_equal_short(info->fields[at].name, key)) {
            return at;
        }
    }
    return info->count;
}

static bool unescape_key(struct object_members *m, struct str raw, struct str *ret_key)
{
    char *text = memory_take(&m->memory, raw.len);

    if (text == NULL) {
        return false;
    }
    *ret_key = str_make(text, json_unescape_to(raw, text, raw.len));
    return true;
}

static bool make_room(struct object_members *m)
{
    size_t cap = m->cap * 2;
    struct member *all = realloc(m->all == m->few ? NULL : m->all, cap * sizeof(*all));

    if (all == NULL) {
        return false;
    }
    if (m->all == m->few) {
        memcpy(all, m->few, sizeof(m->few));
    }
    m->all = all;
    m->cap = cap;
    return true;
}

/* For a member that finds no room in the list, or whose key has escapes. */
static __attribute__((cold)) bool prepare(struct object_members *m, struct str raw_key,
                                          bool escaped, struct str *key)
{
    return (m->count < m->cap || make_room(m)) && (!escaped || unescape_key(m, raw_key, key));
}

/* A member as it stands in the text; whether it is a field's is asked later. */
static inline bool collect(struct object_members *m, struct str raw_key, bool escaped,
                           struct raw_value value)
{
    struct str key = str_make(raw_key.ptr + 1, raw_key.len - 2);

    if ((m->count == m->cap || escaped) && !prepare(m, raw_key, escaped, &key)) {
        return false;
    }
    struct member *member = &m->all[m->count++];
    member->text = raw_key.ptr;
    member->key = key;
    member->value = value;
    member->taken = false;
    return true;
}

/* By key, and equal ones in the order in which they stand there. */
static int compare_members(const void *a, const void *b)
{
    const struct member *left = *(const struct member *const *)a;
    const struct member *right = *(const struct member *const *)b;
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
    const struct member *few[FEW_MEMBERS];
    const struct member **sorted = few;
    size_t count = 0;

    if (m->other_count < 2) {
        return true;
    }
    if (m->other_count > FEW_MEMBERS) {
        sorted = memory_take_items(&m->memory, m->other_count, sizeof(struct member *));
    }
    if (sorted == NULL) {
        return report_no_memory(r, path, m->all[0].text);
    }
    for (size_t i = 0; i < m->count; i++) {
        if (!m->all[i].taken) {
            sorted[count++] = &m->all[i];
        }
    }
    qsort(sorted, count, sizeof(struct member *), compare_members);
    for (size_t i = 1; i < count; i++) {
        if (str_equal(sorted[i - 1]->key, sorted[i]->key)) {
            return report_twice(r, path, sorted[i]->key, sorted[i]->text);
        }
    }
    return true;
}

/* Fields that are not there by their own name are looked for by their other names. */
static void find_other_names(struct object_members *m, const struct object_info *info)
{
    for (size_t i = 0; i < info->count; i++) {
        const struct field_info *field = &info->fields[i];
        for (size_t j = 0; field->also != NULL && m->fields[i] == NULL && j < m->count; j++) {
            struct member *member = &m->all[j];
            if (!member->taken && field_is_also(field, member->key)) {
                m->fields[i] = member;
                member->taken = true;
            }
        }
    }
}

static bool find_fields(struct object_members *m, const struct report *r,
                        const struct object_info *info, const struct step *path)
{
    size_t next = 0;

    memset(m->fields, 0, info->count * sizeof(m->fields[0]));
    for (size_t i = 0; i < m->count; i++) {
        struct member *member = &m->all[i];
        size_t found = find_field(info, member->key, next);
        if (found == info->count) {
            m->other_count++;
        } else if (m->fields[found] != NULL) {
            return report_twice(r, path, member->key, member->text);
        } else {
            m->fields[found] = member;
            member->taken = true;
            next = found + 1;
        }
    }
    return true;
}

bool object_members_sort(struct object_members *m, const struct report *r,
                         const struct object_info *info, const struct step *path)
{
    if (!find_fields(m, r, info, path)) {
        return false;
    }
    if (m->other_count == 0) {
        return true;
    }
    if (!refuse_duplicates(m, r, path)) {
        return false;
    }
    find_other_names(m, info);
    return true;
}

static void begin(struct object_members *m, const char *object)
{
    m->object = object;
    m->all = m->few;
    m->count = 0;
    m->cap = FEW_MEMBERS;
    m->other_count = 0;
    m->memory = NULL;
}

bool object_members_init(struct object_members *m, const struct report *r, struct str raw,
                         const struct step *path)
{
    struct json_iter it = json_iter_of(raw);
    struct str key, value;

    begin(m, raw.ptr);
    while (json_next_member(&it, &key, &value)) {
        struct raw_value raw_value = {value.ptr, (uint32_t)value.len, true};
        if (m->count == WIRE_MAX_MEMBERS) {
            return report_other(r, PARLEY_WRONG_LENGTH, path, key.ptr, "at most 1024 members",
                                "more");
        }
        if (!collect(m, key, str_find(key, '\\') < key.len, raw_value)) {
            return report_no_memory(r, path, key.ptr);
        }
    }
    return true;
}

struct walk {
    struct scan scan;
    struct object_members *members;
    struct object_members *inner;
};

/* From a key to its value; *ret_escaped: whether there is an escape in it. */
static inline const char *enter_member(struct scan *s, const char *at, struct str *ret_key,
                                       bool *ret_escaped)
{
    s->escaped = false;
    at = scan_key(s, at, ret_key);
    *ret_escaped = s->escaped;
    s->escaped = false;
    return at;
}

static inline struct raw_value make_raw(const struct scan *s, const char *from, const char *end)
{
    return (struct raw_value){from, (uint32_t)(end - from), s->escaped};
}

/* A member of an object inside, which is given up when it has too many. */
static const char *scan_inner_member(void *owner, const char *at)
{
    struct walk *walk = owner;
    struct object_members *m = walk->inner;
    struct scan *s = &walk->scan;
    struct str key = STR("");
    bool escaped;
    const char *value = enter_member(s, at, &key, &escaped);

    if (value == NULL) {
        return NULL;
    }
    at = scan_value(s, value);
    if (at == NULL || m->object == NULL) {
        return at;
    }
    if (m->count == FEW_MEMBERS) {
        m->object = NULL;
        return at;
    }
    return collect(m, key, escaped, make_raw(s, value, at)) ? at : NULL;
}

/* The value of a member of a message. */
static const char *scan_inner(struct walk *walk, const char *value)
{
    if (value == walk->scan.end || *value != '{' || walk->inner->object != NULL) {
        return scan_value(&walk->scan, value);
    }
    walk->inner->object = value;
    walk->inner->count = 0;
    return scan_object(&walk->scan, value, scan_inner_member, walk);
}

/*
 * One member of a message, from its key up to the end of its value. Returns NULL with s->status for
 * broken text, and without when there is no memory.
 */
static const char *scan_member(void *owner, const char *at)
{
    struct walk *walk = owner;
    struct object_members *m = walk->members;
    struct scan *s = &walk->scan;
    struct str key = STR("");
    bool escaped;
    const char *value = enter_member(s, at, &key, &escaped);

    if (value == NULL) {
        return NULL;
    }
    at = scan_inner(walk, value);
    /* Those that are too many are read for their grammar alone. */
    if (at == NULL || m->count > WIRE_MAX_MEMBERS) {
        return at;
    }
    return collect(m, key, escaped, make_raw(s, value, at)) ? at : NULL;
}

bool object_members_scan(struct object_members *m, struct object_members *inner,
                         const struct report *r, size_t len)
{
    struct walk walk = {.members = m, .inner = inner};
    struct scan *s = &walk.scan;

    begin(m, r->text);
    begin(inner, NULL);
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
    if (m->count > WIRE_MAX_MEMBERS) {
        return report_scan(r, WIRE_TOO_MANY_MEMBERS, m->all[WIRE_MAX_MEMBERS].text);
    }
    return true;
}

void object_members_fini(struct object_members *m)
{
    if (m->all != m->few) {
        free(m->all);
    }
    memory_free(&m->memory);
}
