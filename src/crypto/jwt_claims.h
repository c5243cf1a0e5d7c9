#ifndef PARLEY_CRYPTO_JWT_CLAIMS_H
#define PARLEY_CRYPTO_JWT_CLAIMS_H

/* For jwt.c: reading the JSON of a token. */

#include "crypto/jwt.h"

/*
 * Finds members of a raw object: ret_values[i] is the raw value of the one called names[i], empty
 * when there is none. Returns NULL, or the one of the names that is there twice. *ret_others: how
 * many members are called otherwise.
 */
const char *jwt_members(struct str object, const char *const *names, size_t count,
                        struct str *ret_values, size_t *ret_others);

/*
 * Reads the payload of a token that `key` has signed, and checks all but its signature; as
 * jwt_verify does.
 */
bool jwt_claims_read(struct str payload, const struct jwt_key *key, uint64_t now_ms,
                     const struct jwt_rules *rules, struct jwt_claims *ret_claims,
                     struct jwt_refusal *ret_why);

#endif
