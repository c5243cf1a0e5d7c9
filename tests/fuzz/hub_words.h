#ifndef PARLEY_TESTS_HUB_WORDS_H
#define PARLEY_TESTS_HUB_WORDS_H

/*
 * What clients of the fuzzed hub say and show: words that it knows, put together as the bytes of
 * the fuzzer choose, among them ids of those who are there, and raw bytes.
 */

#include "choices.h"
#include "virtual.h"

enum {
    WORDS_SLOTS = 20,    /* connections of a reactor whose ids are said */
    WORDS_REQUESTS = 16, /* requests to agents whose ids are, the last that were heard */
    WORDS_OWN_IDS = 8,   /* what askers call theirs */
};

struct words {
    char requests[WORDS_REQUESTS][40]; /* raw ids, NUL-terminated; "" at first */
    uint32_t request_count;
};

/* Appends a message of this dialect, or something that is none. `user` of a connection is its id.
 */
void words_message(struct buf *b, const struct virtual *v, const struct words *words,
                   enum dialect dialect, struct choices *c);
/* The same, of something about requests to agents and what belongs to them (errand_words.c). */
void words_errand(struct buf *b, const struct words *words, enum dialect dialect,
                  struct choices *c);
void words_registration(struct buf *b, enum dialect dialect, struct choices *c);
/* Keeps the id of a request that an agent hears. */
void words_learn(struct words *words, struct str text);
/* A credential, or none; borrowed. `ticket` is one that may be good. */
struct evidence words_evidence(struct choices *c, struct str ticket);
/* Another configuration of access: mode, tokens and their grants. False: no memory. */
bool words_set_access(struct hub *hub, struct choices *c);

#endif
