#ifndef PARLEY_PROTO_OBJECT_H
#define PARLEY_PROTO_OBJECT_H

/*
 * The members of one object of a message: first as they stand in the text, then sorted out by the
 * object's description, which finds the member of each field; members that it does not know are
 * the others, which keep their order. A field that stands there under another of its names is
 * found; a name that stands there twice is refused.
 */

#include "proto/problem.h"
#include "json/reader.h"

/* A value as it stands in the text, and whether a backslash may be in it. */
struct raw_value {
    const char *ptr;
    uint32_t len;
    bool escaped;
};

static inline struct str raw_text(struct raw_value raw)
{
    return str_make(raw.ptr, raw.len);
}

/* Whether a raw string is this text. */
static inline bool raw_is(struct raw_value raw, struct str text)
{
    return raw.escaped ? json_string_is(raw_text(raw), text)
                       : str_equal(str_make(raw.ptr + 1, raw.len - 2), text);
}

struct member {
    const char *text; /* as it is written: "key": value */
    struct str key;   /* unescaped */
    struct raw_value value;
    bool taken; /* it is the value of a field */
};

/* The whole member as it is written. */
static inline struct str member_text(const struct member *member)
{
    return str_make(member->text, (size_t)(member->value.ptr + member->value.len - member->text));
}

enum { FEW_MEMBERS = 16 };

struct object_members {
    const char *object; /* where it stands; NULL when the members are not those of one object */
    const struct member *fields[MAX_FIELDS]; /* by field; NULL where there is none */
    struct member *all;
    size_t count;
    size_t cap;
    size_t other_count; /* those that are not there by the first name of a field */
    void *memory;       /* unescaped keys, and others in search of duplicates */
    struct member few[FEW_MEMBERS];
};

/*
 * The members of a raw object of valid text; empty text is an object without members. Borrows from
 * the text. Returns false with a report when there are more than a message may have at its top, for
 * they are sorted, or there is no memory. To be finished in either case.
 */
bool object_members_init(struct object_members *m, const struct report *r, struct str raw,
                         const struct step *path);
/*
 * The same for a whole message of `len` bytes (< 4 GiB) at r->text, which is checked to be one JSON
 * object on the way; false with a report as well when it is not. `inner` gets the members of the
 * first object with few of them that is the value of a member: as a rule that is the body of the
 * message, which then need not be walked again. Both are to be finished in either case.
 */
bool object_members_scan(struct object_members *m, struct object_members *inner,
                         const struct report *r, size_t len);
/* Sorts them out, once. False with a report when one stands there twice, or there is no memory. */
bool object_members_sort(struct object_members *m, const struct report *r,
                         const struct object_info *info, const struct step *path);
void object_members_fini(struct object_members *m);

/* Whether a key (unescaped) is another name of the field. */
bool field_is_also(const struct field_info *field, struct str key);

#endif
