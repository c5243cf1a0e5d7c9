#ifndef PARLEY_GATEWAY_QUEUE_H
#define PARLEY_GATEWAY_QUEUE_H

/*
 * Between the hub's thread and one reactor's: full batches go one way and empty ones come back, so
 * that in the long run nothing is allocated. Each side takes the lock once in a turn and moves
 * whole lists. And the two rules by which nobody sleeps while something waits for him:
 *
 *   giver:    puts it into the queue; sleeper_must_wake: wakes him when he slept
 *   sleeper:  sleeper_lie_down; looks into the queue once more; sleeps only when it is empty
 *
 * Both are sequentially consistent, so either the giver sees the sleeper or he sees the gift.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "fanout/command.h"

struct sleeper {
    atomic_bool asleep;
};

static inline void sleeper_lie_down(struct sleeper *s)
{
    atomic_store(&s->asleep, true);
}
static inline void sleeper_rise(struct sleeper *s)
{
    atomic_store(&s->asleep, false);
}
/* Whether it slept; of several who ask only one is told so. */
static inline bool sleeper_must_wake(struct sleeper *s)
{
    return atomic_load(&s->asleep) && atomic_exchange(&s->asleep, false);
}

enum {
    QUEUE_SPARES = 8,   /* empty batches kept, each way */
    QUEUE_SOCKETS = 64, /* sockets on their way to the reactor */
};

/* A socket that another reactor accepted. */
struct moved_socket {
    int fd;
    unsigned door;
};

struct queue {
    pthread_mutex_t mutex;
    struct up_batch *up; /* full ones, oldest first; the last one's link is up_end */
    struct up_batch **up_end;
    struct down_batch *down;
    struct down_batch **down_end;
    struct up_batch *spare_up; /* empty ones */
    struct down_batch *spare_down;
    unsigned spare_up_count;
    unsigned spare_down_count;
    struct moved_socket sockets[QUEUE_SOCKETS];
    atomic_uint socket_count;
    /* What waits, to be seen without the lock. */
    atomic_bool has_up;
    atomic_bool has_down; /* or sockets */
    struct sleeper reactor;
    _Atomic uint64_t turns; /* of the reactor; for a watchdog */
};

/* False: the mutex cannot be made. */
bool queue_init(struct queue *q);
/* Frees the batches in it and closes the sockets. For a queue that queue_init made. */
void queue_fini(struct queue *q);

/* What a reactor hands in and gets in one turn. */
struct exchange {
    /* In; all are taken. */
    struct up_batch *full;   /* or NULL */
    struct down_batch *used; /* a list of cleared ones, or NULL */
    /* In and out: an empty one; got only by who has none. NULL: there is none. */
    struct up_batch *spare;
    /* Out. */
    struct down_batch *down; /* a list, oldest first */
    struct moved_socket sockets[QUEUE_SOCKETS];
    unsigned socket_count;
};

/* For the reactor. */
void queue_exchange(struct queue *q, struct exchange *x);
/* For other reactors: gives it a socket; false when too many are on their way. */
bool queue_give_socket(struct queue *q, struct moved_socket socket);

/* For the hub: gives back a list of cleared batches and takes the full ones, oldest first. */
struct up_batch *queue_take_up(struct queue *q, struct up_batch *used);
/* For the hub: hands a batch over; returns an empty one for the next, or NULL. */
struct down_batch *queue_send_down(struct queue *q, struct down_batch *full);

#endif
