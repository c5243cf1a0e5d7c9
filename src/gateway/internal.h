#ifndef PARLEY_GATEWAY_INTERNAL_H
#define PARLEY_GATEWAY_INTERNAL_H

/* What gateway.c, turn.c, work.c, single.c and threads.c share. */

#include "gateway/gateway.h"
#include "gateway/queue.h"
#include "gateway/spin.h"
#include "gateway/worker.h"

enum {
    STOP_GRACE_MS = 2000,       /* after drain_ms, for the last closes to be answered */
    HUB_BUDGET = 1024 * 1024,   /* bytes of up batches in one hub turn */
    CREDIT_BATCH = 1024 * 1024, /* credit that is worth a batch of its own */
};

struct reactor_thread {
    struct gateway *gateway;
    unsigned index;
    struct spin spin;
    pthread_t thread;
};

struct gateway {
    struct gateway_settings settings;
    struct hub *hub;
    struct listener listeners[LISTENERS_MAX];
    unsigned listener_count;
    struct reactor *reactors[MAX_REACTORS];
    struct down_batch *empty; /* to be given for the next down batch that is taken */
    struct worker *worker;
    atomic_uint stops;    /* times that it was asked to stop */
    atomic_bool drains;   /* it was asked to by gateway_drain */
    atomic_uint reloads;  /* the same, to reload */
    atomic_bool has_news; /* the worker has a result */
    /* Where the hub runs. */
    unsigned reloads_begun; /* of `reloads`, the last one seen to */
    bool loading;           /* the worker has been asked to, and what it loads is not taken yet */
    bool serving;           /* it has been said so */
    uint64_t next_alive_ms;
    uint64_t turns_seen[MAX_REACTORS]; /* turns of each at the last call of `alive` */
    uint64_t next_tick_ms;
    uint64_t stop_by_ms;
    bool draining;
    int outer_fd; /* an epoll of what a step may wait for, and of timer_fd; -1 until it is asked for
                   */
    int timer_fd;
    struct spin spin;    /* of the thread that the hub runs in */
    bool last_call_over; /* while draining: all clients have gone, idle HTTP connections go too */
    /* With one thread only. */
    struct up_batch *up; /* what has been read */
    bool up_done;        /* and dealt with */
    /* With threads only. */
    struct reactor_thread threads[MAX_REACTORS];
    unsigned thread_count; /* that run */
    bool lies;             /* nothing is to be done: whoever brings something wakes the hub */
    struct queue queues[MAX_REACTORS];
    unsigned queue_count;
    struct sleeper sleeper; /* the hub */
    int wake_fd;            /* the hub's */
    atomic_bool doors_closed;
    atomic_bool idle_closed;
    atomic_uint doors_open; /* reactors that still have listeners in their epoll */
    atomic_bool quit;
    struct up_batch *inbox[MAX_REACTORS]; /* taken from the queues and not dealt with yet */
    unsigned inbox_first;                 /* whose is looked at first in the next turn */
    struct up_batch *used[MAX_REACTORS];  /* to be given back */
    uint64_t credit[MAX_REACTORS];        /* to be given back */
};

/* --- doors.c: where it listens --- */

/* Opens all listeners. Returns 0 or a negative errno with *ret_part. */
int doors_open(struct gateway *g, enum gateway_part *ret_part);

/* --- turn.c: what the hub does in a turn, however it is composed -------------------------------
 */

struct hub_time clock_now(void);
/* Monotonic, for measuring. */
uint64_t clock_us(void);
/*
 * Deals with what is left of a batch, until the turn is full (hub_turn_full). Returns whether it
 * is done with; then *ret_cost is what it was worth, and it is cleared.
 */
bool turn_receive(struct gateway *g, struct up_batch *batch, size_t *ret_cost);
/* Time, stop and the end of the hub's turn. Returns false when it is over with the gateway. */
bool turn_end(struct gateway *g, struct hub_time now);
void tell_phase(struct gateway *g, enum gateway_phase phase);
/* Looks whether `found` finds anything, for as long as that is better than sleep. */
bool turn_look(struct spin *spin, bool (*found)(void *ctx), void *ctx);
/* How long until the next tick; 0 when the hub has more to do. */
int turn_timeout_ms(const struct gateway *g, struct hub_time now);

/* --- work.c: what the worker does for the hub --------------------------------------------------
 */

/* False: no memory. */
bool work_init(struct gateway *g);
void work_fini(struct gateway *g);
/* hub_ports.check_password */
bool work_check_password(void *owner, uint64_t job, struct str password);
/* Gives the hub what the worker has done, and has it reload when that was asked for. */
void work_turn(struct gateway *g);

/* --- single.c, threads.c ---------------------------------------------------------------------- */

/* As gateway_start, gateway_step, gateway_end. ready: whether a step has something to do at once.
 */
int single_start(struct gateway *g);
bool single_step(struct gateway *g, bool wait);
bool single_ready(const struct gateway *g);
void single_end(struct gateway *g);
int threads_start(struct gateway *g);
bool threads_step(struct gateway *g, bool wait);
bool threads_ready(const struct gateway *g);
void threads_end(struct gateway *g);
/* Threads: tells reactors to accept no more. */
void threads_close_doors(struct gateway *g);
/* Threads: tells reactors to close HTTP connections without a request. */
void threads_close_idle(struct gateway *g);
/* reactor_ports.hand_over */
bool threads_hand_over(void *owner, unsigned reactor, int fd, unsigned door);

#endif
