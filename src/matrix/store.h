#ifndef PARLEY_MATRIX_STORE_H
#define PARLEY_MATRIX_STORE_H

/*
 * The rows of the bridge, in one SQLite file. It knows keys and values and not what is in them.
 * Rows are gathered and committed in one transaction, which is on the disk (fsync) when
 * store_commit returns; a kill or a power cut leaves the file as one of the commits left it.
 * The only file that includes SQLite.
 */

#include "matrix/bridge.h"

struct store;

/*
 * Opens the file, or makes it (0600). It is locked for as long as it is open. Returns owned; NULL,
 * and `error` gets a sentence that says what to do: it cannot be made, is no file of ours, is of a
 * newer version, is damaged, or another bridge has it; *ret_state says of which kind that is.
 */
enum store_state {
    STORE_USABLE,
    STORE_IN_USE, /* by another bridge */
    STORE_SHORT,  /* of room, of memory: it may pass */
    STORE_WRONG,  /* until a person does something */
};
struct store *store_open(const char *path, enum store_state *ret_state, struct buf *error);
/* What could be done with a path, for `--check`: nothing is made, and `error` gets a sentence. */
enum store_state store_probe(const char *path, struct buf *error);
/* What was not committed is lost. NULL is taken. */
void store_close(struct store *s);
/*
 * Every row, in the order that bridge_restore wants. Stops, and returns false, when `visit` does;
 * when they cannot be read it gives *ret_state too, as store_open, and `error` a sentence.
 */
bool store_each(struct store *s, bool (*visit)(void *ctx, const struct bridge_row *row), void *ctx,
                enum store_state *ret_state, struct buf *error);
/* Adds a row to the transaction; copies. False: no memory. */
bool store_put(struct store *s, const struct bridge_row *row);
/* Returns false, and the sentence, when it is not on the disk; nothing of it is then. */
bool store_commit(struct store *s, struct buf *error);

#endif
