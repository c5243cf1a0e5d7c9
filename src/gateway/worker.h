#ifndef PARLEY_GATEWAY_WORKER_H
#define PARLEY_GATEWAY_WORKER_H

/*
 * One thread for what takes long: checking passwords, which takes long on purpose, and loading a
 * configuration, which reads files. The hub hands such jobs in and takes the results in a later
 * turn, so it never waits. The thread is started by the first job; a gateway without passwords that
 * is never reloaded has none.
 *
 * Passwords stand in a ring, oldest first; the thread works on the first that is not done.
 *
 *   taken ......... done ............ added
 *    |  verdicts     |  waiting,       |
 *    |               |  the first one  |
 *    |               |  under way      |
 *
 * A verdict holds for the stored hash that it was made with. When another is set, `done` goes back
 * to `taken` and the one under way is begun again, so no verdict for an older hash is ever given.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { WORKER_PASSWORDS = 64 }; /* that wait, are being checked or wait to be taken */

struct worker_ports {
    void *owner;
    /* Whether the password is the one that `hash` was stored for. Called in the worker's thread. */
    bool (*verify)(const char *hash, struct str password);
    /* Loads; what it returns is owned by who takes it. Called in the worker's thread. */
    void *(*load)(void *owner);
    /* There is a result. Called in the worker's thread. */
    void (*wake)(void *owner);
};

struct worker;

/* Returns owned; NULL when there is no memory. Ports are copied. */
struct worker *worker_new(const struct worker_ports *ports);
/*
 * Waits for what is under way and forgets the rest. A load that was done and not taken is returned
 * (owned), else NULL; NULL is taken.
 */
void *worker_free(struct worker *w);

/*
 * The stored hash that passwords are checked against from now on, copied; NULL: none is right.
 * False: no memory, and all is as before.
 */
bool worker_set_password(struct worker *w, const char *hash);

/* Checks a password, which is copied, and wiped after use. False: too many, or no thread. */
bool worker_check(struct worker *w, uint64_t job, struct str password);
/* The next verdict, in the order of the jobs. False: there is none yet. */
bool worker_take_verdict(struct worker *w, uint64_t *ret_job, bool *ret_right);

/* Loads, before any password that waits. Not while a load is under way or not taken yet. */
bool worker_load(struct worker *w);
/* What was loaded, owned. False: there is nothing yet. */
bool worker_take_load(struct worker *w, void **ret_loaded);

#endif
