#ifndef PARLEY_CLI_SOCKET_H
#define PARLEY_CLI_SOCKET_H

/* A stream socket with a time limit on each call. */

#include "base/buf.h"
#include "cli/url.h"
#include "net/stream_tls.h"

enum socket_result { SOCKET_OK, SOCKET_TIMEOUT, SOCKET_ENDED, SOCKET_FULL };

/* A deadline that never comes. */
#define SOCKET_FOREVER INT64_MAX

/* A connected socket. */
struct channel {
    int fd; /* -1: none */
    const struct stream_type *type;
    struct stream *stream; /* owned; what TLS keeps, or NULL */
};

/* Milliseconds of a clock that never goes back; deadlines are in it. */
int64_t socket_now_ms(void);

/* Connects, by TLS if the address says so; false, and `error` gets a sentence, when it cannot. */
bool socket_connect(const struct url *url, int timeout_ms, struct channel *ret_channel,
                    struct buf *error);
/* Closes it, if it is open. */
void socket_close(struct channel *c);
/* Writes all of it, or ends with SOCKET_TIMEOUT or SOCKET_ENDED. Raises no SIGPIPE. */
enum socket_result socket_write(const struct channel *c, struct str bytes, int timeout_ms);
/* Writes as much as there is room for now; never waits. SOCKET_ENDED when there is nobody. */
enum socket_result socket_write_some(const struct channel *c, struct str bytes,
                                     size_t *ret_written);
/* Appends what is there, waiting for some until `deadline`. SOCKET_FULL when `in` has no room. */
enum socket_result socket_read(const struct channel *c, struct buf *in, int64_t deadline);

#endif
