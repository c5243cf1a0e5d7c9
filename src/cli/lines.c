#include "cli/lines.h"

/* `*ret_last`: the byte that it ended with, or EOF. Returns false when there was nothing at all. */
static bool read_line(FILE *in, struct buf *line, int *ret_last)
{
    int c = getc_unlocked(in);

    buf_clear(line);
    *ret_last = c;
    if (c == EOF) {
        return false;
    }
    for (; c != EOF && c != '\n' && !line->failed; c = getc_unlocked(in)) {
        buf_append_char(line, (char)c);
    }
    *ret_last = c;
    return true;
}

bool lines_next(FILE *in, struct buf *line)
{
    int last;

    bool found = read_line(in, line, &last);
    while (last != EOF && last != '\n') {
        last = getc_unlocked(in);
    }
    return found;
}

bool lines_only(FILE *in, struct buf *line)
{
    int last;

    return read_line(in, line, &last);
}
