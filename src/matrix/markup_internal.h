#ifndef PARLEY_MATRIX_MARKUP_INTERNAL_H
#define PARLEY_MATRIX_MARKUP_INTERNAL_H

/* What the files of markup.h share. */

#include "matrix/markup.h"

/* Appends any bytes as text: see the head of markup.h. */
void markup_clean(struct str bytes, struct buf *out);
/* As markup_content. Returns false when the HTML was left out because it is too long. */
bool markup_write_content(const struct markup_message *m, struct buf *out);
/*
 * HTML, and whether it says no more than the text, which is all of `text` behind `from`, and clean;
 * the buffer has room for two bytes more.
 */
void markup_write_html(struct buf *text, size_t from, struct buf *out);
bool markup_says_no_more(struct buf *text, size_t from);

#endif
