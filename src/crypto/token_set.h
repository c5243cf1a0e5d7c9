#ifndef PARLEY_CRYPTO_TOKEN_SET_H
#define PARLEY_CRYPTO_TOKEN_SET_H

/*
 * The tokens that are accepted, read from the text of token files and from lists in the
 * configuration. A file has either token lines (crypto/token.h) and comments, lines that begin with
 * '#'; or, beside comments, one line that is a secret itself, which then has all grants.
 *
 * Whatever the text is, no error and no warning repeats it: a wrong line may be a secret. They name
 * where it stands, FILE:LINE.
 */

#include "base/map.h"
#include "crypto/token.h"

enum {
    TOKEN_SET_MAX_TEXT = 1 << 20, /* bytes of one file or list */
    TOKEN_SET_MAX_LINES = 65000,  /* of one file */
    TOKEN_SET_SHORT_SECRET = 16,  /* characters; a shorter one is warned about */
};

struct token_text;

/* Digests and names are there once each. Must not be moved while it is in use. */
struct token_set {
    struct token_line *tokens; /* owned, in the order they were read; all strings are the set's */
    size_t count;
    size_t cap;
    struct token_text *texts; /* owned: what the strings point into */
    struct map by_digest, by_name;
};

void token_set_init(struct token_set *set);
/* Wipes and frees. */
void token_set_fini(struct token_set *set);

/*
 * Adds the tokens of a file's text; `origin` is its name in sentences. Copies. `warnings` gets a
 * sentence a line about what is allowed but weak. Returns false, and `error` gets a sentence, when
 * the text is anything else, or there is no memory; then the set is good for token_set_fini alone.
 * A text without a token is none, with a warning: so the last one can be withdrawn.
 */
bool token_set_add_text(struct token_set *set, struct str origin, struct str text,
                        struct buf *warnings, struct buf *error);

/*
 * The same for a list of token lines with commas between them, without secrets and comments. In
 * sentences an entry is "ORIGIN, entry 2". Patterns in a list cannot have commas.
 */
bool token_set_add_list(struct token_set *set, struct str origin, struct str text,
                        struct buf *error);

/* The token of this name, or NULL; borrowed. */
const struct token_line *token_set_find(const struct token_set *set, struct str name);

#endif
