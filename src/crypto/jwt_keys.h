#ifndef PARLEY_CRYPTO_JWT_KEYS_H
#define PARLEY_CRYPTO_JWT_KEYS_H

/*
 * The keys that JSON Web Tokens may be signed with, and whether a signature (RFC 7515 section 5.2)
 * is right by one of them.
 *
 * A key has one algorithm, which the configuration gives it (RFC 8725 section 3.1), and speaks for
 * one issuer. So no token can have a public key used as a secret, and no issuer can sign for
 * another. Keys come from the configuration alone.
 */

#include "base/buf.h"
#include "base/key_line.h"
#include "crypto/digest.h"

struct evp_pkey_st; /* OpenSSL's EVP_PKEY */

enum {
    JWT_MIN_SECRET = 32,          /* bytes of a secret: as many as HS256 has bits (RFC 7518, 3.2) */
    JWT_MIN_RSA_BITS = 2048,      /* RFC 7518 section 3.3 */
    JWT_MAX_RSA_BITS = 4096,      /* longer ones cost, and give nothing that matters */
    JWT_MAX_KEY_FILE = 16 * 1024, /* bytes */
    JWT_MAX_SIGNATURE = JWT_MAX_RSA_BITS / 8
};

struct jwt_key {
    enum key_algorithm algorithm;
    struct str kid;                 /* or empty; owned, as the issuer is, in `texts` */
    struct str issuer;              /* never empty */
    uint8_t id[DIGEST_BYTES];       /* of all of it: the same key has the same id after a reload */
    struct evp_pkey_st *public_key; /* owned; NULL for HS256 */
    char *secret;                   /* owned, wiped at the end; of HS256 alone */
    size_t secret_len;
    char *texts; /* owned */
};

/* Once they are loaded they do not change, and may be used by several threads at once. */
struct jwt_keys {
    struct jwt_key keys[KEY_LINE_MAX_KEYS];
    size_t count;
};

void jwt_keys_init(struct jwt_keys *keys);
/* Wipes and frees. NULL is taken. */
void jwt_keys_fini(struct jwt_keys *keys);

/*
 * Loads the key of a line; `issuer` is for a line without one, and may be empty. Copies. No two
 * keys may be the same in algorithm, kid and issuer. `warnings` gets whole lines, without the last
 * end, about what is allowed but weak. Returns false, and `error` gets a sentence, which holds
 * nothing of a key file, when the line, the file or the key in it will not do; the keys that were
 * there stay.
 */
bool jwt_keys_add(struct jwt_keys *keys, struct str line, struct str issuer, struct buf *warnings,
                  struct buf *error);
/* The same for each of a list of lines with commas between them (auth.jwt.keys). */
bool jwt_keys_add_list(struct jwt_keys *keys, struct str lines, struct str issuer,
                       struct buf *warnings, struct buf *error);

enum jwt_signature { JWT_SIGNATURE_RIGHT, JWT_SIGNATURE_WRONG, JWT_SIGNATURE_NO_MEMORY };

/*
 * Whether a signature, as its bytes, is that of `text` by the key. Compares a secret's in constant
 * time.
 */
enum jwt_signature jwt_key_check(const struct jwt_key *key, struct str text,
                                 const uint8_t *signature, size_t len);

#endif
