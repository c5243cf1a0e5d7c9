#ifndef PARLEY_MATRIX_AGENT_H
#define PARLEY_MATRIX_AGENT_H

/*
 * The agent that is asked, behind one interface: an adapter opens sessions, asks, streams, is
 * stopped. Each adapter is a table of functions and a file of its own.
 *
 *   agent_aiagent.c   sessions and messages over HTTP, polled; paths and JSON pointers configurable
 *   agent_openai.c    POST /v1/chat/completions with stream:true; sse.c reads its events
 *   agent_gateway.c   a request to a capability over Parley's own WebSocket; the room's people are
 *                     its presence (uplink.c is the connection)
 *
 * Whatever is not an answer has a `failure`, and the end of a sentence that may be shown in a room,
 * behind what the failure means: "it has too much to do". It names no address and no credential,
 * so nothing that an API has said of its errors is in it. With a failure there may be the beginning
 * of an answer.
 *
 * What fails for a cause that can pass is tried again before the first text, for 20 s at most and
 * never past the deadline of the turn.
 */

#include "matrix/bridge.h"
#include "matrix/http.h"

struct agent_ports {
    void *owner;
    void (*session_opened)(void *owner, uint64_t turn, struct str session_id);
    /* The whole text so far, Markdown. */
    void (*answering)(void *owner, uint64_t turn, struct str text);
    /* Once a turn, last; not from inside `ask` or `stop`. */
    void (*answered)(void *owner, uint64_t turn, struct str text, enum bridge_failure failure,
                     struct str error);
    /* Whether it can be reached, by what was last heard of it; `sentence` says what is wrong. */
    void (*reachable)(void *owner, bool is_reachable, const char *sentence);
    void (*log)(void *owner, unsigned level, const char *event, struct str about,
                struct str details);
};

/* How an API of the shape of aiagent is spoken: paths with {session} and {message}, JSON pointers.
 */
struct agent_paths {
    struct str create_path;   /* POST: "/api/sessions" */
    struct str create_id;     /* in its answer: "/id" */
    struct str ask_path;      /* POST: "/api/sessions/{session}/messages" */
    struct str ask_id;        /* "/message_id" */
    struct str poll_path;     /* GET: "/api/sessions/{session}/messages?after={message}" */
    struct str poll_status;   /* "/status": running, done, error */
    struct str poll_messages; /* "/messages" */
    struct str name_field;    /* of the request of create: "name" */
    struct str content_field; /* of the request of ask: "content" */
    struct str key_field;     /* "idempotency_key" */
};

struct agent_settings {
    struct str base_url; /* without /v1; for the gateway: ws://host:port/ws */
    struct str api_key;  /* secret; sent as `Authorization: Bearer`; empty: none */
    struct str model;
    struct str capability;
    struct str user_id;  /* of the bridge, for the gateway's presence */
    uint64_t timeout_ms; /* of a whole turn */
    uint64_t poll_interval_ms;
    size_t max_answer_bytes;
    struct agent_paths paths;
};

struct agent;

struct agent_adapter {
    const char *name;   /* "openai" */
    bool keeps_history; /* else the bridge does */
    /* Borrows the client; copies the settings. NULL: no memory. */
    struct agent *(*new)(const struct agent_settings *settings, const struct agent_ports *ports,
                         struct http_client *http, struct bridge_time now);
    void (*free)(struct agent *a);
    /* Takes an ACT_ASK, borrowed. False: no memory. */
    bool (*ask)(struct agent *a, const struct bridge_action *action);
    /* The turn is over for the bridge: nothing more is said of it. */
    void (*stop)(struct agent *a, uint64_t turn);
    void (*tick)(struct agent *a, struct bridge_time now);
    /* What time it is, and nothing more: a wait is over, and it is about to be told what came. */
    void (*clock)(struct agent *a, struct bridge_time now);
    uint64_t (*deadline)(const struct agent *a);
    /* Its descriptor, to be waited for; fd -1: none. Its revents come back by `ready`. */
    struct http_watch (*watch)(const struct agent *a);
    void (*ready)(struct agent *a, short revents);
    /* Tries whether it can be reached, opening no turn; the answer comes by `reachable`. The
     * gateway's adapter always tries, and says by itself what it finds. */
    void (*probe)(struct agent *a);
    /* Somebody is, or is no longer, in a room (gateway only; NULL elsewhere). */
    void (*people)(struct agent *a, struct str room, struct str user_id, bool is_there);
};

extern const struct agent_adapter agent_aiagent, agent_openai, agent_gateway;

#endif
