#ifndef PARLEY_GATEWAY_ASSEMBLY_H
#define PARLEY_GATEWAY_ASSEMBLY_H

/*
 * The product put together: what the configuration says, made into the settings of a gateway with
 * its HTTP interface. Whoever has a configuration needs nothing else to run one.
 */

#include "config/config.h"
#include "gateway/gateway.h"
#include "rest/rest.h"

enum { ASSEMBLY_MAX_WORLD_PATHS = 16, ASSEMBLY_MAX_ROUTES = 48 };

struct assembly {
    struct gateway_settings settings;
    struct gateway *gateway; /* owned; NULL until it is opened */
    struct rest rest;
    struct route routes[ASSEMBLY_MAX_ROUTES];
    struct str world_paths[ASSEMBLY_MAX_WORLD_PATHS]; /* into the configuration */
    void *owner;
    void (*log)(void *owner, unsigned level, const char *event, struct str client,
                struct str details);
};

/*
 * Makes the settings. `c` has been checked, and is borrowed, like `version`, for as long as `a`
 * lives. Returns false, and `error` gets a sentence, when there are too many world paths. `a` must
 * not move any more.
 */
bool assembly_init(struct assembly *a, const struct config *c, const char *version,
                   struct buf *error);
/*
 * Listens. Returns false, and `error` gets a sentence; *ret_taken says whether another setting
 * would help (a port or path that is taken, or not allowed).
 */
bool assembly_open(struct assembly *a, struct buf *error, bool *ret_taken);
/* Closes what is open; NULL is taken. */
void assembly_fini(struct assembly *a);

#endif
