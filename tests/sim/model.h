#ifndef PARLEY_TESTS_MODEL_H
#define PARLEY_TESTS_MODEL_H

/*
 * What every client must hear, worked out in the plainest way: the model is told each event at the
 * moment the hub takes it, and appends to the list of whoever has to hear of it. A client that
 * receives anything but the next thing on its list has found a bug. Broadcasts may be missing from
 * what a slow reader hears, but then SLOW_CLIENT must say exactly how many.
 *
 * Some clients speak the world's dialect and live in one world; the others speak the gateway's and
 * are in any number of sessions, worlds among them. Beside what is heard, the model knows in which
 * form: who hears the other dialect hears it converted, with the sender's true name.
 *
 *   model.c   what follows from an event
 *   heard.c   what has been heard, and whether it is that
 *   speak.c   what clients say
 */

#include "virtual.h"

enum {
    MODEL_CLIENTS = 96,
    MODEL_AGENTS = 24,
    MODEL_WORLDS = 3,   /* sessions 0…2; the first one is always there */
    MODEL_SESSIONS = 7, /* the others are the gateway dialect's own */
    MODEL_TYPES = 6,    /* message types t0…t5; behind them agent_joined and agent_left */
    MODEL_JOINED = MODEL_TYPES,
    MODEL_LEFT,
    MODEL_ALL = (1 << (MODEL_LEFT + 1)) - 1,
};

/* What a client does, as the simulator writes it into a message. */
enum deed {
    DEED_BROADCAST, /* to its world, or to `session` */
    DEED_DIRECT,
    DEED_REGISTER,
    DEED_SUBSCRIBE,
    DEED_PING,
    DEED_BAD,
    DEED_CREATE, /* from here on: of the gateway dialect alone */
    DEED_JOIN,
    DEED_LEAVE,
    DEED_PATCH,
    DEED_PRESENCE,
    DEED_ALL,
    DEED_LIST,
};

struct action {
    enum deed deed;
    unsigned type;   /* of a broadcast or a directed message */
    unsigned agent;  /* of a registration, or the target of a directed message */
    uint32_t to;     /* serial of a directed message's target; 0: it is to `agent` */
    unsigned mask;   /* of a subscription */
    int session;     /* of the gateway dialect; NO_SESSION: presence for all that share one */
    uint64_t number; /* unique, of a message */
};

enum { NO_SESSION = -1 };

enum heard {
    HEARD_ACK,
    HEARD_MESSAGE,
    HEARD_JOINED,
    HEARD_LEFT,
    HEARD_ERROR,
    HEARD_PONG,
    HEARD_SLOW,
    HEARD_CLOSE,
    HEARD_INFO,     /* session_info */
    HEARD_PRESENCE, /* made by the gateway */
};

/* What an error is, where it matters: its number. */
enum { ERROR_OTHER, ERROR_NO_SESSION, ERROR_NO_MEMBER };

/* What a session_info says, and presence. */
enum status { INFO_LIST, INFO_CONNECTED, INFO_CREATED, INFO_JOINED, INFO_LEFT, INFO_PATCHED };
enum { WENT_OFFLINE, CAME_ONLINE };

#define NO_NOTE UINT64_MAX

struct expected {
    enum heard kind;
    /* Of a message; the agent of a join or leave; the code of a close; what an error is; a
       session_info's status and total (info_number); whether who is present came or went. */
    uint64_t number;
    bool skippable;
    bool from_world; /* it was said in the world's dialect */
    int session;     /* that the frame names, in the gateway dialect; or NO_SESSION */
    uint32_t sender; /* whose name it has; 0: nobody's, or the gateway's */
    int agent;       /* that the sender was then, -1: none */
    uint64_t note;   /* the last patch of the session, in its metadata; NO_NOTE: none */
};

static inline uint64_t info_number(enum status status, uint64_t total)
{
    return total << 8 | (uint64_t)status;
}

struct mclient {
    bool used;
    bool control;    /* it speaks the gateway dialect */
    uint32_t serial; /* unique, from 1 on */
    uint64_t handle;
    struct vconn *conn; /* NULL once the connection is gone; the hub may not know yet */
    unsigned world;
    int in[MODEL_SESSIONS]; /* sessions of a gateway client, in the order of joining */
    int in_count;
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
    uint64_t notes[MODEL_SESSIONS];       /* the last patch of each session */
    char (*ids)[16]; /* by serial: what a client is called, once anybody has heard it; "" before */
    size_t id_cap;
    uint32_t last_serial;
    bool draining;
    bool lossy;      /* memory fails, so nobody knows what is heard: nothing is compared */
    uint64_t checks; /* things compared */
    uint64_t slow;   /* times a client was told what it had missed */
    uint64_t slow_skipped;
};

/* The first difference ends the program with a message and the seed. */
void model_fail(const struct mclient *c, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

extern const char *const model_sessions[MODEL_SESSIONS];

void model_init(struct model *m);
/* A client of the world `world`, or of the gateway dialect (MODEL_WORLDS). NULL: no room. */
struct mclient *model_connect(struct model *m, struct vconn *conn, unsigned world);
bool model_is_in(const struct mclient *c, int session);
/* How many sessions there are. */
uint64_t model_session_count(const struct model *m);
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
