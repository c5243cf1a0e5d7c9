#ifndef PARLEY_CLI_TAIL_H
#define PARLEY_CLI_TAIL_H

/* `parley tail`: the connection (tail.c), and what is shown of what comes (tail_show.c). */

#include "cli/remote.h"

enum { TAIL_MAX_TYPES = 64 /* the gateway's limit */ };

struct watch {
    struct str types[TAIL_MAX_TYPES]; /* all when there are none */
    size_t type_count;
    const char *from;    /* an agent id or a client id, or NULL */
    const char *world;   /* NULL: the usual one */
    const char *session; /* NULL: a world is watched, in its dialect */
    struct address_flags where;
    bool json;
    bool terminal;
    bool colour;
};

/*
 * Prints a message that came, if it is one to be shown. Returns false when stdout takes no more.
 */
bool tail_show(const struct watch *w, struct str message);

#endif
