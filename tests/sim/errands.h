#ifndef PARLEY_TESTS_ERRANDS_H
#define PARLEY_TESTS_ERRANDS_H

/*
 * Requests to agents, as the model knows them. A request waits, or an agent has it and has answered
 * or not; what it comes to is told to its asker once. The rules, each written as plainly as it can
 * be:
 *
 *   - What has lost its asker or its agent is decided upon when the event is over, in the order of
 *     losing; then waiting requests are given to agents that are free, one by one.
 *   - An agent that has become free takes the oldest request that waits for something it offers, or
 *     for itself; but of all agents that are free for that request, the one with the least to do
 *     for what it takes gets it, and of these the one that got its last one longest ago.
 *   - Before it has said anything, an agent that is lost is replaced once, if there is another.
 *
 * After each event no agent has more than it takes, and nobody waits while an agent is free.
 */

#include "model.h"

enum {
    CAPABILITY_CHAT,
    CAPABILITY_UNHEARD_OF = 7, /* nobody offers it */
    MODEL_CAPABILITIES,
    NO_CAPABILITY = -1,
    MODEL_OWN_IDS = 12,
    MODEL_OFFERS = 4, /* what an agent may offer: chat, two tools, a mode */
};

extern const char *const model_capabilities[MODEL_CAPABILITIES];
/* The capabilities of an offer: a tool goes by two names. */
unsigned errands_offer_bits(unsigned offer);

void errands_ask(struct model *m, struct mclient *c, const struct action *a);
void errands_answer(struct model *m, const struct mclient *c, const struct action *a);
void errands_cancel(struct model *m, struct mclient *c, const struct action *a);
void errands_lose_asker(struct model *m, const struct mclient *c);
/* The agent of this id has another client, or none. */
void errands_lose_agent(struct model *m, unsigned agent);
/* What this asker may do is not what it was. */
void errands_review(struct model *m, const struct mclient *c);
/* An agent has taken these back; it may offer some anew, perhaps in another world. */
void errands_desert(struct model *m, unsigned offers);
/* It may take another one now. */
void errands_agent_free(struct model *m, unsigned agent);
/* Ends those whose time is over. */
void errands_tick(struct model *m);
/* The event is over. */
void errands_settle(struct model *m);
/* One that has a request now; NULL: nobody, or the first guess was none. */
struct mclient *errands_some_agent(const struct model *m, uint64_t *random);
/* Whether it waits for an answer, or somebody for its. */
bool errands_busy(const struct model *m, const struct mclient *c);
/* How many wait. */
uint64_t errands_waiting(const struct model *m);

/* Reads what is about requests (heard_errand.c); false: it is about something else. */
bool errands_read(struct model *m, const struct mclient *c, struct expected *e, struct str text);
/* What of it must be so besides. */
void errands_check_form(struct model *m, const struct mclient *c, const struct expected *want,
                        struct str text);
/* Remembers the id of a request that an agent hears; `want` is NULL where nothing is compared. */
void errands_learn(struct model *m, const struct mclient *c, const struct expected *want,
                   struct str text);

#endif
