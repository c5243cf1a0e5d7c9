#ifndef PARLEY_REST_STATE_H
#define PARLEY_REST_STATE_H

/* What is remembered between two requests. */

#include "rest/replay.h"
#include "rest/rest.h"

struct rest_state {
    struct replays replays;
    uint64_t errors[ERROR_COUNT]; /* answers that were errors */
    uint64_t replayed;            /* answers that were given again */
    bool stopped;                 /* rest.stop has been called */
};

#endif
