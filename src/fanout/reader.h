#ifndef PARLEY_FANOUT_READER_H
#define PARLEY_FANOUT_READER_H

/*
 * A reactor's end of fan-out: what each of its connections still has to get, and in which order.
 * Pure: it takes the hub's commands and says which bytes go next to whom; the caller writes them
 * and says how many were taken.
 *
 * Every connection has an outbox: a private queue (frames for it alone) and a cursor in each log
 * it is a member of. What it gets is the merge of these by hub sequence. The rest of a frame that
 * was written in part always goes first.
 *
 * For each log with members here there is a view: the segments still needed, the end that may be
 * read, and the members. When the end moves, the view's members are visited in a round, a few at
 * a time, going on where the last visit ended; so nobody waits for a large session, and a second
 * message during a round costs its early members one more write and the others none.
 *
 *   view:   first ....... settled ............... end
 *           |  stalled     |  not yet visited      |
 *           cursors here    cursors here            cursors of all who were visited
 *
 * A member whose socket refuses bytes is stalled: it leaves the round and keeps segments alive by
 * its cursor, until its backlog passes the limit. Then it lags: it hears nothing from logs, what
 * it misses is counted, and when its socket has taken all the rest it is resumed by the hub.
 * Backlogs are looked at when a new segment arrives, so they are charged in whole segments.
 */

#include <sys/uio.h>

#include "base/list.h"
#include "base/slab.h"
#include "fanout/command.h"

enum lag {
    LAG_NONE,
    LAG_SKIPPING, /* broadcasts are skipped and counted */
    LAG_ASKED,    /* the socket has room again; the hub was told and will send DOWN_RESUME */
};

/* One for each connection, most of them idle: so what few need stands in `own`. */
struct outbox {
    uint64_t conn;             /* its handle */
    struct own *own;           /* see internal.h; NULL when nothing is in it */
    struct membership *joined; /* list by membership.next */
    uint8_t lag;               /* enum lag */
    bool stalled;              /* the socket refused bytes and has not taken any since */
    bool scan;                 /* entries of its own are in what it has to get */
    bool closing : 1;          /* a DOWN_CLOSE was queued; nothing behind it is kept */
    bool unlimited : 1;        /* who fills it bounds it, so no backlog is too long for it */
};

struct reader_ports {
    void *owner;
    /* The outbox of a live connection of this reactor, or NULL. */
    struct outbox *(*find)(void *owner, uint64_t conn);
    /* The backlog passed the limit by what may be skipped (`fatal` false: LAG_SKIPPING has
       begun) or by what may not (`fatal`: nothing is queued for it any more, and the caller ends
       the connection, later: not from inside this call). */
    void (*lagged)(void *owner, struct outbox *o, bool fatal);
};

struct reader {
    unsigned reactor;
    struct reader_ports ports;
    uint64_t max_backlog; /* bytes, for each connection */
    struct view **views;  /* by log id; sparse */
    uint32_t view_cap;
    struct list dirty; /* views with members to visit */
    struct list ready; /* of struct own: those with something private */
    struct slab owns;
    struct slab items;
    struct slab memberships;
    struct segment *local; /* where frames that the reactor itself makes are kept */
    uint32_t visits;       /* of the view at the front of `dirty`, since it came there */
    uint64_t queued_bytes; /* of all private queues, as in outbox */
    uint64_t skipped;      /* broadcasts not delivered to slow readers, all connections */
    uint64_t delivered;    /* messages written: entries of logs, and frames with DOWN_MESSAGE */
};

void reader_init(struct reader *r, unsigned reactor, const struct reader_ports *ports,
                 uint64_t max_backlog);
/* All outboxes must have been closed before. */
void reader_fini(struct reader *r);

void outbox_init(struct outbox *o, uint64_t conn);
/* Forgets all it had to get and leaves its logs. The connection is gone. */
void outbox_close(struct reader *r, struct outbox *o);

/*
 * Takes a batch of commands, wholly. Commands for connections that are gone are dropped. What is
 * not fanout's (up to DOWN_REFUSE) is passed to `other`, in order, which takes the policy of a
 * DOWN_POLICY. A connection for which memory ran out is reported as lagged, fatally.
 */
void reader_apply(struct reader *r, struct down_batch *batch,
                  void (*other)(void *owner, const struct down *item));

/*
 * Bytes of the reactor's own, behind what is already in the private queue; `flags` as of a
 * DOWN_FRAME (0, DOWN_LAST …). False: no memory.
 */
bool outbox_push(struct reader *r, struct outbox *o, const void *bytes, size_t len, uint8_t flags);
/*
 * A close frame of the reactor's own (code 0: none), behind what is in the private queue; nothing
 * is kept behind it. False: no memory.
 */
bool outbox_push_close(struct reader *r, struct outbox *o, uint16_t code, struct str reason);
/* A pong of at most 127 bytes, header included. One that still waits is replaced. */
bool outbox_push_pong(struct reader *r, struct outbox *o, const void *bytes, size_t len);

/*
 * The next outbox that has something to get and is not stalled, or NULL when all have been served.
 * The caller writes to it (outbox_plan) and may then ask for the next, or do something else first.
 */
struct outbox *reader_next(struct reader *r);
/* Whether reader_next would find one. */
bool reader_pending(const struct reader *r);

enum {
    PLAN_RUNS = 64,
    PLAN_BYTES = 256 * 1024, /* more is planned only when a single run is longer */
};

/* What may be written now, as one gathered write. */
struct plan {
    struct iovec iov[PLAN_RUNS];
    struct run {
        struct membership *member; /* of a log's run; NULL: the stall's rest, or a private item */
        uint64_t from;             /* its entries */
        uint64_t to;
        struct segment *segment; /* where the bytes are */
        bool rest;
    } runs[PLAN_RUNS];
    int count;
    size_t bytes;
    /* Of the last byte planned, so they hold once the whole plan has been written: */
    bool close;      /* all is said, the close frame (if any) included; may come with 0 bytes */
    bool last;       /* an HTTP response is complete */
    bool disconnect; /* and the connection is to end with it */
};

/*
 * Plans the next write of an outbox that is not stalled; plan->bytes is 0 when there is nothing.
 * Every plan with bytes must be answered by outbox_sent (or outbox_close) before anything else is
 * done with the outbox. The caller goes on planning and writing until there is nothing left or the
 * outbox is stalled: a member left half served is not visited again.
 */
void outbox_plan(struct reader *r, struct outbox *o, struct plan *ret_plan);
/*
 * `sent` bytes of the plan were taken. When fewer than plan->bytes, the socket is full: the outbox
 * is stalled until outbox_resume. Returns false when there is no memory to remember the rest; the
 * connection must then be closed, without a word.
 */
bool outbox_sent(struct reader *r, struct outbox *o, const struct plan *plan, size_t sent);
/* The socket of a stalled outbox takes bytes again. The caller goes on with outbox_plan. */
void outbox_resume(struct reader *r, struct outbox *o);
/* After all was written: whether it lags and the hub is to be told (UP_ROOM), once. */
bool outbox_has_room(struct reader *r, struct outbox *o);
/* Of one that lags: how many broadcasts it has missed up to now. */
uint64_t outbox_missed(const struct outbox *o);
/* What a stalled outbox keeps in memory, in bytes; 0 of one that is not. */
uint64_t outbox_backlog(const struct outbox *o);

/* Whether there are frames for it alone, the written part of one aside. */
bool outbox_has_private(const struct outbox *o);
static inline bool outbox_stalled(const struct outbox *o)
{
    return o->stalled;
}

#endif
