#ifndef PARLEY_GATEWAY_THREAD_H
#define PARLEY_GATEWAY_THREAD_H

/* Starting a thread of the gateway's. */

#include <pthread.h>

/*
 * Starts a thread that no signal is delivered to: they are for the one that called gateway_run.
 * Returns 0 or a negative errno.
 */
int thread_start(pthread_t *ret_thread, void *(*run)(void *arg), void *arg);

#endif
