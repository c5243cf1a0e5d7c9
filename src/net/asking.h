#ifndef PARLEY_NET_ASKING_H
#define PARLEY_NET_ASKING_H

/*
 * Who is asking: the evidence of a request head. Finds the credential wherever one may stand, and
 * what a trusted proxy says of the caller. Pure: a head, a policy and the peer's address in.
 *
 * A credential is taken out of the head as it is found: its bytes are overwritten with '*' where
 * they stand, so nothing that has the head afterwards, to judge it, to log it or to pass it on, can
 * give it away. That is done with every one, also with those that do not count.
 */

#include "fanout/evidence.h"
#include "net/peer.h"
#include "net/policy.h"

enum { ASKING_MAX_CREDENTIAL = 8 * 1024 }; /* a JSON Web Token with many claims */

struct asking {
    struct evidence evidence; /* its strings point into this; `world` is empty */
    const char *wrong;        /* a sentence: the request is to be refused with 400; or NULL */
    bool foreign_host;        /* see http_forwarded */
    char credential[ASKING_MAX_CREDENTIAL];
    char user_agent[EVIDENCE_MAX_AGENT];
};

/* `text` is the head that was parsed, done. */
void asking_read(struct asking *a, const struct http_head *head, char *text,
                 const struct peer *peer, const struct net_policy *policy);
/* Forgets the credential. */
void asking_wipe(struct asking *a);

#endif
