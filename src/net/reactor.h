#ifndef PARLEY_NET_REACTOR_H
#define PARLEY_NET_REACTOR_H

/*
 * A reactor: one epoll and the connections it owns. It accepts, reads and parses, tells the hub
 * what it found in up batches, and writes what the hub's down batches say. It decides nothing: who
 * hears what is the hub's business. It knows no threads either; the composition calls its turns
 * from one thread, and only reactor_wake and the metrics may be used from others.
 *
 *   turn:  reactor_wait    sleeps until a socket, a wake-up or the time limit
 *          reactor_read    accepts and reads; the up batch grows (by READ_BUDGET and two reads)
 *          reactor_take_up, then the hub, then reactor_apply with what it answers
 *          reactor_flush   writes to some connections (FLUSH_SLICE), so that a large session does
 *                          not keep anybody from being read
 *
 * Writing comes before sleeping: all that became ready in one turn leaves in as few writes as can
 * be. While reactor_busy, there is more to do and the next wait must not last.
 */

#include <stdatomic.h>
#include <sys/epoll.h>

#include "base/histogram.h"
#include "base/ip.h"
#include "base/slab.h"
#include "fanout/log.h"
#include "fanout/reader.h"
#include "net/listener.h"
#include "net/policy.h"
#include "net/streams.h"
#include "net/ticks.h"
#include "ws/ws.h"

enum {
    RECEIVE_SIZE = 64 * 1024,       /* bytes of one read */
    READ_BUDGET = 1024 * 1024,      /* bytes of up batch, or read, after which a turn reads no */
    SECURED_COST = 8,               /* further; those read count as many times as much by TLS, */
    PACKED_COST = 16,               /* and where they may be compressed: a record, or a block of
                                       DEFLATE, may be a few bytes and cost microseconds */
    CREDIT_LIMIT = 4 * 1024 * 1024, /* bytes of up batches under way, above: no reading */
    FLUSH_SLICE = 32,               /* connections written to between two looks at epoll, and as */
    FLUSH_SLICE_MAX = 256,          /* many more for each event and command, up to this; */
    FLUSH_BYTES = 2 * 1024 * 1024,  /* or bytes, whichever is reached first */
    ACCEPT_SLICE = 64,              /* connections accepted from a listener in one turn */
    HANDSHAKE_SLICE = 8,            /* reads in one turn that may cost a TLS handshake: one from an
                                       address, so that who begins many waits for those who do not */
    HANDSHAKE_LOOK = 4,             /* of those who wait for that, looked at before the others */
    EVENT_COUNT = 256,              /* events taken from epoll at once */
};

/* What a path is. Paths that no route has are 404. */
struct route {
    struct str path;
    struct str suffix;  /* with a parameter, which is one segment that is not empty: `path` is */
    bool has_parameter; /* what stands before it, this what stands behind */
    bool is_websocket;
    bool is_echo;       /* a WebSocket path that sends back what it is sent, unknown to the hub */
    uint8_t dialect;    /* of a WebSocket path: enum dialect */
    uint8_t methods;    /* of another: bit n, enum http_method n is allowed */
    uint32_t max_body;  /* bytes of a request; 0: max_body_bytes of the settings */
    bool takes_message; /* besides these there may be a message, as long as the policy says */
    bool is_status;     /* is there at a door for status alone, too */
};

struct reactor_settings {
    unsigned index;             /* < MAX_REACTORS */
    const struct route *routes; /* borrowed, as all that follows */
    size_t route_count;
    struct net_policy *policy; /* the first; borrowed until reactor_new returns */
    uint32_t max_connections;
    uint32_t max_body_bytes; /* of an HTTP request, on a route that does not say */
    uint32_t tls_ms;         /* for the handshake of TLS */
    uint32_t head_ms;        /* for a request head, and its body */
    uint32_t answer_ms;      /* for the hub to answer a handshake or a request */
    uint32_t close_ms;       /* for the last bytes to be written */
    uint32_t linger_ms;      /* for the peer to end, after we have */
};

struct reactor_ports {
    void *owner;
    /*
     * A connection was accepted at listener `door`. True when another reactor takes `fd` over
     * (reactor_adopt there); it is then no longer ours. NULL: never.
     */
    bool (*hand_over)(void *owner, unsigned reactor, int fd, unsigned door);
};

/*
 * Figures that other threads may read, with metric_read. All but `connections` and `queue_bytes`
 * only grow.
 */
struct reactor_metrics {
    _Atomic uint64_t connections; /* now */
    _Atomic uint64_t accepted;
    _Atomic uint64_t handed_over;  /* to another reactor */
    _Atomic uint64_t turned_away;  /* accepted and closed at once, for want of room or memory */
    _Atomic uint64_t displaced;    /* ended without a whole request, to make room for newcomers */
    _Atomic uint64_t out_of_files; /* accepts that failed with EMFILE or ENFILE */
    _Atomic uint64_t reads;        /* system calls that gave bytes */
    _Atomic uint64_t bytes_in;
    _Atomic uint64_t writes; /* system calls that took bytes */
    _Atomic uint64_t bytes_out;
    _Atomic uint64_t would_block;    /* writes refused, or taken in part */
    _Atomic uint64_t messages;       /* whole messages read */
    _Atomic uint64_t too_big;        /* messages skipped for their length */
    _Atomic uint64_t inflated;       /* compressed messages read */
    _Atomic uint64_t inflated_saved; /* bytes that they are longer than what came */
    _Atomic uint64_t violations; /* connections that broke RFC 6455, or TLS once it was agreed */
    _Atomic uint64_t requests;   /* HTTP requests given to the hub */
    _Atomic uint64_t refused;    /* HTTP requests answered with an error by the reactor */
    _Atomic uint64_t timeouts;   /* connections ended by a deadline */
    _Atomic uint64_t tls_handshakes; /* that came to a good end */
    _Atomic uint64_t tls_resumed;    /* of these, by a ticket */
    _Atomic uint64_t tls_failed;     /* connections that ended before it */
    _Atomic uint64_t shed;           /* connections ended because memory was short */
    _Atomic uint64_t lagged;         /* connections that fell behind */
    _Atomic uint64_t out_of_memory;  /* connections lost for want of it */
    _Atomic uint64_t skipped;        /* broadcasts skipped for slow readers */
    _Atomic uint64_t queue_bytes;    /* now, in the private queues of connections */
    _Atomic uint64_t delivered;      /* messages written whole */
    struct histogram loop_lag;       /* how long turns took; the composition measures */
    struct histogram route;          /* from read to routed; added to where the hub runs */
};

static inline uint64_t metric_read(const _Atomic uint64_t *metric)
{
    return atomic_load_explicit(metric, memory_order_relaxed);
}
/* There is one writer, so no locked instruction is needed. */
static inline void metric_add(_Atomic uint64_t *metric, uint64_t n)
{
    atomic_store_explicit(metric, metric_read(metric) + n, memory_order_relaxed);
}
static inline void metric_set(_Atomic uint64_t *metric, uint64_t value)
{
    atomic_store_explicit(metric, value, memory_order_relaxed);
}

struct reactor {
    struct reactor_settings settings;
    struct reactor_ports ports;
    struct net_policy *policy; /* owned by one reference; what holds now */
    uint32_t longest_body;     /* of all routes, without a message */
    bool is_short;             /* of memory */
    int epoll;
    int wake_fd;
    int spare_fd; /* given up for a moment when there are no descriptors left */
    struct slab connections;
    struct streams streams; /* of those that keep something, by slot */
    uint32_t news;          /* events and commands taken since the last flush */
    uint64_t cost;          /* of what was read in this turn, see READ_BUDGET */
    uint32_t handshakes;    /* reads in this turn, of those whose handshake is not over, */
    struct ip_network shaken[HANDSHAKE_SLICE]; /* and whose they were */
    struct list shaking; /* streams whose handshake waits for its turn; shake.c */
    struct list early;   /* requests with something behind them that waits for room; request.c */
    struct list held;    /* messages of connections that hold what they have said; held.c */
    struct ticks ticks;
    struct reader reader;
    struct up_batch *up;    /* owned */
    uint64_t outstanding;   /* bytes of up batches taken and not credited yet */
    uint32_t generation;    /* of the last connection */
    uint32_t tick;          /* now */
    uint32_t room_at;       /* where connection_make_room goes on looking, */
    uint32_t no_room_until; /* and the tick before which it does not */
    uint32_t door_count;
    bool doors_shut;   /* not in epoll until the next tick: there are no descriptors */
    bool doors_closed; /* for good */
    bool idle_closed;  /* and who comes from another reactor ends, unless it has said something */
    const struct listener *doors[LISTENERS_MAX]; /* borrowed */
    uint32_t event_at;                           /* events before it have been dealt with */
    uint32_t event_count;
    struct epoll_event events[EVENT_COUNT]; /* data: a connection's handle, or see reactor.c */
    struct reactor_metrics metrics;
    struct plan plan;
    struct packer packer; /* of what is echoed */
    bool received_secret; /* what is in `receive` may be a credential: wiped when dealt with */
    /* Room before what is read, for the rest of a frame that was read before. */
    char receive[WS_MAX_REST + RECEIVE_SIZE];
};

/* Limits and timeouts of the product; no routes, no policy, index 0. */
void reactor_settings_init(struct reactor_settings *s);

/* Returns owned; NULL with errno when there is no memory or no descriptor. */
struct reactor *reactor_new(const struct reactor_settings *settings,
                            const struct reactor_ports *ports);
/* Closes all connections, without a word. NULL is taken. */
void reactor_free(struct reactor *r);

/* Begins to accept from `l` (borrowed). The same listeners, in the same order, in every reactor. */
bool reactor_add_door(struct reactor *r, const struct listener *l);
/*
 * Accepts no more, lets each HTTP connection have one more answer, and closes those that echo.
 * Listeners stay open.
 */
void reactor_close_doors(struct reactor *r);
/* Closes the HTTP connections that have no request under way, also those that are adopted later. */
void reactor_close_idle(struct reactor *r);
/* Takes over a socket that another reactor accepted at its door number `door`. */
void reactor_adopt(struct reactor *r, int fd, unsigned door);

/* Waits at most `timeout_ms`; 0: looks. Returns at once when there is something left to be read. */
void reactor_wait(struct reactor *r, int timeout_ms);
/* Ends the wait, or the next one. From any thread, and from signal handlers. */
void reactor_wake(struct reactor *r);
/* Deals with what the wait found and, when a tick has passed, with deadlines. */
void reactor_read(struct reactor *r, uint64_t mono_ms);
/* Follows the hub's commands and takes the credit. The caller clears the batch. */
void reactor_apply(struct reactor *r, struct down_batch *down);
/* Writes a slice. */
void reactor_flush(struct reactor *r);

/* The batch filled since the last one was taken; `empty` takes its place. */
struct up_batch *reactor_take_up(struct reactor *r, struct up_batch *empty);
/* The hub has dealt with so many bytes of up batches. reactor_apply does this by itself. */
void reactor_credit(struct reactor *r, uint64_t bytes);
/* Whether the hub can be told more in this turn: it is not behind, and this is no turn's fill. */
bool reactor_has_room(const struct reactor *r);

/* Whether anything waits for the next turn that no event will announce. */
bool reactor_busy(const struct reactor *r);
static inline bool reactor_has_up(const struct reactor *r)
{
    return r->up->count > 0;
}

#endif
