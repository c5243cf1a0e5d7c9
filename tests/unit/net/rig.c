#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/head.h"

static const struct route routes[] = {
    {.path = {"/ws", 3}, .is_websocket = true, .dialect = DIALECT_WORLD},
    {.path = {"/echo", 5}, .is_websocket = true, .is_echo = true},
    {.path = {"/status", 7}, .methods = 1u << HTTP_GET | 1u << HTTP_HEAD | 1u << HTTP_POST},
    {.path = {"/health", 7}, .methods = 1u << HTTP_GET, .max_body = 10, .is_status = true},
    {.path = {"/large", 6}, .methods = 1u << HTTP_GET | 1u << HTTP_POST, .max_body = 200000},
    {.path = {"/message", 8}, .methods = 1u << HTTP_GET, .max_body = 50, .takes_message = true},
};

void rig_settings(struct rig *g)
{
    memset(g, 0, sizeof(*g));
    reactor_settings_init(&g->settings);
    g->settings.routes = routes;
    g->settings.route_count = sizeof(routes) / sizeof(routes[0]);
    net_policy_source_init(&g->policy);
    g->policy.origins = STR("http://localhost:*");
    g->policy.max_message_bytes = 100;
    g->policy.max_frame_bytes = 1000;
    g->settings.max_body_bytes = 1000;
    g->now_ms = 1000;
}

struct net_policy *rig_policy(const struct rig *g)
{
    struct buf error;

    buf_init(&error, 0);
    struct net_policy *policy = net_policy_new(&g->policy, &error);
    assert_non_null(policy);
    return policy;
}

void rig_start(struct rig *g)
{
    struct reactor_ports ports = {.owner = g};

    int doors = listener_open_loopback(0, g->door);
    assert_true(doors > 0);
    g->settings.policy = rig_policy(g);
    g->r = reactor_new(&g->settings, &ports);
    net_policy_unref(g->settings.policy);
    assert_non_null(g->r);
    for (int i = 0; i < doors; i++) {
        assert_true(reactor_add_door(g->r, &g->door[i]));
    }
    if (doors == 1) {
        g->door[1].fd = -1;
    }
    g->down = down_batch_new();
    g->spare = up_batch_new();
    buf_init(&g->log, 1 << 22);
    g->log.secret = true;
    rig_turn(g); /* it learns what time it is */
}

void rig_stop(struct rig *g)
{
    reactor_free(g->r);
    listener_close(&g->door[0]);
    listener_close(&g->door[1]);
    down_batch_free(g->down);
    up_batch_free(g->spare);
    buf_fini(&g->log);
}

/* --- the hub ---------------------------------------------------------------------------------- */

void rig_say(struct rig *g, uint64_t conn, enum down_kind kind, uint16_t code, unsigned flags,
             struct str bytes)
{
    struct segment *s = segment_new(bytes.len + 1, 0);

    memcpy(segment_extend(s, bytes.len), bytes.ptr, bytes.len);
    struct down item = {.kind = (uint8_t)kind,
                        .flags = (uint8_t)flags,
                        .code = code,
                        .conn = conn,
                        .seq = ++g->seq,
                        .segment = s,
                        .len = (uint32_t)bytes.len};
    assert_true(down_batch_add(g->down, &item));
    segment_unref(s);
}

void rig_say_policy(struct rig *g)
{
    struct down item = {.kind = DOWN_POLICY, .policy = &rig_policy(g)->shared};

    assert_true(down_batch_add(g->down, &item));
}

void rig_say_text(struct rig *g, uint64_t conn, struct str text, unsigned flags)
{
    char *frame = malloc(WS_MAX_HEADER + text.len);
    size_t len = ws_write_header(frame, WS_TEXT, text.len);

    memcpy(frame + len, text.ptr, text.len);
    rig_say(g, conn, DOWN_FRAME, 0, flags, str_make(frame, len + text.len));
    free(frame);
}

static void answer(struct rig *g, const struct up *item, struct str text)
{
    switch (item->kind) {
    case UP_OPENED:
        rig_say(g, item->conn, DOWN_ACCEPT, 0, g->accept, STR(""));
        rig_say_text(g, item->conn, STR("hi"), 0);
        break;
    case UP_REQUEST:
        rig_say(g, item->conn, DOWN_FRAME, 0, DOWN_LAST,
                STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
        break;
    case UP_MESSAGE:
        rig_say_text(g, item->conn, text, 0);
        break;
    case UP_FAILED:
        rig_say(g, item->conn, DOWN_CLOSE, item->code, 0, text);
        break;
    default:
        break;
    }
}

static void write_down(struct rig *g, const struct up *item, struct str text)
{
    if (g->log.len > 0) {
        buf_append_char(&g->log, ' ');
    }
    buf_append_char(&g->log, "ORMTAFLVC"[item->kind]);
    switch (item->kind) {
    case UP_OPENED:
    case UP_MESSAGE:
        buf_printf(&g->log, ":%.*s", STR_ARG(text));
        break;
    case UP_REQUEST:
        buf_printf(&g->log, ":%u/%.*s", item->code, STR_ARG(str_slice(text, item->code, text.len)));
        break;
    case UP_TOO_BIG:
        buf_printf(&g->log, ":%u", (unsigned)item->size);
        break;
    case UP_FAILED:
        buf_printf(&g->log, ":%u", item->code);
        break;
    default:
        break;
    }
}

static void hub(struct rig *g, const struct up_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct up *item = &batch->items[i];
        struct str text = up_text(batch, item);
        if (item->kind == UP_OPENED || item->kind == UP_REQUEST) {
            assert_true(item->secret && text.len <= sizeof(g->asked_text));
            memcpy(g->asked_text, text.ptr, text.len);
            evidence_unpack(str_make(g->asked_text, text.len), &g->asked, &g->request);
            text = item->kind == UP_OPENED ? g->asked.world : g->request;
        }
        g->last_conn = item->conn;
        g->missed = item->kind == UP_ROOM ? item->size : g->missed;
        g->secret = item->kind == UP_MESSAGE ? item->secret : g->secret;
        write_down(g, item, text);
        if (!g->mute) {
            answer(g, item, text);
        }
    }
}

/* --- turns ------------------------------------------------------------------------------------ */

void rig_turn(struct rig *g)
{
    reactor_wait(g->r, 0);
    reactor_read(g->r, g->now_ms);
    g->spare = reactor_take_up(g->r, g->spare);
    size_t size = up_batch_size(g->spare);
    g->taken += size;
    hub(g, g->spare);
    up_batch_clear(g->spare);
    g->down->credit = g->keeps_credit ? 0 : size;
    reactor_apply(g->r, g->down);
    down_batch_clear(g->down);
    reactor_flush(g->r);
}

void rig_settle(struct rig *g)
{
    uint64_t before;

    do {
        before = g->r->metrics.bytes_in + g->r->metrics.bytes_out + g->r->metrics.connections +
                 g->r->metrics.accepted;
        rig_turn(g);
        rig_turn(g);
    } while (before != g->r->metrics.bytes_in + g->r->metrics.bytes_out +
                           g->r->metrics.connections + g->r->metrics.accepted);
}

void rig_advance(struct rig *g, uint64_t ms)
{
    g->now_ms += ms;
    rig_settle(g);
}

void rig_expect(struct rig *g, const char *log)
{
    buf_append_char(&g->log, '\0');
    assert_string_equal(g->log.data, log);
    buf_clear(&g->log);
}

/* --- clients ---------------------------------------------------------------------------------- */

int rig_connect(struct rig *g)
{
    int ends[2];

    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends));
    reactor_adopt(g->r, ends[1], 0);
    return ends[0];
}

int rig_open(struct rig *g)
{
    int fd = rig_connect(g);
    char bytes[512];
    bool ended;

    rig_send(fd, STR(HANDSHAKE));
    rig_settle(g);
    assert_true(rig_read(fd, bytes, sizeof(bytes), &ended) > 0);
    assert_false(ended);
    buf_clear(&g->log);
    return fd;
}

void rig_send(int fd, struct str bytes)
{
    assert_int_equal(bytes.len, send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL));
}

size_t rig_frame(char *out, unsigned first_byte, struct str payload)
{
    static const uint8_t mask[4] = {1, 2, 3, 4};
    size_t len = ws_write_masked_header(out, WS_TEXT, payload.len, mask);

    out[0] = (char)first_byte;
    memcpy(out + len, payload.ptr, payload.len);
    ws_mask(out + len, payload.len, mask, 0);
    return len + payload.len;
}

void rig_send_frame(int fd, unsigned first_byte, struct str payload)
{
    char *frame = malloc(WS_MAX_HEADER + payload.len);

    rig_send(fd, str_make(frame, rig_frame(frame, first_byte, payload)));
    free(frame);
}

size_t rig_read(int fd, char *out, size_t cap, bool *ret_ended)
{
    size_t len = 0;

    *ret_ended = false;
    while (len < cap - 1) {
        ssize_t got = recv(fd, out + len, cap - 1 - len, 0);
        if (got <= 0) {
            *ret_ended = got == 0 || errno == ECONNRESET;
            break;
        }
        len += (size_t)got;
    }
    out[len] = '\0';
    return len;
}

void rig_expect_bytes(int fd, struct str bytes, bool ended)
{
    char have[4096];
    bool has_ended;
    size_t len = rig_read(fd, have, sizeof(have), &has_ended);

    assert_int_equal(bytes.len, len);
    assert_memory_equal(bytes.ptr, have, len);
    assert_int_equal(ended, has_ended);
}

void rig_expect_answer(int fd, const char *start)
{
    char have[4096];
    bool ended;

    (void)rig_read(fd, have, sizeof(have), &ended);
    have[strlen(start)] = '\0';
    assert_string_equal(start, have);
    assert_true(ended);
}

int rig_setup(void **state)
{
    static struct rig g;

    rig_settings(&g);
    rig_start(&g);
    *state = &g;
    return 0;
}

int rig_teardown(void **state)
{
    rig_stop(*state);
    return 0;
}

int rig_teardown_empty(void **state)
{
    struct rig *g = *state;

    rig_settle(g);
    assert_int_equal(0, g->r->metrics.connections);
    rig_stop(g);
    return 0;
}
