#ifndef PARLEY_CLI_BANNER_H
#define PARLEY_CLI_BANNER_H

/* What `parley serve` prints on a terminal: where it is, and what to type next. */

#include "base/buf.h"

struct banner {
    const char *program; /* as it was started */
    const char *bind;    /* listen.bind; NULL: sockets were given */
    const char *mode;    /* auth.mode */
    const char *world_path;
    const char *gateway_path;
    const char *echo_path; /* NULL for none */
    const char *address;   /* "127.0.0.1"; to be reached at from here */
    uint16_t port;
    const char *unix_path; /* NULL for none */
    bool is_tls;           /* the TCP port speaks it */
};

/* Appends all but the last line, which says when it was ready. */
void banner_append(struct buf *out, const struct banner *banner);

#endif
