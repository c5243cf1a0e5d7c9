#ifndef PARLEY_CRYPTO_SECRET_FILE_H
#define PARLEY_CRYPTO_SECRET_FILE_H

/*
 * Files that may hold secrets, read into memory that is not moved, so that there is one copy to
 * wipe.
 */

#include "base/buf.h"

/*
 * Reads all of the file at `path`, one byte more than `max` at most, by which the caller knows that
 * it is too long. Returns owned bytes, for secret_file_free; or NULL, and `error` gets a sentence
 * that begins with the path. `warnings` gets a line when others than its owner may use the file;
 * NULL when its content is no secret. Pipes and sockets are refused.
 */
char *secret_file_load(const char *path, size_t max, size_t *ret_len, struct buf *warnings,
                       struct buf *error);
/* The same for one that is open; NULL with errno. */
char *secret_file_read(int fd, size_t max, size_t *ret_len);
/* Wipes and frees. NULL is taken. */
void secret_file_free(char *bytes, size_t len);
/* "PATH: cannot be WHAT: " and what errno says. Always false. */
bool secret_file_refuse(const char *path, const char *what, struct buf *error);

#endif
