#ifndef PARLEY_TESTS_ORACLE_H
#define PARLEY_TESTS_ORACLE_H

/*
 * What jansson says about a text. It has a file of its own because jansson's names (JSON_STRING,
 * json_string) are also ours.
 */

#include "base/buf.h"

enum oracle_verdict {
    ORACLE_ACCEPTS,
    ORACLE_REFUSES,
    ORACLE_OVERFLOW, /* a number that no double can hold; the text behind it was not read */
    ORACLE_NUL_KEY,  /* "\u0000" in a key; the text behind it was not read */
};

enum oracle_verdict oracle_judge(struct str text);

/*
 * Appends what the text says, in order: z null, t true, f false, n a number, s and its length and
 * ':' and its bytes a string, [...] an array, {...} an object with keys and values in turn. Returns
 * false when jansson refuses the text or a key stands twice in an object.
 */
bool oracle_describe(struct str text, struct buf *out);

#endif
