#ifndef PARLEY_TESTS_PROTOCOL_GROW_H
#define PARLEY_TESTS_PROTOCOL_GROW_H

/*
 * Messages made up at random, by their descriptions: strings with and without escapes, numbers in
 * several spellings, members in any order with unknown ones and white space between them.
 */

#include "base/buf.h"
#include "choices.h"
#include "parley/protocol.h"

/* Appends a message of the type that is valid at the strict level. */
void grow_message(struct choices *c, enum parley_type type, struct buf *out);

/* Changes the text in a few places: bytes, and pieces of it taken away, doubled or exchanged. */
void grow_mutation(struct choices *c, struct buf *text);

#endif
