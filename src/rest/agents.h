#ifndef PARLEY_REST_AGENTS_H
#define PARLEY_REST_AGENTS_H

/* Agents as they stand in the status and in the list of agents. */

#include "rest/call.h"
#include "json/writer.h"

/* A visitor for hub_each_agent: writes one; `ctx` is a struct json_writer. */
void write_agent(void *ctx, const struct hub_agent_view *agent);

#endif
