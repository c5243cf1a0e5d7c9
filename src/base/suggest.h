#ifndef PARLEY_BASE_SUGGEST_H
#define PARLEY_BASE_SUGGEST_H

/*
 * "Did you mean": the nearest of the known names to one that is not known. Nearness is the optimal
 * string alignment distance: insertions, deletions, replacements and swaps of neighbours.
 */

#include "base/str.h"

enum { SUGGEST_MAX_LENGTH = 64 }; /* a longer word is like nothing */

struct suggestion {
    struct str word;  /* borrowed */
    const char *best; /* the name to suggest; NULL when none is near enough */
    size_t distance;  /* of the best one */
};

/* Begins a search for what `word` was meant to be. */
void suggestion_init(struct suggestion *s, struct str word);
/*
 * Considers `name`. When it is nearer than all before, and no more than a third of its letters
 * away, `answer` (borrowed) is the best; an answer may differ from the name it is found by.
 */
void suggestion_offer(struct suggestion *s, struct str name, const char *answer);

#endif
