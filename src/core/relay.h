#ifndef PARLEY_CORE_RELAY_H
#define PARLEY_CORE_RELAY_H

/*
 * A message that is passed on: read, judged, sent. By a client, or from outside by hub_publish; the
 * same checks in both cases.
 */

#include "core/access.h"
#include "core/speech.h"
#include "fanout/segment.h"

enum { DETAILS_MAX = 1024, MESSAGE_ID_MAX = 256 };

struct sender {
    uint8_t dialect;      /* that it speaks: enum dialect */
    uint32_t client;      /* who is told of a refusal, and does not hear it; SLAB_NONE: nobody */
    uint32_t principal;   /* who sends it */
    enum error_code code; /* ERROR_NONE, or why it was refused */
    struct buf *details;  /* of a refusal that no client is told of; a raw JSON object */
};

/* Refuses: tells the client, or keeps why. Details by printf; "" for none. */
void sender_refuse(struct hub *hub, struct sender *sender, enum error_code code,
                   const char *message, const char *details_format, ...)
    __attribute__((format(printf, 5, 6)));

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
/* Sends it to the agent or client of this id, whatever it says itself. */
uint64_t relay_direct(struct hub *hub, struct sender *sender, const struct wire *w,
                      struct str target, struct str text);
/* Whether it was sent to the agent or client of this id; if not, it was refused. */
bool relay_to(struct hub *hub, struct sender *sender, struct str id, struct speech *speech);

/* --- check.c ---------------------------------------------------------------------------------- */

/* Whether a message passes `world.validation` and `world.identity`. */
bool relay_check(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                 const struct type_name *type);

#endif
