#ifndef PARLEY_REST_REST_H
#define PARLEY_REST_REST_H

/*
 * The HTTP interface: health, status, metrics. It reads the hub's state, so it runs where the hub
 * runs, between two batches. A request comes as the reactor read it, an answer is bytes.
 */

#include "base/buf.h"
#include "core/hub.h"

/* What a reactor counts, since the start; the composition fills it in. It may be a moment old. */
struct rest_figures {
    uint64_t connections; /* now, those of HTTP included */
    uint64_t accepted;
    uint64_t turned_away; /* accepted and closed at once, for want of room */
    uint64_t out_of_files;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t delivered; /* messages written */
    uint64_t skipped;   /* messages that slow readers did not get */
    uint64_t lagged;    /* times that a reader fell behind */
    uint64_t violations;
    uint64_t timeouts;
    uint64_t requests; /* HTTP requests that came here */
    uint64_t refused;  /* HTTP requests that did not */
};

/* What the interface is told by the composition; all borrowed, and as long-lived as the hub. */
struct rest {
    const struct str *world_paths; /* for the front page */
    size_t world_path_count;
    void *owner;
    /* The figures of reactor 0 .. hub_settings(hub)->reactors - 1. */
    void (*figures)(void *owner, unsigned reactor, struct rest_figures *ret_figures);
};

/* The paths that are answered, to GET and HEAD; an empty one is behind the last. */
struct str rest_path(size_t index);

/*
 * Answers an UP_REQUEST through hub_respond: `request` is its text, of which the head is the first
 * `head_len` bytes, as http_parse_head took it.
 */
void rest_handle(const struct rest *rest, struct hub *hub, uint64_t conn, struct str request,
                 size_t head_len);

/* The answer alone: appends it to `out`. Returns whether the connection ends with it. */
bool rest_answer(const struct rest *rest, const struct hub *hub, struct str request,
                 size_t head_len, struct buf *out);

#endif
