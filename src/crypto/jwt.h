#ifndef PARLEY_CRYPTO_JWT_H
#define PARLEY_CRYPTO_JWT_H

/*
 * Whether a JSON Web Token (RFC 7519) in the compact form of a signature (RFC 7515 section 7.1) is
 * to be believed, and what it says. RFC 8725 is followed to the letter: the algorithm is the key's,
 * keys are those of the configuration, nothing of the payload is looked at before its signature is
 * right, and issuer, audience and times are always checked.
 *
 * The claims that count:
 *
 *   iss     the issuer of the key, exactly
 *   aud     a string or an array of strings; the configured audience is among them. Without a
 *           configured one there must be none, for the token was made for somebody else
 *   exp     required; nbf where it is there. Seconds since 1970, perhaps with a fraction
 *   iat     not after exp
 *   sub     1 to JWT_MAX_SUBJECT bytes that can be printed
 *   parley  an object: publish, sessions, act_as (patterns as in base/grants.h, in one string or an
 *           array of strings), broadcast, admin (true or false), agent_id. What it does not grant,
 *           is not granted, and without it nothing is; a member that is none of these, or is not of
 *           its shape, refuses the token, since it may be meant to restrict it
 *
 * No member of these may be there twice.
 */

#include "base/grants.h"
#include "crypto/jwt_keys.h"

enum { JWT_MAX = 16 * 1024 /* bytes of a token */, JWT_MAX_SUBJECT = 256 };

/* Why a token is refused. Each has a word, jwt_reason_word, that does not change. */
enum jwt_reason {
    JWT_MALFORMED,      /* no three parts in base64url, or a header that is not taken */
    JWT_UNKNOWN_KEY,    /* no key has its algorithm and kid; "none" is no key's algorithm */
    JWT_BAD_SIGNATURE,  /* not by a key of this algorithm and kid */
    JWT_WRONG_ISSUER,   /* signed, but not by who it says */
    JWT_WRONG_AUDIENCE, /* not for us */
    JWT_EXPIRED,
    JWT_NOT_YET,
    JWT_BAD_CLAIMS, /* a claim is missing or not what it should be */
    JWT_NO_MEMORY,  /* it could not be looked at */
    JWT_REASONS
};

struct jwt_refusal {
    enum jwt_reason reason;
    const char *what; /* what it is about: "exp", "parley.publish"; static, never of the token */
};

/* "expired": for logs and metrics. */
const char *jwt_reason_word(enum jwt_reason reason);

struct jwt_rules {
    struct str audience; /* or empty */
    uint64_t leeway_ms;  /* at most an hour */
};

/* What a token says. The texts are its own. */
struct jwt_claims {
    struct str subject;
    struct str issuer;
    struct str kid;      /* of the key that it is signed with; or empty */
    struct str agent_id; /* or empty */
    struct grants grants;
    uint64_t expires_at_ms; /* from when on it is refused: its `exp`, and the leeway */
    uint8_t key_id[DIGEST_BYTES];
    char *texts; /* owned */
};

/*
 * Verifies a token at the time `now_ms`, in milliseconds since 1970. Returns false, and writes why,
 * when it is refused; otherwise *ret_claims is to be given to jwt_claims_fini. Any number of
 * threads may do this with the same keys. RSA and elliptic curves take some 50 to 200 us.
 */
bool jwt_verify(const struct jwt_keys *keys, struct str token, uint64_t now_ms,
                const struct jwt_rules *rules, struct jwt_claims *ret_claims,
                struct jwt_refusal *ret_why);
/*
 * By what whoever a token speaks for is told from others: by issuer and subject, since two issuers
 * may have a subject of the same name. It needs no memory, so without any nobody is taken for
 * somebody else.
 */
void jwt_claims_identify(const struct jwt_claims *claims, uint8_t ret_identity[DIGEST_BYTES]);
/* NULL is taken. */
void jwt_claims_fini(struct jwt_claims *claims);

#endif
