#ifndef PARLEY_REST_ROUTES_H
#define PARLEY_REST_ROUTES_H

/* The table of routes: what is answered at which path, by which function, for whom. */

#include "rest/call.h"

enum access {
    ACCESS_PUBLIC,     /* anybody; a credential is not looked at */
    ACCESS_METRICS,    /* the same with rest.public_metrics, else like ACCESS_CREDENTIAL */
    ACCESS_COUNTS,     /* anybody, who sees less without a credential; a wrong one is refused */
    ACCESS_CREDENTIAL, /* whoever has a credential */
    ACCESS_ADMIN,      /* who has the grant `admin` */
};

struct handler {
    struct rest_path at;
    uint8_t access;    /* enum access */
    uint32_t max_body; /* of a request; 0: it has none; not of one that takes a message */
    void (*run)(struct call *call);
};

/* The handler for a path, and what stands in the parameter's place, raw; NULL: there is none. */
const struct handler *route_find(struct str path, struct str *ret_parameter);

/* --- pages.c ---------------------------------------------------------------------------------- */
void run_front_page(struct call *call);
void run_health(struct call *call);
void run_readiness(struct call *call);
/* --- web.c ------------------------------------------------------------------------------------ */
void run_style(struct call *call);
void run_script(struct call *call);
void run_icon(struct call *call);
/* --- status.c, agents.c, lists.c, metrics.c --------------------------------------------------- */
void run_status(struct call *call);
void run_agents(struct call *call);
void run_sessions(struct call *call);
void run_clients(struct call *call);
void run_client(struct call *call);
void run_metrics(struct call *call);
/* --- admin.c, explain.c, publish.c ------------------------------------------------------------ */
void run_kick(struct call *call);
void run_drain(struct call *call);
void run_ticket(struct call *call);
void run_publish(struct call *call);
void run_explain(struct call *call);

#endif
