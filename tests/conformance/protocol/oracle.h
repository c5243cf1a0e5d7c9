#ifndef PARLEY_TESTS_PROTOCOL_ORACLE_H
#define PARLEY_TESTS_PROTOCOL_ORACLE_H

/* What jansson says of two messages; in a file of its own, since jansson's names are also ours. */

#include "base/str.h"

/*
 * Whether two messages say the same: as JSON values, in any order of members and spelling of
 * numbers. `written` is one that Parley has made of `text`; where that has a member under another
 * of its names ("agentId", "status" of agent_state), it may have it under the first. What jansson
 * cannot hold, a number beyond a double or NUL in a key, is passed over; a text that it cannot read
 * for another reason is the same as none.
 */
bool oracle_same(struct str text, struct str written);

#endif
