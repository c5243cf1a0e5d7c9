#ifndef PARLEY_BENCH_PLAN_H
#define PARLEY_BENCH_PLAN_H

/*
 * Who is who in a load. Clients are numbered; `members` that follow each other are a block, and
 * hear each other. A block is in `joins` sessions: block b in b, b + blocks, b + 2 blocks, ...
 * Of requests, clients [0, agents) answer and all others ask. Pairs and requests are in one
 * session.
 */

#include "load.h"

struct plan {
    enum load_mode mode;
    uint32_t clients; /* all of them */
    uint32_t members;
    uint32_t blocks;
    uint32_t joins;
    uint32_t agents;
    uint32_t first_session;
    const char *prefix;
};

/* False, with a sentence, when there would be more than LOAD_MAX_CLIENTS. */
bool plan_init(struct plan *p, const struct load_options *o, char error[LOAD_ERROR_SIZE]);

/* The session of a client: of its `joins` the one of this number. */
uint32_t plan_session(const struct plan *p, uint32_t client, uint32_t join);
/* Whom a client speaks to: the other of its pair, or an asker's agent. */
uint32_t plan_peer(const struct plan *p, uint32_t client);
/* What places of templates are for a client. */
void plan_values(const struct plan *p, uint32_t client, struct template_values *ret_values);
/* How many hear a message of somebody who speaks to all. */
uint32_t plan_hearers(const struct plan *p);

#endif
