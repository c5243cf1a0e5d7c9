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
 *   daemon.c           life, the loop
 *   daemon_step.c      steps of the core: rows, actions
 *   daemon_check.c     `--check`
 *   daemon_watch.c     readiness and figures, for health.c
 */

#include "config/config.h"

struct daemon_ports {
    void *owner;
    void (*log)(void *owner, unsigned level, const char *event, struct str about,
                struct str details);
    /* As sd_notify(3) has it: "READY=1", "STOPPING=1"; reloading is told apart, since it needs the
     * time. May be NULL. */
    void (*notify)(void *owner, const char *message);
    void (*reloading)(void *owner);
    /* Another configuration holds: what is logged may have changed. May be NULL. */
    void (*configured)(void *owner, const struct config *config);
};

enum daemon_exit {
    DAEMON_OK = 0,
    DAEMON_FAILED = 1,
    DAEMON_AWAY = 69,
    DAEMON_REFUSED = 77,
    DAEMON_CONFIG = 78
};

struct daemon;

/*
 * Reads and checks the configuration. Sources and ports are borrowed for as long as it lives. NULL,
 * and `error` gets a sentence (for DAEMON_CONFIG): a file that is missing, a value that is wrong.
 */
struct daemon *daemon_new(const struct config_sources *sources, const struct daemon_ports *ports,
                          struct buf *error);
/* NULL is taken. */
void daemon_free(struct daemon *d);
/*
 * Runs until daemon_stop; with `once`, until one sync is done and all that came of it is answered.
 * `error` gets a sentence when it ends by anything else.
 */
enum daemon_exit daemon_run(struct daemon *d, bool once, struct buf *error);
/* The steps of `--check`, one by one; opens no turn and answers nobody. */
enum daemon_exit daemon_check(struct daemon *d,
                              void (*line)(void *owner, const char *step, bool is_ok,
                                           const char *sentence),
                              void *owner);
/* From signal handlers and any thread. */
void daemon_stop(struct daemon *d);
void daemon_reload(struct daemon *d);

#endif
