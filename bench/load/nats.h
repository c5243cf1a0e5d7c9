#ifndef PARLEY_BENCH_NATS_H
#define PARLEY_BENCH_NATS_H

/* The client's side of the NATS protocol, as far as a load needs it: where an operation ends. */

#include "base/str.h"

enum nats_kind {
    NATS_PARTIAL, /* the operation is not whole */
    NATS_MESSAGE, /* MSG, with its payload */
    NATS_PING,    /* to be answered PONG */
    NATS_OTHER,   /* INFO, PONG, +OK */
    NATS_REFUSED, /* -ERR, or nothing that is known */
};

/* The first operation of `in`; *ret_op is all of it, to its last line end. */
enum nats_kind nats_next(struct str in, struct str *ret_op);

#endif
