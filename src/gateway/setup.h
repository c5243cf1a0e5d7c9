#ifndef PARLEY_GATEWAY_SETUP_H
#define PARLEY_GATEWAY_SETUP_H

/*
 * A configuration, read and checked with all that it names (token files), and made into what hub
 * and reactors are given. Reading takes long and can fail, so it is done apart from applying: at
 * start in the only thread there is, at a reload in the worker's.
 *
 * A setup is whole or has an error.
 */

#include "config/config.h"
#include "core/access.h"
#include "crypto/jwt_keys.h"
#include "crypto/token_file.h"
#include "net/policy.h"

/* What a setup is made from; all is borrowed. */
struct setup_source {
    const struct config_sources *sources;
    /*
     * What a running gateway was started with; NULL at its start. Of the options that need a
     * restart its values go on to hold, whatever the sources say.
     */
    const struct config *running;
    const char *file; /* that what holds now came from; NULL for none, as at the start */
    bool host_checks; /* who embeds the gateway looks at credentials, whatever auth.mode says */
    bool exposed;     /* it has been given sockets that are reached from other machines */
};

struct setup {
    struct config config;
    struct token_set tokens;
    struct jwt_keys keys;
    uint8_t key_ids[KEY_LINE_MAX_KEYS][DIGEST_SIZE];
    struct hub_access access;           /* borrows from `tokens` and `credentials` */
    struct hub_credential *credentials; /* owned */
    struct net_policy *policy;          /* owned by one reference */
    const char *password;               /* the stored hash, in `config`; NULL: none */
    struct buf restart;                 /* keys of which the new value needs a restart: "a,b" */
    struct buf warnings;                /* whole lines */
    struct buf error;                   /* a sentence; empty when all is well */
};

/* Returns owned; NULL when there is no memory even for an error. */
struct setup *setup_load(const struct setup_source *source);
/* NULL is taken. */
void setup_free(struct setup *p);

/* What the hub goes by: those of its settings that the configuration says. */
void setup_hub_settings(const struct setup *p, struct hub_settings *s);

#endif
