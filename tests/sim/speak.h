#ifndef PARLEY_TESTS_SPEAK_H
#define PARLEY_TESTS_SPEAK_H

/*
 * What clients of the simulator say: what they want is drawn, and written as a message of their
 * dialect. All randomness is in the caller's `random`, so a seed is a life.
 */

#include "base/buf.h"
#include "model.h"

/* A number below `below`. */
static inline uint64_t speak_draw(uint64_t *random, uint64_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random % below;
}

/* Something that the client may want, with this number. */
struct action speak_choose(struct model *m, const struct mclient *c, uint64_t *random,
                           uint64_t number);
/* The same as a message; nothing is in `out` but that. */
void speak_write(struct buf *out, const struct model *m, const struct mclient *c,
                 const struct action *a, uint64_t *random);

/* The same of requests (speak_errand.c): something about them; what an agent says that it can; and
   as a message: false, it is about something else. */
void speak_choose_errand(struct model *m, const struct mclient *c, struct action *a,
                         uint64_t *random);
void speak_describe(const struct model *m, const struct mclient *c, struct action *a,
                    uint64_t *random);
bool speak_write_errand(struct buf *b, const struct model *m, const struct mclient *c,
                        const struct action *a);
/* The member with the token that it brings, of its own subject or of the other. */
void speak_write_token(struct buf *b, const struct model *m, const struct mclient *c,
                       const struct action *a);

#endif
