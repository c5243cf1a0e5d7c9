#ifndef PARLEY_CORE_OFFER_H
#define PARLEY_CORE_OFFER_H

/*
 * Who can do what. A capability is a name that a connected agent offers; it is interned while
 * somebody offers it or a request is for it, so that an agent is asked about it by comparing
 * numbers, and those who offer it are found without looking at the others. What an agent said of
 * its capabilities is taken apart once, when it says it.
 */

#include "base/list.h"
#include "base/map.h"
#include "base/slab.h"

struct hub;

enum { OFFERS_MAX = 256 }; /* capabilities of one agent */

struct capability {
    char *name; /* owned; NULL: the slot is not in use */
    uint32_t name_len;
    uint32_t users;         /* offers, and requests that are for it */
    bool is_prefixed;       /* another spelling of one that is there without its prefix */
    struct list offers;     /* in the order in which they were made */
    struct list waiting;    /* requests for it, while all who offer it have enough to do */
    struct list *came_back; /* of these, the last that came back from an agent; NULL: it is gone */
    uint32_t limited;       /* of these, whose askers may not enter every world */
    uint32_t unused;        /* the slab's, once it is free */
};

struct offer {
    struct list link; /* capability->offers */
    uint32_t capability;
    uint32_t agent;
};

/* All offers of one agent. Empty: all zero. */
struct offers {
    struct offer *items; /* owned */
    uint32_t count;
};

/* The state in the hub: a slab of struct capability, and where each name stands. */
struct capabilities {
    struct slab slab;
    struct map by_name;
};

void capabilities_init(struct hub *hub);
void capabilities_fini(struct hub *hub);

struct capability *capability_at(const struct hub *hub, uint32_t index);
/* The capability of this name, or SLAB_NONE: nobody offers it. */
uint32_t capability_find(const struct hub *hub, struct str name);
/* A request is for it; no more. */
void capability_use(struct hub *hub, uint32_t capability);
void capability_release(struct hub *hub, uint32_t capability);

/* How many capabilities these are, raw as an agent said them. */
uint32_t offers_count(struct str capabilities);
/* Makes the offers of an agent. False: no memory, and nothing was changed. */
bool offers_make(struct hub *hub, uint32_t agent, struct str capabilities,
                 struct offers *ret_offers);
/* Takes them back. */
void offers_drop(struct hub *hub, struct offers *offers);
/* Whether a capability is among them. */
bool offers_have(const struct offers *offers, uint32_t capability);

#endif
