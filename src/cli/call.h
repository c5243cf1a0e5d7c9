#ifndef PARLEY_CLI_CALL_H
#define PARLEY_CLI_CALL_H

/* `parley call`: a request (call.c), and how its answer is shown (call_print.c). */

#include "cli/remote.h"

enum {
    CALL_MAX_ANSWER = 2 * REMOTE_MAX_MESSAGE,
    CALL_MAX_WAITING = 64 * 1024 * 1024, /* of a stream: so much may wait for stdout */
    CALL_PIECE = 4096, /* what a pipe with room takes without waiting (PIPE_BUF) */
};

struct call {
    const char *capability;
    const char *agent;
    struct buf request; /* raw */
    int64_t timeout_ms;
    bool stream;
    bool json;
    bool terminal;
    struct remote remote;
    int signals; /* a signalfd */
    bool cancelled;
    bool began; /* a part of the answer has come */
    bool done;
    int64_t deadline;
    struct buf answer; /* what is to be printed, in lines; without --stream all of it */
    size_t printed;    /* of it, what stdout has taken */
    size_t refused;    /* what waited when stdout last took no more */
};

/* Adds a result, raw, to what is to be printed. */
void call_append(struct call *c, struct str raw);
/* How much of what was added is not printed yet. */
size_t call_waiting(const struct call *c);
/*
 * Prints as much as stdout takes now, so that who is slow to read it does not keep the messages of
 * the gateway waiting.
 */
enum cli_exit call_print_some(struct call *c);
/* Prints the rest. CLI_INTERRUPTED when the user ends it because nobody reads stdout on. */
enum cli_exit call_print(struct call *c);
/* Says what went wrong, with the last words of the program that failed. */
void call_complain(struct str error);

#endif
