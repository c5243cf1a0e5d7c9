#ifndef PARLEY_TESTS_RELOAD_H
#define PARLEY_TESTS_RELOAD_H

/*
 * The configuration of a life, and what becomes of those who are there when another one is loaded:
 * the part of the model that knows who is let in, and what for.
 */

#include "model.h"

/* Two credentials for the hub, as the model has them. */
void reload_begin(const struct model *m, struct virtual *v);
/* A part of the configuration is another one from now on. */
void reload_happen(struct model *m, struct virtual *v, uint64_t *random);

#endif
