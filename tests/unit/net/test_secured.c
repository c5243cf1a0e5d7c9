/* A reactor whose door speaks TLS. */

#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/connection.h"
#include "pair.h"
#include "ws/deflate.h"

/* Of compressed messages: so many that a turn does not take them all. */
enum { MESSAGES = 130, MESSAGE_SIZE = 15000 };

static struct pair first, second;
static SSL_CTX *context;

/* This socket takes nothing. */
static int full_fd = -1;

ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    if (fd == full_fd) {
        errno = EAGAIN;
        return -1;
    }
    return __real_send(fd, bytes, len, flags);
}

static bool no_memory; /* for blocks of some size */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return no_memory && size >= INFLATE_SLICE ? NULL : __real_malloc(size);
}

static struct tls *load(const struct pair *p)
{
    struct buf said;

    buf_init(&said, 1000);
    struct tls *tls = tls_new(p->cert, p->key, &said, &said);
    assert_non_null(tls);
    return tls;
}

static int setup_with(void **state, bool compression)
{
    static struct rig g;

    rig_settings(&g);
    g.policy.tls = load(&first);
    g.policy.compression = compression;
    if (compression) {
        g.policy.max_message_bytes = g.policy.max_frame_bytes = MESSAGE_SIZE;
    }
    rig_start(&g);
    g.policy.tls = NULL;
    g.door[0].stream = &stream_tls;
    *state = &g;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, false);
}

/* A client whose handshake is over. */
static SSL *connect_secured(struct rig *g)
{
    SSL *client = pair_client(context, rig_connect(g));

    while (!pair_shake(client)) {
        rig_turn(g);
    }
    rig_settle(g);
    return client;
}

static void leave(struct rig *g, SSL *client)
{
    close(SSL_get_fd(client));
    SSL_free(client);
    rig_settle(g);
    buf_clear(&g->log);
}

static void say(struct rig *g, SSL *client, struct str text)
{
    assert_int_equal(text.len, SSL_write(client, text.ptr, (int)text.len));
    rig_settle(g);
}

static void expect_start(SSL *client, const char *start)
{
    char have[4096];
    bool ended;
    size_t len = pair_read(client, have, sizeof(have) - 1, &ended);

    have[len] = '\0';
    assert_int_equal(0, strncmp(start, have, strlen(start)));
}

static void say_frame(struct rig *g, SSL *client, struct str text)
{
    char frame[200];

    say(g, client, str_make(frame, rig_frame(frame, 0x81, text)));
}

static SSL *open_secured(struct rig *g)
{
    SSL *client = connect_secured(g);

    say(g, client, STR(HANDSHAKE));
    expect_start(client, "HTTP/1.1 101 ");
    buf_clear(&g->log);
    return client;
}

static void test_a_websocket(void **state)
{
    struct rig *g = *state;
    SSL *client = open_secured(g);

    say_frame(g, client, STR("{\"type\":\"a\"}"));
    rig_expect(g, "M:{\"type\":\"a\"}");
    expect_start(client, "\x81\x0c{\"type\":\"a\"}");
    assert_int_equal(1, g->r->metrics.tls_handshakes);
    assert_int_equal(0, g->r->metrics.tls_failed);
    /* Its goodbye ends it, in order behind what it has said. */
    say_frame(g, client, STR("{\"type\":\"b\"}"));
    (void)SSL_shutdown(client);
    rig_settle(g);
    rig_expect(g, "M:{\"type\":\"b\"} F:0 C");
    leave(g, client);
}

static void test_a_handshake_has_five_seconds(void **state)
{
    struct rig *g = *state;
    int silent = rig_connect(g);
    int half = rig_connect(g);

    rig_send(half, STR("\x16\x03\x01"));
    rig_advance(g, 4800);
    assert_int_equal(2, g->r->metrics.connections);
    rig_advance(g, 400);
    assert_int_equal(0, g->r->metrics.connections);
    assert_int_equal(2, g->r->metrics.tls_failed);
    assert_int_equal(2, g->r->metrics.timeouts);
    rig_expect_bytes(silent, STR(""), true);
    rig_expect_bytes(half, STR(""), true);
    close(silent);
    close(half);
}

static void test_a_head_has_its_own_time(void **state)
{
    struct rig *g = *state;
    int fd = rig_connect(g);

    rig_advance(g, 4000);
    SSL *client = pair_client(context, fd);
    while (!pair_shake(client)) {
        rig_turn(g);
    }
    rig_settle(g);
    rig_advance(g, 9900);
    char have[10];
    bool ended;
    assert_int_equal(0, pair_read(client, have, sizeof(have), &ended));
    assert_false(ended);
    rig_advance(g, 300);
    expect_start(client, "HTTP/1.1 408 ");
    leave(g, client);
}

/* What is owed of a handshake goes when there is room, though nothing more comes in. */
static void test_a_full_socket(void **state)
{
    struct rig *g = *state;
    SSL *client = pair_client(context, rig_connect(g));
    const struct connection *c = slab_at(&g->r->connections, 0);

    full_fd = c->fd;
    assert_false(pair_shake(client));
    rig_settle(g);
    assert_true(connection_owes(g->r, c));
    full_fd = -1;
    rig_settle(g);
    assert_false(connection_owes(g->r, c));
    assert_true(pair_shake(client));
    leave(g, client);
}

static void test_no_tls(void **state)
{
    struct rig *g = *state;
    int fd = rig_connect(g);

    rig_send(fd, STR("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    rig_settle(g);
    rig_expect_answer(fd, "HTTP/1.1 400 ");
    rig_expect(g, "");
    assert_int_equal(1, g->r->metrics.tls_failed);
    assert_int_equal(0, g->r->metrics.connections);
    close(fd);
}

static void expect_name(SSL *client, const char *name)
{
    char have[100];
    X509 *cert = SSL_get1_peer_certificate(client);

    assert_true(X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, have,
                                          sizeof(have)) > 0);
    assert_string_equal(name, have);
    X509_free(cert);
}

static void test_another_certificate(void **state)
{
    struct rig *g = *state;
    SSL *before = open_secured(g);
    SSL *half = pair_client(context, rig_connect(g));

    assert_false(pair_shake(half));
    rig_turn(g);
    g->policy.tls = load(&second);
    rig_say_policy(g);
    g->policy.tls = NULL;
    rig_settle(g);
    SSL *after = open_secured(g);
    while (!pair_shake(half)) {
        rig_turn(g);
    }
    expect_name(before, "first");
    expect_name(half, "first");
    expect_name(after, "second");
    say_frame(g, before, STR("{\"type\":\"a\"}"));
    expect_start(before, "\x81\x0c{\"type\":\"a\"}");
    leave(g, before);
    leave(g, half);
    leave(g, after);
}

static void test_handshakes_leave_room_for_others(void **state)
{
    enum { MANY = 3 * HANDSHAKE_SLICE };
    struct rig *g = *state;
    SSL *open = open_secured(g);
    SSL *clients[MANY];
    char frame[200];

    for (size_t i = 0; i < MANY; i++) {
        clients[i] = pair_client(context, rig_connect(g));
        assert_false(pair_shake(clients[i]));
    }
    size_t len = rig_frame(frame, 0x81, STR("{\"type\":\"a\"}"));
    assert_int_equal(len, SSL_write(open, frame, (int)len));
    uint64_t before = g->r->metrics.bytes_out;
    rig_turn(g);
    /* Answered in the same turn, though most of the handshakes have not been. */
    assert_true(g->r->metrics.bytes_out > before);
    expect_start(open, "\x81\x0c{\"type\":\"a\"}");
    size_t done = 0;
    for (size_t i = 0; i < MANY; i++) {
        done += pair_shake(clients[i]) ? 1 : 0;
    }
    assert_in_range(done, 0, HANDSHAKE_SLICE);
    for (size_t i = 0; i < MANY; i++) {
        while (!pair_shake(clients[i])) {
            rig_turn(g);
        }
    }
    for (size_t i = 0; i < MANY; i++) {
        leave(g, clients[i]);
    }
    leave(g, open);
}

/* The socket is full in the middle of a frame, and then the client falls behind. */
static void test_slow_reader(void **state)
{
    struct rig *g = *state;
    SSL *client = open_secured(g);
    int size = 4096;
    static char big[60000], have[4 * 60000];
    size_t heard = 0;
    bool ended;

    uint64_t conn = g->last_conn;
    memset(big, 'x', sizeof(big));
    assert_int_equal(
        0, setsockopt(connection_find(g->r, conn)->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
    for (int i = 0; i < 3; i++) {
        rig_say_text(g, conn, str_make(big, sizeof(big)), 0);
        rig_turn(g);
    }
    assert_true(g->r->metrics.would_block > 0);
    while (heard < 3 * (sizeof(big) + 4)) {
        heard += pair_read(client, have + heard, sizeof(have) - heard, &ended);
        rig_turn(g);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_memory_equal("\x81\x7e\xea\x60", have + i * (sizeof(big) + 4), 4);
        assert_memory_equal(big, have + i * (sizeof(big) + 4) + 4, sizeof(big));
    }
    leave(g, client);
}

/* --- compressed frames ------------------------------------------------------------------------ */

/* Message number `i`, which nearly vanishes when it is compressed. */
static struct str message_text(char text[MESSAGE_SIZE + 1], unsigned i)
{
    int len = snprintf(text, MESSAGE_SIZE + 1, "{\"type\":\"n%03u\",\"x\":\"%0*u\"}", i,
                       MESSAGE_SIZE - 24, 0u);

    return str_make(text, (size_t)len);
}

/* Frames of messages 0 to MESSAGES - 1, as many as go into a record. */
static struct str many_frames(char out[RECEIVE_SIZE])
{
    struct deflater *d = deflater_new();
    size_t len = 0;
    char text[MESSAGE_SIZE + 1];

    assert_non_null(d);
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct buf packed;
        buf_init(&packed, SIZE_MAX);
        assert_true(deflater_pack(d, message_text(text, i), &packed));
        len += rig_frame(out + len, 0xc1, buf_str(&packed));
        buf_fini(&packed);
    }
    deflater_free(d);
    assert_in_range(len, 2 * INFLATE_SLICE + 1, SSL3_RT_MAX_PLAIN_LENGTH);
    return str_make(out, len);
}

static int setup_packing(void **state)
{
    return setup_with(state, true);
}

static SSL *open_packing(struct rig *g, const char *path)
{
    SSL *client = connect_secured(g);
    char head[400];
    char have[1000];
    bool ended;

    (void)snprintf(head, sizeof(head),
                   "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                   "Sec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
                   path);
    say(g, client, str_from_z(head));
    have[pair_read(client, have, sizeof(have) - 1, &ended)] = '\0';
    /* Each message alone, in both directions. */
    assert_non_null(strstr(have, "permessage-deflate; server_no_context_takeover; "
                                 "client_no_context_takeover\r\n"));
    buf_clear(&g->log);
    return client;
}

static struct connection *only_connection(struct rig *g)
{
    return slab_at(&g->r->connections, 0);
}

static void expect_messages(struct rig *g, unsigned from, unsigned to)
{
    struct buf want;
    char text[MESSAGE_SIZE + 1];

    buf_init(&want, 1 << 22);
    for (unsigned i = from; i < to; i++) {
        buf_printf(&want, "%sM:%.*s", i > from ? " " : "", STR_ARG(message_text(text, i)));
    }
    buf_append_char(&want, '\0');
    rig_expect(g, want.data);
    buf_fini(&want);
}

/* A record is dealt with in several turns, each message once and in order. */
static void test_a_record_in_slices(void **state)
{
    struct rig *g = *state;
    SSL *client = open_packing(g, "/ws");
    static char frames[RECEIVE_SIZE];
    struct str all = many_frames(frames);
    unsigned turns;

    g->mute = true;
    for (unsigned round = 0; round < 3; round++) {
        assert_int_equal(all.len, SSL_write(client, all.ptr, (int)all.len));
        /* A record comes in reads of a slice; the last of them has it whole. */
        while (!held_any(only_connection(g))) {
            rig_turn(g);
        }
        assert_true(reactor_busy(g->r));
        uint64_t in = g->r->metrics.bytes_in;
        for (turns = 0; held_any(only_connection(g)); turns++) {
            uint64_t before = g->r->metrics.messages;
            rig_turn(g);
            assert_in_range(g->r->metrics.messages - before, 1, 2 * READ_BUDGET / MESSAGE_SIZE);
        }
        assert_int_equal(in, g->r->metrics.bytes_in);
        assert_true(turns > 0);
        rig_settle(g);
        expect_messages(g, 0, MESSAGES);
    }
    assert_false(reactor_busy(g->r));
    leave(g, client);
}

/* Of what is held behind a violation nothing is read. */
static void test_what_is_held_behind_a_violation(void **state)
{
    struct rig *g = *state;
    SSL *client = open_packing(g, "/ws");
    static char frames[RECEIVE_SIZE];
    struct str all = many_frames(frames);
    size_t second_slice = INFLATE_SLICE + 500;

    memset(frames + second_slice, 0xff, 100);
    assert_int_equal(all.len, SSL_write(client, all.ptr, (int)all.len));
    while (g->r->metrics.violations == 0) {
        rig_turn(g);
    }
    rig_settle(g);
    buf_append_char(&g->log, '\0');
    assert_non_null(strstr(g->log.data, " F:1007"));
    assert_null(strstr(g->log.data, "n129"));
    assert_false(reactor_busy(g->r));
    leave(g, client);
}

/* The connection goes while something of it is held, by its peer's end or with the reactor. */
static void test_gone_while_held(void **state)
{
    struct rig *g = *state;
    static char frames[RECEIVE_SIZE];
    struct str all = many_frames(frames);

    for (int round = 0; round < 2; round++) {
        SSL *client = open_packing(g, "/ws");
        uint64_t conn = g->last_conn;
        assert_int_equal(all.len, SSL_write(client, all.ptr, (int)all.len));
        while (!held_any(connection_find(g->r, conn))) {
            rig_turn(g);
        }
        if (round == 0) {
            connection_destroy(g->r, connection_find(g->r, conn));
            assert_false(held_go_on(g->r));
        }
        leave(g, client);
    }
}

static void test_no_memory_to_hold(void **state)
{
    struct rig *g = *state;
    SSL *client = open_packing(g, "/ws");
    uint64_t conn = g->last_conn;
    static char frames[RECEIVE_SIZE];
    struct str all = many_frames(frames);

    no_memory = true;
    assert_int_equal(all.len, SSL_write(client, all.ptr, (int)all.len));
    while (connection_find(g->r, conn)->state == CONN_OPEN) {
        rig_turn(g);
    }
    no_memory = false;
    assert_int_equal(1, g->r->metrics.out_of_memory);
    assert_int_equal(0, g->r->metrics.messages);
    rig_advance(g, 1000);
    assert_null(connection_find(g->r, conn));
    leave(g, client);
    /* Whoever comes next is served. */
    client = open_packing(g, "/ws");
    say_frame(g, client, STR("{\"type\":\"a\"}"));
    rig_expect(g, "M:{\"type\":\"a\"}");
    leave(g, client);
}

/* Who echoes reads nothing while it has to write; what it holds waits as well, and is not lost. */
static void test_an_echo_that_waits(void **state)
{
    struct rig *g = *state;
    SSL *client = open_packing(g, "/echo");
    static char frames[RECEIVE_SIZE], have[RECEIVE_SIZE];
    struct str all = many_frames(frames);
    struct deflater *d = deflater_new();
    size_t heard = 0, len = 0;
    bool ended;

    full_fd = only_connection(g)->fd;
    assert_int_equal(all.len, SSL_write(client, all.ptr, (int)all.len));
    while (!echo_waits(only_connection(g))) {
        rig_turn(g);
    }
    rig_settle(g);
    assert_true(held_any(only_connection(g)));
    assert_false(reactor_busy(g->r)); /* it waits for the socket alone */
    assert_true(g->r->metrics.messages < MESSAGES);
    full_fd = -1;
    do {
        rig_turn(g);
        len = pair_read(client, have + heard, sizeof(have) - heard, &ended);
        heard += len;
    } while (len > 0 || held_any(only_connection(g)));
    assert_false(ended);
    const char *at = have;
    for (unsigned i = 0; i < MESSAGES; i++) {
        char text[MESSAGE_SIZE + 1];
        struct buf packed;
        buf_init(&packed, SIZE_MAX);
        assert_true(deflater_pack(d, message_text(text, i), &packed));
        assert_int_equal(0xc1, (unsigned char)at[0]);
        assert_int_equal(packed.len, at[1]);
        assert_memory_equal(packed.data, at + 2, packed.len);
        at += 2 + packed.len;
        buf_fini(&packed);
    }
    deflater_free(d);
    assert_int_equal(heard, at - have);
    leave(g, client);
}

#define CASE(name)    cmocka_unit_test_setup_teardown(name, setup, rig_teardown_empty)
#define PACKING(name) cmocka_unit_test_setup_teardown(name, setup_packing, rig_teardown_empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_websocket),
        CASE(test_a_handshake_has_five_seconds),
        CASE(test_a_head_has_its_own_time),
        CASE(test_a_full_socket),
        CASE(test_no_tls),
        CASE(test_another_certificate),
        CASE(test_handshakes_leave_room_for_others),
        CASE(test_slow_reader),
        PACKING(test_a_record_in_slices),
        PACKING(test_what_is_held_behind_a_violation),
        PACKING(test_gone_while_held),
        PACKING(test_no_memory_to_hold),
        PACKING(test_an_echo_that_waits),
    };

    pair_make(&first, "first", -3600, 3600);
    pair_make(&second, "second", -3600, 3600);
    context = SSL_CTX_new(TLS_client_method());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    SSL_CTX_free(context);
    pair_remove(&first);
    pair_remove(&second);
    return failed;
}
