#ifndef PARLEY_CORE_REQUEST_H
#define PARLEY_CORE_REQUEST_H

/*
 * Requests to agents: somebody asks for whoever has a capability, or for one agent; the gateway
 * chooses, hands on, and sees to it that each request ends exactly once.
 *
 *   request.c         the states of a request, and what changes them
 *   request_table.c   where requests stand, and how they are found
 *   request_queue.c   who gets which, and who waits
 *   request_ask.c     what clients ask
 *   request_reply.c   what agents answer, and what askers take back
 *   request_explain.c who would get one, when it is only asked about
 *   request_say.c     what is said to askers and agents
 *
 * A request stands in a slab. While it waits it is in the queue of its capability or of its agent,
 * while an agent has it, among that agent's work; always among those of its asker, and in the heap
 * of deadlines. When an agent or an asker goes, or what he reaches changes, its requests are only
 * noted as loose: what comes of it is done by requests_settle, one after the other, as far as there
 * is memory for it. The same function gives waiting requests to agents that are ready for one.
 *
 * One agent may be lost with the requests of thousands of askers, and nobody else hears anything
 * while the hub deals with them. So a turn decides of no more than LOST_PER_TURN; the others wait
 * in a list of their own. Those that another agent is to get go back into their queue, by their
 * order; each of the rest costs a message, so they are only marked as ending, and a turn tells no
 * more of them than makes a part of its output. Deadlines that pass together are the same case.
 */

#include "core/internal.h"

/* --- what the rest of the hub sees ------------------------------------------------------------ */

void requests_init(struct hub *hub);
void requests_fini(struct hub *hub);
/* A client is gone, or an agent's client: its requests end, or others are tried. */
void requests_lose_asker(struct hub *hub, uint32_t client);
void requests_lose_agent(struct hub *hub, struct agent *a);
/* Nobody offers any more what wait for this, or perhaps nobody whom their askers reach. */
void requests_desert(struct hub *hub, struct capability *c);
/* What a client may do is not what it was, so it may reach other agents, or none. */
void requests_review(struct hub *hub, uint32_t client);
/* It may take another request now. */
void requests_agent_free(struct hub *hub, struct agent *a);
/*
 * Does what the five above have noted, and ends requests whose deadline has passed; to be called
 * when the event is over that they belong to, and when time has passed.
 * What would make too much for one turn is left to requests_end_turn, and to the next turns.
 */
void requests_settle(struct hub *hub);
/* The same, as much as it may be in any turn, and notes whether something is left (hub_owes). */
void requests_end_turn(struct hub *hub);
/* Whether a client waits for an answer, or somebody for its. */
bool requests_busy(const struct hub *hub, uint32_t client);

/* --- what requests are ------------------------------------------------------------------------ */

enum {
    REQUESTS_MAX = 1000,                  /* in flight, of one client */
    LOST_PER_TURN = 4096,                 /* whose agent has gone, and whose fate is decided */
    QUEUE_BYTES_MAX = 16 * 1024 * 1024,   /* of all requests that wait */
    TIMEOUT_MAX_MS = 24 * 60 * 60 * 1000, /* who wants to wait longer waits so long */
};

enum request_state {
    REQUEST_FREE,
    REQUEST_WAITING,
    REQUEST_ASKED,
    REQUEST_ANSWERED,
    REQUEST_ENDING, /* nobody can answer it any more, and its asker is to be told */
    REQUEST_STATES
};

enum request_event {
    EVENT_DONE = REQUEST_END_DONE,             /* the agent has said the last thing */
    EVENT_FAILED = REQUEST_END_FAILED,         /* it has, by an error */
    EVENT_TIMEOUT = REQUEST_END_TIMEOUT,       /* the deadline has passed */
    EVENT_CANCELLED = REQUEST_END_CANCELLED,   /* by the asker */
    EVENT_ASKER_GONE = REQUEST_END_ASKER_GONE, /* its connection has ended */
    EVENT_AGENT_GONE = REQUEST_END_AGENT_GONE, /* and that was that */
    EVENT_AGENT_LOST = HUB_REQUEST_ENDS,       /* but another one may be tried */
    EVENT_ASSIGNED,                            /* an agent gets it */
    EVENT_PART, /* the agent has said something, and there is more to come */
    REQUEST_EVENTS
};
struct request {
    struct list of_asker; /* struct asker */
    struct list at;       /* where it waits, or its agent's work */
    struct list loose;    /* hub->loose, what becomes of it is to be decided; or lost, ending */
    struct str own_id;    /* raw: what the asker calls it */
    struct str target;    /* the id of the agent that is asked; empty: of a capability */
    struct str wanted;    /* the name of the capability; may be empty with a target */
    char *names;          /* owned: the three above */
    char *body;           /* owned: raw JSON that the agent gets; NULL once it has answered */
    size_t body_len;
    uint64_t number;  /* of the id that the agent knows it by */
    uint64_t made_ms; /* of that, too */
    uint64_t order;   /* of all requests */
    uint64_t deadline_ms;
    uint64_t asker_id;   /* the asker's client id */
    uint64_t own_hash;   /* of both, for the map */
    uint32_t asker;      /* its client; SLAB_NONE: it has gone */
    uint32_t agent;      /* who has it, or SLAB_NONE */
    uint32_t generation; /* of that agent, when it got it */
    uint32_t capability; /* or SLAB_NONE, with a target */
    uint32_t place;      /* in the heap */
    uint32_t index;      /* in the slab */
    uint8_t state;       /* enum request_state */
    uint8_t answers;     /* what is said about it: enum request_kind */
    int8_t stream;       /* as the asker said; -1: it did not */
    bool again;          /* an agent was lost before */
    bool limited;        /* its asker may not enter every world, so not every agent will do */
    uint32_t unused;     /* the slab's, once it is free */
};

enum request_kind { KIND_ROUTE, KIND_CHAT };

/* A client that has asked for something. */
struct asker {
    struct list requests;
    uint32_t client;
    uint32_t count;
};

static inline struct request *request_at(const struct hub *hub, uint32_t index)
{
    return slab_at(&hub->requests, index);
}
static inline struct asker *asker_at(const struct hub *hub, uint32_t index)
{
    return slab_at(&hub->askers, index);
}
static inline bool request_is_overdue(const struct hub *hub, const struct request *r)
{
    return r->deadline_ms <= hub->now.mono_ms;
}
/* Bytes that a request keeps. */
static inline size_t request_bytes(const struct request *r)
{
    return r->own_id.len + r->target.len + r->wanted.len + r->body_len;
}

/* --- request_table.c -------------------------------------------------------------------------- */

/* What a client asks; all is borrowed. */
struct question {
    enum request_kind kind;
    struct str own_id; /* raw */
    struct str target;
    struct str wanted;
    struct str body; /* raw */
    uint64_t timeout_ms;
    int8_t stream;
    uint32_t capability;
};
/* A request that waits now. False: no memory. */
bool request_new(struct hub *hub, uint32_t client, const struct question *q);
/* The request that an agent knows by this id, or NULL. */
struct request *request_find(struct hub *hub, struct str id);
/* The request that a client calls so, raw; or NULL. */
struct request *request_find_own(struct hub *hub, uint32_t client, struct str raw_id);

/* A fresh id, for the next agent that gets it: what the last one still says is not about this. */
void request_rename(struct hub *hub, struct request *r);
/* Its asker has gone. */
void request_forget_asker(struct hub *hub, struct request *r);
void request_discard(struct hub *hub, struct request *r);

/* --- request.c -------------------------------------------------------------------------------- */

/* What becomes of it by an event; it may have ended. `agent` is that of EVENT_ASSIGNED. */
void request_change(struct hub *hub, struct request *r, enum request_event event, uint32_t agent);

/* --- request_queue.c -------------------------------------------------------------------------- */

/*
 * The agent for a capability that is to get the next request of this principal, or SLAB_NONE: all
 * that he reaches have enough to do.
 */
uint32_t queue_choose(const struct hub *hub, uint32_t capability, uint32_t principal);
/* Whether somebody is connected who offers it, and whom the principal reaches. */
bool queue_is_offered(const struct hub *hub, uint32_t capability, uint32_t principal);
/* The same, of no more than the first `most` who offer it. */
bool queue_is_offered_soon(const struct hub *hub, uint32_t capability, uint32_t principal,
                           uint32_t most);
/* Whether an agent takes another request now. */
bool queue_takes(const struct agent *a);
/* Puts it where it waits, by its order. */
void queue_enter(struct hub *hub, struct request *r);
/* From now on its asker may, or may not, enter every world. */
void queue_limit(struct hub *hub, const struct request *r, bool limited);
/* Wakes the agent that is to get it, when it is the next one and somebody is free. */
void queue_wake(struct hub *hub, const struct request *r);
/* It is not the only one that has come back: wakes all that are free for it. */
void queue_wake_all(struct hub *hub, const struct request *r);
void queue_leave(struct hub *hub, struct request *r);
/* Whether somebody is connected who could answer it. */
bool queue_has_agent(const struct hub *hub, const struct request *r);
/* Whether a client's request for this would have to wait. */
bool queue_would_wait(const struct hub *hub, uint32_t principal, uint32_t capability,
                      uint32_t target);
/*
 * Of what an agent of hub->ready may have, gives away what has waited longest, or ends it when that
 * is too long; or the agent is not ready.
 */
void queue_serve(struct hub *hub, struct agent *a);

/* --- request_ask.c ---------------------------------------------------------------------------- */

/* route_request, in the dialect of the client. */
struct sender;
void request_route(struct hub *hub, struct sender *sender, struct str text);
/* `chat` that is for whoever can. */
void request_chat(struct hub *hub, struct sender *sender, const struct wire *w, struct str text);

/* --- request_explain.c ------------------------------------------------------------------------ */

struct sender;
/* Notes, in the dry run of who would send it, who could answer, and of each why it would get the
 * question or why not. */
void request_explain(const struct hub *hub, const struct sender *sender, const struct question *q);
/* Notes where a question goes that is not refused; `target`: the agent that it names. */
void request_explain_way(const struct hub *hub, const struct sender *sender,
                         const struct question *q, uint32_t target);

/* --- request_reply.c -------------------------------------------------------------------------- */

/* route_response and route_cancel. */
void request_response(struct hub *hub, struct sender *sender, struct str text);
void request_cancel(struct hub *hub, struct sender *sender, struct str text);
/*
 * A message that may have a `replyTo`: whether it was about a request, or as if it were, and so is
 * dealt with. `kind` is that of its type in the dialect of its sender. What says that it is for a
 * session or a target goes there, unless it replies to a request that there is.
 */
bool request_answer(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                    enum parley_type kind);

/* --- request_say.c ---------------------------------------------------------------------------- */

/* What its agent knows it by, in JSON. */
struct str request_id(const struct request *r, char buffer[MESSAGE_ID_SIZE]);
/* Hands it to its agent. */
void say_request(struct hub *hub, const struct request *r);
/* Tells its agent that nobody waits for it any more. */
void say_cancel(struct hub *hub, const struct request *r);
/* Tells its asker how it ended. */
void say_end(struct hub *hub, const struct request *r, enum request_event event);
/* The agent's answer, raw members, to its asker. */
struct answer {
    bool ok;
    bool done;
    struct str result; /* raw, or empty; as is `error` */
    struct str error;
};
void say_answer(struct hub *hub, const struct request *r, const struct answer *answer);
/* Any other message of its agent, raw members, to its asker; `id` and `timestamp` may be empty. */
void say_message(struct hub *hub, const struct request *r, const struct envelope *e);

#endif
