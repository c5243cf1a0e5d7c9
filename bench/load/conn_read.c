#include "conn_internal.h"

#include "nats.h"

#include "net/stream_tls.h"

#include <errno.h>
#include <stdio.h>

enum { MAX_RESPONSE = 16 * 1024 /* bytes of the head of the answer to the upgrade */ };

/* The answer to the upgrade. Returns its length, 0 while it is not whole, or -1. */
static ssize_t take_response(struct conn *c, struct conn_shared *shared, struct str in)
{
    static const char end[] = "\r\n\r\n";
    const char *at = memmem(in.ptr, in.len, end, sizeof(end) - 1);
    if (at == NULL) {
        if (in.len < MAX_RESPONSE) {
            return 0;
        }
        conn_fail_protocol(shared, c, "the answer to the upgrade has no end");
        return -1;
    }
    struct str head = str_make(in.ptr, (size_t)(at - in.ptr) + sizeof(end) - 1);
    if (!str_starts_with(head, STR("HTTP/1.1 101 "))) {
        struct str line = str_slice(head, 0, str_find(head, '\r'));
        char what[160];
        (void)snprintf(what, sizeof(what),
                       "the upgrade was refused; is the path of --dialect or --url right? %.*s",
                       STR_ARG(line));
        conn_fail_protocol(shared, c, what);
        return -1;
    }
    if (memmem(head.ptr, head.len, shared->accept, sizeof(shared->accept)) == NULL) {
        conn_fail_protocol(shared, c, "the upgrade has a wrong Sec-WebSocket-Accept");
        return -1;
    }
    if (shared->unpacker != NULL && memmem(head.ptr, head.len, "permessage-deflate", 18) == NULL) {
        conn_fail_protocol(shared, c, "the hub does not agree to --deflate");
        return -1;
    }
    return conn_enter(c, shared) ? (ssize_t)head.len : -1;
}

static bool take_message(struct conn *c, struct conn_shared *shared, struct str payload)
{
    if (c->state == CONN_GREETING) {
        return conn_become_ready(c, shared);
    }
    shared->on_message(shared->context, c->client, payload);
    return true;
}

/* Returns the length of the first operation of NATS, 0 while it is not whole, or -1. */
static ssize_t take_operation(struct conn *c, struct conn_shared *shared, struct str in)
{
    struct str op = {0};
    bool ok = true;
    switch (nats_next(in, &op)) {
    case NATS_PARTIAL:
        return 0;
    case NATS_MESSAGE:
        shared->on_message(shared->context, c->client, op);
        break;
    case NATS_PING:
        ok = conn_queue(c, shared, STR("PONG\r\n")) && conn_flush(c, shared);
        break;
    case NATS_OTHER:
        ok = c->state == CONN_READY || conn_become_ready(c, shared);
        break;
    case NATS_REFUSED:
        ok = conn_fail_protocol(shared, c, "the hub refused, or said what is not known of NATS");
        break;
    }
    return ok ? (ssize_t)op.len : -1;
}

/* All operations in a message of WebSocket. */
static bool take_operations(struct conn *c, struct conn_shared *shared, struct str payload)
{
    while (payload.len > 0) {
        ssize_t taken = take_operation(c, shared, payload);
        if (taken <= 0) {
            return taken < 0 ? false
                             : conn_fail_protocol(shared, c, "an operation in two messages");
        }
        payload = str_slice(payload, (size_t)taken, payload.len);
    }
    return true;
}

static bool take_payload(struct conn *c, struct conn_shared *shared, unsigned opcode,
                         struct str payload)
{
    switch (opcode) {
    case WS_TEXT:
    case WS_BINARY:
        return shared->framing == FRAMING_NATS ? take_operations(c, shared, payload)
                                               : take_message(c, shared, payload);
    case WS_PING:
        return conn_queue_frame(c, shared, WS_PONG, payload) && conn_flush(c, shared);
    case WS_PONG:
        return true;
    case WS_CLOSE:
        return conn_fail_protocol(shared, c, "the hub closed the connection");
    default:
        return conn_fail_protocol(shared, c, "a frame of unknown kind");
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
    bool packed = shared->unpacker != NULL && (bytes[0] & 0x40) != 0;
    if ((bytes[0] & (packed ? 0xb0 : 0xf0)) != 0x80 || (bytes[1] & 0x80) != 0 ||
        len > CONN_MAX_QUEUE / 2) {
        conn_fail_protocol(shared, c,
                           "a frame that is in fragments, masked, extended or too large");
        return -1;
    }
    if (in.len - header < len) {
        return 0;
    }
    struct str payload = str_make(in.ptr + header, (size_t)len);
    if (packed && !unpack(shared->unpacker, payload, &payload)) {
        conn_fail_protocol(shared, c, "a compressed message that is broken");
        return -1;
    }
    if (!take_payload(c, shared, bytes[0] & 0x0f, payload)) {
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
        step = shared->bare                 ? take_operation(c, shared, rest)
               : c->state == CONN_UPGRADING ? take_response(c, shared, rest)
                                            : take_frame(c, shared, rest);
        if (step < 0) {
            return -1;
        }
        taken += (size_t)step;
    } while (step > 0);
    return (ssize_t)taken;
}

static bool fail_receive(struct conn *c, struct conn_shared *shared)
{
    const char *why = c->stream != NULL ? stream_tls_failure(c->stream) : NULL;

    return why != NULL ? conn_fail_protocol(shared, c, why) : conn_fail(shared, c, "recv");
}

bool conn_readable(struct conn *c, struct conn_shared *shared)
{
    ssize_t got = shared->streams->receive(c->stream, c->fd, shared->receive, CONN_RECEIVE_SIZE);
    if (got < 0 && errno != EAGAIN && errno != EINTR) {
        return fail_receive(c, shared);
    }
    if (c->state == CONN_SECURING && got != 0) {
        return !stream_tls_is_ready(c->stream) || conn_begin(c, shared);
    }
    if (got < 0) {
        return true;
    }
    if (got == 0) {
        return c->state == CONN_SECURING
                   ? fail_receive(c, shared)
                   : conn_fail_protocol(shared, c, "the hub ended the connection");
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
        return conn_fail(shared, c, "receive queue");
    }
    return true;
}
