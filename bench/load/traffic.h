#ifndef PARLEY_BENCH_TRAFFIC_H
#define PARLEY_BENCH_TRAFFIC_H

/*
 * The modes in which messages flow. A message occupies a slot from its sending to its last
 * delivery. Its bytes are kept there, and a delivery must be equal to them; that it is the next of
 * its sender for its receiver is checked with a counter for each two. Thus each message is known to
 * arrive once, in order and unchanged.
 *
 * A request has the same slot for both of its ways: its agent hears it (left: 2) and answers with
 * the same body, and its asker hears that (left: 1).
 */

#include "gauge.h"
#include "message.h"
#include "swarm.h"

/* One of the messages under way. */
struct slot {
    struct message_stamp stamp;
    uint64_t due_ns; /* when it was sent, or in an open loop when it should have been */
    uint32_t left;   /* deliveries still to come; 0: free */
};

struct traffic {
    const struct load_options *options;
    struct plan plan;
    struct swarm swarm;
    struct message_layout layout;
    struct slot *slots; /* owned: options->window of them */
    char *sent;         /* owned: the bytes of each slot, one after the other */
    uint32_t *free;     /* owned: a ring of the slots that are free, longest first */
    uint32_t free_at;
    uint32_t free_count;
    uint64_t start_ns;  /* of this phase */
    uint64_t limit;     /* messages of it; UINT64_MAX when it is bound by time */
    uint32_t under_way; /* slots in use */
    uint32_t speakers;  /* clients [first_speaker, first_speaker + speakers) speak */
    uint32_t first_speaker;
    uint32_t next_speaker; /* of these */
    uint64_t number;       /* of the next message of the run */
    uint64_t *counts;      /* owned: messages sent by each client */
    uint32_t *expected;    /* owned: the count each receiver awaits, of each of its senders */
    struct latency latency;
    struct load_result result;
    char error[LOAD_ERROR_SIZE];
    /* For a mode with a part of its own: asked in each turn; says when it wants to be asked again
     * at the latest (UINT64_MAX: never). NULL for none. */
    uint64_t (*on_turn)(void *context, uint64_t now_ns);
    /* Told of each delivery. NULL for nobody. */
    void (*on_delivery)(void *context, uint64_t now_ns, uint64_t took_ns);
    void *context;
};

/*
 * Opens and settles all connections; traffic_fini is due in any case. Returns false, with a
 * sentence in t->error.
 */
bool traffic_init(struct traffic *t, const struct load_options *o);
void traffic_fini(struct traffic *t);
/* Warms up and measures; the result is in t->result. */
bool traffic_measure(struct traffic *t);

/* A delivery, from the swarm. */
void traffic_hear(void *context, uint32_t client, struct str heard);
/* Makes a client join its sessions, by the dialect's `join`. */
bool traffic_join(struct swarm *s, const struct load_options *o, uint32_t client);

/* As load_run, for LOAD_FANOUT, LOAD_CHAT, LOAD_PAIRS and LOAD_REQUESTS. */
bool traffic_run(const struct load_options *o, struct load_result *ret_result, char *error);

#endif
