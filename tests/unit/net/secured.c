#include "secured.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream_tls.h"

SSL_CTX *secured_context;
int secured_full_fd = -1;

ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    if (fd == secured_full_fd) {
        errno = EAGAIN;
        return -1;
    }
    return __real_send(fd, bytes, len, flags);
}

struct tls *secured_load(const struct pair *p)
{
    struct buf said;

    buf_init(&said, 1000);
    struct tls *tls = tls_new(p->cert, p->key, &said, &said);
    assert_non_null(tls);
    return tls;
}

void secured_start(struct rig *g, const struct pair *p)
{
    g->policy.tls = secured_load(p);
    rig_start(g);
    g->policy.tls = NULL;
    g->door[0].stream = &stream_tls;
}

SSL *secured_connect(struct rig *g)
{
    SSL *client = pair_client(secured_context, rig_connect(g));

    while (!pair_shake(client)) {
        rig_turn(g);
    }
    rig_settle(g);
    return client;
}

void secured_leave(struct rig *g, SSL *client)
{
    close(SSL_get_fd(client));
    SSL_free(client);
    rig_settle(g);
    buf_clear(&g->log);
}

void secured_say(struct rig *g, SSL *client, struct str text)
{
    assert_int_equal(text.len, SSL_write(client, text.ptr, (int)text.len));
    rig_settle(g);
}

void secured_expect_start(SSL *client, const char *start)
{
    char have[4096];
    bool ended;
    size_t len = pair_read(client, have, sizeof(have) - 1, &ended);

    have[len] = '\0';
    assert_int_equal(0, strncmp(start, have, strlen(start)));
}

void secured_say_frame(struct rig *g, SSL *client, struct str text)
{
    char frame[200];

    secured_say(g, client, str_make(frame, rig_frame(frame, 0x81, text)));
}

SSL *secured_open(struct rig *g)
{
    SSL *client = secured_connect(g);

    secured_say(g, client, STR(HANDSHAKE));
    secured_expect_start(client, "HTTP/1.1 101 ");
    buf_clear(&g->log);
    return client;
}
