#ifndef PARLEY_BENCH_LOAD_H
#define PARLEY_BENCH_LOAD_H

/*
 * The load generator: one process, one thread, many WebSocket clients, any hub. It is a closed
 * loop: a number of messages is kept under way, and the next is sent when one has reached all who
 * should hear it. Each delivery is checked against what was sent, byte for byte, exactly once and
 * in order. What is reported of the server is the CPU time that a delivery cost it, read from the
 * kernel's clocks, not the rate, which on a shared machine says more about the generator.
 */

#include "base/str.h"

#include <stdio.h>
#include <sys/types.h>

enum load_mode {
    LOAD_FANOUT,  /* client 0 speaks, `clients` others hear */
    LOAD_CHAT,    /* each of `clients` speaks in turn, all others hear */
    LOAD_PAIRS,   /* clients 2n and 2n + 1 answer each other; `clients` is twice the pairs */
    LOAD_IDLE,    /* connections are opened and held; the server's memory */
    LOAD_CONNECT, /* connections are opened; the server's CPU time for each */
    LOAD_MODE_COUNT
};

enum {
    LOAD_MAX_CLIENTS = 99999, /* client numbers are five digits */
    LOAD_MAX_WINDOW = 99999,
    LOAD_MAX_SIZE = 16 << 20,
    LOAD_ERROR_SIZE = 256,
};

struct load_options {
    const char *url; /* ws://HOST:PORT/PATH; {id} and {peer} become the names of the client and
                        of its pair's other half. Borrowed, as is all text here */
    const char
        *hello; /* a text message that each client sends first, with {id} and {peer}; or NULL */
    pid_t pid;  /* the server; 0: its CPU time and memory are not read */
    enum load_mode mode;
    uint32_t clients;      /* receivers of a fan-out; all clients in the other modes */
    uint32_t window;       /* messages under way, all clients together */
    uint32_t size;         /* bytes of a message, as payload of its frame */
    double seconds;        /* how long messages are sent; ignored when `messages` is set */
    double warmup_seconds; /* the same before that, unmeasured */
    uint64_t messages;     /* how many are sent, or 0 */
    bool skip_greeting;    /* the server speaks first: a client is ready after its first message */
};

struct load_result {
    double seconds;          /* wall clock of the measured part */
    uint64_t messages;       /* sent */
    uint64_t deliveries;     /* of connections (LOAD_CONNECT, LOAD_IDLE): how many were opened */
    uint64_t wrong;          /* deliveries out of order, repeated, not what was sent, or not for
                                the one who got them */
    uint64_t missing;        /* deliveries that never came */
    uint64_t others;         /* messages of the server's own, in all */
    uint64_t server_cpu_ns;  /* CPU time of all threads of the server */
    uint64_t softirq_cpu_ns; /* of ksoftirqd on the server's CPUs */
    uint64_t own_cpu_ns;     /* the generator's */
    uint64_t pss_before;     /* bytes of the server's private memory (LOAD_IDLE) */
    uint64_t pss_after;
    uint64_t rss_before; /* bytes of its resident size */
    uint64_t rss_after;
};

/* Those of a plain run: fan-out to 100, one message under way, 128 bytes, two seconds. */
void load_options_init(struct load_options *o);

/*
 * Reads the command line into `o`, which then borrows from it. Returns 0; 1 after printing the
 * help to standard output; or -1 after saying on standard error what is wrong.
 * `ret_text` says that the result is to be printed for people.
 */
int load_options_parse(struct load_options *o, int argc, char **argv, bool *ret_text);

/*
 * Runs one load from the opening of the connections to their end. Returns false, with a sentence
 * in `error`, when the hub cannot be reached, fails a connection or stalls; wrong and missing
 * deliveries are no errors but figures of the result.
 */
bool load_run(const struct load_options *o, struct load_result *ret_result,
              char error[LOAD_ERROR_SIZE]);

/* "fanout" and so on. */
const char *load_mode_name(enum load_mode mode);

/* One JSON object on one line. */
void load_print_json(FILE *file, const struct load_options *o, const struct load_result *r);
/* The same for people. */
void load_print_text(FILE *file, const struct load_options *o, const struct load_result *r);

#endif
