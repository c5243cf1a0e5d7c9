#ifndef PARLEY_NET_TRIAL_H
#define PARLEY_NET_TRIAL_H

/*
 * What a whole request head asks for, and whether it may: who sent it (Origin, Host), what it wants
 * (path, method), and for a WebSocket whether the handshake is good. Pure: a head and settings in,
 * a route or a refusal out.
 */

#include "net/connection.h"

enum {
    TRIAL_FIELDS = 128,
    TRIAL_WORLD = 256, /* more than the hub takes */
};

struct trial {
    const struct http_head *head;
    const char *text;          /* of the head */
    const struct route *route; /* of one that passes */
    struct refusal refusal;    /* of one that does not; points into the trial */
    char fields[TRIAL_FIELDS];
    char world[TRIAL_WORLD]; /* of a handshake: the world it asks for, decoded */
    size_t world_len;
};

void trial_init(struct trial *t, const struct http_head *head, const char *text);
/* Judges; `check_host` says whether the Host counts. Returns whether it passes. */
bool trial_judge(struct trial *t, const struct reactor_settings *s, bool check_host);

#endif
