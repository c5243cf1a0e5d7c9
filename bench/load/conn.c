#include "conn_internal.h"

#include "net/stream_tls.h"
#include "ws/ws.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

enum {
    CLIENTS_PER_ADDRESS = 20000,
};

bool conn_fail(struct conn_shared *shared, const struct conn *c, const char *what)
{
    int room = (int)sizeof(shared->error);
    int len = snprintf(shared->error, sizeof(shared->error), "client %u: %s", c->client, what);
    if (errno != 0 && len > 0 && len < room) {
        (void)snprintf(shared->error + len, (size_t)(room - len), ": %s", strerror(errno));
    }
    return false;
}

bool conn_fail_protocol(struct conn_shared *shared, const struct conn *c, const char *what)
{
    errno = 0;
    return conn_fail(shared, c, what);
}

static const struct conn_manner *manner_of(const struct conn *c, const struct conn_shared *shared)
{
    return &shared->manners[c->client < shared->split ? 0 : 1];
}

static void expand(const struct conn *c, const struct conn_shared *shared, const struct template *t,
                   struct buf *out)
{
    struct template_values values;
    plan_values(shared->plan, c->client, &values);
    template_expand(t, &values, out, NULL);
}

static void queue_request(struct conn *c, const struct conn_shared *shared)
{
    buf_append_str(&c->out, STR("GET "));
    expand(c, shared, manner_of(c, shared)->path, &c->out);
    buf_printf(&c->out,
               " HTTP/1.1\r\nHost: %.*s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %.*s\r\n",
               STR_ARG(shared->authority), CONN_KEY_SIZE, shared->key);
    if (shared->token.len > 0) {
        buf_printf(&c->out, "Authorization: Bearer %.*s\r\n", STR_ARG(shared->token));
    }
    if (shared->unpacker != NULL) {
        buf_append_str(&c->out, STR("Sec-WebSocket-Extensions: permessage-deflate; "
                                    "server_no_context_takeover\r\n"));
    }
    buf_append_str(&c->out, STR("\r\n"));
}

static bool bind_source(int fd, uint32_t client, const struct conn_shared *shared)
{
    struct sockaddr_in hub;
    uint32_t block = client / CLIENTS_PER_ADDRESS;
    if (block == 0 || shared->address.ss_family != AF_INET) {
        return true;
    }
    memcpy(&hub, &shared->address, sizeof(hub));
    if (ntohl(hub.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET) {
        return true;
    }
    struct sockaddr_in source = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK + block),
    };
    int yes = 1;
    return setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes)) == 0 &&
           bind(fd, (struct sockaddr *)&source, sizeof(source)) == 0;
}

bool conn_start(struct conn *c, uint32_t client, struct conn_shared *shared)
{
    *c = (struct conn){.fd = -1, .client = client};
    buf_init(&c->in, CONN_MAX_QUEUE);
    buf_init(&c->out, CONN_MAX_QUEUE);
    c->fd = socket(shared->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        return conn_fail(shared, c, "no socket; `ulimit -n` says how many there may be");
    }
    int yes = 1;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (!bind_source(c->fd, client, shared)) {
        return conn_fail(shared, c, "bind");
    }
    if (connect(c->fd, (struct sockaddr *)&shared->address, shared->address_len) != 0 &&
        errno != EINPROGRESS) {
        return conn_fail(shared, c, "cannot connect, --url says where");
    }
    c->state = CONN_CONNECTING;
    return true;
}

void conn_close(struct conn *c)
{
    if (c->fd >= 0) {
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        stream_tls_free(c->stream); /* it may still say goodbye */
        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(c->fd);
    }
    c->stream = NULL;
    c->fd = -1;
    c->state = CONN_CLOSED;
    buf_fini(&c->in);
    buf_fini(&c->out);
}

bool conn_has_more(const struct conn *c)
{
    return c->out.len > 0 || (c->stream != NULL && stream_tls_owes(c->stream));
}

bool conn_flush(struct conn *c, struct conn_shared *shared)
{
    if (c->out.failed) {
        errno = ENOMEM;
        return conn_fail(shared, c, "send queue");
    }
    while (conn_has_more(c)) { /* a handshake may owe bytes while nothing is queued */
        struct iovec iov = {.iov_base = c->out.data, .iov_len = c->out.len};
        ssize_t sent = shared->streams->send(c->stream, c->fd, &iov, 1);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return errno == EAGAIN || conn_fail(shared, c, "send");
        }
        buf_consume(&c->out, (size_t)sent);
    }
    return true;
}

bool conn_queue_frame(struct conn *c, struct conn_shared *shared, enum ws_opcode opcode,
                      struct str payload)
{
    uint8_t mask[4];
    char header[WS_MAX_HEADER];
    shared->random ^= shared->random << 13; /* xorshift32; a hub cannot tell it from better ones */
    shared->random ^= shared->random >> 17;
    shared->random ^= shared->random << 5;
    memcpy(mask, &shared->random, sizeof(mask));
    size_t header_len = ws_write_masked_header(header, opcode, payload.len, mask);
    if (!buf_reserve(&c->out, header_len + payload.len)) {
        return false;
    }
    buf_append(&c->out, header, header_len);
    buf_append_str(&c->out, payload);
    ws_mask(c->out.data + c->out.len - payload.len, payload.len, mask, 0);
    return true;
}

bool conn_queue(struct conn *c, struct conn_shared *shared, struct str payload)
{
    if (!shared->bare) {
        return conn_queue_frame(c, shared, WS_TEXT, payload);
    }
    buf_append_str(&c->out, payload);
    return !c->out.failed;
}

bool conn_become_ready(struct conn *c, struct conn_shared *shared)
{
    const struct template *text = manner_of(c, shared)->hello;
    c->state = CONN_READY;
    if (text->text.len == 0) {
        return true;
    }
    struct buf hello;
    buf_init(&hello, CONN_MAX_QUEUE);
    expand(c, shared, text, &hello);
    bool ok = !hello.failed && conn_queue(c, shared, buf_str(&hello));
    buf_fini(&hello);
    return ok ? conn_flush(c, shared) : conn_fail(shared, c, "send queue");
}

/* It is in; where the hub greets it waits for that. */
bool conn_enter(struct conn *c, struct conn_shared *shared)
{
    c->state = CONN_GREETING;
    return shared->greets || conn_become_ready(c, shared);
}

bool conn_begin(struct conn *c, struct conn_shared *shared)
{
    if (shared->bare) {
        return conn_enter(c, shared) && conn_flush(c, shared);
    }
    c->state = CONN_UPGRADING;
    queue_request(c, shared);
    return conn_flush(c, shared);
}

bool conn_writable(struct conn *c, struct conn_shared *shared)
{
    if (c->state == CONN_CONNECTING) {
        socklen_t len = sizeof(int);
        int error = 0;
        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
            errno = error != 0 ? error : errno;
            return conn_fail(shared, c, "cannot connect, --url says where");
        }
        if (shared->tls == NULL) {
            return conn_begin(c, shared);
        }
        c->state = CONN_SECURING;
        c->stream = stream_tls_connect(shared->tls, c->fd, shared->host);
        errno = ENOMEM;
        return c->stream != NULL || conn_fail(shared, c, "TLS");
    }
    return conn_flush(c, shared);
}
