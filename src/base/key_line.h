#ifndef PARLEY_BASE_KEY_LINE_H
#define PARLEY_BASE_KEY_LINE_H

/*
 * The line by which a configuration names a key for JSON Web Tokens (auth.jwt.keys):
 *
 *   ALG FILE [kid=KID] [iss=ISSUER]
 *
 * with spaces or tabs between the fields; the last two in any order. Whoever checks a configuration
 * and whoever loads the keys read it with this. There is nothing secret in it: the key is in FILE.
 */

#include "base/str.h"

/* RFC 7518 section 3.1, RFC 8037 section 3.1. One key has one of them, and no token chooses. */
enum key_algorithm {
    KEY_HS256, /* HMAC with SHA-256 */
    KEY_RS256, /* RSASSA-PKCS1-v1_5 with SHA-256 */
    KEY_ES256, /* ECDSA with P-256 and SHA-256 */
    KEY_EDDSA, /* Ed25519 */
    KEY_ALGORITHMS
};

enum {
    KEY_LINE_MAX_KEYS = 16, /* in one configuration */
    KEY_LINE_MAX_KID = 128,
    KEY_LINE_MAX_ISSUER = 256
};

struct key_line {
    enum key_algorithm algorithm;
    struct str file;   /* an absolute path */
    struct str kid;    /* or empty */
    struct str issuer; /* or empty: the default one */
};

/* "HS256", as tokens spell it. */
struct str key_algorithm_name(enum key_algorithm algorithm);
/* The algorithm of this name; KEY_ALGORITHMS for any other, "none" included. */
enum key_algorithm key_algorithm_find(struct str name);

/*
 * Reads a line; the result borrows from it. Returns NULL, or what is wrong with it, as the end of a
 * sentence that begins with the line: "names no file".
 */
const char *key_line_parse(struct str line, struct key_line *ret_line);

#endif
