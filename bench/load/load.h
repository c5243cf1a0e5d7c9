#ifndef PARLEY_BENCH_LOAD_H
#define PARLEY_BENCH_LOAD_H

/*
 * The load generator: one process, one thread, many clients, any hub that a dialect describes. In a
 * closed loop a number of messages is kept under way, and the next is sent when one has reached all
 * who should hear it; in an open one messages leave when they are due, and what they took counts
 * from there. Each delivery is checked: once, in order, unchanged. What is reported of the server
 * is the CPU time that a delivery cost it, read from the kernel's clocks, not the rate, which on a
 * shared machine says more about the generator.
 */

#include "dialect.h"
#include "latency.h"

#include "base/str.h"

#include <stdio.h>
#include <sys/types.h>

enum load_mode {
    LOAD_FANOUT,   /* client 0 speaks, `clients` others hear */
    LOAD_CHAT,     /* in each of `sessions`, each of `clients` speaks in turn, all others hear */
    LOAD_PAIRS,    /* clients 2n and 2n + 1 answer each other; `clients` is twice the pairs */
    LOAD_REQUESTS, /* `clients` ask, `agents` answer */
    LOAD_IDLE,     /* connections are opened and held, sessions are joined; the server's memory */
    LOAD_CONNECT,  /* connections are opened; the server's CPU time for each */
    LOAD_STALLED,  /* one speaks, one hears, `clients` read nothing; the server's memory */
    LOAD_PROBE,    /* a fan-out in a process of its own, and beside it one pair that is timed */
    LOAD_STOP,     /* a fan-out during which the server is stopped for `pause_ms` */
    LOAD_MODE_COUNT
};

enum {
    LOAD_MAX_CLIENTS = 99999, /* client numbers are five digits */
    LOAD_MAX_WINDOW = 99999,
    LOAD_MAX_SIZE = 16 << 20,
    LOAD_ERROR_SIZE = 256,
    LOAD_SAID_SIZE = 200,
};

/* Text is borrowed. */
struct load_options {
    const char *url; /* ws://HOST[:PORT][/PATH], wss:// with TLS, or tcp:// without WebSocket; a
                        path is taken in place of the dialect's, and its places are filled in */
    const struct dialect *dialect;
    const char *dialect_name;
    const char *label; /* what this run is called in reports, or NULL */
    struct str token;  /* for the upgrade; empty for none */
    pid_t pid;         /* the server; 0: its CPU time and memory are not read */
    enum load_mode mode;
    uint32_t clients;
    uint32_t sessions; /* of a chat, and of idle: 0 there for none */
    uint32_t joins;    /* how many of the sessions each client is in */
    uint32_t agents;
    uint32_t window; /* messages under way, all clients together, at most */
    uint32_t size;   /* bytes of a message; with {json}, of that object */
    uint32_t pause_ms;
    double rate;           /* messages a second; 0: a closed loop */
    double seconds;        /* how long messages are sent; ignored when `messages` is set */
    double warmup_seconds; /* the same before that, unmeasured */
    uint64_t messages;     /* how many are sent, or 0 */
    const char *prefix;    /* five letters: what names and bodies begin with */
    uint32_t first_session;
    int stop_fd;  /* when it can be read the load is over; -1 for none */
    bool deflate; /* permessage-deflate is asked for */
};

struct load_result {
    double seconds;            /* wall clock of the measured part */
    uint64_t messages;         /* sent */
    uint64_t deliveries;       /* of LOAD_CONNECT and LOAD_IDLE: how many were opened; of
                                  LOAD_REQUESTS: how many were answered */
    uint64_t wrong;            /* deliveries out of order, repeated, not what was sent, or not for
                                  the one who got them */
    uint64_t missing;          /* deliveries that never came */
    uint64_t others;           /* messages of the server's own, in all */
    char said[LOAD_SAID_SIZE]; /* the beginning of the last of those; ends in NUL */
    uint64_t server_cpu_ns;    /* CPU time of all threads of the server */
    uint64_t softirq_cpu_ns;   /* of ksoftirqd on the server's CPUs */
    uint64_t own_cpu_ns;       /* the generator's */
    uint64_t pss_before;       /* bytes of the server's private memory */
    uint64_t pss_after;
    uint64_t rss_before; /* bytes of its resident size */
    uint64_t rss_after;
    uint64_t joined;       /* sessions joined between the readings, each client's counted */
    uint64_t probed;       /* LOAD_PROBE: messages of the pair; `latency` is theirs */
    uint64_t lag_ns;       /* LOAD_STOP: the latest delivery was so late */
    uint64_t recovered_ns; /* and so long after the stop was the last late one */
    uint64_t interval_ns;  /* what `corrected` took for the time between two of one asker */
    struct latency_summary latency;   /* of deliveries, in an open loop from when they were due */
    struct latency_summary corrected; /* for coordinated omission; a closed loop's */
};

/* "fanout" and so on. */
const char *load_mode_name(enum load_mode mode);

/* Whether the dialect and the size allow such a load. False, with a sentence, when not. */
bool load_check(const struct load_options *o, char error[LOAD_ERROR_SIZE]);

/*
 * Runs one load from the opening of the connections to their end. Returns false, with a sentence
 * in `error`, when the hub cannot be reached, fails a connection or stalls; wrong and missing
 * deliveries are no errors but figures of the result.
 */
bool load_run(const struct load_options *o, struct load_result *ret_result,
              char error[LOAD_ERROR_SIZE]);

#endif
