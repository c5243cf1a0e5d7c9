#ifndef PARLEY_CRYPTO_PASSWORD_H
#define PARLEY_CRYPTO_PASSWORD_H

/*
 * Passwords, stored as argon2id (RFC 9106) in the PHC string format:
 *
 *   $argon2id$v=19$m=65536,t=3,p=1$<salt>$<hash>
 *
 * Hashing and verifying take 64 MiB and about a fifth of a second on purpose: never in the thread
 * of a hub or a reactor.
 */

#include "base/buf.h"

enum {
    PASSWORD_MAX = 1024,         /* bytes of a password */
    PASSWORD_ENCODED_MAX = 256,  /* characters of a hash */
    PASSWORD_MAX_KIB = 1u << 20, /* m: memory that a hash may ask for */
    PASSWORD_MAX_PASSES = 64,    /* t */
    PASSWORD_MAX_LANES = 16      /* p */
};

/*
 * Whether this can be a password: 1 to PASSWORD_MAX bytes of UTF-8 without control characters,
 * since nobody could send another.
 */
bool password_valid(struct str password);

/*
 * Appends the hash of a valid password, with a salt of its own, to `out`. Returns false when there
 * is no memory or no randomness.
 */
bool password_hash(struct str password, struct buf *out);

/*
 * Whether a text is a hash that may be worked with: argon2id, version 19, with a salt of 8 to 64
 * bytes, a hash of 16 to 64, and no more memory, passes and lanes than the limits above, so that a
 * line of configuration cannot take the machine down. Costs nothing.
 */
bool password_encoded_valid(struct str encoded);

/*
 * Whether this is the password of a hash. False as well when either is not valid, or when there is
 * no memory. What it works with is wiped; `password` is the caller's to wipe.
 */
bool password_verify(struct str encoded, struct str password);

#endif
