#include "matrix/uplink.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base64.h"

enum {
    FIRST_WAIT_MS = 250, /* before the next try; half of it is chance */
    LONGEST_WAIT_MS = 10000,
    OPEN_MS = 10000, /* to connect, to be answered */
    IDLE_MS = 30000, /* of silence: then it is asked for a sign of life */
    SILENT_MS = 60000,
    READ_SIZE = 65536,
    MAX_HOST = 256,
    MAX_OUT = 64 * 1024 * 1024,
    DEFAULT_PORT = 80
};

static void fill_random(void *bytes, size_t len)
{
    ssize_t got;

    do {
        got = getrandom(bytes, len, 0);
    } while (got < 0 && errno == EINTR);
    assert(got == (ssize_t)len);
}

static void enter(struct uplink *u, enum uplink_state state)
{
    u->state = state;
    u->since_ms = u->now_ms;
}

static void lose(struct uplink *u, const char *sentence)
{
    uint64_t chance;

    if (u->fd >= 0) {
        (void)close(u->fd);
    }
    u->fd = -1;
    fill_random(&chance, sizeof(chance));
    u->retry_ms = u->now_ms + u->wait_ms / 2 + chance % (u->wait_ms / 2 + 1);
    u->wait_ms = u->wait_ms * 2 < LONGEST_WAIT_MS ? u->wait_ms * 2 : LONGEST_WAIT_MS;
    buf_fini(&u->in);
    buf_fini(&u->out);
    buf_fini(&u->message);
    enter(u, UPLINK_DOWN);
    u->ports.lost(u->ports.owner, sentence);
}

/* --- connecting ------------------------------------------------------------------------------- */

struct place {
    struct str authority;
    struct str path;
    char host[MAX_HOST];
    char port[8];
};

static bool read_url(struct str url, struct place *p)
{
    struct str name, port, scheme = STR("ws://");

    if (!str_equal_nocase(str_slice(url, 0, scheme.len), scheme)) {
        return false;
    }
    struct str rest = str_slice(url, scheme.len, url.len);
    p->authority = str_slice(rest, 0, str_find(rest, '/'));
    p->path = str_slice(rest, p->authority.len, rest.len);
    if (p->path.len == 0) {
        p->path = STR("/ws");
    }
    if (!http_host_split(p->authority, &name, &port) || name.len >= MAX_HOST) {
        return false;
    }
    bool brackets = name.len > 2 && name.ptr[0] == '[';
    name = brackets ? str_slice(name, 1, name.len - 1) : name;
    (void)str_format(p->host, sizeof(p->host), "%.*s", STR_ARG(name));
    if (port.len == 0) {
        (void)str_format(p->port, sizeof(p->port), "%d", DEFAULT_PORT);
    } else {
        (void)str_format(p->port, sizeof(p->port), "%.*s", STR_ARG(port));
    }
    return true;
}

/* A socket that is connecting to the first address that lets it; -1: none does. */
static int dial(const struct place *p)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int fd = -1;

    if (getaddrinfo(p->host, p->port, &hints, &list) != 0) {
        return -1;
    }
    for (struct addrinfo *at = list; at != NULL && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) != 0 && errno != EINPROGRESS) {
            (void)close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

static void write_handshake(struct uplink *u, const struct place *p)
{
    uint8_t nonce[16];

    fill_random(nonce, sizeof(nonce));
    base64_encode(nonce, sizeof(nonce), u->key);
    buf_printf(&u->out,
               "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %.*s\r\n",
               STR_ARG(p->path), STR_ARG(p->authority), (int)sizeof(u->key), u->key);
    if (u->token.len > 0) {
        buf_printf(&u->out, "Authorization: Bearer %.*s\r\n", STR_ARG(u->token));
    }
    buf_append_str(&u->out, STR("\r\n"));
}

static void begin(struct uplink *u)
{
    struct place place;

    buf_init(&u->in, u->max_message + READ_SIZE);
    buf_init(&u->message, u->max_message);
    buf_init(&u->out, MAX_OUT);
    u->out.secret = true;
    u->pinged = u->found_too_big = false;
    if (!read_url(u->url, &place)) {
        lose(u, "its address is none of a gateway: it begins with ws://");
        return;
    }
    u->fd = dial(&place);
    if (u->fd < 0) {
        lose(u, "nobody answers there");
        return;
    }
    http_response_init(&u->head);
    write_handshake(u, &place);
    enter(u, UPLINK_DIALING);
}

/* The answer to the handshake, as far as it is there. False: it is of no use. */
static bool hear_head(struct uplink *u)
{
    char accept[WS_ACCEPT_SIZE];
    const char *reason;
    int len = http_parse_head(&u->head, u->in.data, u->in.len, &reason);

    if (len == 0) {
        return true;
    }
    if (len < 0) {
        lose(u, "what answers there is no gateway");
        return false;
    }
    ws_accept_key(str_make(u->key, sizeof(u->key)), accept);
    struct str said = http_value(&u->head, u->in.data, HTTP_WS_ACCEPT);
    if (u->head.status == 101 && u->head.upgrade_websocket &&
        str_equal(said, str_make(accept, sizeof(accept)))) {
        buf_consume(&u->in, (size_t)len);
        ws_parser_init(&u->parser, WS_CLIENT, u->max_message);
        enter(u, UPLINK_OPEN);
        u->wait_ms = FIRST_WAIT_MS;
        u->ports.opened(u->ports.owner);
        return u->state == UPLINK_OPEN;
    }
    bool refused = u->head.status == 401 || u->head.status == 403;
    lose(u, refused                     ? "it does not accept the key of this bridge"
            : u->head.status / 100 == 5 ? "it has too much to do"
                                        : "no WebSocket is served there");
    return false;
}

/* --- frames ----------------------------------------------------------------------------------- */

static void send_frame(struct uplink *u, enum ws_opcode opcode, struct str payload)
{
    char header[WS_MAX_HEADER];
    uint8_t mask[4];

    fill_random(mask, sizeof(mask));
    size_t header_len = ws_write_masked_header(header, opcode, payload.len, mask);
    if (!buf_reserve(&u->out, header_len + payload.len)) {
        return;
    }
    buf_append(&u->out, header, header_len);
    size_t start = u->out.len;
    buf_append_str(&u->out, payload);
    (void)ws_mask(u->out.data + start, payload.len, mask, 0);
}

void uplink_send(struct uplink *u, struct str text)
{
    if (u->state == UPLINK_OPEN) {
        send_frame(u, WS_TEXT, text);
    }
}

/* False: the connection is lost. */
static bool take_event(struct uplink *u, const struct ws_event *event)
{
    switch (event->kind) {
    case WS_EVENT_DATA:
        if (event->first) {
            buf_clear(&u->message);
        }
        buf_append_str(&u->message, event->data);
        if (event->final && event->opcode == WS_TEXT && !u->message.failed) {
            u->ports.message(u->ports.owner, buf_str(&u->message));
        }
        return u->state == UPLINK_OPEN;
    case WS_EVENT_PING:
        send_frame(u, WS_PONG, event->data);
        return true;
    case WS_EVENT_CLOSE:
        u->found_too_big = event->code == WS_CLOSE_TOO_BIG;
        lose(u, "it ended the connection");
        return false;
    case WS_EVENT_FAIL:
        lose(u, "what answers there is no gateway");
        return false;
    case WS_EVENT_PONG:
    case WS_EVENT_NONE:
        break;
    }
    return true;
}

static void hear_frames(struct uplink *u)
{
    size_t taken = 0;

    for (;;) {
        struct ws_event event;
        size_t len = ws_parse(&u->parser, u->in.data + taken, u->in.len - taken, &event);
        taken += len;
        if (len == 0 && event.kind == WS_EVENT_NONE) {
            break;
        }
        if (!take_event(u, &event)) {
            return;
        }
    }
    buf_consume(&u->in, taken);
}

/* --- its descriptor --------------------------------------------------------------------------- */

/* False: the connection is lost. */
static bool receive(struct uplink *u)
{
    for (;;) {
        if (!buf_reserve(&u->in, READ_SIZE)) {
            lose(u, "it says more than can be kept");
            return false;
        }
        ssize_t len = recv(u->fd, u->in.data + u->in.len, READ_SIZE, 0);
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0 && errno == EAGAIN) {
            return true;
        }
        if (len <= 0) {
            lose(u,
                 u->state == UPLINK_DIALING ? "nobody answers there" : "it ended the connection");
            return false;
        }
        u->in.len += (size_t)len;
        if (u->state == UPLINK_SHAKING && !hear_head(u)) {
            return false;
        }
        if (u->state == UPLINK_OPEN) {
            u->since_ms = u->now_ms;
            u->pinged = false;
            hear_frames(u);
        }
        if (u->state == UPLINK_DOWN) {
            return false;
        }
    }
}

static void flush(struct uplink *u)
{
    if (u->out.failed) {
        lose(u, "it takes nothing");
        return;
    }
    while (u->out.len > 0) {
        ssize_t len = send(u->fd, u->out.data, u->out.len, MSG_NOSIGNAL);
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0 && errno == EAGAIN) {
            return;
        }
        if (len < 0) {
            lose(u,
                 u->state == UPLINK_DIALING ? "nobody answers there" : "it ended the connection");
            return;
        }
        buf_consume(&u->out, (size_t)len);
    }
}

void uplink_ready(struct uplink *u, short revents)
{
    if (u->state == UPLINK_DOWN || revents == 0) {
        return;
    }
    if (u->state == UPLINK_DIALING) {
        int error = 0;
        socklen_t size = sizeof(error);
        if (getsockopt(u->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
            lose(u, "nobody answers there");
            return;
        }
        enter(u, UPLINK_SHAKING);
    }
    if ((revents & ~POLLOUT) != 0 && !receive(u)) {
        return;
    }
    flush(u);
}

struct http_watch uplink_watch(const struct uplink *u)
{
    bool writes = u->state == UPLINK_DIALING || u->out.len > 0;

    return (struct http_watch){.fd = u->fd, .events = (short)(POLLIN | (writes ? POLLOUT : 0))};
}

/* --- time ------------------------------------------------------------------------------------- */

uint64_t uplink_deadline(const struct uplink *u)
{
    switch (u->state) {
    case UPLINK_DOWN:
        return u->retry_ms;
    case UPLINK_DIALING:
    case UPLINK_SHAKING:
        return u->since_ms + OPEN_MS;
    case UPLINK_OPEN:
        break;
    }
    return u->since_ms + (u->pinged ? SILENT_MS : IDLE_MS);
}

void uplink_tick(struct uplink *u, uint64_t now_ms)
{
    u->now_ms = now_ms;
    if (now_ms < uplink_deadline(u)) {
        return;
    }
    if (u->state == UPLINK_DOWN) {
        begin(u);
    } else if (u->state == UPLINK_OPEN && !u->pinged) {
        u->pinged = true;
        send_frame(u, WS_PING, STR(""));
    } else {
        lose(u, "it does not answer");
    }
}

void uplink_init(struct uplink *u, struct str url, struct str token, uint32_t max_message,
                 const struct uplink_ports *ports, uint64_t now_ms)
{
    *u = (struct uplink){.ports = *ports,
                         .url = url,
                         .token = token,
                         .fd = -1,
                         .now_ms = now_ms,
                         .retry_ms = now_ms,
                         .wait_ms = FIRST_WAIT_MS,
                         .max_message = max_message};
}

void uplink_fini(struct uplink *u)
{
    if (u->fd >= 0) {
        (void)close(u->fd);
    }
    u->fd = -1;
    buf_fini(&u->in);
    buf_fini(&u->message);
    buf_fini(&u->out);
}
