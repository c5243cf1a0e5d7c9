#ifndef PARLEY_CLI_LINES_H
#define PARLEY_CLI_LINES_H

/* Lines of a stream, one after the other, of any length up to a limit. */

#include <stdio.h>

#include "base/buf.h"

/*
 * Reads the next line into `line`, without its end; a last line may lack that. Of a line longer
 * than the buffer may hold, the rest is passed over and line->failed is set. Returns false at the
 * end of the stream, or when it cannot be read (ferror).
 */
bool lines_next(FILE *in, struct buf *line);
/*
 * The same for one who wants no other line behind one that is too long: of that nothing more is
 * read, for it may have no end.
 */
bool lines_only(FILE *in, struct buf *line);

#endif
