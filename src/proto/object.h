#ifndef PARLEY_PROTO_OBJECT_H
#define PARLEY_PROTO_OBJECT_H

/*
 * The members of one object as they stand in valid text, sorted out by its description: for each
 * field its raw value, and apart from them, in order, the members that it does not know. A field
 * that stands there under another of its names is found; a name that stands there twice is refused.
 */

#include "proto/problem.h"
#include "json/reader.h"

struct other_member {
    struct str text;  /* the whole member as it is written: "key": value */
    struct str key;   /* unescaped */
    struct str value; /* raw */
    bool taken;       /* it is the value of a field, by another name */
};

enum { FEW_OTHERS = 8 };

struct object_members {
    struct str values[MAX_FIELDS]; /* by field; raw; empty where there is none */
    struct str names[MAX_FIELDS];  /* the name it stands there by */
    struct other_member *others;
    size_t other_count;
    size_t other_cap;
    void *memory; /* unescaped keys, and others in search of duplicates */
    struct other_member few[FEW_OTHERS];
};

/*
 * Takes a raw object apart; empty text is an object without members. Borrows from it. Returns false
 * with a report when a member stands there twice, or there is no memory. To be finished in either
 * case.
 */
bool object_members_init(struct object_members *m, const struct report *r,
                         const struct object_info *info, struct str raw, const struct step *path);
void object_members_fini(struct object_members *m);

/* Whether a key (unescaped) is another name of the field. */
bool field_is_also(const struct field_info *field, struct str key);

#endif
