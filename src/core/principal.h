#ifndef PARLEY_CORE_PRINCIPAL_H
#define PARLEY_CORE_PRINCIPAL_H

/*
 * Principals: who a client is to the gateway, and what he may. There is one for each token of the
 * configuration, one for the password, one for each ticket, and two for a gateway without
 * authentication: anybody, and whoever is near.
 *
 * A principal is kept while the configuration lists it or somebody uses it: a client, or a ticket
 * made by it. One that is neither listed nor derived from a listed one is withdrawn: nobody gets in
 * by it, and a reload closes its clients.
 *
 *   kind       comes from                  goes when
 *   ANYBODY    the start                   never
 *   NEAR       the start                   never
 *   TOKEN      a line of the configuration it is no more listed, and unused
 *   PASSWORD   the password's hash         it is no more listed, and unused
 *   JWT        a signed token                 its client has gone
 *   TICKET     hub_ticket_new              its ticket ran out, or its client has gone
 */

#include "base/map.h"
#include "base/slab.h"
#include "core/access.h"

/* Whether two are equal. Not memcmp: how long it takes must not tell how much of a guess was right.
 */
bool digest_is(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE]);

enum principal_kind {
    PRINCIPAL_FREE, /* the slot is not in use */
    PRINCIPAL_ANYBODY,
    PRINCIPAL_NEAR,
    PRINCIPAL_TOKEN,
    PRINCIPAL_PASSWORD,
    PRINCIPAL_TICKET,
    PRINCIPAL_JWT,
};

/* The two that are always there. */
enum { ANYBODY = 0, NEAR_ONE = 1 };

struct principal {
    uint8_t digest[DIGEST_SIZE]; /* what finds it: of a token, of the password's hash */
    struct str name;             /* into `text`, as all that follows */
    struct str agent_id;
    struct grants grants;
    char *text;   /* owned; NULL of the two that are always there */
    uint8_t kind; /* enum principal_kind */
    bool listed;  /* in the configuration that holds */
    bool renamed; /* by it */
    bool publishes_all;
    bool enters_all;
    bool withdrawn;           /* of a JWT: its key does not hold any more */
    bool warned;              /* that it runs out */
    uint64_t expires_ms;      /* since 1970; 0: never */
    uint8_t key[DIGEST_SIZE]; /* of a JWT: that signed it; `digest` says who it is */
    uint32_t maker;  /* of a ticket's: who made it, never a ticket himself; else SLAB_NONE */
    uint32_t users;  /* clients, tickets, jobs, and principals made by it */
    uint32_t unused; /* the slab's, once it is free */
};

struct principals {
    struct slab slab;
    struct map by_digest; /* TOKEN and PASSWORD, listed or not */
    const uint8_t *secret;
    enum hub_auth_mode mode;
    uint32_t password; /* the listed one, or SLAB_NONE */
};

/* Mode NONE. False: no memory. */
bool principals_init(struct principals *p, const uint8_t *secret);
void principals_fini(struct principals *p);

static inline struct principal *principal_at(const struct principals *p, uint32_t index)
{
    return slab_at(&p->slab, index);
}

/* The listed token of this digest, or SLAB_NONE. Compared in constant time. */
uint32_t principal_find(const struct principals *p, const uint8_t digest[DIGEST_SIZE]);
/* Whether it may register as this agent: bound to ids, it may not be anybody else. */
bool principal_may_register(const struct principal *one, struct str agent_id);
/*
 * Whether a ticket that `maker` makes may have these grants and be for this agent ("": for none in
 * particular), so that it opens nothing that is shut to its maker.
 */
bool principal_covers(const struct principal *maker, const struct grants *grants,
                      struct str agent_id);
/* Of a ticket: within its maker, whom it uses. SLAB_NONE: no memory. */
uint32_t principal_make(struct principals *p, uint32_t maker, const struct grants *grants,
                        struct str agent_id);
/* Of a signed token, with one use. SLAB_NONE: no memory. */
uint32_t principal_claim(struct principals *p, const struct hub_claims *claims);
/* Whether both are the same person: who renews a token stays who he is. */
bool principal_is_same_subject(const struct principals *p, uint32_t a, uint32_t b);
void principal_use(struct principals *p, uint32_t index);
/* It may be gone after this. */
void principal_release(struct principals *p, uint32_t index);
/* Whether what it came by is still in force, and a ticket still within its maker. */
bool principal_holds(const struct principals *p, uint32_t index);
/* Whether its token has run out; of a ticket's, that of its maker. */
static inline bool principal_has_expired(const struct principals *p, uint32_t index,
                                         uint64_t now_ms)
{
    uint64_t expires_ms = principal_at(p, index)->expires_ms;

    return expires_ms != 0 && now_ms >= expires_ms;
}
/* Whether two agree on who may take over an agent's connection: see principal.c. */
bool principal_same(const struct principals *p, uint32_t a, uint32_t b, struct str agent_id);

/* Replaces what is listed. False: no memory, and nothing was changed. */
bool principals_list(struct principals *p, const struct hub_access *access);

#endif
