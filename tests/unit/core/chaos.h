#ifndef PARLEY_TESTS_CORE_CHAOS_H
#define PARLEY_TESTS_CORE_CHAOS_H

/*
 * Who may be in, by a model that knows nothing of the hub: a configuration that changes, and peers
 * that come with tokens, passwords and tickets, right and wrong. See test_chaos_access.c.
 */

#include "core/admin.h"
#include "virtual.h"

enum { TOKENS = 4, PEERS = 20, AGENTS = 3 };

/* What a token of the configuration may. */
enum role {
    ROLE_NONE,  /* it is not there */
    ROLE_USUAL, /* anything but administer */
    ROLE_BOSS,  /* anything */
    ROLE_SIDE,  /* enter no world but "side" */
    ROLE_BOUND, /* be no agent but "a0" */
    ROLES
};

struct setting {
    enum hub_auth_mode mode;
    enum role tokens[TOKENS];
    unsigned password; /* the number in it */
};

/* What a peer has given, last. */
enum given { GIVEN_NOTHING, GIVEN_TOKEN, GIVEN_PASSWORD, GIVEN_TICKET };

/* A ticket that somebody keeps. */
struct kept {
    char text[TICKET_SIZE + 1]; /* empty: there is none */
    unsigned maker;             /* his token */
    uint64_t until_ms;
    bool good; /* not used, and no reload has taken anything from its maker */
};

struct peer {
    struct vconn *conn; /* NULL: it is not connected */
    char id[16];        /* from its greeting */
    enum given given;
    unsigned which; /* token, password or the ticket's maker */
    bool side;      /* the world that it wants: "side", else "main" */
    bool near;
    bool kicked; /* or replaced: it has to go */
    uint16_t close_code;
};

static const struct grants role_grants[ROLES] = {
    [ROLE_USUAL] = {{"*", 1}, {"*", 1}, {"", 0}, true, false},
    [ROLE_BOSS] = {{"*", 1}, {"*", 1}, {"*", 1}, true, true},
    [ROLE_SIDE] = {{"*", 1}, {"world:side", 10}, {"", 0}, true, false},
    [ROLE_BOUND] = {{"*", 1}, {"*", 1}, {"", 0}, true, false},
};

static inline bool role_enters(enum role role, bool side)
{
    return role != ROLE_NONE && (role != ROLE_SIDE || side);
}

/* Whether a token of this role may make tickets, and those made with it are good. */
static inline bool role_makes(const struct setting *s, unsigned token)
{
    return s->mode == HUB_AUTH_TOKEN &&
           (s->tokens[token] == ROLE_USUAL || s->tokens[token] == ROLE_BOSS);
}

/* Whether it waits for the verdict on a password: at the door, or with a message. */
static inline bool waits(const struct peer *p)
{
    return p->conn != NULL && (!p->conn->accepted || p->conn->paused);
}

/* Whether the credential that a peer gave last lets it into its world. */
static inline bool may_be_in(const struct setting *s, const struct peer *p)
{
    switch (p->given) {
    case GIVEN_TOKEN:
        return s->mode == HUB_AUTH_TOKEN && role_enters(s->tokens[p->which], p->side);
    case GIVEN_PASSWORD:
        return s->mode == HUB_AUTH_PASSWORD && s->password == p->which;
    case GIVEN_TICKET:
        /* It has the usual grants, and is bound to no agent. */
        return role_makes(s, p->which);
    default:
        return false;
    }
}

/* Whether it may be this agent, being in. */
static inline bool may_be_agent(const struct setting *s, const struct peer *p, unsigned agent)
{
    return s->mode != HUB_AUTH_TOKEN || p->given != GIVEN_TOKEN ||
           s->tokens[p->which] != ROLE_BOUND || agent == 0;
}

#endif
