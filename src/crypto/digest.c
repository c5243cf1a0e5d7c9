/*
 * The plain SHA-256 of libcrypto, and not EVP: it works on the stack, so it can neither fail nor
 * wait for memory, and one digest costs no look-up of an algorithm. It is called "deprecated" since
 * OpenSSL 3 for the sake of providers, which this does not want.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

_Static_assert(DIGEST_BYTES == SHA256_DIGEST_LENGTH, "a digest is what libcrypto writes");

void digest_sha256(const void *bytes, size_t len, uint8_t ret_digest[DIGEST_BYTES])
{
    SHA256_CTX ctx;

    SHA256_Init(&ctx);
    SHA256_Update(&ctx, bytes, len);
    SHA256_Final(ret_digest, &ctx);
    explicit_bzero(&ctx, sizeof(ctx));
}

bool digest_equal(const uint8_t a[DIGEST_BYTES], const uint8_t b[DIGEST_BYTES])
{
    return CRYPTO_memcmp(a, b, DIGEST_BYTES) == 0;
}

void digest_to_hex(const uint8_t digest[DIGEST_BYTES], char ret_hex[DIGEST_HEX])
{
    static const char digits[16] = "0123456789abcdef";

    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 15];
    }
}

/* The value of a hex digit, or 16 when it is none. */
static unsigned nibble_of(char c)
{
    char lower = str_lower(c);

    if (lower >= '0' && lower <= '9') {
        return (unsigned)(lower - '0');
    }
    return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 : 16;
}

bool digest_from_hex(struct str hex, uint8_t ret_digest[DIGEST_BYTES])
{
    uint8_t digest[DIGEST_BYTES];

    if (hex.len != DIGEST_HEX) {
        return false;
    }
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        unsigned high = nibble_of(hex.ptr[2 * i]), low = nibble_of(hex.ptr[2 * i + 1]);
        if (high > 15 || low > 15) {
            return false;
        }
        digest[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(ret_digest, digest, sizeof(digest));
    return true;
}
