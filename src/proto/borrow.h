#ifndef PARLEY_PROTO_BORROW_H
#define PARLEY_PROTO_BORROW_H

/* Decoding without a copy, for those who are done with the message while its text is there. */

#include "base/str.h"
#include "parley/protocol.h"

/*
 * As parley_message_from_json, but what is decoded borrows from `text` (not empty, < 4 GiB); it
 * allocates for strings with escapes, lists and unknown members alone. parley_message_fini is
 * wanted all the same.
 */
bool message_borrow(const struct parley_message_info *info, void *message,
                    enum parley_strictness strictness, struct str text,
                    struct parley_problem *ret_problem) PARLEY_MUST_CHECK;

#endif
