#ifndef PARLEY_GATEWAY_SPIN_H
#define PARLEY_GATEWAY_SPIN_H

/*
 * Whether a thread with nothing to do looks for work a little longer before it sleeps. To sleep and
 * to be woken costs some ten microseconds on bare metal and more than fifty in a virtual machine,
 * here and for whoever wakes; where the next message comes sooner than that, looking is cheaper,
 * and its latency is a fraction.
 *
 * It looks for about as long as two peers in a virtual machine need to wake and answer. After a
 * look in vain the next sleeps come without one: one, then three, seven, … up to SPIN_PAUSE_MAX. A
 * sleep that turns out to have been as short as a look ends that.
 *
 * Who sends many messages at once does not wait for the answer to each: then one wake-up is shared
 * by all of them, is cheaper than the looking, and nobody looks.
 *
 * No clock in here: times are given, in microseconds.
 */

#include <stdbool.h>
#include <stdint.h>

enum {
    SPIN_US = 120,         /* 30 finds nothing in a virtual machine, 200 no more than 120 */
    SPIN_PAUSE_MAX = 1023, /* sleeps */
    SPIN_MANY = 32,        /* messages of one connection: then nobody looks */
};

struct spin {
    bool on;
    uint32_t pause; /* sleeps without a look, after the last one in vain */
    uint32_t rest;  /* of them, how many are still to come */
    bool many;      /* what came last came by many at once */
};

void spin_init(struct spin *s, bool on);
/* A turn has so many items (not 0), in so many runs of one connection. */
void spin_heard(struct spin *s, uint32_t items, uint32_t runs);
/* Before a sleep: whether to look first. */
bool spin_begin(struct spin *s);
/* It has looked for `us`: whether it goes on. False: it was in vain. */
bool spin_goes_on(struct spin *s, uint64_t us);
/* It has slept for `us`, and was woken because there was something to do. */
void spin_woken(struct spin *s, uint64_t us);

#endif
