#ifndef PARLEY_TESTS_FOLLOW_H
#define PARLEY_TESTS_FOLLOW_H

/*
 * Clients that watch. Those that follow the state of the hub (sync_state): each change must have
 * the next version, and what they know of agents, sessions and clients in the end must be so. Those
 * that watch its traffic (monitor): they hear a copy of all that is passed on, and of nothing else.
 */

#include "model.h"

/* Takes what is heard of the state; false: it is about something else. */
bool follow_hears(struct mclient *c, struct str text);
/* Asks for the state: for the next page of it when there is one, else for all, and to follow it. */
void follow_write(struct buf *b, const struct mclient *c);
/* Whether there is a next page. */
bool follow_wants_more(const struct mclient *c);
/* Everything has been heard: it is what the hub, at this version, and the model know. */
void follow_check(const struct model *m, uint64_t version);

/* A message is passed on: everybody who watches gets a copy, but `except`, who may be NULL. */
void follow_copy(struct model *m, const struct expected *what, const struct mclient *except);
/* A copy of it was heard: what it says of the message must be so. */
void follow_check_copy(struct model *m, const struct mclient *c, const struct expected *want,
                       struct str text);

#endif
