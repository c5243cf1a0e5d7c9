#ifndef PARLEY_CLI_TABLE_H
#define PARLEY_CLI_TABLE_H

/*
 * A table for people. While it is filled it is text in a buffer: cells end in a tab, rows in a
 * line's end, which no cell can hold, since all are escaped. Then it is laid out in columns as wide
 * as their widest cell, up to a limit: one very long cell moves the rest of its own row only.
 */

#include "base/buf.h"

enum { TABLE_MAX_COLUMNS = 12, TABLE_MAX_WIDTH = 36 };

/* Appends a cell: a raw JSON value, or "-" for an empty one, an empty string and null. */
void table_cell(struct buf *rows, struct str raw);
/* Appends a cell of text; "-" when it is empty. */
void table_text(struct buf *rows, struct str text);
void table_end_row(struct buf *rows);

/*
 * Appends the table to `out`, each line indented by two spaces; the first row is its head, in bold
 * with `colour`. Rows have at most TABLE_MAX_COLUMNS cells.
 */
void table_layout(struct buf *out, struct str rows, bool colour);

#endif
