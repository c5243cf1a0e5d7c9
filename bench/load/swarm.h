#ifndef PARLEY_BENCH_SWARM_H
#define PARLEY_BENCH_SWARM_H

/*
 * All clients of one load, in one epoll. What is sent in a turn is queued and leaves at its end,
 * so a client that sends several messages at once sends them in one write, as a busy client does.
 */

#include "conn.h"
#include "load.h"

struct swarm {
    struct conn_shared shared;
    struct conn *conns; /* owned; room for `capacity` */
    uint32_t capacity;
    uint32_t started; /* conns[0 .. started) have been opened */
    uint32_t ready;
    uint32_t *queued; /* owned: the clients with something to flush */
    uint32_t queued_count;
    char authority[128];
    char host[128];           /* of it, without brackets */
    struct template path;     /* of the URL, in place of the dialect's */
    uint64_t now_ns;          /* when the last event was taken up */
    struct latency *arrivals; /* borrowed: how long each took to be ready; or NULL */
    int stop_fd;              /* borrowed; -1 for none */
    bool told_to_stop;
    int epoll;
    char *error; /* LOAD_ERROR_SIZE bytes of the caller's: why the last call returned false */
};

/*
 * Prepares room for the clients of a plan and finds the hub's address; opens nothing. `on_message`
 * gets every message that comes to a client that is ready.
 */
bool swarm_init(struct swarm *s, const struct load_options *o, const struct plan *plan,
                void (*on_message)(void *context, uint32_t client, struct str payload),
                void *context, char *error);
/* A part of it: finds out from the URL where the hub is. */
bool swarm_find_hub(struct swarm *s, const char *url);
enum swarm_scheme {
    SCHEME_WS,  /* ws://, http:// */
    SCHEME_WSS, /* wss://, https:// */
    SCHEME_TCP, /* tcp://: no WebSocket */
};
/* Whether a URL is of a kind that is known, which one, and what stands behind its scheme. */
bool swarm_takes_url(struct str url, struct str *ret_rest, enum swarm_scheme *ret_scheme);
/* Notes a sentence and returns false. */
bool swarm_fail(struct swarm *s, const char *what);
/* Closes all. A zeroed swarm and a half-made one are taken. */
void swarm_fini(struct swarm *s);

/* Opens `count` more and returns when all are ready, or false when one fails or 10 s pass idly. */
bool swarm_open(struct swarm *s, uint32_t count);
/* Closes all that were opened; more can be opened then, from number 0. */
void swarm_close(struct swarm *s);

/* Never reads from this client again, however much comes. */
bool swarm_deafen(struct swarm *s, uint32_t client);

/* Queues a message for the end of the turn. */
bool swarm_send(struct swarm *s, uint32_t client, struct str payload);
/* Sends what is queued. */
bool swarm_flush(struct swarm *s);
/* Waits for events, at most `timeout_ns`, and handles them. */
bool swarm_turn(struct swarm *s, uint64_t timeout_ns, unsigned *ret_events);
/* Turns until nothing has come for a fifth of a second: greetings and rosters are over. */
bool swarm_settle(struct swarm *s);

#endif
