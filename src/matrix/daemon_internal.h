#ifndef PARLEY_MATRIX_DAEMON_INTERNAL_H
#define PARLEY_MATRIX_DAEMON_INTERNAL_H

/* What the files of the daemon share. */

#include <stdatomic.h>

#include "matrix/daemon.h"
#include "matrix/health.h"
#include "matrix/setup.h"
#include "matrix/store.h"

/* An action of the core that waits for the commit; its texts stand behind it. */
struct kept_action {
    struct kept_action *next;
    struct bridge_action action;
    char texts[];
};

struct daemon {
    struct daemon_ports ports;
    const struct config_sources *sources;
    struct setup *setup;   /* owned; what holds */
    struct setup *earlier; /* owned; the one that the parts were made from, when it is another */
    struct http_client *http;
    struct store *store;
    struct bridge *bridge;
    struct homeserver *homeserver;
    struct agent *agent;
    struct health *health; /* NULL: nobody is told */
    struct bridge_time now;
    struct buf *error; /* of daemon_run */
    enum daemon_exit code;
    bool over;
    bool once;
    bool is_stopping;
    uint64_t stop_by_ms;
    bool has_rows; /* of the step at hand */
    struct kept_action *actions;
    struct kept_action **actions_end;
    /* how it stands */
    bool said_ready; /* to the service manager */
    bool has_synced;
    enum homeserver_fault fault;
    struct buf fault_sentence;
    int reached; /* the agent: -1: nobody knows */
    struct buf reach_sentence;
    uint64_t probe_ms; /* when it is to be tried again */
    uint64_t commits_total;
    atomic_bool stop_asked;
    atomic_bool reload_asked;
};

static inline void daemon_log(const struct daemon *d, unsigned level, const char *event,
                              struct str about, struct str details)
{
    d->ports.log(d->ports.owner, level, event, about, details);
}

enum { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

/* --- daemon.c --------------------------------------------------------------------------------- */

struct bridge_time daemon_clock(void);
void daemon_random(void *owner, void *bytes, size_t len);
/* It ends with this code; the sentence of the first end counts. */
void daemon_end(struct daemon *d, enum daemon_exit code, const char *sentence);
const struct agent_adapter *daemon_adapter(const struct daemon *d);
/* The ports of a homeserver's client, and of an agent, that belong to the daemon. */
struct homeserver_ports daemon_homeserver_ports(struct daemon *d);
struct agent_ports daemon_agent_ports(struct daemon *d);

/* --- daemon_step.c ---------------------------------------------------------------------------- */

/* bridge_ports */
bool step_save(void *owner, const struct bridge_row *row);
bool step_act(void *owner, const struct bridge_action *action);
/* Ends a step of the core: rows are on the disk, actions are under way; or it is over. */
void step_end(struct daemon *d);
void step_fini(struct daemon *d);

/* --- daemon_watch.c --------------------------------------------------------------------------- */

/* health_ports */
bool watch_ready(void *owner, struct buf *why);
void watch_metrics(void *owner, struct buf *out);

#endif
