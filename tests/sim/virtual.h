#ifndef PARLEY_TESTS_VIRTUAL_H
#define PARLEY_TESTS_VIRTUAL_H

/*
 * A gateway without sockets, threads or a clock: the real hub and real fan-out readers, joined by
 * queues that are emptied when the test says so, and connections whose sockets take as many bytes
 * as the test allows. The simulator and the scenario runner drive it.
 */

#include "core/access.h"
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
    bool stranger; /* DOWN_ACCEPT said so, and DOWN_TRUST has not come */
    bool paused;   /* between DOWN_PAUSE and DOWN_GO_ON */
    bool packs;    /* it may be sent compressed frames */
    uint8_t dialect;
    bool doomed; /* fell behind fatally; virtual_reap ends it */
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
    /* A whole frame reached the client; `opcode` is WS_TEXT, WS_PING, WS_CLOSE … The payload of
       one that came compressed is what it was. */
    void (*frame)(void *ctx, struct vconn *c, unsigned opcode, struct str payload);
    /* The hub is about to take this item; its connection may be gone already. */
    void (*taken)(void *ctx, const struct up *item, struct str text);
    /* The connection was ended by the gateway: all it had to get was written (or it was refused,
       or it fell behind fatally). The slot is free when this returns. */
    void (*ended)(void *ctx, struct vconn *c);
    /* A handshake was refused. NULL: nobody asks. */
    void (*refused)(void *ctx, struct vconn *c, enum error_code code, struct str text);
    /* An HTTP request was judged late. NULL: there are none. */
    void (*judged)(void *ctx, uint64_t conn, const struct hub_asker *asker, struct str request);
    /* What a signed token says has been read; the test may say what it grants. False: it is not
       good. NULL: it grants all types and all sessions. */
    bool (*claim)(void *ctx, struct hub_claims *claims);
};

enum { VIRTUAL_PASSWORDS = 64 };

#define VIRTUAL_START_MS 1700000000000 /* since 1970 */
#define VIRTUAL_MONO_MS  1000000       /* the other clock, at the same moment */

struct virtual
{
    struct hub *hub;
    struct hub_time now;
    unsigned reactors;
    uint64_t random_state;
    struct vreactor reactor[MAX_REACTORS];
    struct virtual_hooks hooks;
    /* Passwords that the hub wants to have checked, oldest first; the test says what comes of it.
     */
    uint64_t jobs[VIRTUAL_PASSWORDS];
    char passwords[VIRTUAL_PASSWORDS][64];
    uint32_t job_count;
    bool is_short[MAX_REACTORS]; /* what a reactor was told of the memory */
    uint32_t shed[MAX_REACTORS]; /* times that a reactor was told to end its slowest connection */
    uint64_t memory;             /* bytes allocated, as the hub is told */
    uint64_t packed;             /* compressed frames that reached a client */
};

/* What the hub takes for SHA-256. */
void virtual_digest(struct str secret, uint8_t ret_digest[DIGEST_SIZE]);
/* The oldest password that waits is right, or not. */
void virtual_check(struct virtual *v, bool right);

/* Returns false without memory. `settings->reactors` says how many reactors there are. */
bool virtual_init(struct virtual *v, const struct hub_settings *settings,
                  const struct virtual_hooks *hooks, uint64_t seed);
void virtual_fini(struct virtual *v);

/* A client has connected and sent a good handshake. NULL: no slot, or no memory. */
struct vconn *virtual_connect(struct virtual *v, unsigned reactor, struct str world);
struct vconn *virtual_knock(struct virtual *v, unsigned reactor, enum dialect dialect,
                            const struct evidence *evidence);
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
/* A turn of the hub with all that has been said, and of the reactors with all that comes of it. */
void virtual_turn(struct virtual *v);
/* Turns until nothing moves any more. */
void virtual_settle(struct virtual *v);

#endif
