#ifndef PARLEY_CLI_CHILD_H
#define PARLEY_CLI_CHILD_H

/*
 * A program that runs for somebody: /bin/sh -c COMMAND, the leader of a process group of its own,
 * with pipes for its three streams. Nothing here waits; the pipes are for a poll loop.
 *
 * The program is over when the leader has ended: what it leaves behind in its group is killed then,
 * while the leader's number is still its own. What has been printed by then stays to be read; what
 * somebody who left the group adds later does not count.
 */

#include <sys/types.h>

#include "base/buf.h"

struct child {
    pid_t pid;  /* 0: there is none, or it has ended and was reaped */
    int status; /* of one that was reaped, as waitpid(2) has it */
    int in;     /* our ends of its pipes; -1 where there is none */
    int out;
    int err;
    struct buf input; /* what it is still to be given, from `given` on */
    size_t given;
    size_t left; /* once it has ended: what it had printed and is not yet read */
};

enum child_read {
    CHILD_READ,  /* some bytes */
    CHILD_EMPTY, /* nothing for now */
    CHILD_CLOSED /* the end, also when it came before; the descriptor is -1 */
};

/* Without a program. */
void child_init(struct child *c);
/* Ends a program that still runs (SIGKILL), waits for that, and closes all. */
void child_fini(struct child *c);

/*
 * Starts `command` with these variables (NULL-terminated), to be given `input`, which is copied.
 * Returns false, and `error` gets a sentence, when it could not.
 */
bool child_start(struct child *c, const char *command, char *const *environment, struct str input,
                 struct buf *error);
/* Sends a signal to all of its group. */
void child_signal(const struct child *c, int number);
/* Gives it as much of its input as it takes; closes the pipe behind the last of it. */
void child_give(struct child *c);
/* Reads what it prints to stdout, or to stderr. */
enum child_read child_read_out(struct child *c, char *bytes, size_t cap, size_t *ret_len);
enum child_read child_read_err(struct child *c, char *bytes, size_t cap, size_t *ret_len);
/* Looks whether it has ended, and if so reaps it. Returns whether there is no program any more. */
bool child_reap(struct child *c);

#endif
