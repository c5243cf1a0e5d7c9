#ifndef PARLEY_CLI_TOKENS_H
#define PARLEY_CLI_TOKENS_H

/* What people and programs see of the tokens of a file: never a digest, but for its first digits.
 */

#include "crypto/token_set.h"

enum { TOKENS_MAX_OUTPUT = 64 * 1024 * 1024, TOKENS_SHOWN_DIGITS = 8 };

/* Appends a table of them; "no tokens" when there are none. */
void tokens_write_table(struct buf *out, const struct token_set *set);
/* Appends an object a line: {"name", "agent_id"?, "digest", "grants": {…}}. */
void tokens_write_json(struct buf *out, const struct token_set *set);

#endif
