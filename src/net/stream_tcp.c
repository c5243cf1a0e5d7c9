#include <sys/socket.h>

#include "net/stream.h"

static ssize_t receive_plain(struct stream *s, int fd, void *bytes, size_t cap)
{
    (void)s;
    return recv(fd, bytes, cap, MSG_DONTWAIT);
}

static ssize_t send_plain(struct stream *s, int fd, const struct iovec *iov, int count)
{
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;

    (void)s;
    /* The kernel copies no vector and no message header for the usual single piece. */
    if (count == 1) {
        return send(fd, iov[0].iov_base, iov[0].iov_len, flags);
    }
    struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};
    return sendmsg(fd, &message, flags);
}

static void finish_plain(struct stream *s, int fd)
{
    (void)s;
    /* It fails only when the peer has gone, which the next read says as well. */
    (void)shutdown(fd, SHUT_WR);
}

const struct stream_type stream_tcp = {
    .receive = receive_plain,
    .send = send_plain,
    .finish = finish_plain,
};
