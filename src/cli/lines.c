#include "cli/lines.h"

bool lines_next(FILE *in, struct buf *line)
{
    int c = getc_unlocked(in);

    buf_clear(line);
    if (c == EOF) {
        return false;
    }
    for (; c != EOF && c != '\n'; c = getc_unlocked(in)) {
        buf_append_char(line, (char)c);
    }
    return true;
}
