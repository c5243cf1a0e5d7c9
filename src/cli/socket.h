#ifndef PARLEY_CLI_SOCKET_H
#define PARLEY_CLI_SOCKET_H

/* A stream socket with a time limit on each call. */

#include "base/buf.h"
#include "cli/url.h"

enum socket_result { SOCKET_OK, SOCKET_TIMEOUT, SOCKET_ENDED, SOCKET_FULL };

/* A deadline that never comes. */
#define SOCKET_FOREVER INT64_MAX

/* Milliseconds of a clock that never goes back; deadlines are in it. */
int64_t socket_now_ms(void);

/* A connected descriptor, owned by the caller; or -1, and `error` gets a sentence. */
int socket_connect(const struct url *url, int timeout_ms, struct buf *error);
/* Writes all of it, or ends with SOCKET_TIMEOUT or SOCKET_ENDED. Raises no SIGPIPE. */
enum socket_result socket_write(int fd, struct str bytes, int timeout_ms);
/* Writes as much as there is room for now; never waits. SOCKET_ENDED when there is nobody. */
enum socket_result socket_write_some(int fd, struct str bytes, size_t *ret_written);
/* Appends what is there, waiting for some until `deadline`. SOCKET_FULL when `in` has no room. */
enum socket_result socket_read(int fd, struct buf *in, int64_t deadline);

#endif
