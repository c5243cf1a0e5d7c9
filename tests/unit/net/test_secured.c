/* A reactor whose door speaks TLS. */

#include "secured.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/connection.h"

static struct pair first, second;

static int setup(void **state)
{
    static struct rig g;

    rig_settings(&g);
    secured_start(&g, &first);
    *state = &g;
    return 0;
}

static void test_a_websocket(void **state)
{
    struct rig *g = *state;
    SSL *client = secured_open(g);

    secured_say_frame(g, client, STR("{\"type\":\"a\"}"));
    rig_expect(g, "M:{\"type\":\"a\"}");
    secured_expect_start(client, "\x81\x0c{\"type\":\"a\"}");
    assert_int_equal(1, g->r->metrics.tls_handshakes);
    assert_int_equal(0, g->r->metrics.tls_failed);
    /* Its goodbye ends it, in order behind what it has said. */
    secured_say_frame(g, client, STR("{\"type\":\"b\"}"));
    (void)SSL_shutdown(client);
    rig_settle(g);
    rig_expect(g, "M:{\"type\":\"b\"} F:0 C");
    secured_leave(g, client);
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
    SSL *client = pair_client(secured_context, fd);
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
    secured_expect_start(client, "HTTP/1.1 408 ");
    secured_leave(g, client);
}

/* What is owed of a handshake goes when there is room, though nothing more comes in. */
static void test_a_full_socket(void **state)
{
    struct rig *g = *state;
    SSL *client = pair_client(secured_context, rig_connect(g));
    const struct connection *c = slab_at(&g->r->connections, 0);

    secured_full_fd = c->fd;
    assert_false(pair_shake(client));
    rig_settle(g);
    assert_true(connection_owes(g->r, c));
    secured_full_fd = -1;
    rig_settle(g);
    assert_false(connection_owes(g->r, c));
    assert_true(pair_shake(client));
    secured_leave(g, client);
}

/* The socket is full just when the goodbye is to be said: it comes, and nobody spins meanwhile. */
static void test_full_at_goodbye(void **state)
{
    struct rig *g = *state;
    SSL *client = secured_open(g);
    struct connection *c = slab_at(&g->r->connections, 0);
    char have[10];
    bool ended;

    g->mute = true;
    secured_full_fd = c->fd;
    connection_enter(g->r, c, CONN_CLOSING);
    connection_finish(g->r, c);
    assert_true(connection_owes(g->r, c));
    secured_full_fd = -1;
    for (int i = 0; i < 3; i++) {
        reactor_wait(g->r, 0);
        rig_turn(g);
    }
    assert_false(connection_owes(g->r, c));
    reactor_wait(g->r, 0);
    assert_int_equal(0, g->r->event_count);
    assert_int_equal(0, pair_read(client, have, sizeof(have), &ended));
    assert_int_equal(SSL_RECEIVED_SHUTDOWN, SSL_get_shutdown(client) & SSL_RECEIVED_SHUTDOWN);
    assert_int_equal(0, recv(SSL_get_fd(client), have, sizeof(have), 0));
    assert_int_equal(CONN_LINGER, c->state);
    secured_leave(g, client);
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
    SSL *before = secured_open(g);
    SSL *half = pair_client(secured_context, rig_connect(g));

    assert_false(pair_shake(half));
    rig_turn(g);
    g->policy.tls = secured_load(&second);
    rig_say_policy(g);
    g->policy.tls = NULL;
    rig_settle(g);
    SSL *after = secured_open(g);
    while (!pair_shake(half)) {
        rig_turn(g);
    }
    expect_name(before, "first");
    expect_name(half, "first");
    expect_name(after, "second");
    secured_say_frame(g, before, STR("{\"type\":\"a\"}"));
    secured_expect_start(before, "\x81\x0c{\"type\":\"a\"}");
    secured_leave(g, before);
    secured_leave(g, half);
    secured_leave(g, after);
}

/* The first word of each has been said, and nobody has answered. */
static void begin_handshakes(struct rig *g, SSL **clients, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        clients[i] = pair_client(secured_context, rig_connect(g));
        assert_false(pair_shake(clients[i]));
    }
}

static void test_handshakes_leave_room_for_others(void **state)
{
    enum { MANY = 3 * HANDSHAKE_SLICE };
    struct rig *g = *state;
    SSL *open = secured_open(g);
    SSL *clients[MANY];
    char frame[200];

    begin_handshakes(g, clients, MANY);
    size_t len = rig_frame(frame, 0x81, STR("{\"type\":\"a\"}"));
    assert_int_equal(len, SSL_write(open, frame, (int)len));
    uint64_t before = g->r->metrics.bytes_out;
    rig_turn(g);
    /* Answered in the same turn, though most of the handshakes have not been. */
    assert_true(g->r->metrics.bytes_out > before);
    secured_expect_start(open, "\x81\x0c{\"type\":\"a\"}");
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
        secured_leave(g, clients[i]);
    }
    secured_leave(g, open);
}

/* By TCP, from 127.0.0.`number`. */
static SSL *connect_from_elsewhere(struct rig *g, unsigned number)
{
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f000000 + number)};
    struct sockaddr_in there = {.sin_family = AF_INET,
                                .sin_port = htons(g->door[0].port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct pollfd door = {.fd = g->door[0].fd, .events = POLLIN};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(0, bind(fd, (struct sockaddr *)&here, sizeof(here)));
    assert_int_equal(0, connect(fd, (struct sockaddr *)&there, sizeof(there)));
    assert_int_equal(0, fcntl(fd, F_SETFL, O_NONBLOCK));
    SSL *client = pair_client(secured_context, fd);
    assert_false(pair_shake(client));
    assert_int_equal(1, poll(&door, 1, -1));
    return client;
}

/* Who begins many handshakes gets one in a turn, so one from another address need not wait. */
static void test_many_handshakes_of_one_address(void **state)
{
    enum { MANY = 40 };
    struct rig *g = *state;
    SSL *clients[MANY];

    begin_handshakes(g, clients, MANY);
    SSL *elsewhere = connect_from_elsewhere(g, 2);
    while (!pair_shake(elsewhere)) {
        rig_turn(g);
        assert_in_range(g->r->handshakes, 1, 2);
    }
    size_t done = 0;
    for (size_t i = 0; i < MANY; i++) {
        done += pair_shake(clients[i]) ? 1 : 0;
    }
    assert_in_range(done, 0, MANY / 2);
    for (size_t i = 0; i < MANY; i++) {
        while (!pair_shake(clients[i])) {
            rig_turn(g);
        }
        secured_leave(g, clients[i]);
    }
    secured_leave(g, elsewhere);
}

/* While they wait they take no place among those that epoll names, and nobody sleeps. */
static void test_who_waits_is_not_watched(void **state)
{
    enum { MANY = 40 };
    struct rig *g = *state;
    SSL *clients[MANY];

    begin_handshakes(g, clients, MANY);
    rig_turn(g);
    rig_turn(g);
    assert_int_equal(0, g->r->event_count);
    assert_true(reactor_busy(g->r));
    /* One that is given up meanwhile waits for no turn. */
    int fd = SSL_get_fd(clients[MANY - 1]);
    uint64_t before = g->r->metrics.connections;
    SSL_free(clients[MANY - 1]);
    close(fd);
    rig_turn(g);
    assert_int_equal(before - 1, g->r->metrics.connections);
    for (size_t i = 0; i < MANY - 1; i++) {
        while (!pair_shake(clients[i])) {
            rig_turn(g);
        }
    }
    for (size_t i = 0; i < MANY; i++) {
        rig_turn(g);
    }
    assert_false(reactor_busy(g->r));
    for (size_t i = 0; i < MANY - 1; i++) {
        secured_leave(g, clients[i]);
    }
}

/* Whose handshake is not over gives way to a newcomer as well, without a word that is no TLS. */
static void test_half_a_handshake_makes_room(void **state)
{
    struct rig *g = *state;
    SSL *open = secured_open(g);
    SSL *half = pair_client(secured_context, rig_connect(g));
    char have[100];

    assert_false(pair_shake(half));
    rig_settle(g);
    while (recv(SSL_get_fd(half), have, sizeof(have), MSG_DONTWAIT) > 0) {
    }
    rig_advance(g, ROOM_MS - TICK_MS);
    assert_false(connection_make_room(g->r));
    rig_advance(g, TICK_MS);
    assert_true(connection_make_room(g->r));
    assert_int_equal(1, g->r->metrics.displaced);
    assert_int_equal(1, g->r->metrics.tls_failed);
    assert_int_equal(1, g->r->metrics.connections);
    assert_int_equal(0, recv(SSL_get_fd(half), have, sizeof(have), MSG_DONTWAIT));
    secured_leave(g, half);
    secured_leave(g, open);
}

static void test_handshakes_of_many_addresses(void **state)
{
    enum { MANY = 2 * HANDSHAKE_SLICE };
    struct rig *g = *state;
    SSL *clients[MANY];
    uint32_t most = 0;
    size_t done = 0;

    for (unsigned i = 0; i < MANY; i++) {
        clients[i] = connect_from_elsewhere(g, 2 + i);
    }
    while (done < MANY) {
        rig_turn(g);
        most = g->r->handshakes > most ? g->r->handshakes : most;
        done = 0;
        for (size_t i = 0; i < MANY; i++) {
            done += pair_shake(clients[i]) ? 1 : 0;
        }
    }
    assert_int_equal(HANDSHAKE_SLICE, most);
    for (size_t i = 0; i < MANY; i++) {
        secured_leave(g, clients[i]);
    }
}

/* The socket is full in the middle of a frame, and then the client falls behind. */
static void test_slow_reader(void **state)
{
    struct rig *g = *state;
    SSL *client = secured_open(g);
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
    secured_leave(g, client);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown_empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_websocket),
        CASE(test_a_handshake_has_five_seconds),
        CASE(test_a_head_has_its_own_time),
        CASE(test_a_full_socket),
        CASE(test_full_at_goodbye),
        CASE(test_no_tls),
        CASE(test_another_certificate),
        CASE(test_handshakes_leave_room_for_others),
        CASE(test_many_handshakes_of_one_address),
        CASE(test_who_waits_is_not_watched),
        CASE(test_half_a_handshake_makes_room),
        CASE(test_handshakes_of_many_addresses),
        CASE(test_slow_reader),
    };

    pair_make(&first, "first", -3600, 3600);
    pair_make(&second, "second", -3600, 3600);
    secured_context = SSL_CTX_new(TLS_client_method());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    SSL_CTX_free(secured_context);
    pair_remove(&first);
    pair_remove(&second);
    return failed;
}
