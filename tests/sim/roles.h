#ifndef PARLEY_TESTS_ROLES_H
#define PARLEY_TESTS_ROLES_H

/* Who is which agent, in both dialects: the part of the model that knows it. */

#include "model.h"

void roles_register(struct model *m, struct mclient *c, const struct action *a);
void roles_unregister(struct model *m, struct mclient *c, const struct action *a);
void roles_heartbeat(struct model *m, struct mclient *c, const struct action *a);
/* The client is no agent any more; `forget`: it was said to go, and is not remembered. */
void roles_leave(struct model *m, struct mclient *c, bool forget);
/* Those that left long ago are forgotten. */
void roles_tick(struct model *m);

#endif
