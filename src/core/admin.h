#ifndef PARLEY_CORE_ADMIN_H
#define PARLEY_CORE_ADMIN_H

/*
 * What an administrator, or whoever may, sees of the hub and does to it from outside, by HTTP. Who
 * may is decided by the caller with hub_may, except where a function takes a principal: that one
 * asks itself.
 */

#include "core/access.h"

/* One client, borrowed from the hub until it changes. */
struct hub_client_view {
    char client_id[16]; /* NUL-terminated */
    const char *dialect;
    bool authenticated;
    struct str user_id;    /* the name of its principal; empty until it has authenticated */
    struct str agent_id;   /* empty without one */
    struct str user_agent; /* as it said at the handshake */
    uint8_t address[16];   /* see struct evidence */
    bool is_unix;          /* then the address says nothing */
    uint64_t connected_ms; /* epoch */
    uint64_t heard_ms;     /* epoch: last sign of life, to a tenth of a second */
    uint64_t dropped;      /* broadcasts that it missed because it was slow, as far as known */
    uint32_t index;        /* for hub_each_session_of */
};

/*
 * Calls `visit` for at most `limit` clients, oldest slot first: from the one of id `from` on, which
 * is to be there; empty: from the first.
 */
void hub_each_client(const struct hub *hub, struct str from, uint32_t limit,
                     void (*visit)(void *ctx, const struct hub_client_view *client), void *ctx);
/* The client of this id ("c-…"), or the agent's of this id. False: there is none. */
bool hub_find_client(const struct hub *hub, struct str id, struct hub_client_view *ret_client);
/* The names of the sessions that a client is in. */
void hub_each_session_of(const struct hub *hub, uint32_t client,
                         void (*visit)(void *ctx, struct str name), void *ctx);

struct hub_session_view {
    struct str name;
    uint32_t members;
    uint32_t agents;
};

/*
 * Sessions that `principal` may enter, at most `limit`: from the one of name `from` on, which is to
 * be there; empty: from the first. Returns how many there are in all. Who may enter all costs what
 * he is shown, a grant what it names; each pattern of it with a `*` costs a look at each there is.
 */
uint32_t hub_each_session(struct hub *hub, uint32_t principal, struct str from, uint32_t limit,
                          void (*visit)(void *ctx, const struct hub_session_view *session),
                          void *ctx);

/*
 * Closes a client, or an agent's, with 4408; `reason` is at most 123 bytes, a control character in
 * it was refused before. False: there is none of this id.
 */
bool hub_kick(struct hub *hub, struct str id, struct str reason);

struct hub_publication {
    struct str message; /* of the world dialect: a whole message, a JSON object, at most
                           max_message_bytes */
    struct str target;  /* an agent or client id; or empty, then: */
    struct str session; /* a session's name: "world:main" */
};

/*
 * Sends a message as `principal`, to all in a session or to one client, with the checks that it
 * would meet had a client sent it (types that are the gateway's, grants, validation). Returns
 * ERROR_NONE and how many it goes to, those who filter it out included; or the error, and
 * `details`, an empty buffer, gets a raw JSON object.
 */
enum error_code hub_publish(struct hub *hub, uint32_t principal, const struct hub_publication *p,
                            uint64_t *ret_delivered, struct buf *details);

/*
 * Where a message would go, or why it would not: the way that a message takes, walked up to the
 * last step, so that nothing can be said but what would happen.
 */
struct hub_question {
    uint8_t dialect;    /* enum dialect */
    struct str message; /* a whole message, a JSON object */
    struct str as;      /* the agent or client that would send it; or empty, in the world alone: */
    struct str session; /* where somebody who is no agent would send it: "world:main" */
    struct buf *candidates; /* an empty buffer for a raw JSON array, of at most 100 objects */
};

/* What would come of it; texts are borrowed from the hub until it changes. */
struct hub_explanation {
    enum error_code code; /* ERROR_NONE, or why it would be refused; then `details` says more */
    const char *message;  /* of a refusal, for people; may be empty; a literal */
    bool answered;        /* the gateway itself would deal with it, and pass nothing on */
    bool is_request;      /* to agents: then the question's `candidates` say who was considered */
    bool waits;           /* and none of them takes another one now */
    uint32_t considered;  /* how many there are, those included that are not named */
    uint64_t receivers;   /* how many would get it, those who filter it out included */
    struct str session;   /* whose members they are; or empty */
    char target[129];     /* the id of the one receiver; or empty. NUL-terminated */
};

/*
 * Answers for `principal`, who may ask for himself, and as an administrator for every client:
 * `as` is one of his own credential, or of another signed token of his; else it is not there for
 * him. Returns ERROR_NONE; or what is wrong with the question, and `details`, an empty buffer, gets
 * a raw JSON object. It gets one of a refusal as well.
 */
enum error_code hub_explain(struct hub *hub, uint32_t principal,
                            const struct hub_question *question,
                            struct hub_explanation *ret_explanation, struct buf *details);

struct hub_ticket_request {
    struct grants grants; /* must be within the maker's */
    struct str agent_id;  /* that the ticket is for; one that its maker may register; or empty */
    uint64_t ttl_ms;      /* 1 to TICKET_MAX_MS; less when its maker's token runs out before */
};

enum { TICKET_MAX_MS = 60000, TICKET_SIZE = 26, TICKETS_MAX = 10000 };

/*
 * Makes a ticket: a credential that is good once, and not for long. Returns ERROR_NONE, its text
 * (base32, TICKET_SIZE characters, no NUL) and when it runs out (since 1970); or FORBIDDEN when the
 * maker may less, AUTH_FAILED when he has run out, LIMIT_REACHED.
 */
enum error_code hub_ticket_new(struct hub *hub, uint32_t maker,
                               const struct hub_ticket_request *request,
                               char ret_ticket[TICKET_SIZE], uint64_t *ret_until_ms);

#endif
