#ifndef PARLEY_WS_SHA1_H
#define PARLEY_WS_SHA1_H

/*
 * SHA-1 (FIPS 180-4, section 6.1). RFC 6455 wants it for the accept key; it is broken as a hash for
 * anything that must not be forged, so nothing else may use it.
 */

#include <stddef.h>
#include <stdint.h>

enum { SHA1_SIZE = 20 };

/* The digest of `len` bytes. */
void sha1(const void *bytes, size_t len, uint8_t ret_digest[SHA1_SIZE]);

#endif
