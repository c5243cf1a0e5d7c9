#ifndef PARLEY_CLI_PACE_H
#define PARLEY_CLI_PACE_H

/*
 * How many messages may be sent where the gateway has a limits.rate: what is above it in any second
 * is dropped there. A third of it may go at once, and two thirds of it in a second, so that no
 * second has more, wherever it begins.
 */

#include <stdbool.h>
#include <stdint.h>

struct pace {
    uint64_t rate;     /* limits.rate: messages in a second; 0: no limit */
    int64_t credit;    /* what may be sent, in millionths of a message, */
    int64_t credit_at; /* as of then, in ms */
};

/* A connection begins on which `sent` messages were sent already. */
void pace_init(struct pace *p, uint64_t rate, unsigned sent, int64_t now_ms);
/* Whether one more may be sent now; then it counts as sent. */
bool pace_take(struct pace *p, int64_t now_ms);
/* The gateway has said what the limit is, and that nothing passes before `until_ms`. */
void pace_hold(struct pace *p, uint64_t rate, int64_t until_ms);
/* When the next one may be, if pace_take has just said no. */
int64_t pace_due(const struct pace *p);

#endif
