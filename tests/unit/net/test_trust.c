/* Clients that have yet to authenticate, and those that have to wait. */

#include "rig.h"

#include <sys/socket.h>
#include <unistd.h>

enum { LIMIT = STRANGER_MAX_MESSAGE };

static char text[3 * LIMIT];

static int setup(void **state)
{
    static struct rig g;

    rig_settings(&g);
    g.policy.max_message_bytes = 2 * LIMIT;
    g.policy.max_frame_bytes = 4 * LIMIT;
    rig_start(&g);
    memset(text, 'x', sizeof(text));
    *state = &g;
    return 0;
}

static void leave(struct rig *g, int fd)
{
    close(fd);
    rig_settle(g);
    buf_clear(&g->log);
}

/* One that the hub has not recognised. */
static int open_stranger(struct rig *g)
{
    g->accept = DOWN_STRANGER;
    int fd = rig_open(g);
    g->accept = 0;
    return fd;
}

static void say(struct rig *g, enum down_kind kind)
{
    rig_say(g, g->last_conn, kind, 0, 0, STR(""));
    rig_settle(g);
}

/* What was told, by the first letters and how long it was. */
static void expect_message(struct rig *g, size_t len)
{
    assert_int_equal(2 + len, g->log.len);
    assert_memory_equal("M:x", g->log.data, 3);
    buf_clear(&g->log);
}

static void expect_too_big(struct rig *g, int fd)
{
    char have[256];
    bool ended;

    rig_expect(g, "F:1009");
    size_t len = rig_read(fd, have, sizeof(have), &ended);
    assert_true(ended);
    assert_memory_equal("\x88", have, 1);
    assert_memory_equal("\x03\xf1", have + 2, 2);
    assert_non_null(memmem(have, len, "has not authenticated; do that first", 36));
    leave(g, fd);
}

static void test_stranger_has_a_limit(void **state)
{
    struct rig *g = *state;
    int fd = open_stranger(g);

    g->mute = true;
    rig_send_frame(fd, 0x81, str_make(text, LIMIT));
    rig_settle(g);
    expect_message(g, LIMIT);
    assert_true(g->secret);
    g->mute = false;
    rig_send_frame(fd, 0x81, str_make(text, LIMIT + 1));
    rig_settle(g);
    expect_too_big(g, fd);
}

/* It holds for all fragments together, and is not waited for: the header says enough. */
static void test_limit_of_fragments(void **state)
{
    struct rig *g = *state;
    int fd = open_stranger(g);

    rig_send_frame(fd, 0x01, str_make(text, LIMIT));
    rig_settle(g);
    rig_expect(g, "");
    rig_send_frame(fd, 0x80, STR("x"));
    rig_settle(g);
    expect_too_big(g, fd);

    fd = open_stranger(g);
    /* A masked header of 64 bits of length: 1 MiB. */
    rig_send(fd, str_make("\x81\xff\0\0\0\0\0\x10\0\0\1\2\3\4", 14));
    rig_settle(g);
    expect_too_big(g, fd);
}

static void test_trust_lifts_it(void **state)
{
    struct rig *g = *state;
    int fd = open_stranger(g);

    g->mute = true;
    say(g, DOWN_TRUST);
    rig_send_frame(fd, 0x81, str_make(text, 2 * LIMIT));
    rig_settle(g);
    expect_message(g, 2 * (size_t)LIMIT);
    rig_send_frame(fd, 0x81, STR("{}")); /* what cannot be read would count as a secret */
    rig_settle(g);
    rig_expect(g, "M:{}");
    assert_false(g->secret);
    /* From here on the usual limits hold, with the usual words. */
    rig_send_frame(fd, 0x81, str_make(text, sizeof(text)));
    rig_settle(g);
    rig_expect(g, "T:49152");
    g->mute = false;
    leave(g, fd);
}

/* A message that began before goes on behind it, and is still kept as a secret. */
static void test_trust_within_a_message(void **state)
{
    struct rig *g = *state;
    int fd = open_stranger(g);

    g->mute = true;
    rig_send_frame(fd, 0x01, str_make(text, LIMIT));
    rig_settle(g);
    say(g, DOWN_TRUST);
    buf_clear(&g->log);
    rig_send_frame(fd, 0x80, str_make(text, LIMIT));
    rig_settle(g);
    expect_message(g, 2 * (size_t)LIMIT);
    g->mute = false;
    leave(g, fd);
}

/* A policy does not make a stranger somebody, nor does trust come to who is closing. */
static void test_policy_and_strangers(void **state)
{
    struct rig *g = *state;
    int fd = open_stranger(g);

    rig_say_policy(g);
    rig_settle(g);
    rig_send_frame(fd, 0x81, str_make(text, LIMIT + 1));
    rig_turn(g);
    say(g, DOWN_TRUST);
    expect_too_big(g, fd);
}

/* --- pausing ---------------------------------------------------------------------------------- */

static void test_pause(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);
    uint64_t conn = g->last_conn;

    say(g, DOWN_PAUSE);
    uint64_t reads = g->r->metrics.reads;
    rig_send_frame(fd, 0x81, STR("one"));
    rig_send_frame(fd, 0x81, STR("two"));
    rig_settle(g);
    rig_expect(g, "");
    assert_int_equal(reads, g->r->metrics.reads);
    /* What the hub says is written as ever. */
    rig_say(g, conn, DOWN_FRAME, 0, 0, STR("\x89\x00"));
    rig_settle(g);
    rig_expect_bytes(fd, STR("\x89\x00"), false);
    rig_expect(g, "");
    say(g, DOWN_GO_ON);
    rig_expect(g, "M:one M:two");
    rig_expect_bytes(fd, STR("\x81\x03one\x81\x03two"), false);
    leave(g, fd);
}

/* In the middle of a frame, at each place. */
static void test_pause_within_a_frame(void **state)
{
    struct rig *g = *state;
    char frames[64];
    size_t len = rig_frame(frames, 0x01, STR("on"));

    len += rig_frame(frames + len, 0x80, STR("e"));
    for (size_t cut = 0; cut <= len; cut++) {
        int fd = rig_open(g);
        rig_send(fd, str_make(frames, cut));
        rig_settle(g);
        buf_clear(&g->log);
        say(g, DOWN_PAUSE);
        rig_send(fd, str_make(frames + cut, len - cut));
        rig_settle(g);
        rig_expect(g, "");
        say(g, DOWN_GO_ON);
        rig_expect(g, cut < len ? "M:one" : "");
        leave(g, fd);
    }
}

/* Bytes that came with the handshake wait as well, however the commands come. */
static void test_pause_at_the_handshake(void **state)
{
    struct rig *g = *state;
    char bytes[512];
    size_t len = sizeof(HANDSHAKE) - 1;

    memcpy(bytes, HANDSHAKE, len);
    len += rig_frame(bytes + len, 0x81, STR("one"));
    g->mute = true;
    for (int way = 0; way < 3; way++) {
        int fd = rig_connect(g);
        rig_send(fd, str_make(bytes, len));
        rig_settle(g);
        rig_expect(g, "O:");
        rig_say(g, g->last_conn, DOWN_ACCEPT, 0, 0, STR(""));
        rig_say(g, g->last_conn, DOWN_PAUSE, 0, 0, STR(""));
        if (way == 0) {
            rig_say(g, g->last_conn, DOWN_GO_ON, 0, 0, STR(""));
        }
        rig_settle(g);
        rig_expect_bytes(fd, STR(SWITCHING "\r\n\r\n"), false);
        if (way > 0) {
            rig_expect(g, "");
            if (way == 2) {
                rig_send_frame(fd, 0x81, STR("two"));
                rig_settle(g);
                rig_expect(g, "");
            }
            say(g, DOWN_GO_ON);
        }
        rig_expect(g, way == 2 ? "M:one M:two" : "M:one");
        leave(g, fd);
    }
    g->mute = false;
}

/* It can be closed, and it can go, without being read. */
static void test_end_while_paused(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);

    say(g, DOWN_PAUSE);
    rig_send_frame(fd, 0x81, STR("one"));
    rig_say(g, g->last_conn, DOWN_CLOSE, 4401, 0, STR(""));
    rig_settle(g);
    rig_expect_bytes(fd, STR("\x88\x02\x11\x31"), true);
    leave(g, fd);

    fd = rig_open(g);
    say(g, DOWN_PAUSE);
    rig_send_frame(fd, 0x81, STR("one"));
    rig_settle(g);
    close(fd);
    rig_settle(g);
    rig_expect(g, "C");
}

/* Commands for one that waits, or is no client, do nothing. */
static void test_commands_for_others(void **state)
{
    struct rig *g = *state;
    int fd = rig_connect(g);

    g->mute = true;
    rig_send(fd, STR("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    rig_settle(g);
    say(g, DOWN_PAUSE);
    say(g, DOWN_TRUST);
    say(g, DOWN_ACCEPT);
    rig_say(g, g->last_conn, DOWN_FRAME, 0, DOWN_LAST, STR("done"));
    rig_settle(g);
    rig_expect_bytes(fd, STR("done"), false);
    buf_clear(&g->log);
    rig_send(fd, STR("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    rig_settle(g);
    rig_expect(g, "R:41/");
    g->mute = false;
    leave(g, fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stranger_has_a_limit), cmocka_unit_test(test_limit_of_fragments),
        cmocka_unit_test(test_trust_lifts_it),       cmocka_unit_test(test_trust_within_a_message),
        cmocka_unit_test(test_policy_and_strangers), cmocka_unit_test(test_pause),
        cmocka_unit_test(test_pause_within_a_frame), cmocka_unit_test(test_pause_at_the_handshake),
        cmocka_unit_test(test_end_while_paused),     cmocka_unit_test(test_commands_for_others),
    };
    return cmocka_run_group_tests(tests, setup, rig_teardown_empty);
}
