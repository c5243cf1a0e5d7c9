#ifndef PARLEY_TESTS_FANOUT_RIG_INTERNAL_H
#define PARLEY_TESTS_FANOUT_RIG_INTERNAL_H

/* What the two ends of the rig share. */

#include "rig.h"

void rig_init_reader(struct rig *r, uint64_t max_backlog);
/* The type "t<number>", to be freed. */
struct type_name *rig_type(uint32_t number, uint32_t id);

/* The byte at `at` of message `number`. */
static inline char rig_filler(uint32_t number, uint32_t at)
{
    return (char)('a' + (number * 7 + at) % 26);
}

#endif
