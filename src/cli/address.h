#ifndef PARLEY_CLI_ADDRESS_H
#define PARLEY_CLI_ADDRESS_H

/* What the commands that speak with a gateway share: where it is. */

#include "cli/url.h"

/* Their flag. */
#define FLAG_URL                                                                                   \
    {                                                                                              \
        "--url", "URL", "the gateway: http://HOST:PORT or unix:PATH (PARLEY_URL)"                  \
    }

/*
 * The gateway that a command is for: `flag` (may be NULL), else PARLEY_URL, else loopback. Returns
 * false when that is no address; a sentence is on stderr then.
 */
bool address_find(const char *flag, struct url *ret_url);

#endif
