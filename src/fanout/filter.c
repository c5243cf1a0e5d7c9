#include "fanout/filter.h"

#include <assert.h>
#include <stdlib.h>

struct filter *filter_new(const struct str *patterns, uint32_t count)
{
    size_t size = 0;

    assert(count <= FILTER_MAX_PATTERNS);
    for (uint32_t i = 0; i < count; i++) {
        size += patterns[i].len;
    }
    struct filter *f = calloc(1, sizeof(*f) + size);
    if (f == NULL) {
        return NULL;
    }
    char *at = f->text;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(at, patterns[i].ptr, patterns[i].len);
        f->patterns[i] = str_make(at, patterns[i].len);
        at += patterns[i].len;
    }
    f->count = count;
    f->size = (uint32_t)(sizeof(*f) + size);
    return f;
}

void filter_free(struct filter *f)
{
    free(f);
}

static bool matches(struct str pattern, struct str name)
{
    if (pattern.ptr[pattern.len - 1] == '*') {
        return str_starts_with(name, str_slice(pattern, 0, pattern.len - 1));
    }
    return str_equal(name, pattern);
}

bool filter_matches(const struct filter *f, struct str name)
{
    for (uint32_t i = 0; i < f->count; i++) {
        if (matches(f->patterns[i], name)) {
            return true;
        }
    }
    return false;
}

/* Of a type that is longer than what is kept of it only prefixes can be compared. */
static bool matches_type(const struct filter *f, const struct type_name *type)
{
    if (type->len <= TYPE_TEXT_MAX) {
        return filter_matches(f, str_make(type->text, type->len));
    }
    for (uint32_t i = 0; i < f->count; i++) {
        struct str pattern = f->patterns[i];
        if (pattern.ptr[pattern.len - 1] == '*' &&
            matches(pattern, str_make(type->text, TYPE_TEXT_MAX))) {
            return true;
        }
    }
    return false;
}

bool filter_wants(struct filter *f, const struct type_name *type)
{
    if (type->id >= FILTER_TYPES) {
        return matches_type(f, type);
    }
    uint64_t bit = UINT64_C(1) << (type->id % 64);
    uint64_t *known = &f->known[type->id / 64];
    uint64_t *wanted = &f->wanted[type->id / 64];
    if ((*known & bit) == 0) {
        *known |= bit;
        *wanted |= matches_type(f, type) ? bit : 0;
    }
    return (*wanted & bit) != 0;
}
