#ifndef PARLEY_PROTO_PROBLEM_H
#define PARLEY_PROTO_PROBLEM_H

/*
 * Saying what is wrong with a message: the path to a value, what was expected there and what was
 * found. The path is a list of steps on the stack of those who go down into the message, and
 * becomes text only when there is a problem.
 */

#include "proto/table.h"
#include "json/wire.h"

struct step {
    const struct step *up; /* NULL at the top of the message */
    struct str name;       /* of a member; empty for an element of an array */
    size_t index;          /* of the element */
};

/* Where problems of a text are reported to. */
struct report {
    struct parley_problem *problem; /* never NULL */
    const char *text;               /* positions count from here */
};

/*
 * Each fills in the problem and returns false. `at` is where in the text it is; `path` may be NULL
 * for the message as a whole. Texts from the message are made printable and cut.
 */

/* `raw`, the value of the field at `path`, is not what the field wants. */
bool report_value(const struct report *r, enum parley_fault fault, const struct field_info *field,
                  const struct step *path, struct str raw) __attribute__((cold));
/* A member of the object at `path` is missing; the object is at `at`. */
bool report_missing(const struct report *r, const struct field_info *field, const struct step *path,
                    const char *at) __attribute__((cold));
/* Anything else. */
bool report_other(const struct report *r, enum parley_fault fault, const struct step *path,
                  const char *at, const char *expected, const char *found) __attribute__((cold));
/* There is no memory for what is at `at`. */
bool report_no_memory(const struct report *r, const struct step *path, const char *at)
    __attribute__((cold));
/* The text is not JSON, not an object, or one with too many members. */
bool report_scan(const struct report *r, enum wire_status status, const char *at)
    __attribute__((cold));
/* The type, as it stands in the text, is not `expected`: a type's name, or NULL for any type. */
bool report_type(const struct report *r, enum parley_fault fault, struct str raw,
                 const char *expected) __attribute__((cold));

#endif
