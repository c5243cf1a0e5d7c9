#ifndef PARLEY_REST_PAGES_H
#define PARLEY_REST_PAGES_H

/*
 * What the paths of the HTTP interface show. Each appends a body and returns the HTTP status.
 * Shapes: docs/protocol.md.
 */

#include "rest/rest.h"

enum {
    REST_MAX_BODY = 32 * 1024 * 1024, /* a thousand agents with all they said of themselves */
    REST_MAX_ROSTER = 1000,
};

int rest_front_page(const struct rest *rest, const struct hub *hub, struct buf *body);
int rest_health(const struct rest *rest, const struct hub *hub, struct buf *body);
int rest_readiness(const struct rest *rest, const struct hub *hub, struct buf *body);
int rest_status(const struct rest *rest, const struct hub *hub, struct buf *body);
int rest_metrics(const struct rest *rest, const struct hub *hub, struct buf *body);

#endif
