#ifndef PARLEY_CRYPTO_TOKEN_FILE_H
#define PARLEY_CRYPTO_TOKEN_FILE_H

/*
 * Token files as they lie on a disk: read into a set, and lengthened by a line. What may stand in
 * one is said in crypto/token_set.h.
 */

#include "crypto/token_set.h"

/*
 * Adds the tokens of the file at `path` to the set, as token_set_add_text does. Also warns when
 * others than its owner may read or change the file. Pipes and sockets are refused.
 */
bool token_set_add_file(struct token_set *set, const char *path, struct buf *warnings,
                        struct buf *error);

/*
 * Appends a token line to the file at `path`, which is made, for its owner alone, when it is not
 * there, and is on the disk when this returns. Nothing is changed, and `error` gets a sentence,
 * when the file is not one of token lines, has the name or the token already, would be too long,
 * or cannot be written. Two programs that do this at once wait for each other.
 */
bool token_file_append(const char *path, const struct token_line *token, struct buf *error);

#endif
