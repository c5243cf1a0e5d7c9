#ifndef PARLEY_CORE_CLAIM_H
#define PARLEY_CORE_CLAIM_H

/* Who is which agent, in both dialects; claim.c says what comes of it. */

#include "core/internal.h"
#include "core/relay.h"

/* Whether a registration is as long as it may be; if not, its client was told. */
bool claim_fits(struct hub *hub, struct sender *sender, struct str text);
/*
 * Whether the client may be the agent of this id, and no other credential's is connected as that;
 * if not, it was told.
 */
bool claim_allowed(struct hub *hub, struct sender *sender, struct str id);
/*
 * The client is this agent from now on, as `words` say; who was it before is closed with 4409.
 * SLAB_NONE: it cannot be, and the client was told; or it was only asked about.
 */
uint32_t claim_agent(struct hub *hub, struct sender *sender, struct str id,
                     const struct agent_words *words);
/* How many requests an agent takes at a time, as it says or does not. */
uint32_t claim_slots(const struct parley_integer *max_concurrent);

#endif
