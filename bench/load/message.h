#ifndef PARLEY_BENCH_MESSAGE_H
#define PARLEY_BENCH_MESSAGE_H

/*
 * The messages of the benchmark: a bark of exactly the size asked for, in which only numbers of a
 * fixed width at fixed places differ: who speaks, to whom, the sender's count, and the slot. The
 * slot names the place where the generator keeps the bytes it sent, so a delivery is checked with
 * one number read and one comparison.
 */

#include "base/str.h"

enum {
    MESSAGE_NAME_SIZE = 11, /* "bench-00042" */
};

struct message_layout {
    char *bytes;        /* owned: a message with all numbers zero */
    uint32_t size;      /* of every message, in bytes */
    uint32_t agent_at;  /* where the five digits of the sender are */
    uint32_t target_at; /* those of the receiver; 0 without */
    uint32_t count_at;  /* ten digits */
    uint32_t slot_at;   /* five digits */
};

/* What the numbers of one message are. */
struct message_stamp {
    uint32_t sender;
    uint32_t target;
    uint32_t slot;
    uint64_t count;
};

/* The least size that has room for all members. */
uint32_t message_smallest(bool directed);

/* `size` is at least message_smallest(directed). False when there is no memory. */
bool message_layout_init(struct message_layout *l, uint32_t size, bool directed);
void message_layout_fini(struct message_layout *l);

/* Writes l->size bytes. */
void message_write(const struct message_layout *l, const struct message_stamp *stamp, char *out);

/* Whether `payload` is of the benchmark at all (and not a greeting, say). */
bool message_is_ours(const struct message_layout *l, struct str payload);
/* The slot in a message of ours; UINT32_MAX when that is not a number. */
uint32_t message_slot(const struct message_layout *l, struct str payload);

/* The name that a client goes by: "bench-" and its number in five digits. No NUL. */
void message_name(uint32_t client, char ret_name[MESSAGE_NAME_SIZE]);

#endif
