#ifndef PARLEY_TESTS_HUB_WORDS_H
#define PARLEY_TESTS_HUB_WORDS_H

/*
 * What clients of the fuzzed hub say and show: words that it knows, put together as the bytes of
 * the fuzzer choose, among them ids of those who are there, and raw bytes.
 */

#include "choices.h"
#include "virtual.h"

enum { WORDS_SLOTS = 20 }; /* connections of a reactor whose ids are said */

/* Appends a message of this dialect, or something that is none. `user` of a connection is its id.
 */
void words_message(struct buf *b, const struct virtual *v, enum dialect dialect, struct choices *c);
/* A credential, or none; borrowed. `ticket` is one that may be good. */
struct evidence words_evidence(struct choices *c, struct str ticket);
/* Another configuration of access: mode, tokens and their grants. False: no memory. */
bool words_set_access(struct hub *hub, struct choices *c);

#endif
