#ifndef PARLEY_CRYPTO_DIGEST_H
#define PARLEY_CRYPTO_DIGEST_H

/*
 * SHA-256 (FIPS 180-4), by which tokens are known: 256 bits from the random source need no slow
 * hash, and whoever reads a digest cannot come in by it.
 */

#include "base/str.h"

enum { DIGEST_BYTES = 32, DIGEST_HEX = 64 };

/* The digest of `len` bytes. Allocates nothing, cannot fail, leaves no copy of the bytes behind. */
void digest_sha256(const void *bytes, size_t len, uint8_t ret_digest[DIGEST_BYTES]);

/* Takes the same time whether and wherever they differ. */
bool digest_equal(const uint8_t a[DIGEST_BYTES], const uint8_t b[DIGEST_BYTES]);

/* Writes DIGEST_HEX small hex digits, no NUL. */
void digest_to_hex(const uint8_t digest[DIGEST_BYTES], char ret_hex[DIGEST_HEX]);
/* Exactly DIGEST_HEX hex digits, of either case. Returns false when it is anything else. */
bool digest_from_hex(struct str hex, uint8_t ret_digest[DIGEST_BYTES]);

#endif
