#ifndef PARLEY_MATRIX_CREDENTIALS_H
#define PARLEY_MATRIX_CREDENTIALS_H

/*
 * The credentials file: JSON, 0600. The person writes `password`, or `access_token` and
 * `refresh_token`; the bridge keeps what it finds there, and writes rotated tokens and `device_id`
 * into it, in one step (a new file, fsync, rename, fsync of the directory): a new pair is on the
 * disk before it is first used.
 */

#include "base/buf.h"

struct credentials {
    struct buf password; /* all secret; empty: none */
    struct buf access_token;
    struct buf refresh_token;
    struct buf device_id;
    uint64_t expires_ms; /* wall clock; 0: the access token does not expire, or nobody knows */
    struct buf others;   /* raw members that are not ours, kept */
};

void credentials_init(struct credentials *c);
/* Wipes. NULL is taken. */
void credentials_fini(struct credentials *c);
/* False, and `error` gets a sentence: it is not there, others may read it, it is no such JSON. */
bool credentials_read(struct credentials *c, const char *path, struct buf *error);
bool credentials_write(const struct credentials *c, const char *path, struct buf *error);

#endif
