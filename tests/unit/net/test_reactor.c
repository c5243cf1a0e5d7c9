#include "rig.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int setup(void **state)
{
    static struct rig g;

    rig_settings(&g);
    g.policy.max_message_bytes = 1 << 20;
    g.policy.max_frame_bytes = 1 << 20;
    rig_start(&g);
    g.mute = true;
    *state = &g;
    return 0;
}

static int open_client(struct rig *g)
{
    g->mute = false;
    int fd = rig_open(g);
    g->mute = true;
    return fd;
}

/* Writes as much of the frame as the socket takes. */
static bool push(int fd, const char *frame, size_t len, size_t *at)
{
    ssize_t sent = send(fd, frame + *at, len - *at, MSG_NOSIGNAL);

    if (sent > 0) {
        *at = (*at + (size_t)sent) % len;
    }
    return sent > 0;
}

static void test_reading_stops_without_credit(void **state)
{
    struct rig *g = *state;
    static char text[60000];
    static char frame[sizeof(text) + WS_MAX_HEADER];
    int fd = open_client(g);
    size_t len = rig_frame(frame, 0x81, str_make(text, sizeof(text)));
    size_t at = 0;

    g->keeps_credit = true;
    g->taken = 0;
    while (g->taken <= CREDIT_LIMIT) {
        assert_true(push(fd, frame, len, &at));
        rig_turn(g);
    }
    buf_clear(&g->log);
    size_t stopped_at = g->taken;
    while (push(fd, frame, len, &at)) {
    }
    for (int i = 0; i < 10; i++) {
        rig_turn(g);
    }
    assert_int_equal(stopped_at, g->taken);
    rig_expect(g, "");

    /* What there is to write is written all the same. */
    rig_say_text(g, g->last_conn, STR("still served"), 0);
    rig_turn(g);
    rig_expect_bytes(fd, STR("\x81\x0cstill served"), false);

    g->keeps_credit = false;
    reactor_credit(g->r, stopped_at);
    rig_settle(g);
    assert_true(g->taken > stopped_at);
    close(fd);
    rig_settle(g);
}

/* A turn reads no more than its budget; the rest is read in the next turns, first come, first. */
static void test_turn_has_a_budget(void **state)
{
    struct rig *g = *state;
    static char text[60000];
    static char frame[sizeof(text) + WS_MAX_HEADER];
    enum { CLIENTS = 40 };
    int fds[CLIENTS];
    size_t len = rig_frame(frame, 0x81, str_make(text, sizeof(text)));

    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = open_client(g);
    }
    for (int i = 0; i < CLIENTS; i++) {
        rig_send(fds[i], str_make(frame, len));
    }
    g->taken = 0;
    rig_turn(g);
    assert_true(g->taken >= READ_BUDGET);
    assert_true(g->taken < READ_BUDGET + RECEIVE_SIZE + 1000);
    assert_true(reactor_busy(g->r));
    rig_settle(g);
    assert_true(g->taken >= CLIENTS * sizeof(text));
    assert_false(reactor_busy(g->r));
    for (int i = 0; i < CLIENTS; i++) {
        close(fds[i]);
    }
    rig_settle(g);
}

/*
 * A large session is written in slices, and others are read in between. The more has come, the
 * larger is the slice.
 */
static void test_flush_in_slices(void **state)
{
    struct rig *g = *state;
    enum { CLIENTS = FLUSH_SLICE_MAX + 3 * FLUSH_SLICE };
    static int fds[CLIENTS];
    static uint64_t conns[CLIENTS];

    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = open_client(g);
        conns[i] = g->last_conn;
    }
    for (int i = 0; i < CLIENTS; i++) {
        rig_say_text(g, conns[i], STR("all"), 0);
    }
    uint64_t writes = g->r->metrics.writes;
    rig_turn(g);
    assert_int_equal(writes + FLUSH_SLICE_MAX, g->r->metrics.writes);
    assert_true(reactor_busy(g->r));
    rig_send_frame(fds[CLIENTS - 1], 0x81, STR("me"));
    rig_turn(g);
    rig_expect(g, "M:me");
    assert_int_equal(writes + FLUSH_SLICE_MAX + 2 * FLUSH_SLICE, g->r->metrics.writes);
    assert_true(reactor_busy(g->r));
    rig_turn(g);
    assert_int_equal(writes + CLIENTS, g->r->metrics.writes);
    for (int i = 0; i < CLIENTS; i++) {
        rig_expect_bytes(fds[i],
                         STR("\x81\x03"
                             "all"),
                         false);
        close(fds[i]);
    }
    rig_settle(g);
}

/* What many have sent right behind their handshakes goes up in turns as well. */
static void test_what_comes_early_has_a_budget(void **state)
{
    struct rig *g = *state;
    enum { CLIENTS = 100, EARLY = 40000, TEXT = 80 };
    static char bytes[sizeof(HANDSHAKE) + EARLY];
    char text[TEXT];
    int fds[CLIENTS];
    size_t largest = 0;
    size_t len = sizeof(HANDSHAKE) - 1;

    memset(text, 'e', sizeof(text));
    memcpy(bytes, HANDSHAKE, len);
    while (len + WS_MAX_HEADER + sizeof(text) <= sizeof(bytes)) {
        len += rig_frame(bytes + len, 0x81, str_make(text, sizeof(text)));
    }
    g->mute = false;
    while (g->r->metrics.connections > 0) { /* of the test before */
        rig_turn(g);
    }
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = rig_connect(g);
        rig_send(fds[i], str_make(bytes, len));
    }
    g->taken = 0;
    for (int i = 0; g->taken < CLIENTS * (size_t)EARLY; i++) {
        assert_true(i < CLIENTS);
        size_t before = g->taken;
        rig_turn(g);
        largest = g->taken - before > largest ? g->taken - before : largest;
    }
    assert_true(largest >= READ_BUDGET);
    assert_true(largest < 2 * READ_BUDGET);
    for (int i = 0; i < CLIENTS; i++) {
        close(fds[i]);
    }
    rig_settle(g);
}

/*
 * With one thread nobody takes what was read while the hub is behind with its answers. Those are
 * written all the same, or they would be kept, more and more of them.
 */
static void test_written_while_the_hub_is_behind(void **state)
{
    struct rig *g = *state;
    static char text[60000];
    static char frame[sizeof(text) + WS_MAX_HEADER];
    int speaks = open_client(g);
    int hears = open_client(g);
    uint64_t conn = g->last_conn;
    size_t len = rig_frame(frame, 0x81, str_make(text, sizeof(text)));

    while (up_batch_size(g->r->up) < READ_BUDGET) {
        rig_send(speaks, str_make(frame, len));
        reactor_wait(g->r, 0);
        reactor_read(g->r, g->now_ms);
    }
    rig_say_text(g, conn, STR("answer"), 0);
    reactor_apply(g->r, g->down);
    down_batch_clear(g->down);
    reactor_flush(g->r);
    rig_expect_bytes(hears,
                     STR("\x81\x06"
                         "answer"),
                     false);
    close(speaks);
    close(hears);
    while (g->r->metrics.connections > 0) {
        rig_turn(g);
    }
    buf_clear(&g->log);
}

/* While the hub is behind, a client that reads what it is sent gets all of it. */
static void test_read_while_the_hub_is_behind(void **state)
{
    enum { FRAMES = 20 };
    struct rig *g = *state;
    static char text[60000];
    static char frame[sizeof(text) + WS_MAX_HEADER];
    size_t len = rig_frame(frame, 0x81, str_make(text, sizeof(text)));
    char have[8192];
    bool ended;

    for (int round = 0; round < 2; round++) {
        int speaks = open_client(g);
        int hears = open_client(g);
        size_t all = 0;
        for (int i = 0; i < FRAMES; i++) {
            rig_say_text(g, g->last_conn, str_make(text, sizeof(text)), 0);
        }
        rig_turn(g);
        assert_true(g->r->metrics.queue_bytes > sizeof(text));
        /* There is no credit, or nobody takes what was read. */
        g->r->outstanding += round == 0 ? CREDIT_LIMIT + 1 : 0;
        while (round == 1 && up_batch_size(g->r->up) < READ_BUDGET) {
            rig_send(speaks, str_make(frame, len));
            reactor_wait(g->r, 0);
            reactor_read(g->r, g->now_ms);
        }
        for (size_t got = 1; got > 0;) {
            got = rig_read(hears, have, sizeof(have), &ended);
            all += got;
            reactor_wait(g->r, 0);
            reactor_read(g->r, g->now_ms);
            reactor_flush(g->r);
        }
        assert_int_equal(FRAMES * (sizeof(text) + 4), all);
        reactor_credit(g->r, round == 0 ? CREDIT_LIMIT + 1 : 0);
        close(speaks);
        close(hears);
        while (g->r->metrics.connections > 0) {
            rig_turn(g);
        }
        buf_clear(&g->log);
    }
}

/* The hub answers what it was told last, and is behind. */
static void answer_late(struct rig *g, int fd, struct str bytes, void (*answer)(struct rig *g))
{
    g->mute = true;
    rig_send(fd, bytes);
    rig_turn(g);
    g->r->outstanding += CREDIT_LIMIT + 1;
    answer(g);
    rig_turn(g);
    assert_false(reactor_busy(g->r));
}

/* It has caught up. */
static void give_credit(struct rig *g)
{
    reactor_credit(g->r, CREDIT_LIMIT + 1);
    assert_true(reactor_busy(g->r));
    rig_settle(g);
}

static void accept_last(struct rig *g)
{
    rig_say(g, g->last_conn, DOWN_ACCEPT, 0, 0, STR(""));
}

static void answer_last(struct rig *g)
{
    rig_say(g, g->last_conn, DOWN_FRAME, 0, DOWN_LAST,
            STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
}

/* What came behind a handshake is for a hub that has dealt with what it has. */
static void test_what_comes_early_needs_credit(void **state)
{
    struct rig *g = *state;
    int fd = rig_connect(g);

    answer_late(g, fd, STR(HANDSHAKE "\x81\x81\0\0\0\0a\x81\x81\0\0\0\0b"), accept_last);
    rig_expect_bytes(fd, STR(SWITCHING "\r\n\r\n"), false);
    rig_expect(g, "O:");
    rig_send(fd, STR("\x81\x81\0\0\0\0c"));
    give_credit(g);
    rig_expect(g, "M:a M:b M:c");
    close(fd);
    rig_settle(g);
    rig_expect(g, "F:0 C");
}

/* Who says nothing more behind it has said it all the same. */
static void test_what_comes_early_before_an_end(void **state)
{
    struct rig *g = *state;
    int fd = rig_connect(g);

    answer_late(g, fd, STR(HANDSHAKE "\x81\x81\0\0\0\0a"), accept_last);
    rig_expect_bytes(fd, STR(SWITCHING "\r\n\r\n"), false);
    rig_expect(g, "O:");
    assert_int_equal(0, shutdown(fd, SHUT_WR));
    give_credit(g);
    rig_expect(g, "M:a F:0");
    close(fd);
    rig_settle(g);
    rig_expect(g, "C");
}

/* So is the next request. Nobody says meanwhile that it does not come; its sender may leave. */
static void test_the_next_request_needs_credit(void **state)
{
    enum { LONGER_THAN_A_HEAD_MS = 20000 };
    struct rig *g = *state;
    const struct str gets = STR("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const struct str answer = STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

    for (int round = 0; round < 2; round++) {
        int fd = rig_connect(g);
        answer_late(g, fd, gets, answer_last);
        rig_expect(g, "R:41/");
        rig_expect_bytes(fd, answer, false);
        rig_advance(g, LONGER_THAN_A_HEAD_MS);
        rig_expect_bytes(fd, STR(""), false);
        if (round == 1) {
            close(fd);
            give_credit(g);
            rig_expect(g, "");
            assert_int_equal(0, g->r->metrics.connections);
            continue;
        }
        give_credit(g);
        rig_expect(g, "R:41/");
        answer_last(g);
        rig_settle(g);
        rig_expect_bytes(fd, answer, false);
        rig_advance(g, LONGER_THAN_A_HEAD_MS);
        assert_int_equal(0, g->r->metrics.connections);
        close(fd);
    }
}

static void test_wake(void **state)
{
    struct rig *g = *state;

    reactor_wake(g->r);
    reactor_wake(g->r);
    /* It would wait for ever. */
    reactor_wait(g->r, -1);
    reactor_read(g->r, g->now_ms);
    reactor_wait(g->r, 0);
    assert_int_equal(0, g->r->event_count);
    assert_false(reactor_busy(g->r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading_stops_without_credit),
        cmocka_unit_test(test_turn_has_a_budget),
        cmocka_unit_test(test_flush_in_slices),
        cmocka_unit_test(test_what_comes_early_has_a_budget),
        cmocka_unit_test(test_written_while_the_hub_is_behind),
        cmocka_unit_test(test_read_while_the_hub_is_behind),
        cmocka_unit_test(test_what_comes_early_needs_credit),
        cmocka_unit_test(test_what_comes_early_before_an_end),
        cmocka_unit_test(test_the_next_request_needs_credit),
        cmocka_unit_test(test_wake),
    };
    return cmocka_run_group_tests(tests, setup, rig_teardown);
}
