#ifndef PARLEY_NET_TRIAL_H
#define PARLEY_NET_TRIAL_H

/*
 * What a whole request head asks for, and whether it may: who sent it (Origin, Host), what it wants
 * (path, method), and for a WebSocket whether the handshake is good. Pure: a head and rules in, a
 * route or a refusal out.
 */

#include "net/connection.h"

enum {
    TRIAL_FIELDS = 128,
    TRIAL_DETAILS = 64,
    TRIAL_WORLD = 256, /* more than the hub takes */
    /*
     * A longer body is kept only for who shows a credential, and while there is memory; as much as
     * a WebSocket keeps for a stranger.
     */
    TRIAL_STRANGER_BODY = 16 * 1024,
};

/* What it is judged by. All borrowed. */
struct trial_rules {
    const struct net_policy *policy;
    const struct route *routes;
    size_t route_count;
    uint32_t max_body;    /* of a route that has no limit of its own */
    bool check_host;      /* the Host counts: */
    bool foreign_host;    /* a proxy named one that is not ours */
    const uint8_t *local; /* the address that was called, 16 bytes; or NULL */
    bool status_only;     /* of the routes only those for that */
    bool is_short;        /* of memory: no long bodies */
    bool shows_none;      /* the head has no credential; it matters if the policy wants one */
};

struct trial {
    const struct http_head *head;
    const char *text;          /* of the head */
    const struct route *route; /* of one that passes */
    struct refusal refusal;    /* of one that does not; points into the trial */
    char fields[TRIAL_FIELDS];
    char details[TRIAL_DETAILS];
    char world[TRIAL_WORLD]; /* of a handshake: the world it asks for, decoded */
    size_t world_len;
};

void trial_init(struct trial *t, const struct http_head *head, const char *text);
/* Returns whether it passes. */
bool trial_judge(struct trial *t, const struct trial_rules *rules);
/* Why a long body, which would be good at another time, is refused now. */
void trial_refuse_for_memory(struct refusal *refusal);
/* How long a body of a request may be. */
uint32_t trial_max_body(const struct trial_rules *rules, const struct route *route);

#endif
