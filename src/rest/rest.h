#ifndef PARLEY_REST_REST_H
#define PARLEY_REST_REST_H

/*
 * The HTTP interface: health, status, lists, the administrator's operations, metrics, the page. It
 * reads the hub's state and changes it, so it runs where the hub runs, between two batches. A
 * request comes as the reactor read it, an answer is bytes.
 */

#include "base/buf.h"
#include "base/histogram.h"
#include "core/access.h"

/* What a reactor counts, since the start; the composition fills it in. It may be a moment old. */
struct rest_figures {
    uint64_t connections; /* now, those of HTTP included */
    uint64_t accepted;
    uint64_t turned_away; /* accepted and closed at once, for want of room */
    uint64_t displaced;   /* ended without a whole request, to make room */
    uint64_t out_of_files;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t delivered;     /* messages written */
    uint64_t skipped;       /* messages that slow readers did not get */
    uint64_t too_big;       /* messages skipped for their length */
    uint64_t lagged;        /* times that a reader fell behind */
    uint64_t queue_bytes;   /* now, in the queues of connections */
    uint64_t out_of_memory; /* connections lost for want of it */
    uint64_t inflated;
    uint64_t inflated_saved;
    uint64_t violations;
    uint64_t timeouts;
    uint64_t tls_handshakes; /* that came to a good end */
    uint64_t tls_resumed;    /* of these, by a ticket */
    uint64_t tls_failed;     /* connections that ended before it */
    uint64_t requests;       /* HTTP requests that came here */
    uint64_t refused;        /* HTTP requests that did not */
    /* Borrowed. */
    const struct histogram *loop_lag; /* how long its turns took */
    const struct histogram *route;    /* from read to routed, of what it read */
};

/* What the interface remembers between two requests. */
struct rest_state;

/* Returns owned; NULL when there is no memory. */
struct rest_state *rest_state_new(void);
/* NULL is taken. */
void rest_state_free(struct rest_state *state);

/* What the interface is told by the composition; all borrowed, and as long-lived as the hub. */
struct rest {
    const struct str *world_paths; /* for the front page */
    size_t world_path_count;
    struct str gateway_path; /* of the other dialect */
    bool public_metrics;     /* /metrics asks for no credential */
    struct rest_state *state;
    void *owner;
    /* The figures of reactor 0 .. hub_settings(hub)->reactors - 1. */
    void (*figures)(void *owner, unsigned reactor, struct rest_figures *ret_figures);
    /* Stops the gateway, as a signal would; called once at most. */
    void (*stop)(void *owner);
};

/*
 * The paths that are answered, for whoever reads requests; an empty one is behind the last. With a
 * parameter, which is one segment that is not empty, a path is what stands before and behind it.
 */
enum {
    REST_AROUND_MESSAGE = 4096, /* bytes of a body besides the message in it */
    REST_BODY = 16 * 1024,      /* bytes of a body on any path that takes no message */
};

struct rest_path {
    struct str path; /* the whole, or what stands before the parameter */
    struct str suffix;
    bool has_parameter;
    uint8_t methods;    /* bit n: enum http_method n */
    bool takes_message; /* its bodies are longer than a message, by REST_AROUND_MESSAGE at most */
};
struct rest_path rest_path(size_t index);

/*
 * Answers an UP_REQUEST through hub_respond: `request` is its text, of which the head is the first
 * `head_len` bytes, as http_parse_head took it. When the hub has to have a password checked first,
 * it answers later, by rest_judged.
 */
void rest_handle(const struct rest *rest, struct hub *hub, uint64_t conn,
                 const struct evidence *evidence, struct str request, size_t head_len);
/* The rest of that, for hub_ports.judged. */
void rest_judged(const struct rest *rest, struct hub *hub, uint64_t conn,
                 const struct hub_asker *asker, struct str request, size_t head_len);

#endif
