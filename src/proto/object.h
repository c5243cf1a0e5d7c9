#ifndef PARLEY_PROTO_OBJECT_H
#define PARLEY_PROTO_OBJECT_H

/*
 * The members of one object of a message: first as they stand in the text, then sorted out by the
 * object's description into a raw value for each field and, apart from them and in order, the
 * members that it does not know. A field that stands there under another of its names is found; a
 * name that stands there twice is refused.
 */

#include "proto/problem.h"
#include "json/reader.h"

struct other_member {
    struct str text;  /* the whole member as it is written: "key": value */
    struct str key;   /* unescaped */
    struct str value; /* raw */
    bool taken;       /* it is the value of a field, by another name */
};

enum { FEW_OTHERS = 16 };

struct object_members {
    struct str values[MAX_FIELDS]; /* by field; raw; empty where there is none */
    struct str names[MAX_FIELDS];  /* the name it stands there by */
    struct other_member *others;   /* all members, until they are sorted */
    size_t other_count;
    size_t other_cap;
    void *memory; /* unescaped keys, and others in search of duplicates */
    struct other_member few[FEW_OTHERS];
};

/*
 * The members of a raw object of valid text; empty text is an object without members. Borrows from
 * the text. Returns false with a report when there is no memory. To be finished in either case.
 */
bool object_members_init(struct object_members *m, const struct report *r, struct str raw,
                         const struct step *path);
/*
 * The same for a whole message of `len` bytes (< 4 GiB) at r->text, which is checked to be one JSON
 * object on the way; false with a report as well when it is not.
 */
bool object_members_scan(struct object_members *m, const struct report *r, size_t len);
/* Sorts them out, once. False with a report when one stands there twice, or there is no memory. */
bool object_members_sort(struct object_members *m, const struct report *r,
                         const struct object_info *info, const struct step *path);
void object_members_fini(struct object_members *m);

/* Whether a key (unescaped) is another name of the field. */
bool field_is_also(const struct field_info *field, struct str key);

#endif
