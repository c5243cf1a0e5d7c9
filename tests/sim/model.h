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
 *   model.c         what follows from an event
 *   roles.c         who is which agent
 *   powers.c        who is let in, and what for
 *   errands.c       requests to agents
 *   heard.c         what has been heard, and whether it is that
 *   heard_errand.c  the same of requests
 *   speak.c         what clients say
 *   speak_errand.c  what they ask, answer and take back
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
    DEED_UNREGISTER,
    DEED_HEARTBEAT,
    DEED_FOLLOW, /* sync_state, with `subscribe` */
    DEED_WATCH,  /* monitor */
    DEED_RENEW,  /* auth */
    DEED_ASK,    /* from here on: of both again; see errands.h */
    DEED_ANSWER,
    DEED_CANCEL,
};

enum { GIVEN_SIZE = 40 }; /* the id of a request, as its agent knows it */

struct action {
    enum deed deed;
    unsigned type;   /* of a broadcast or a directed message */
    unsigned agent;  /* of a registration, or the target of a directed message or a request */
    uint32_t to;     /* serial of a directed message's target; 0: it is to `agent` */
    unsigned mask;   /* of a subscription, or the capabilities of a registration */
    unsigned slots;  /* of a registration */
    bool busy;       /* of a heartbeat */
    bool chat;       /* a request, or an answer, is `chat` rather than `route_request` */
    bool last;       /* an answer ends its request */
    bool failure;    /* and is an error */
    int wanted;      /* the capability of a request; NO_CAPABILITY: it is for `agent` */
    unsigned own;    /* what its asker calls a request */
    unsigned for_ms; /* how long it waits; 0: it does not say */
    uint64_t given;  /* of an answer: what it is about, see struct given */
    char given_id[GIVEN_SIZE];
    int session;     /* of the gateway dialect; NO_SESSION: presence for all that share one */
    unsigned end_s;  /* of a token that it brings, in seconds from the start; 0: it brings none */
    bool as_other;   /* which is another subject's */
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
    HEARD_AGENT,    /* agent_info */
    HEARD_REQUEST,  /* by the agent that gets it */
    HEARD_CANCEL,   /* by that agent: nobody waits any more */
    HEARD_ANSWER,   /* by its asker */
    HEARD_WATCHING, /* by who watches from now on */
    HEARD_COPY,     /* by him, of a message that is passed on */
    HEARD_WELCOME,  /* auth_success */
};

/* What an error is, where it matters: its number; of requests ERROR_OF_REQUEST and its code. */
enum { ERROR_OTHER, ERROR_NO_SESSION, ERROR_NO_MEMBER, ERROR_NO_GRANT, ERROR_OF_REQUEST };

/* How it is decided who is let in: see powers.h. */
enum access { ACCESS_FREE, ACCESS_TOKENS, ACCESS_SIGNED };

/* What an agent_info says. */
enum { AGENT_REGISTERED, AGENT_UNREGISTERED, AGENT_ONLINE, AGENT_BUSY };

/* What a session_info says, and presence. */
enum status { INFO_LIST, INFO_CONNECTED, INFO_CREATED, INFO_JOINED, INFO_LEFT, INFO_PATCHED };
enum { WENT_OFFLINE, CAME_ONLINE };

#define NO_NOTE   UINT64_MAX
#define NO_NUMBER UINT64_MAX /* of a copy: what the gateway itself says of a request has none */

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
    /* Of requests: */
    bool chat;
    int wanted;           /* the capability that was asked for */
    unsigned own;         /* what its asker calls it */
    uint64_t given;       /* see struct given */
    uint64_t deadline_ms; /* of the clock that the hub is told */
};

static inline uint64_t info_number(enum status status, uint64_t total)
{
    return total << 8 | (uint64_t)status;
}

struct mclient {
    bool used;
    bool control;     /* it speaks the gateway dialect */
    bool limited;     /* its credential grants some things only */
    uint64_t ends_ms; /* its signed token does, by the clock that the hub is told */
    bool warned;      /* of that */
    uint32_t serial;  /* unique, from 1 on */
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
    uint64_t skipped;      /* broadcasts it has not heard, that nobody has told it of */
    uint64_t heard;        /* things it has heard */
    bool watching;         /* it hears a copy of whatever is passed on */
    struct follow *follow; /* what it knows of the state, once it follows it */
    unsigned follow_asked; /* times that it has asked for that and has no answer */
};

/* Who has registered as this, now or before. */
struct magent {
    struct mclient *client; /* NULL: nobody now */
    bool known;             /* somebody, or it is remembered */
    uint64_t left_ms;
    int world; /* that it was in last; 0 also in the gateway dialect: everybody may enter it */
    unsigned offers; /* bits of capabilities */
    unsigned slots;  /* requests that it takes at a time */
    bool busy;
    uint64_t used;      /* when it got its last request, as a stamp */
    uint64_t described; /* and when it said what it can */
    uint64_t ready;     /* since when it may take one that waits; 0: it may not */
};

/* A request in an agent's hands, as those who have heard of it know it. */
struct given {
    uint64_t number; /* 0: of the model it is none */
    uint32_t holder; /* the serial of the agent's client */
    bool chat;
    unsigned words; /* that its agent means to say about it */
    char id[GIVEN_SIZE];
};

enum { MODEL_GIVENS = 512 };

struct model {
    struct mclient clients[MODEL_CLIENTS];
    struct magent agents[MODEL_AGENTS];
    uint64_t notes[MODEL_SESSIONS]; /* the last patch of each session */
    char (*ids)[16]; /* by serial: what a client is called, once anybody has heard it; "" before */
    size_t id_cap;
    uint32_t last_serial;
    bool draining;
    uint64_t now_ms;      /* mono, as the hub knows it */
    uint64_t remember_ms; /* settings of the hub */
    uint64_t request_ms;
    unsigned max_queue;
    enum access access;
    bool holds;                /* the credential that grants some things only, or the key of all */
    bool limited_more;         /* that one grants GRANTED_MORE as well, */
    bool limited_wide;         /* and all sessions */
    unsigned errand_percent;   /* of what clients do, that is about requests */
    struct mrequest *requests; /* see errands.c; in the order of asking */
    size_t request_count, request_cap;
    uint64_t stamp;
    uint64_t given;                    /* the last one */
    struct given givens[MODEL_GIVENS]; /* the last ones that were heard, a ring */
    uint64_t givens_heard;
    uint64_t late, stray;             /* answers that were dropped */
    uint64_t ended[HUB_REQUEST_ENDS]; /* requests, by how */
    uint64_t put_out, ran_out;        /* clients closed by a reload, or with their token */
    uint64_t tried_again;             /* requests that lost their agent, and got another chance */
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
/*
 * Where there are credentials, there are two. One grants all; these are the grants of the other:
 * the first types, and `chat`; all worlds but the last one, and two other sessions, or all of them.
 * What is beside them comes and goes with reloads, and so does the credential itself.
 */
enum { GRANTED_TYPES = 3 };
#define GRANTED_PUBLISH  "t0|t1|t2|chat"
#define GRANTED_MORE     "|route_request|presence|session_patch|broadcast"
#define GRANTED_SESSIONS "world:main|world:w1|s0|s1"
#define SAME_BY_PATTERN  "s1|world:w1*|world:main|s0"
static inline bool model_enters_all(const struct model *m, const struct mclient *c)
{
    return !c->limited || m->limited_wide;
}
static inline bool model_may_enter(const struct model *m, const struct mclient *c, int session)
{
    return model_enters_all(m, c) || session < MODEL_WORLDS - 1 ||
           (session >= MODEL_WORLDS && session < MODEL_WORLDS + 2);
}
static inline bool model_may_publish(const struct mclient *c, unsigned type)
{
    return !c->limited || type < GRANTED_TYPES;
}

/* Whether there is a place for one more client: who has gone keeps his until the hub knows it. */
bool model_has_room(const struct model *m);
/* A client of the world `world`, or of the gateway dialect (MODEL_WORLDS). There must be room. */
struct mclient *model_connect(struct model *m, struct vconn *conn, unsigned world, bool limited);
bool model_is_in(const struct mclient *c, int session);
/* How many sessions there are; of those that `c` may enter, unless it is NULL. */
uint64_t model_session_count(const struct model *m, const struct mclient *c);
/* The model's own memory does not fail, even where the gateway's is made to: it tries again. */
void *model_grown(void *items, size_t count, size_t *cap, size_t size);
/* Adds to what a client must hear. */
void model_expect(struct mclient *c, const struct expected *what);
/* The same, of something that is for this client alone. */
void model_answer(struct mclient *c, enum heard kind, uint64_t number);
/* A join or a leave of an agent, to those in a world whose filter lets it pass. */
void model_announce_agent(struct model *m, const struct mclient *except, unsigned world,
                          enum heard kind, unsigned agent);
/* The hub closes it, if it is open. */
void model_close(struct model *m, struct mclient *c, uint16_t code);
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
/* It is this late now. */
void model_tick(struct model *m, uint64_t now_ms);
/* A frame reached the client. */
void model_frame(struct model *m, struct mclient *c, unsigned opcode, struct str payload);
/* The connection was ended by the gateway, in order: nothing may be missing. */
void model_ended(struct model *m, struct mclient *c, bool in_order);

#endif
