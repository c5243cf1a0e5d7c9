#ifndef PARLEY_BASE_PRINTABLE_H
#define PARLEY_BASE_PRINTABLE_H

/*
 * Text from outside, made fit for a terminal, an error message or a log line: nothing in it moves
 * the cursor, changes the direction of writing or ends the line.
 */

#include "base/buf.h"

/*
 * Appends `text`. Control characters (C0, DEL, C1), line and paragraph separators and the
 * characters that change the direction of writing become \n, \t, \r, \xHH or \uHHHH, and so does
 * each byte that is no UTF-8.
 */
void printable_append(struct buf *out, struct str text);

#endif
