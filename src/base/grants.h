#ifndef PARLEY_BASE_GRANTS_H
#define PARLEY_BASE_GRANTS_H

/*
 * What a credential may do, and what its patterns match. Whoever reads a credential fills this in,
 * and the hub decides by it; what is not granted is refused.
 *
 * Patterns stand in one text with '|' between them: "bark|scene_*". In a pattern '*' stands for
 * any characters, also none; everything else for itself, case included. An empty text has no
 * pattern and matches nothing.
 */

#include "base/str.h"

enum { GRANTS_MAX_TEXT = 4096 }; /* of one pattern text */

struct grants {
    struct str publish;  /* message types that may be sent on to others */
    struct str sessions; /* sessions that may be entered ("world:main") and sent into */
    struct str act_as;   /* agent ids that may be registered and spoken as */
    bool broadcast;      /* to all clients of the gateway dialect */
    bool admin;          /* the operations of the administrator */
};

/* All there is. */
#define GRANTS_ALL ((struct grants){STR("*"), STR("*"), STR("*"), .broadcast = true, .admin = true})

/* The first pattern of `*rest`, which goes on behind it; false at the end. */
bool grants_next(struct str *rest, struct str *ret_pattern);
/* Whether one of the patterns matches the whole name. */
bool grants_match(struct str patterns, struct str name);
/* Whether the text is patterns: none empty, no control character or space, not too long. */
bool grants_valid(struct str patterns);
/*
 * Whether nothing that `part` grants is missing from `whole`. A pattern is covered by one that is
 * at least as wide; it is never pieced together from several, so a true answer is always right.
 */
bool grants_within(const struct grants *part, const struct grants *whole);

#endif
