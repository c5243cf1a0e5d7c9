#ifndef PARLEY_CLI_SESSION_H
#define PARLEY_CLI_SESSION_H

/* Being in a session of the gateway dialect, as `parley tail` and `parley send` are. */

#include "cli/remote.h"

/* What the answer to a join says that it answers. */
#define SESSION_JOIN_ID STR("join")

/*
 * Whether the values of --world and --session (NULL where one was not given) are a place to be in;
 * if not, a sentence is printed.
 */
bool session_check_place(const char *world, const char *session);

/* Asks to join. Whoever is not let in hears why in the answer. */
enum cli_exit session_send_join(struct remote *r, struct str session);

#endif
