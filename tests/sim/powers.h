#ifndef PARLEY_TESTS_POWERS_H
#define PARLEY_TESTS_POWERS_H

/*
 * Who is let in, and what for: the part of the model that knows credentials, tokens that run out,
 * and what becomes of those who are there when another configuration is loaded.
 *
 * With ACCESS_TOKENS there are two credentials in the configuration; with ACCESS_SIGNED, everybody
 * has a signed token of one of two subjects, which ends, and may be renewed.
 */

#include "model.h"

/* What the hub goes by at first. */
void powers_begin(const struct model *m, struct virtual *v);
/* A part of the configuration is another one from now on. */
void powers_reload(struct model *m, struct virtual *v, uint64_t *random);

/* When a new token is to end, in seconds from the start of the test; some have ended already. */
unsigned powers_choose_end(const struct model *m, uint64_t *random);
/* The credential of a client: `text` has room for CREDENTIAL_ROOM bytes. */
enum { CREDENTIAL_ROOM = 32 };
struct str powers_credential(const struct model *m, bool limited, unsigned end_s, char *text);
/* What such a token grants (virtual_hooks.claim). False: the key is not known. */
bool powers_claim(const struct model *m, struct hub_claims *claims);

/* Whether a client that arrives now is let in. */
bool powers_let_in(const struct model *m, const struct mclient *c);
/* It brings another token. Returns whether that was taken. */
bool powers_renew(struct model *m, struct mclient *c, const struct action *a);
/* The hub looks at it: its token has run out, or does soon. */
void powers_expire(struct model *m, struct mclient *c);

#endif
