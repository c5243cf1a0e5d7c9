#ifndef PARLEY_NET_STREAM_H
#define PARLEY_NET_STREAM_H

/*
 * How bytes get in and out of a connection's socket. The socket does not block; every function
 * returns at once.
 */

#include <sys/types.h>
#include <sys/uio.h>

/* What a stream keeps for one connection. */
struct stream;

/* `s` is NULL for streams that keep nothing. */
struct stream_type {
    /* Up to `cap` bytes; 0 when the peer has ended; -1 with errno, EAGAIN for nothing now. */
    ssize_t (*receive)(struct stream *s, int fd, void *bytes, size_t cap);
    /*
     * How many bytes of the `count` pieces were taken; -1 with errno, EAGAIN for none now. When
     * fewer than all were, the next call begins with the byte behind them.
     */
    ssize_t (*send)(struct stream *s, int fd, const struct iovec *iov, int count);
    /* Tells the peer that nothing more comes. Its own bytes may still be read. */
    void (*finish)(struct stream *s, int fd);
};

/* TCP and AF_UNIX sockets. A peer that has gone raises no signal. It keeps nothing. */
extern const struct stream_type stream_tcp;

#endif
