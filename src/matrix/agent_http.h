#ifndef PARLEY_MATRIX_AGENT_HTTP_H
#define PARLEY_MATRIX_AGENT_HTTP_H

/*
 * What the two adapters that speak HTTP share: turns with their deadlines, requests that are tried
 * again, the sentences about failures, and whether the agent can be reached.
 *
 * A turn is a row of steps, each one request. A step that fails for a cause that can pass is done
 * again, a little later each time, until AGENT_AWAY_MS after its first failure or the turn's
 * deadline; so steps are made such that doing one twice does no harm.
 */

#include "base/list.h"
#include "matrix/agent_settings.h"
#include "matrix/sse.h"

enum {
    AGENT_MAX_SMALL = 64 * 1024, /* an answer that has no text in it */
};

struct agent_turn {
    struct list link;
    struct agent *agent;
    uint64_t turn;
    int step;  /* the adapter's own */
    bool over; /* answered; only its request is still open */
    struct http_call *call;
    uint64_t deadline_ms;
    uint64_t due_ms;     /* when the next step is; UINT64_MAX: it waits for a request */
    uint64_t failed_ms;  /* when the step failed first; 0: it has not */
    unsigned failures;   /* of the step, in a row */
    const char *trouble; /* the sentence about the last one */
    /* What is asked. */
    struct buf key;
    struct buf name;
    struct buf session;
    struct buf model;
    struct buf question;
    struct buf history;
    /* What is answered. */
    struct buf message_id;
    struct buf text;
    struct buf body; /* of a response that is gathered by the adapter */
    struct sse sse;
    bool streams; /* what has come is a stream: sse; else body */
    bool heard;   /* something has come */
    bool finished;
    bool broken;
};

struct agent {
    const struct agent_http *kind;
    struct agent_settings settings;
    struct buf texts; /* of the settings */
    struct agent_ports ports;
    struct http_client *http;
    uint64_t now_ms;
    struct list turns;
    struct http_call *probe;
    int reached; /* -1: nobody knows yet; 0, 1 */
};

/* What an adapter does by itself. */
struct agent_http {
    /* Starts the request of the turn's step. False: no memory. */
    bool (*step)(struct agent_turn *t);
    /* Its response, when it is a success; in the end it calls agent_next, agent_end or agent_again.
     */
    void (*take)(struct agent_turn *t, const struct http_response *response);
    /* What a probe asks for, with GET; the path behind the base. */
    struct str (*probe_path)(const struct agent *a);
};

struct agent *agent_http_new(const struct agent_http *kind, const struct agent_settings *settings,
                             const struct agent_ports *ports, struct http_client *http,
                             struct bridge_time now);
/* The rows of agent_adapter that are the same for both. */
void agent_http_free(struct agent *a);
bool agent_http_ask(struct agent *a, const struct bridge_action *action);
void agent_http_stop(struct agent *a, uint64_t turn);
void agent_http_tick(struct agent *a, struct bridge_time now);
void agent_http_clock(struct agent *a, struct bridge_time now);
uint64_t agent_http_deadline(const struct agent *a);
struct http_watch agent_http_watch(const struct agent *a);
void agent_http_ready(struct agent *a, short revents);
void agent_http_probe(struct agent *a);

/*
 * Starts a request of a turn: POST with a body, else GET. `path` is what stands behind the base.
 * `part` as in http.h, its owner is the turn. False: no memory.
 */
bool agent_send(struct agent_turn *t, struct str path, const struct buf *body,
                void (*part)(void *owner, struct str bytes));
/* The next step is done at once, or after a while. */
void agent_next(struct agent_turn *t, int step, uint64_t wait_ms);
/* The step has failed for a cause that can pass. wait_ms -1: as long as is usual. */
void agent_again(struct agent_turn *t, const char *sentence, int64_t wait_ms);
/* The turn is over. It is freed, unless its request goes on: then that may end by itself. */
void agent_end(struct agent_turn *t, enum bridge_failure failure, const char *sentence);

#endif
