#ifndef PARLEY_TESTS_PROTO_ENGINE_H
#define PARLEY_TESTS_PROTO_ENGINE_H

/* Messages of the world in tests of the engine: what is checked, and what is said of it. */

#include "unit.h"

#include "parley/protocol.h"
#include "sample.h"

#include <stdio.h>
#include <string.h>

/* Checks a copy of the text whose ends a sanitizer watches. */
static inline bool check_copy(enum parley_dialect dialect, enum parley_strictness strictness,
                              const char *text, struct parley_problem *ret_problem)
{
    char *copy = sample_copy(text, strlen(text));
    bool ok = parley_check(dialect, strictness, copy, strlen(text), NULL, ret_problem);

    free(copy);
    return ok;
}

static inline void accept(const char *text)
{
    struct parley_problem problem = {.fault = PARLEY_FINE};

    if (!check_copy(PARLEY_WORLD, PARLEY_STRICT, text, &problem)) {
        fail_msg("%s\nrefused: %s, %s", text, problem.path, problem.expected);
    }
}

/* Refused for this fault at this path; the position is that of the first `^` of `where`. */
static inline void refuse(const char *text, enum parley_fault fault, const char *path,
                          const char *where)
{
    struct parley_problem problem = {.fault = PARLEY_FINE};

    if (check_copy(PARLEY_WORLD, PARLEY_STRICT, text, &problem)) {
        fail_msg("%s\naccepted", text);
    }
    assert_string_equal(problem.path, path);
    assert_int_equal(problem.fault, fault);
    if (where != NULL) {
        assert_int_equal(problem.position, strcspn(where, "^"));
    }
}

#endif
