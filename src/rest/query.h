#ifndef PARLEY_REST_QUERY_H
#define PARLEY_REST_QUERY_H

/* The parameters behind the '?' of lists. What a list does not know is refused, as in bodies. */

#include "rest/call.h"

enum {
    QUERY_MAX = 6,                /* parameters of one route */
    QUERY_VALUE = 128,            /* bytes of a value, decoded */
    LIST_MAX = 1000,              /* entries of one answer */
    LIST_EXAMINED = 10000,        /* entries that are looked at for one answer */
    LIST_BYTES = 2 * 1024 * 1024, /* bytes that are, and so many an answer has, or a little more */
};

struct query {
    size_t count;
    struct str values[QUERY_MAX]; /* decoded; empty when not given; they point into `text` */
    char text[QUERY_MAX][QUERY_VALUE];
};

/*
 * Reads the parameters called `names`, `count` <= QUERY_MAX of them. Returns false when the call
 * has been refused: an unknown one, one given twice, a value that is too long.
 */
bool query_read(struct call *call, const struct str *names, size_t count, struct query *ret_query);
/* A `limit`: LIST_MAX when it is empty. Returns false when the call has been refused. */
bool query_limit(struct call *call, struct str value, uint32_t *ret_limit);

/*
 * A list that is walked, of which one answer shows a part: what stands behind
 * the entry called `after`, at most `limit` that match, at most LIST_EXAMINED that are looked at,
 * and no more of them once these have LIST_BYTES.
 */
struct walk {
    struct str after;
    uint32_t limit;
    uint32_t shown;
    uint32_t examined;
    uint64_t bytes; /* of those; counted by the caller, where entries may be long */
    bool begun;     /* `after` has been passed */
    bool more;      /* there is something behind what is shown */
    size_t last_len;
    char last[QUERY_VALUE]; /* the last entry looked at */
};

void walk_init(struct walk *walk, struct str after, uint32_t limit);
/*
 * Whether the entry of this name is to be looked at; walk->shown is counted by the caller. The
 * first that is asked about is to be that of `after`, if it is there: nobody has to pass what
 * stands before it.
 */
bool walk_enter(struct walk *walk, struct str name);
/* How many entries have to be walked through at most, that of `after` included. */
uint32_t walk_length(const struct walk *walk);
/* Returns false, and refuses the call, when there is no entry called `after`. */
bool walk_finish(const struct walk *walk, struct call *call);

#endif
