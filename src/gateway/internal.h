#ifndef PARLEY_GATEWAY_INTERNAL_H
#define PARLEY_GATEWAY_INTERNAL_H

/* What gateway.c, turn.c, single.c and threads.c share. */

#include "gateway/gateway.h"
#include "gateway/queue.h"

enum {
    GATEWAY_LISTENERS = 3,      /* IPv4, IPv6, AF_UNIX */
    STOP_GRACE_MS = 2000,       /* after drain_ms, for the last closes to be answered */
    HUB_BUDGET = 1024 * 1024,   /* bytes of up batches in one hub turn */
    TURN_OUTPUT = 1024 * 1024,  /* bytes of frames after which a hub turn ends */
    CREDIT_BATCH = 1024 * 1024, /* credit that is worth a batch of its own */
};

struct gateway {
    struct gateway_settings settings;
    struct hub *hub;
    struct listener listeners[GATEWAY_LISTENERS];
    unsigned listener_count;
    struct reactor *reactors[MAX_REACTORS];
    struct down_batch *empty; /* to be given for the next down batch that is taken */
    atomic_uint stops;        /* times that it was asked to stop */
    /* Where the hub runs. */
    uint64_t next_tick_ms;
    uint64_t stop_by_ms;
    bool draining;
    bool last_call_over; /* while draining: all clients have gone, idle HTTP connections go too */
    /* With threads only. */
    struct queue queues[MAX_REACTORS];
    unsigned queue_count;
    struct sleeper sleeper; /* the hub */
    int wake_fd;            /* the hub's */
    atomic_bool doors_closed;
    atomic_bool idle_closed;
    atomic_uint doors_open; /* reactors that still have listeners in their epoll */
    atomic_bool quit;
    struct up_batch *inbox[MAX_REACTORS]; /* taken from the queues and not dealt with yet */
    struct up_batch *used[MAX_REACTORS];  /* to be given back */
    uint64_t credit[MAX_REACTORS];        /* to be given back */
};

/* --- turn.c: what the hub does in a turn, however it is composed -------------------------------
 */

struct hub_time clock_now(void);
/* Monotonic, for measuring. */
uint64_t clock_us(void);
/*
 * Deals with what is left of a batch, until the turn has made TURN_OUTPUT. Returns whether it is
 * done with; then *ret_cost is what it was worth, and it is cleared.
 */
bool turn_receive(struct gateway *g, struct up_batch *batch, size_t *ret_cost);
/* Time, stop and the end of the hub's turn. Returns false when it is over with the gateway. */
bool turn_end(struct gateway *g, struct hub_time now);
/* How long until the next tick. */
int turn_timeout_ms(const struct gateway *g, struct hub_time now);

/* --- single.c, threads.c ---------------------------------------------------------------------- */

int run_single(struct gateway *g);
int run_threads(struct gateway *g);
/* Threads: tells reactors to accept no more. */
void threads_close_doors(struct gateway *g);
/* Threads: tells reactors to close HTTP connections without a request. */
void threads_close_idle(struct gateway *g);
/* reactor_ports.hand_over */
bool threads_hand_over(void *owner, unsigned reactor, int fd, unsigned door);

#endif
