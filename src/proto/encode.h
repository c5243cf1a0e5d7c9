#ifndef PARLEY_PROTO_ENCODE_H
#define PARLEY_PROTO_ENCODE_H

/*
 * The struct of a message as JSON text. What no text could say is refused here: a number that is
 * not finite, text that is not UTF-8, a choice that is none, raw JSON that is no JSON. All else is
 * checked in the text that was made, by decoding it.
 */

#include "base/buf.h"
#include "proto/problem.h"

/*
 * Appends the message to `out`. Returns false with *ret_problem when it cannot be said, or there is
 * no memory; `out` is then half written.
 */
bool encode_message(const struct parley_message_info *info, const void *message, struct buf *out,
                    struct parley_problem *ret_problem);

#endif
