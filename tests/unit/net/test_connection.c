#include "rig.h"

#include <sys/socket.h>
#include <unistd.h>

#include "net/connection.h"

static void test_silence_is_answered(void **state)
{
    struct rig *g = *state;
    int silent = rig_connect(g);
    int half = rig_connect(g);

    rig_send(half, STR("GET / HT"));
    rig_advance(g, 9900);
    rig_expect_bytes(silent, STR(""), false);
    rig_advance(g, 300);
    rig_expect_answer(silent, "HTTP/1.1 408 Request Timeout\r\n");
    rig_expect_answer(half, "HTTP/1.1 408 Request Timeout\r\n");
    /* They do not end; the reactor waits for that only so long. */
    assert_int_equal(2, g->r->metrics.connections);
    rig_advance(g, 2300);
    assert_int_equal(0, g->r->metrics.connections);
    rig_expect(g, "");
    close(silent);
    close(half);
}

static void test_slow_head_gets_no_more_time(void **state)
{
    struct rig *g = *state;
    int fd = rig_connect(g);

    for (size_t i = 0; i < 9; i++) {
        rig_send(fd, str_slice(STR("GET /stat"), i, i + 1));
        rig_advance(g, 1000);
    }
    rig_expect_bytes(fd, STR(""), false);
    rig_advance(g, 1200);
    rig_expect_answer(fd, "HTTP/1.1 408");
    close(fd);
    rig_settle(g);
}

static void test_idle_after_an_answer(void **state)
{
    struct rig *g = *state;
    int fd = rig_connect(g);

    rig_send(fd, STR("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    rig_settle(g);
    rig_expect(g, "R:41/");
    rig_expect_bytes(fd, STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), false);
    rig_advance(g, 10200);
    rig_expect_bytes(fd, STR(""), true);
    assert_int_equal(0, g->r->metrics.connections);
    close(fd);
}

static void test_open_has_no_deadline(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);

    rig_advance(g, 10 * 60 * 1000);
    rig_expect_bytes(fd, STR(""), false);
    rig_expect(g, "");
    close(fd);
    rig_settle(g);
    rig_expect(g, "F:0 C");
}

/* The hub closes; the peer goes on talking, which nobody hears, and does not end. */
static void test_linger(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);

    rig_say(g, g->last_conn, DOWN_CLOSE, 1008, 0, STR("why"));
    rig_settle(g);
    rig_expect_bytes(fd, STR("\x88\x05\x03\xf0why"), true);
    for (int i = 0; i < 5; i++) {
        rig_send_frame(fd, 0x81, STR("still here"));
        rig_advance(g, 100);
    }
    rig_expect(g, "");
    assert_int_equal(1, g->r->metrics.connections);
    rig_advance(g, 2300);
    rig_expect(g, "C");
    assert_int_equal(0, g->r->metrics.connections);
    close(fd);
}

static void test_linger_ends_with_the_peer(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);

    rig_say(g, g->last_conn, DOWN_CLOSE, 1000, 0, STR(""));
    rig_settle(g);
    rig_expect_bytes(fd, STR("\x88\x02\x03\xe8"), true);
    rig_expect(g, "");
    rig_send_frame(fd, 0x88, STR("\x03\xe8"));
    close(fd);
    rig_settle(g);
    rig_expect(g, "C");
}

/* A peer that reads nothing cannot keep a closed connection. */
static void test_close_that_cannot_be_written(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);
    static char text[512 * 1024];

    memset(text, 'x', sizeof(text));
    rig_say_text(g, g->last_conn, str_make(text, sizeof(text)), 0);
    rig_settle(g);
    assert_true(g->r->metrics.would_block > 0);
    rig_say(g, g->last_conn, DOWN_CLOSE, 1001, 0, STR(""));
    rig_advance(g, 9000);
    rig_expect(g, "");
    rig_advance(g, 2000);
    rig_advance(g, 11000);
    rig_expect(g, "C");
    assert_int_equal(0, g->r->metrics.connections);
    close(fd);
}

/* Handles of the dead reach nobody, though their slots are used again. */
static void test_late_commands(void **state)
{
    struct rig *g = *state;
    int first = rig_open(g);
    uint64_t old = g->last_conn;

    close(first);
    rig_settle(g);
    int second = rig_open(g);
    assert_int_equal(conn_slot(old), conn_slot(g->last_conn));
    assert_int_not_equal(old, g->last_conn);
    rig_say_text(g, old, STR("for the dead"), 0);
    rig_say(g, old, DOWN_CLOSE, 1000, 0, STR(""));
    rig_say(g, old, DOWN_ACCEPT, 0, 0, STR(""));
    rig_settle(g);
    rig_expect_bytes(second, STR(""), false);
    close(second);
    rig_settle(g);
    rig_expect(g, "F:0 C");
}

/* One that is lost while the hub thinks about it is reported behind its opening. */
static void test_lost_while_waiting(void **state)
{
    struct rig *g = *state;
    int fd = rig_connect(g);

    g->mute = true;
    rig_send(fd, STR("G"));
    rig_settle(g);
    rig_send(fd, str_slice(STR(HANDSHAKE), 1, sizeof(HANDSHAKE) - 1));
    rig_settle(g);
    rig_expect(g, "O:");
    close(fd);
    rig_settle(g);
    rig_expect(g, "C");
    g->mute = false;
    rig_say(g, g->last_conn, DOWN_ACCEPT, 0, 0, STR(""));
    rig_settle(g);
    assert_int_equal(0, g->r->metrics.connections);
}

/* The hub lost its answer for want of memory, say. */
static void test_no_answer(void **state)
{
    struct rig *g = *state;
    int client = rig_connect(g);
    int asker = rig_connect(g);

    g->mute = true;
    rig_send(client, STR(HANDSHAKE));
    rig_send(asker, STR("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    rig_settle(g);
    rig_expect(g, "O: R:41/");
    rig_advance(g, 59000);
    rig_expect(g, "");
    rig_advance(g, 1500);
    rig_expect(g, "C");
    assert_int_equal(0, g->r->metrics.connections);
    g->mute = false;
    close(client);
    close(asker);
}

/* One that says nothing more still gets the answers to what it said, whenever they come. */
static void test_half_closed(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);

    g->mute = true;
    rig_send_frame(fd, 0x81, STR("ask"));
    assert_int_equal(0, shutdown(fd, SHUT_WR));
    rig_settle(g);
    rig_expect(g, "M:ask F:0");
    rig_expect_bytes(fd, STR(""), false);
    rig_say_text(g, g->last_conn, STR("answer"), 0);
    rig_settle(g);
    rig_expect_bytes(fd,
                     STR("\x81\x06"
                         "answer"),
                     false);
    rig_say_text(g, g->last_conn, STR("last"), 0);
    rig_say(g, g->last_conn, DOWN_CLOSE, 0, 0, STR(""));
    rig_settle(g);
    rig_expect_bytes(fd, STR("\x81\x04last"), true);
    rig_expect(g, "C");
    close(fd);
    /* The same behind a close frame. */
    g->mute = false;
    fd = rig_open(g);
    g->mute = true;
    rig_send_frame(fd, 0x88, STR("\x03\xe8"));
    assert_int_equal(0, shutdown(fd, SHUT_WR));
    rig_settle(g);
    rig_expect(g, "F:1000");
    rig_expect_bytes(fd, STR(""), false);
    rig_say(g, g->last_conn, DOWN_CLOSE, 1000, 0, STR(""));
    rig_settle(g);
    rig_expect_bytes(fd, STR("\x88\x02\x03\xe8"), true);
    rig_expect(g, "C");
    g->mute = false;
    close(fd);
}

/* One that has closed its socket altogether is not waited for, nor looked at again and again. */
static void test_half_closed_then_gone(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);

    g->mute = true;
    assert_int_equal(0, shutdown(fd, SHUT_WR));
    rig_settle(g);
    rig_expect(g, "F:0");
    assert_int_equal(1, g->r->metrics.connections);
    close(fd);
    rig_settle(g);
    rig_expect(g, "C");
    assert_int_equal(0, g->r->metrics.connections);
    g->mute = false;
}

static void test_size(void **state)
{
    (void)state;
    assert_true(sizeof(struct connection) <= sizeof(struct outbox) + 56);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence_is_answered),
        cmocka_unit_test(test_slow_head_gets_no_more_time),
        cmocka_unit_test(test_idle_after_an_answer),
        cmocka_unit_test(test_open_has_no_deadline),
        cmocka_unit_test(test_linger),
        cmocka_unit_test(test_linger_ends_with_the_peer),
        cmocka_unit_test(test_close_that_cannot_be_written),
        cmocka_unit_test(test_late_commands),
        cmocka_unit_test(test_lost_while_waiting),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_half_closed),
        cmocka_unit_test(test_half_closed_then_gone),
        cmocka_unit_test(test_size),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
