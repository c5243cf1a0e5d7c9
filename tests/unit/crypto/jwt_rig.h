#ifndef PARLEY_TESTS_CRYPTO_JWT_RIG_H
#define PARLEY_TESTS_CRYPTO_JWT_RIG_H

/*
 * An issuer for tests: it has a key of each algorithm, made anew for each program, and signs
 * whatever it is given. The gateway's side of the keys is in files, as for the gateway.
 */

#include <openssl/evp.h>

#include "crypto/jwt.h"

#define RIG_ISSUER "https://id.example"
#define RIG_SECRET "0123456789abcdef0123456789abcdef"

enum {
    RIG_NOW = 1700000000, /* seconds */
    RIG_LEEWAY_MS = 60000,
};

struct rig {
    char directory[64];
    EVP_PKEY *pairs[KEY_ALGORITHMS]; /* NULL for HS256, which has RIG_SECRET */
    struct jwt_keys keys;            /* of all algorithms, without kid, for RIG_ISSUER */
    struct jwt_rules rules;          /* no audience */
    struct jwt_claims claims;        /* what rig_verify found */
    struct jwt_refusal why;
    struct buf warnings, error;
};

/* For cmocka: *state is a rig. */
int rig_set_up(void **state);
int rig_tear_down(void **state);

/* Writes a file in the rig's directory, readable for its owner alone; returns its path. */
const char *rig_write(struct rig *r, const char *name, struct str content);
/* The public key of an algorithm as PEM; `out` gets it. */
void rig_public_key(EVP_PKEY *pair, struct buf *out);
/* Adds a key "ALG DIRECTORY/NAME REST" to `keys`. */
bool rig_add(struct rig *r, struct jwt_keys *keys, const char *algorithm, const char *name,
             const char *rest);

/* Appends bytes in base64url. */
void rig_encode(struct buf *out, struct str bytes);
/* Puts into `out` the token of a header and a payload, signed by the key of an algorithm. */
void rig_sign(const struct rig *r, enum key_algorithm algorithm, struct str header,
              struct str payload, struct buf *out);
/* Appends to "HEADER.PAYLOAD" the dot and the signature. */
void rig_sign_text(const struct rig *r, enum key_algorithm algorithm, struct buf *text);
/* Appends those of HS256 with any secret. */
void rig_sign_secret(struct str secret, struct buf *text);

/* Verifies at `now_ms`; the result is in the rig. */
bool rig_verify_at(struct rig *r, struct str token, uint64_t now_ms);
static inline bool rig_verify(struct rig *r, struct str token)
{
    return rig_verify_at(r, token, (uint64_t)RIG_NOW * 1000);
}

/* Asserts that a token is refused for this reason. */
void rig_expect_refused(struct rig *r, struct str token, enum jwt_reason reason, const char *what);

#endif
