#ifndef PARLEY_CLI_OUTPUT_H
#define PARLEY_CLI_OUTPUT_H

/*
 * What a program prints, made into answers: the whole of it, or each line by itself. Bytes in,
 * texts out; the pipes are somebody else's.
 */

#include "json/writer.h"

/*
 * The bytes in [taken, text.len) wait to become answers; of these, no line ends before `scanned`.
 * It keeps no more than its limit plus what one output_add brings.
 */
struct output {
    struct buf text;
    size_t taken;
    size_t scanned;
    size_t max;
    bool failed; /* out of memory */
};

/* `max`: how long an answer may be, in bytes. Allocates nothing. */
void output_init(struct output *o, size_t max);
void output_fini(struct output *o);
/* Takes what was printed. */
void output_add(struct output *o, struct str bytes);
/*
 * The next line, without its end; with `ended` also a last one that has none. Returns false when
 * there is none yet, or no more. Borrows until the next output_add.
 */
bool output_next_line(struct output *o, bool ended, struct str *ret_line);
/* All that was printed, without the end of its last line. Borrows. */
struct str output_whole(const struct output *o);
/* Whether what waits is longer than an answer may be, or could not be kept. */
bool output_is_too_long(const struct output *o);

/*
 * Writes a text as a value: as the JSON that it is, or else as a string, in which what is no UTF-8
 * becomes U+FFFD. `as_text` makes a string of it in any case.
 */
void output_write(struct json_writer *w, struct str text, bool as_text);

/* The end of what a program complains of: all that an error message has room for. */
enum { ENDING_MAX = 4096 };

struct ending {
    char bytes[ENDING_MAX];
    size_t len;
};

void ending_add(struct ending *e, struct str bytes);
/* What it holds, without a character that was cut in two at its front. Borrows. */
struct str ending_text(const struct ending *e);

#endif
