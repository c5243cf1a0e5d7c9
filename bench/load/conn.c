#include "conn.h"

#include "message.h"
#include "ws/ws.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

enum {
    CLIENTS_PER_ADDRESS = 20000,
    MAX_RESPONSE = 16 * 1024, /* bytes of the head of the answer to the upgrade */
};

static bool fail(struct conn_shared *shared, const struct conn *c, const char *what)
{
    int room = (int)sizeof(shared->error);
    int len = snprintf(shared->error, sizeof(shared->error), "client %u: %s", c->client, what);
    if (errno != 0 && len > 0 && len < room) {
        (void)snprintf(shared->error + len, (size_t)(room - len), ": %s", strerror(errno));
    }
    return false;
}

static bool fail_protocol(struct conn_shared *shared, const struct conn *c, const char *what)
{
    errno = 0;
    return fail(shared, c, what);
}

/* Appends `text` with {id} and {peer} replaced. */
static void append_expanded(struct buf *b, struct str text, uint32_t client)
{
    char name[MESSAGE_NAME_SIZE];
    while (text.len > 0) {
        size_t taken = 1;
        if (str_starts_with(text, STR("{id}"))) {
            taken = 4;
            message_name(client, name);
            buf_append(b, name, sizeof(name));
        } else if (str_starts_with(text, STR("{peer}"))) {
            taken = 6;
            message_name(client ^ 1, name);
            buf_append(b, name, sizeof(name));
        } else {
            buf_append_char(b, text.ptr[0]);
        }
        text = str_slice(text, taken, text.len);
    }
}

static void queue_request(struct conn *c, const struct conn_shared *shared)
{
    buf_append_str(&c->out, STR("GET "));
    append_expanded(&c->out, shared->path, c->client);
    buf_printf(&c->out,
               " HTTP/1.1\r\nHost: %.*s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %.*s\r\n\r\n",
               STR_ARG(shared->authority), CONN_KEY_SIZE, shared->key);
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
        return fail(shared, c, "socket");
    }
    int yes = 1;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (!bind_source(c->fd, client, shared)) {
        return fail(shared, c, "bind");
    }
    if (connect(c->fd, (struct sockaddr *)&shared->address, shared->address_len) != 0 &&
        errno != EINPROGRESS) {
        return fail(shared, c, "connect");
    }
    c->state = CONN_CONNECTING;
    return true;
}

void conn_close(struct conn *c)
{
    if (c->fd >= 0) {
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(c->fd);
    }
    c->fd = -1;
    c->state = CONN_CLOSED;
    buf_fini(&c->in);
    buf_fini(&c->out);
}

bool conn_flush(struct conn *c, struct conn_shared *shared)
{
    if (c->out.failed) {
        errno = ENOMEM;
        return fail(shared, c, "send queue");
    }
    while (c->out.len > 0) {
        ssize_t sent = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return errno == EAGAIN || fail(shared, c, "send");
        }
        buf_consume(&c->out, (size_t)sent);
    }
    return true;
}

bool conn_writable(struct conn *c, struct conn_shared *shared)
{
    if (c->state == CONN_CONNECTING) {
        socklen_t len = sizeof(int);
        int error = 0;
        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
            errno = error != 0 ? error : errno;
            return fail(shared, c, "connect");
        }
        c->state = CONN_UPGRADING;
        queue_request(c, shared);
    }
    return conn_flush(c, shared);
}

static bool queue_frame(struct conn *c, struct conn_shared *shared, enum ws_opcode opcode,
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

bool conn_queue_text(struct conn *c, struct conn_shared *shared, struct str payload)
{
    return queue_frame(c, shared, WS_TEXT, payload);
}

static bool become_ready(struct conn *c, struct conn_shared *shared)
{
    c->state = CONN_READY;
    if (shared->hello.len == 0) {
        return true;
    }
    struct buf hello;
    buf_init(&hello, CONN_MAX_QUEUE);
    append_expanded(&hello, shared->hello, c->client);
    bool ok = !hello.failed && conn_queue_text(c, shared, buf_str(&hello));
    buf_fini(&hello);
    return ok ? conn_flush(c, shared) : fail(shared, c, "send queue");
}

/* The answer to the upgrade. Returns its length, 0 while it is not whole, or -1. */
static ssize_t take_response(struct conn *c, struct conn_shared *shared, struct str in)
{
    static const char end[] = "\r\n\r\n";
    const char *at = memmem(in.ptr, in.len, end, sizeof(end) - 1);
    if (at == NULL) {
        if (in.len < MAX_RESPONSE) {
            return 0;
        }
        fail_protocol(shared, c, "the answer to the upgrade has no end");
        return -1;
    }
    struct str head = str_make(in.ptr, (size_t)(at - in.ptr) + sizeof(end) - 1);
    if (!str_starts_with(head, STR("HTTP/1.1 101 "))) {
        struct str line = str_slice(head, 0, str_find(head, '\r'));
        char what[120];
        (void)snprintf(what, sizeof(what), "the upgrade was refused: %.*s", STR_ARG(line));
        fail_protocol(shared, c, what);
        return -1;
    }
    if (memmem(head.ptr, head.len, shared->accept, sizeof(shared->accept)) == NULL) {
        fail_protocol(shared, c, "the upgrade has a wrong Sec-WebSocket-Accept");
        return -1;
    }
    c->state = CONN_GREETING;
    if (!shared->skip_greeting && !become_ready(c, shared)) {
        return -1;
    }
    return (ssize_t)head.len;
}

static bool take_payload(struct conn *c, struct conn_shared *shared, unsigned opcode,
                         struct str payload)
{
    switch (opcode) {
    case WS_TEXT:
    case WS_BINARY:
        if (c->state == CONN_GREETING) {
            return become_ready(c, shared);
        }
        shared->on_message(shared->context, c->client, payload);
        return true;
    case WS_PING:
        return queue_frame(c, shared, WS_PONG, payload) && conn_flush(c, shared);
    case WS_PONG:
        return true;
    case WS_CLOSE:
        return fail_protocol(shared, c, "the hub closed the connection");
    default:
        return fail_protocol(shared, c, "a frame of unknown kind");
    }
}

/* Returns the length of the first frame, 0 while it is not whole, or -1. */
static ssize_t take_frame(struct conn *c, struct conn_shared *shared, struct str in)
{
    const unsigned char *bytes = (const unsigned char *)in.ptr;
    if (in.len < 2) {
        return 0;
    }
    size_t header = 2;
    uint64_t len = bytes[1];
    if (len >= 126) {
        size_t extra = len == 126 ? 2 : 8;
        header += extra;
        if (in.len < header) {
            return 0;
        }
        len = 0;
        for (size_t i = 0; i < extra; i++) {
            len = len << 8 | bytes[2 + i];
        }
    }
    if ((bytes[0] & 0xf0) != 0x80 || (bytes[1] & 0x80) != 0 || len > CONN_MAX_QUEUE / 2) {
        fail_protocol(shared, c, "a frame that is in fragments, masked, extended or too large");
        return -1;
    }
    if (in.len - header < len) {
        return 0;
    }
    if (!take_payload(c, shared, bytes[0] & 0x0f, str_make(in.ptr + header, (size_t)len))) {
        return -1;
    }
    return (ssize_t)(header + len);
}

/* Returns how many bytes were taken, or -1. */
static ssize_t take_all(struct conn *c, struct conn_shared *shared, struct str in)
{
    size_t taken = 0;
    ssize_t step;
    do {
        struct str rest = str_slice(in, taken, in.len);
        step = c->state == CONN_UPGRADING ? take_response(c, shared, rest)
                                          : take_frame(c, shared, rest);
        if (step < 0) {
            return -1;
        }
        taken += (size_t)step;
    } while (step > 0);
    return (ssize_t)taken;
}

bool conn_readable(struct conn *c, struct conn_shared *shared)
{
    ssize_t got = recv(c->fd, shared->receive, CONN_RECEIVE_SIZE, 0);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR || fail(shared, c, "recv");
    }
    if (got == 0) {
        return fail_protocol(shared, c, "the hub ended the connection");
    }
    struct str fresh = str_make(shared->receive, (size_t)got);
    bool waiting = c->in.len > 0;
    if (waiting) {
        buf_append_str(&c->in, fresh);
    }
    ssize_t taken = c->in.failed ? 0 : take_all(c, shared, waiting ? buf_str(&c->in) : fresh);
    if (taken < 0) {
        return false;
    }
    if (waiting) {
        buf_consume(&c->in, (size_t)taken);
    } else {
        buf_append_str(&c->in, str_slice(fresh, (size_t)taken, fresh.len));
    }
    if (c->in.failed) {
        errno = ENOMEM;
        return fail(shared, c, "receive queue");
    }
    return true;
}
