#ifndef PARLEY_BENCH_CONN_INTERNAL_H
#define PARLEY_BENCH_CONN_INTERNAL_H

/* What conn.c and conn_read.c share. */

#include "conn.h"

#include "ws/ws.h"

/* Returns false, with a sentence in shared->error: with what errno says, or without. */
bool conn_fail(struct conn_shared *shared, const struct conn *c, const char *what);
bool conn_fail_protocol(struct conn_shared *shared, const struct conn *c, const char *what);
/* It is in; where the hub greets it waits for that, else it is ready. */
bool conn_enter(struct conn *c, struct conn_shared *shared);
/* It may speak, and says hello. */
bool conn_become_ready(struct conn *c, struct conn_shared *shared);
/* The handshake of TLS, if there is one, is over: asks for the upgrade, or is in. */
bool conn_begin(struct conn *c, struct conn_shared *shared);
/* Queues a masked frame. */
bool conn_queue_frame(struct conn *c, struct conn_shared *shared, enum ws_opcode opcode,
                      struct str payload);

#endif
