#ifndef PARLEY_CORE_RELAY_H
#define PARLEY_CORE_RELAY_H

/*
 * A message that is passed on: read, judged, sent. By a client, or from outside by hub_publish; the
 * same checks in both cases.
 */

#include "core/access.h"
#include "core/speech.h"
#include "fanout/segment.h"

enum {
    /* Of an error. They name the request as its asker wrote its id: in the world that has 256
       characters, each of up to 12 bytes ("\ud83d\ude00"). */
    DETAILS_MAX = 4096,
    MESSAGE_ID_MAX = 256, /* bytes; of the gateway dialect */
};

/* Where a message would go: what sending does finds out, when it is only to say so. */
struct dry_run {
    bool answered;       /* the gateway itself deals with it */
    bool routed;         /* it goes somewhere; without both it was refused, or there is no memory */
    uint32_t session;    /* whose members would get it, or SLAB_NONE */
    uint32_t target;     /* the one client that would, or SLAB_NONE */
    uint64_t receivers;  /* how many, those who filter it out included */
    const char *message; /* why not, a sentence; a literal */
    uint32_t principal;  /* who wants to know; `sender` is of whom he asks */
    bool is_request;     /* to agents: then the next three say whom the gateway has looked at */
    bool waits;          /* none of them takes another one now */
    bool is_hidden;      /* whom it goes to is not for who wants to know */
    uint32_t considered; /* how many */
    struct buf *candidates; /* a raw JSON array of some of them */
};

struct sender {
    uint8_t dialect;      /* that it speaks: enum dialect */
    uint32_t client;      /* who is told of a refusal, and does not hear it; SLAB_NONE: nobody */
    uint32_t principal;   /* who sends it */
    enum error_code code; /* ERROR_NONE, or why it was refused */
    struct buf *details;  /* of a refusal that no client is told of; a raw JSON object */
    struct dry_run *dry;  /* NULL, or: nothing is sent, and no client is told of a refusal */
};

/* Refuses: tells the client, or keeps why. Details by printf; "" for none. */
void sender_refuse(struct hub *hub, struct sender *sender, enum error_code code,
                   const char *message, const char *details_format, ...)
    __attribute__((format(printf, 5, 6)));
/* Refuses what there is no memory for, and counts that. */
void sender_refuse_memory(struct hub *hub, struct sender *sender);

/*
 * Whether it is only to be said what would come of a message that the gateway itself deals with:
 * what is left is to do it. All that can refuse it comes before.
 */
static inline bool sender_only_asks(struct sender *sender)
{
    if (sender->dry == NULL) {
        return false;
    }
    sender->dry->answered = true;
    return true;
}

/* Its type; NULL: the message was refused, or there is no memory. type_discard is due. */
const struct type_name *relay_read(struct hub *hub, struct sender *sender, const struct wire *w,
                                   struct str text);
/* Whether the sender may have it passed on. */
bool relay_allows(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                  const struct type_name *type);
/*
 * Sends it to the one it names, else to all in the session. Takes the type. Returns to how many it
 * goes, those who filter it out included.
 */
uint64_t relay_send(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                    const struct type_name *type, uint32_t session);
/* The session of this name that one who is in none sends to; SLAB_NONE: it was refused. */
uint32_t relay_session(struct hub *hub, struct sender *sender, struct str name);
/* Whether a message to a session is not to be sent; then it has been written where it would go. */
bool relay_is_dry(const struct hub *hub, const struct sender *sender, uint32_t session);
/* Sends it to the agent or client of this id, whatever it says itself. */
uint64_t relay_direct(struct hub *hub, struct sender *sender, const struct wire *w,
                      struct str target, struct str text);
/* Whether it was sent to the agent or client of this id; if not, it was refused. */
bool relay_to(struct hub *hub, struct sender *sender, struct str id, struct speech *speech);

/* --- check.c ---------------------------------------------------------------------------------- */

struct parley_message_info;
/*
 * Reads a message that the gateway itself handles into `message`, which was initialised and is to
 * be finished in either case. False when it is not as its type wants it, or there is no memory: it
 * was refused.
 */
bool relay_parse(struct hub *hub, struct sender *sender, struct str text,
                 const struct parley_message_info *info, void *message);
/* Whether a message passes `world.validation` and `world.identity`. */
bool relay_check(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                 const struct type_name *type);

#endif
