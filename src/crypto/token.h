#ifndef PARLEY_CRYPTO_TOKEN_H
#define PARLEY_CRYPTO_TOKEN_H

/*
 * Tokens, and the lines by which a gateway knows them without having them:
 *
 *   sha256:<64 hex digits> NAME [agent_id=ID] [publish=PATTERNS] [sessions=PATTERNS]
 *       [act_as=PATTERNS] [broadcast] [admin]
 *
 * on one line, with spaces or tabs between the fields; those behind the name in any order, each at
 * most once. What a line does not grant is not granted. A line that is no token line may be a
 * secret that somebody put there, so no error repeats what it says.
 */

#include "base/buf.h"
#include "base/grants.h"
#include "crypto/digest.h"

enum {
    TOKEN_MAX = 512,      /* characters of a token */
    TOKEN_NEW_SIZE = 50,  /* of one that token_new makes */
    TOKEN_NAME_MAX = 64,  /* of a name */
    TOKEN_AGENT_MAX = 128 /* of an agent's id */
};

/* Whether this can be a token: 1 to TOKEN_MAX characters of A-Z a-z 0-9 . _ ~ - */
bool token_valid(struct str token);
/* Whether this can be the name of one: 1 to TOKEN_NAME_MAX characters of A-Z a-z 0-9 . _ @ - */
bool token_name_valid(struct str name);
/* Whether this can be an agent's id: 1 to TOKEN_AGENT_MAX characters of A-Z a-z 0-9 . _ : @ - */
bool token_agent_valid(struct str agent_id);

/*
 * Makes a token: "parley_", so that a scanner for leaked secrets knows it, and 256 bits from the
 * operating system in base64url (RFC 4648 section 5, no padding); no NUL. Returns false, with
 * errno, when the system has no randomness to give. The caller wipes it after use.
 */
bool token_new(char ret_token[TOKEN_NEW_SIZE]);

struct token_line {
    uint8_t digest[DIGEST_BYTES]; /* of the token */
    struct str name;
    struct str agent_id; /* or empty */
    struct grants grants;
};

/*
 * Reads a line, without its end. The result borrows from it. Returns false, and `error` gets a
 * sentence without what stands in the line, when it is no token line.
 */
bool token_line_parse(struct str line, struct token_line *ret_line, struct buf *error);
/* Whether the line claims to be a token line: it begins with "sha256:", which no token does. */
bool token_line_claimed(struct str line);
/* Appends the line, without an end. Its members must be as token_line_parse gives them. */
void token_line_append(struct buf *out, const struct token_line *line);

#endif
