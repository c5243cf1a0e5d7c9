#ifndef PARLEY_REST_GATE_H
#define PARLEY_REST_GATE_H

/* What every request has to pass before its route's function sees it. */

#include "rest/routes.h"

/*
 * Checks, in this order: the method, who asks, the parameter of the path, the type and the length
 * of the body. Returns false when the call has been refused.
 */
bool gate_pass(struct call *call, const struct handler *handler, struct str parameter);

#endif
