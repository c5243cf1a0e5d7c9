/*
 * The path that echoes: a WebSocket that sends back each message as it came, text as text and
 * binary as binary, in one frame, for public conformance suites. It is the same codec, connection
 * and flush as for clients, without a hub behind it: what goes up for others is answered here.
 *
 * Nothing is read while something is still to be written, so a connection keeps at most a message
 * that is being sent back and one that is coming in.
 */

#include "net/connection.h"

bool echo_waits(const struct connection *c)
{
    return c->is_echo && (outbox_stalled(&c->outbox) || outbox_has_private(&c->outbox));
}

void echo_open(struct reactor *r, struct connection *c)
{
    if (r->doors_closed) {
        connection_refuse(r, c,
                          &(struct refusal){.status = error_table[ERROR_SHUTTING_DOWN].http_status,
                                            .code = ERROR_SHUTTING_DOWN,
                                            .message = STR("The gateway is stopping."),
                                            .fields = ""});
        return;
    }
    c->is_echo = true;
    c->outbox.unlimited = true;
    connection_accept(r, c);
}

static bool push(struct reactor *r, struct connection *c, const void *bytes, size_t len,
                 uint8_t flags)
{
    if (outbox_push(&r->reader, &c->outbox, bytes, len, flags)) {
        return true;
    }
    metric_add(&r->metrics.out_of_memory, 1);
    connection_doom(r, c);
    return false;
}

void echo_message(struct reactor *r, struct connection *c, struct str payload, bool binary)
{
    enum ws_opcode opcode = binary ? WS_BINARY : WS_TEXT;
    char header[WS_MAX_HEADER];
    bool packed = c->ws.terms.server_bits == DEFLATE_SHARED_BITS &&
                  packer_pack(&r->packer, payload, &payload);
    size_t len = packed ? ws_write_deflated_header(header, opcode, payload.len)
                        : ws_write_header(header, opcode, payload.len);
    metric_add(&r->metrics.messages, 1);
    if (push(r, c, header, len, payload.len == 0 ? DOWN_MESSAGE : 0) && payload.len > 0) {
        (void)push(r, c, payload.ptr, payload.len, DOWN_MESSAGE);
    }
}

void echo_end(struct reactor *r)
{
    for (uint32_t slot = 0; slot < slab_limit(&r->connections); slot++) {
        struct connection *c = slab_at(&r->connections, slot);
        if (c->outbox.conn != NO_CONN && c->is_echo && c->state == CONN_OPEN) {
            connection_fail(r, c, WS_CLOSE_GOING_AWAY, STR("the gateway is stopping"));
        }
    }
}
