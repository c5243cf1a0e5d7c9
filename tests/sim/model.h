#ifndef PARLEY_TESTS_MODEL_H
#define PARLEY_TESTS_MODEL_H

/*
 * What every client must hear, worked out in the plainest way: the model is told each event at the
 * moment the hub takes it, and appends to the list of whoever has to hear of it. A client that
 * receives anything but the next thing on its list has found a bug. Broadcasts may be missing from
 * what a slow reader hears, but then SLOW_CLIENT must say exactly how many.
 */

#include "virtual.h"

enum {
    MODEL_CLIENTS = 96,
    MODEL_AGENTS = 24,
    MODEL_WORLDS = 3,
    MODEL_TYPES = 6, /* message types t0…t5; behind them agent_joined and agent_left */
    MODEL_JOINED = MODEL_TYPES,
    MODEL_LEFT,
    MODEL_ALL = (1 << (MODEL_LEFT + 1)) - 1,
};

/* What a client does, as the simulator writes it into a message. */
enum deed { DEED_BROADCAST, DEED_DIRECT, DEED_REGISTER, DEED_SUBSCRIBE, DEED_PING, DEED_BAD };

struct action {
    enum deed deed;
    unsigned type;   /* of a broadcast or a directed message */
    unsigned agent;  /* of a registration, or the target of a directed message */
    unsigned mask;   /* of a subscription */
    uint64_t number; /* unique, of a message */
};

enum heard {
    HEARD_ACK,
    HEARD_MESSAGE,
    HEARD_JOINED,
    HEARD_LEFT,
    HEARD_ERROR,
    HEARD_PONG,
    HEARD_SLOW,
    HEARD_CLOSE,
};

struct expected {
    enum heard kind;
    uint64_t number; /* of a message; the agent of a join or leave; the code of a close */
    bool skippable;
};

struct mclient {
    bool used;
    uint64_t handle;
    struct vconn *conn; /* NULL once the connection is gone; the hub may not know yet */
    unsigned world;
    int agent; /* -1: none */
    unsigned mask;
    bool open;    /* the hub has it, and has not told it to close */
    bool closing; /* the hub has told it to close */
    uint32_t heard_tick;
    uint64_t joined;     /* order of its joining, in its world */
    struct action *sent; /* what is in its up queue, oldest first */
    size_t sent_count, sent_cap, sent_from;
    struct expected *list; /* what it must hear, oldest first */
    size_t list_count, list_cap, list_from;
    uint64_t skipped; /* broadcasts it has not heard, that nobody has told it of */
    uint64_t heard;   /* things it has heard */
};

struct model {
    struct mclient clients[MODEL_CLIENTS];
    struct mclient *agents[MODEL_AGENTS]; /* who is it now */
    bool draining;
    bool lossy;      /* memory fails, so nobody knows what is heard: nothing is compared */
    uint64_t checks; /* things compared */
    uint64_t slow;   /* times a client was told what it had missed */
    uint64_t slow_skipped;
};

/* The first difference ends the program with a message and the seed. */
void model_fail(const struct mclient *c, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

struct mclient *model_connect(struct model *m, struct vconn *conn, unsigned world);
/* The client of a handle that the hub has not seen closed yet; NULL: none. */
struct mclient *model_find(struct model *m, uint64_t handle);
void model_free(struct mclient *c);
void model_fini(struct model *m);
/* The client has sent this. */
void model_sent(struct mclient *c, const struct action *a);
/* The hub takes an item of this client; with UP_CLOSED the model forgets it. */
void model_taken(struct model *m, struct mclient *c, const struct up *item, uint32_t tick);
/* The hub closes it for silence. */
void model_timeout(struct model *m, struct mclient *c);
void model_drain(struct model *m);
/* A frame reached the client. */
void model_frame(struct model *m, struct mclient *c, unsigned opcode, struct str payload);
/* The connection was ended by the gateway, in order: nothing may be missing. */
void model_ended(struct model *m, struct mclient *c, bool in_order);

#endif
