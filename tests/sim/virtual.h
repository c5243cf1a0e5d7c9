#ifndef PARLEY_TESTS_VIRTUAL_H
#define PARLEY_TESTS_VIRTUAL_H

/*
 * A gateway without sockets, threads or a clock: the real hub and real fan-out readers, joined by
 * queues that are emptied when the test says so, and connections whose sockets take as many bytes
 * as the test allows. The simulator and the scenario runner drive it.
 */

#include "core/hub.h"
#include "fanout/reader.h"

struct vconn {
    struct outbox outbox;
    uint64_t handle;
    void *user;    /* the test's own; NULL at first */
    size_t room;   /* bytes that the socket still takes */
    struct buf in; /* bytes that arrived and are not a whole frame yet */
    bool used;     /* the slot is taken */
    bool accepted; /* DOWN_ACCEPT came */
    bool refused;  /* DOWN_REFUSE came */
    bool doomed;   /* fell behind fatally; virtual_reap ends it */
    uint32_t generation;
};

enum { VIRTUAL_SLOTS = 256 };

struct vreactor {
    struct virtual *v;
    unsigned number;
    struct reader reader;
    struct up_batch *up;
    uint32_t up_taken; /* items of `up` that the hub has had */
    struct down_batch *down_head;
    struct down_batch *down_tail;
    struct vconn *conns; /* VIRTUAL_SLOTS */
};

struct virtual_hooks {
    void *ctx;
    /* A whole frame reached the client; `opcode` is WS_TEXT, WS_PING, WS_CLOSE … */
    void (*frame)(void *ctx, struct vconn *c, unsigned opcode, struct str payload);
    /* The hub is about to take this item; its connection may be gone already. */
    void (*taken)(void *ctx, const struct up *item, struct str text);
    /* The connection was ended by the gateway: all it had to get was written (or it was refused,
       or it fell behind fatally). The slot is free when this returns. */
    void (*ended)(void *ctx, struct vconn *c);
};

struct virtual
{
    struct hub *hub;
    struct hub_time now;
    unsigned reactors;
    uint64_t random_state;
    struct vreactor reactor[MAX_REACTORS];
    struct virtual_hooks hooks;
};

/* Returns false without memory. `settings->reactors` says how many reactors there are. */
bool virtual_init(struct virtual *v, const struct hub_settings *settings,
                  const struct virtual_hooks *hooks, uint64_t seed);
void virtual_fini(struct virtual *v);

/* A client has connected and sent a good handshake. NULL: no slot, or no memory. */
struct vconn *virtual_connect(struct virtual *v, unsigned reactor, struct str world);
/* It sends something. False: no memory, nothing was sent. */
bool virtual_send(struct virtual *v, struct vconn *c, struct str text);
bool virtual_say(struct virtual *v, struct vconn *c, enum up_kind kind, uint16_t code,
                 struct str text);
/* As if the next thing to come from it were a sign of life, ahead of all that is queued. */
void virtual_alive(struct virtual *v, struct vconn *c);
/* It vanishes. */
void virtual_abort(struct virtual *v, struct vconn *c);

/* The hub takes up to `most` items of a reactor's queue; how many it took. */
uint32_t virtual_up(struct virtual *v, unsigned reactor, uint32_t most);
/* The hub's turn ends: what it has said becomes visible to the reactors. False: no memory. */
bool virtual_end_turn(struct virtual *v);
/* A reactor takes the next batch that is visible to it; false when there is none. */
bool virtual_down(struct virtual *v, unsigned reactor);
/* A reactor writes to at most `most` connections. */
void virtual_flush(struct virtual *v, unsigned reactor, uint32_t most);
/* The socket of a connection takes `bytes` more from now on. */
void virtual_give_room(struct virtual *v, struct vconn *c, size_t bytes);
void virtual_tick(struct virtual *v, uint64_t ms);
/* All of the above until nothing moves any more. */
void virtual_settle(struct virtual *v);

#endif
