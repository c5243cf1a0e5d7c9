#ifndef PARLEY_MATRIX_DAEMON_H
#define PARLEY_MATRIX_DAEMON_H

/*
 * The bridge put together: store, core, homeserver and agent in one loop, in one thread.
 *
 *   turn:  http_wait; whatever came was told to the core; bridge_tick; bridge_settle; store_commit;
 *          then the actions, in their order, to homeserver and agent.
 *
 * An action that cannot be taken for want of memory, or a commit that fails, ends the process: the
 * next start does again what was committed.
 *
 *   daemon.c    the loop        daemon_check.c    `--check`        health.c   /healthz, /readyz,
 * /metrics
 */

#include "config/config.h"

struct daemon_ports {
    void *owner;
    void (*log)(void *owner, unsigned level, const char *event, struct str about,
                struct str details);
    /* Ready for the first time, reloading, ready again, stopping: for the service manager. */
    void (*phase)(void *owner, const char *notification);
};

enum daemon_exit {
    DAEMON_OK = 0,
    DAEMON_FAILED = 1,
    DAEMON_AWAY = 69,
    DAEMON_REFUSED = 77,
    DAEMON_CONFIG = 78
};

struct daemon;

/* NULL, and `error` gets a sentence (for exit 78): a file that is missing, a value that is wrong.
 */
struct daemon *daemon_new(const struct config_sources *sources, const struct daemon_ports *ports,
                          struct buf *error);
void daemon_free(struct daemon *d);
/* Runs until daemon_stop; with `once`, until one sync is done and all that came of it is answered.
 */
enum daemon_exit daemon_run(struct daemon *d, bool once);
/* The lines of `--check`, each to `line`; opens no turn and answers nobody. */
enum daemon_exit daemon_check(struct daemon *d,
                              void (*line)(void *owner, bool is_ok, const char *step,
                                           const char *sentence),
                              void *owner);
/* From signal handlers and any thread. */
void daemon_stop(struct daemon *d);
void daemon_reload(struct daemon *d);

#endif
