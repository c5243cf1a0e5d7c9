#ifndef PARLEY_TESTS_PROTOCOL_LAWS_H
#define PARLEY_TESTS_PROTOCOL_LAWS_H

/*
 * What must be true of any text that is given to the protocol's engine, valid or not; an assertion
 * fails where it is not:
 *
 * - Checking and decoding decide alike and say the same, at each level of strictness.
 * - What the strict level accepts, the lenient one accepts too.
 * - A problem lies inside of the text, its texts are printable, and text that is no JSON is never
 *   called anything else.
 * - A message that was decoded validates, and is encoded; the text decodes to the same again.
 * - Members that the table does not know, and values that it leaves open, keep their bytes.
 */

#include "base/str.h"
#include "parley/protocol.h"

/*
 * Puts the text to the test. Returns whether it is a message (strict); then *ret_written, if it is
 * wanted, is the text that was encoded, owned, to be freed with free(), and *ret_len its length.
 */
bool laws_hold(enum parley_dialect dialect, struct str text, char **ret_written, size_t *ret_len);

#endif
