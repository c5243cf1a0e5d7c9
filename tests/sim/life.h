#ifndef PARLEY_TESTS_LIFE_H
#define PARLEY_TESTS_LIFE_H

/*
 * One life of a gateway, from a seed: what happens next is drawn, the hub and the model are told of
 * it, and whatever is heard is compared.
 */

#include "model.h"

enum event {
    EVENT_CONNECT,
    EVENT_SEND,
    EVENT_ABORT,
    EVENT_CLOSE,
    EVENT_STALL,
    EVENT_ROOM,
    EVENT_UP,
    EVENT_END_TURN,
    EVENT_DOWN,
    EVENT_FLUSH,
    EVENT_TICK,
    EVENT_RELOAD,
    EVENT_COUNT
};

/* Of all lives together. */
struct totals {
    uint64_t events[EVENT_COUNT];
    uint64_t checks; /* things heard and compared */
    uint64_t packed; /* of them, compressed */
    uint64_t slow;   /* times a client was told what it had missed */
    uint64_t slow_skipped;
    uint64_t requests;
    uint64_t requests_ended[HUB_REQUEST_ENDS];
    uint64_t tried_again; /* with another agent */
    uint64_t put_out;     /* clients, by reloads; */
    uint64_t ran_out;     /* and with their tokens */
    uint64_t answers_late, answers_stray;
};

/* Whether all that is said and heard is printed. */
extern bool life_trace;

/* Lives it; a difference ends the program. With `lossy` some allocations fail. */
void life_live(uint64_t seed, uint64_t events, bool lossy, struct totals *totals);

#endif
