#ifndef PARLEY_MATRIX_SETUP_H
#define PARLEY_MATRIX_SETUP_H

/*
 * The configuration of the bridge, and what its parts are made from: the options that are read
 * (schema/bridge.toml), and the API key. All that the settings name lives as long as the setup.
 */

#include "config/config.h"
#include "matrix/agent.h"
#include "matrix/homeserver.h"

struct setup {
    struct config config;
    struct str *lists; /* owned: rooms, invites, admins, one behind the other */
    char *api_key;     /* owned; secret, with its length */
    size_t api_key_len;
    const struct agent_adapter *adapter;
    struct bridge_settings bridge;
    struct homeserver_settings homeserver;
    struct agent_settings agent;
    struct buf warnings; /* whole lines */
};

/* Returns false, with a sentence, when it is wrong; setup_fini is due anyway. */
bool setup_init(struct setup *s, const struct config_sources *sources, struct buf *error);
/* NULL is taken. */
void setup_fini(struct setup *s);

#endif
