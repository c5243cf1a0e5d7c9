#ifndef PARLEY_CLI_CALL_H
#define PARLEY_CLI_CALL_H

/* `parley call`: a request (call.c), and how its answer is shown (call_print.c). */

#include "cli/remote.h"

enum { CALL_MAX_ANSWER = 2 * REMOTE_MAX_MESSAGE };

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
    bool done;
    int64_t deadline;
    struct buf answer; /* what is to be printed, in lines; without --stream all of it */
};

/* Adds a result, raw, to what is to be printed. */
void call_append(struct call *c, struct str raw);
/*
 * Prints what was added. When the user interrupts it because nobody reads stdout on, it stops in
 * the middle and leaves the signal to be read.
 */
enum cli_exit call_print(struct call *c);
/* Says what went wrong, with the last words of the program that failed. */
void call_complain(struct str error);

#endif
