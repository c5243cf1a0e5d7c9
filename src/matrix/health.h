#ifndef PARLEY_MATRIX_HEALTH_H
#define PARLEY_MATRIX_HEALTH_H

/*
 * The bridge's own pages: /healthz, /readyz, /metrics. HTTP/1.1 for whoever watches it: one request
 * a connection, few connections, a few seconds for each.
 */

#include "matrix/http.h"

struct health;

/* What the pages say, asked for when somebody wants to know. */
struct health_ports {
    void *owner;
    /* Whether it is ready; else `why` gets a sentence. */
    bool (*ready)(void *owner, struct buf *why);
    /* Appends the text of Prometheus. */
    void (*metrics)(void *owner, struct buf *out);
};

enum { HEALTH_CONNECTIONS = 16, HEALTH_WATCHES = HEALTH_CONNECTIONS + 1 };

/*
 * Listens on "127.0.0.1:8767", "[::1]:8767". Returns owned; NULL, with a sentence that begins with
 * the option's name, when it cannot.
 */
struct health *health_new(struct str address, const struct health_ports *ports, struct buf *error);
/* NULL is taken. */
void health_free(struct health *h);
/* Fills in what is to be waited for; returns how many, at most HEALTH_WATCHES. */
size_t health_watch(const struct health *h, struct http_watch watches[HEALTH_WATCHES]);
/* Serves what they have become ready for. */
void health_ready(struct health *h, const struct http_watch *watches, size_t count,
                  uint64_t now_ms);
/* When a connection has had its time, or others are let in again, monotonic; UINT64_MAX: there is
 * nothing to wait for. */
uint64_t health_deadline(const struct health *h);

#endif
