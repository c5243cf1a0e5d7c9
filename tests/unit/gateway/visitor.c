#include "visitor.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const struct listener *door)
{
    struct sockaddr_in tcp = {.sin_family = AF_INET,
                              .sin_port = htons(door->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    const int on = 1;
    int fd = socket(door->is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (door->is_unix) {
        memcpy(local.sun_path, door->address, strlen(door->address) + 1);
        assert_int_equal(0, connect(fd, (struct sockaddr *)&local, sizeof(local)));
    } else {
        assert_int_equal(0, connect(fd, (struct sockaddr *)&tcp, sizeof(tcp)));
        assert_int_equal(0, setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
    }
    return fd;
}

void visitor_begin(struct visitor *v, const struct listener *door, const char *first)
{
    visitor_end(v);
    v->door = door;
    v->fd = connect_to(door);
    v->is_websocket = false;
    v->packs = strstr(first, "permessage-deflate") != NULL;
    v->len = 0;
    (void)visitor_say(v, first, strlen(first));
}

void visitor_end(struct visitor *v)
{
    if (v->fd >= 0) {
        close(v->fd);
        v->fd = -1;
    }
}

size_t visitor_say(struct visitor *v, const char *bytes, size_t len)
{
    if (v->fd < 0) {
        return 0;
    }
    ssize_t sent = send(v->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) {
        visitor_end(v);
    }
    return sent > 0 ? (size_t)sent : 0;
}

size_t visitor_frame(char *out, unsigned first_byte, struct str payload)
{
    static const uint8_t no_mask[4] = {0, 0, 0, 0};
    size_t len = ws_write_masked_header(out, WS_TEXT, payload.len, no_mask);

    out[0] = (char)first_byte;
    memcpy(out + len, payload.ptr, payload.len);
    return len + payload.len;
}

static void forget(struct visitor *v, size_t len)
{
    memmove(v->have, v->have + len, v->len - len);
    v->len -= len;
}

/* Whether it is there; then it is what has been found. */
static bool holds(struct visitor *v, size_t len, const char *wanted)
{
    size_t kept = len < VISITOR_FOUND - 1 ? len : VISITOR_FOUND - 1;

    if (memmem(v->have, len, wanted, strlen(wanted)) == NULL) {
        return false;
    }
    memset(v->found, 0, VISITOR_FOUND);
    memcpy(v->found, v->have, kept);
    return true;
}

/* The length of the first frame with its header, or 0 while it is not whole. */
static size_t first_frame(const struct visitor *v, size_t *ret_header)
{
    const uint8_t *at = (const uint8_t *)v->have;
    uint64_t len = v->len < 2 ? 0 : at[1];

    if (v->len < 2) {
        return 0;
    }
    assert_true(len < 128); /* no mask */
    *ret_header = len == 127 ? 10 : len == 126 ? 4 : 2;
    if (v->len < *ret_header) {
        return 0;
    }
    if (*ret_header > 2) {
        len = 0;
        for (size_t i = 2; i < *ret_header; i++) {
            len = len << 8 | at[i];
        }
    }
    assert_true(len < VISITOR_ROOM - 10);
    return v->len < *ret_header + len ? 0 : *ret_header + (size_t)len;
}

static void check_frame(const struct visitor *v, const char *payload, size_t len)
{
    unsigned first_byte = (uint8_t)v->have[0];

    switch (first_byte) {
    case 0xc1:
        assert_true(v->packs && len > 0);
        break;
    case 0x81:
        assert_true(len >= 2 && payload[0] == '{' && payload[len - 1] == '}');
        break;
    case 0x88:
    case 0x89:
    case 0x8a:
        assert_true(len <= 125);
        break;
    default:
        fail_msg("a frame begins with %02x", first_byte);
    }
}

static bool heard_in_frames(struct visitor *v, const char *wanted)
{
    size_t header, len;
    bool found = false;

    while (!found && (len = first_frame(v, &header)) > 0) {
        check_frame(v, v->have + header, len - header);
        found = holds(v, len, wanted);
        forget(v, len);
    }
    return found;
}

bool visitor_heard(struct visitor *v, const char *wanted)
{
    static const char switching[] = "HTTP/1.1 101 ";
    ssize_t got = 0;

    if (v->fd >= 0 && v->len < sizeof(v->have)) {
        got = recv(v->fd, v->have + v->len, sizeof(v->have) - v->len, MSG_DONTWAIT);
        v->len += got > 0 ? (size_t)got : 0;
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            visitor_end(v);
        }
    }
    if (!v->is_websocket && v->len >= sizeof(switching) - 1 &&
        memcmp(v->have, switching, sizeof(switching) - 1) == 0) {
        const char *end = memmem(v->have, v->len, "\r\n\r\n", 4);
        if (end != NULL) {
            v->is_websocket = true;
            forget(v, (size_t)(end - v->have) + 4);
        }
    }
    if (v->is_websocket) {
        return heard_in_frames(v, wanted);
    }
    bool found = holds(v, v->len, wanted);
    v->len = found ? 0 : v->len;
    return found;
}

struct str visitor_found(const struct visitor *v, const char *before)
{
    const char *at = memmem(v->found, VISITOR_FOUND, before, strlen(before));

    if (at == NULL) {
        return STR("");
    }
    at += strlen(before);
    return str_make(at, strcspn(at, "\""));
}
