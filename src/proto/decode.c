#include "proto/decode.h"

#include "proto/memory.h"

static bool is_required(const struct decoding *d, const struct field_info *field)
{
    return (field->flags & FIELD_REQUIRED) != 0 &&
           ((field->flags & FIELD_RELAXED) == 0 || d->strictness == PARLEY_STRICT);
}

/* A field without a value; `at` is where its object stands. */
static bool accept_absence(const struct decoding *d, const struct field_info *field, const char *at,
                           const struct step *path)
{
    struct step step = {.up = path, .name = field->name};

    if (is_required(d, field)) {
        return report_missing(&d->report, field, path, at);
    }
    return (field->flags & FIELD_BODY) == 0 ||
           decode_object(d, field->shape, str_make(at, 0), NULL, &step);
}

static bool decode_fields(const struct decoding *d, const struct object_info *info, struct str raw,
                          const struct object_members *members, char *out, const struct step *path)
{
    struct step step = {.up = path};

    for (size_t i = 0; i < info->count; i++) {
        const struct field_info *field = &info->fields[i];
        const struct member *member = members->fields[i];
        if (member == NULL) {
            if (!accept_absence(d, field, raw.ptr, path)) {
                return false;
            }
            continue;
        }
        step.name = member->key;
        void *value = out != NULL ? out + field->offset : NULL;
        if (!decode_value(d, field, member->value, value, &step)) {
            return false;
        }
    }
    return true;
}

/* Both strings are compared as text, other values byte for byte. */
static bool is_same(struct str a, struct str b)
{
    return str_equal(a, b) || (*a.ptr == '"' && *b.ptr == '"' && json_string_equal(a, b));
}

/* Members that stand there besides a field, by another of its names. */
static bool check_other_names(const struct decoding *d, const struct object_info *info,
                              const struct object_members *members, const struct step *path)
{
    for (size_t i = 0; i < info->count; i++) {
        const struct field_info *field = &info->fields[i];
        for (size_t j = 0; field->also != NULL && j < members->count; j++) {
            const struct member *other = &members->all[j];
            struct step step = {.up = path, .name = other->key};
            if (other->taken || !field_is_also(field, other->key)) {
                continue;
            }
            if (!decode_value(d, field, other->value, NULL, &step)) {
                return false;
            }
            if ((field->flags & FIELD_SAME) != 0 &&
                !is_same(raw_text(members->fields[i]->value), raw_text(other->value))) {
                return report_other(&d->report, PARLEY_DUPLICATE, &step, other->text,
                                    "the same value under each of its names", "another");
            }
        }
    }
    return true;
}

static bool store_others(const struct decoding *d, const struct object_info *info,
                         const struct object_members *members, struct str raw, char *out,
                         const struct step *path)
{
    struct parley_members *more = (void *)(out + info->more);
    struct parley_text *items =
        memory_take_items(d->memory, members->other_count, sizeof(struct parley_text));

    if (items == NULL) {
        return report_no_memory(&d->report, path, raw.ptr);
    }
    more->items = items;
    for (size_t i = 0; i < members->count; i++) {
        const struct member *other = &members->all[i];
        if (!other->taken) {
            struct str text = member_text(other);
            items[more->count++] = (struct parley_text){text.ptr, text.len};
        }
    }
    return true;
}

bool decode_members(const struct decoding *d, const struct object_info *info, struct str raw,
                    struct object_members *members, void *out, const struct step *path)
{
    if (!object_members_sort(members, &d->report, info, path) ||
        !decode_fields(d, info, raw, members, out, path)) {
        return false;
    }
    return members->other_count == 0 ||
           (check_other_names(d, info, members, path) &&
            (out == NULL || store_others(d, info, members, raw, out, path)));
}

/* An object whose members are still to be taken apart. */
static bool decode_raw_object(const struct decoding *d, const struct object_info *info,
                              struct str raw, void *out, const struct step *path)
{
    struct object_members members;

    bool ok = object_members_init(&members, &d->report, raw, path) &&
              decode_members(d, info, raw, &members, out, path);
    object_members_fini(&members);
    return ok;
}

bool decode_object(const struct decoding *d, const struct object_info *info, struct str raw,
                   void *out, const struct step *path)
{
    bool is_inner = d->inner != NULL && d->inner->object == raw.ptr && raw.len > 0;

    return is_inner ? decode_members(d, info, raw, d->inner, out, path)
                    : decode_raw_object(d, info, raw, out, path);
}
