#ifndef PARLEY_TESTS_SIM_MATRIX_NAMES_H
#define PARLEY_TESTS_SIM_MATRIX_NAMES_H

/* Texts with numbers: 0, 1, 2 … in the order in which they came. Nothing is ever taken out. */

#include "base/str.h"

struct names {
    char **texts;
    size_t *lengths;
    uint32_t *slots;
    uint32_t count;
    uint32_t cap; /* slots; at most half of them are used */
};

#define NO_NAME UINT32_MAX

uint32_t names_find(const struct names *n, struct str text);
/* The number of a text that may be new. */
uint32_t names_add(struct names *n, struct str text);
void names_fini(struct names *n);

#endif
