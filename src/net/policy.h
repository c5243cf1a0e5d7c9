#ifndef PARLEY_NET_POLICY_H
#define PARLEY_NET_POLICY_H

/*
 * What a reactor goes by and a reload can change: whose pages may connect, by which names, whose
 * word about others counts, how much may come. Nobody changes a policy; all reactors share one and
 * each is given the next.
 */

#include "base/buf.h"
#include "base/shared.h"
#include "http/forwarded.h"
#include "net/stream_tls.h"

/* What a policy is made of. Lists are texts with commas between the elements. */
struct net_policy_source {
    struct str origins;         /* patterns; see http_origin_matches */
    struct str hosts;           /* names for this machine besides localhost and its addresses */
    struct str proxies;         /* whose forwarding fields count; see http_network_parse */
    bool check_host;            /* refuse other names with 421 */
    bool wants_credential;      /* who shows none has no long body: TRIAL_STRANGER_BODY */
    bool compression;           /* agree to permessage-deflate */
    uint32_t max_message_bytes; /* a longer message is skipped and reported */
    uint32_t max_frame_bytes;   /* a longer message ends the connection */
    uint64_t max_backlog;       /* bytes a connection may be behind with */
    struct tls *tls;            /* of the listeners that speak it; NULL: none does. Taken */
};

struct net_policy {
    struct shared shared; /* how it is referred to and let go of */
    const struct str *origins;
    size_t origin_count;
    struct http_trust trust;
    bool check_host;
    bool wants_credential;
    bool compression;
    uint32_t max_message_bytes;
    uint32_t max_frame_bytes;
    uint64_t max_backlog;
    struct tls *tls; /* owned by one reference; or NULL */
};

/* The product's: pages of this machine, no names, no proxies, its limits. */
void net_policy_source_init(struct net_policy_source *s);
/*
 * Returns owned, by one reference; copies. NULL, and `error` gets a sentence that names the element
 * and begins with its list's option, when an element is not what its list is of; or without memory.
 * What is taken is taken in any case.
 */
struct net_policy *net_policy_new(const struct net_policy_source *source, struct buf *error);
static inline struct net_policy *net_policy_ref(struct net_policy *p)
{
    (void)shared_ref(&p->shared);
    return p;
}
/* The policy whose head this is. */
static inline struct net_policy *net_policy_of(struct shared *shared)
{
    return (struct net_policy *)(void *)shared;
}
/* NULL is taken. */
static inline void net_policy_unref(struct net_policy *p)
{
    shared_unref(p != NULL ? &p->shared : NULL);
}

#endif
