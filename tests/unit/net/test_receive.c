#include "rig.h"

#include <sys/socket.h>
#include <unistd.h>

#include "net/connection.h"
#include "ws/deflate.h"

static void leave(struct rig *g, int fd)
{
    close(fd);
    rig_settle(g);
    buf_clear(&g->log);
}

/* Sends `first` bytes, then pieces of `step` bytes, with a turn behind each. */
static void send_pieces(struct rig *g, int fd, struct str bytes, size_t first, size_t step)
{
    size_t at = first;

    if (first > 0) {
        rig_send(fd, str_slice(bytes, 0, first));
        rig_turn(g);
    }
    for (; at < bytes.len; at += step) {
        rig_send(fd, str_slice(bytes, at, at + step));
        rig_turn(g);
    }
    rig_settle(g);
}

/* With UP_ALIVE struck out, of which there are as many as there are pieces. */
static void strike_alive(struct rig *g)
{
    size_t len = 0;

    for (size_t i = 0; i < g->log.len; i++) {
        bool alive = g->log.data[i] == 'A' && (i == 0 || g->log.data[i - 1] == ' ');
        if (alive) {
            i++;
        } else {
            g->log.data[len++] = g->log.data[i];
        }
    }
    while (len > 0 && g->log.data[len - 1] == ' ') {
        len--;
    }
    g->log.len = len;
}

/* Frames cut in two at every place, and byte by byte. */
static void every_way(struct rig *g, struct str frames, const char *log, struct str answer)
{
    for (size_t cut = 0; cut <= frames.len; cut++) {
        int fd = rig_open(g);
        send_pieces(g, fd, frames, cut, cut == 0 ? 1 : frames.len);
        strike_alive(g);
        rig_expect(g, log);
        rig_expect_bytes(fd, answer, false);
        leave(g, fd);
    }
}

static void test_messages(void **state)
{
    char frames[256];
    size_t len = rig_frame(frames, 0x81, STR("one"));

    len += rig_frame(frames + len, 0x82, STR(""));
    len += rig_frame(frames + len, 0x01, STR("th"));
    len += rig_frame(frames + len, 0x00, STR(""));
    len += rig_frame(frames + len, 0x80, STR("ree"));
    every_way(*state, str_make(frames, len), "M:one M: M:three",
              STR("\x81\x03one\x81\x00\x81\x05three"));
}

static void test_too_big_is_skipped(void **state)
{
    char frames[1024];
    char big[150];

    memset(big, 'x', sizeof(big));
    size_t len = rig_frame(frames, 0x81, str_make(big, 150));
    len += rig_frame(frames + len, 0x81, STR("one"));
    len += rig_frame(frames + len, 0x01, str_make(big, 60));
    len += rig_frame(frames + len, 0x80, str_make(big, 41));
    len += rig_frame(frames + len, 0x01, str_make(big, 1));
    len += rig_frame(frames + len, 0x80, STR("two"));
    every_way(*state, str_make(frames, len), "T:150 M:one T:101 M:xtwo",
              STR("\x81\x03one\x81\x04xtwo"));
}

static void reload_longest(struct rig *g, uint32_t longest)
{
    g->policy.max_message_bytes = longest;
    rig_say_policy(g);
    rig_settle(g);
}

/* Somebody with a message under way, of which this has come. */
static int begin_message(struct rig *g, struct str piece)
{
    int fd = rig_open(g);

    rig_send_frame(fd, 0x01, piece);
    rig_settle(g);
    buf_clear(&g->log);
    return fd;
}

/* A message that was too big once is skipped to its end, whatever the limit is by then. */
static void test_limit_grows_while_skipping(void **state)
{
    struct rig *g = *state;
    char big[60];

    memset(big, 'x', sizeof(big));
    int fd = begin_message(g, str_make(big, 60));
    rig_send_frame(fd, 0x00, str_make(big, 60));
    rig_settle(g);
    buf_clear(&g->log);
    reload_longest(g, 1000);
    rig_send_frame(fd, 0x80, STR("the tail"));
    rig_settle(g);
    rig_expect(g, "T:128");
    rig_send_frame(fd, 0x01, str_make(big, 60));
    rig_send_frame(fd, 0x80, str_make(big, 60));
    rig_settle(g);
    assert_memory_equal("M:xxx", g->log.data, 5);
    assert_int_equal(2 + 120, g->log.len);
    leave(g, fd);
    reload_longest(g, 100);
}

/* One that is half here when the limit falls is too big from then on. */
static void test_limit_falls_under_way(void **state)
{
    struct rig *g = *state;
    char big[60];

    memset(big, 'x', sizeof(big));
    int fd = begin_message(g, str_make(big, 60));
    reload_longest(g, 59);
    rig_send_frame(fd, 0x80, STR(""));
    rig_settle(g);
    rig_expect(g, "T:60");
    leave(g, fd);
    reload_longest(g, 100);
}

static int open_packing(struct rig *g)
{
    int fd = rig_connect(g);

    g->policy.compression = true;
    rig_say_policy(g);
    rig_settle(g);
    rig_send(fd, STR(HANDSHAKE_TO("/ws", "Sec-WebSocket-Extensions: permessage-deflate\r\n")));
    rig_settle(g);
    rig_expect(g, "O:");
    return fd;
}

/* A compressed one is no want of memory then, by however little it is too big. */
static void test_limit_falls_while_inflating(void **state)
{
    struct rig *g = *state;
    struct deflater *d = deflater_new();
    struct buf packed;
    char big[60];

    assert_non_null(d);
    memset(big, 'x', sizeof(big));
    buf_init(&packed, sizeof(big) + 100);
    assert_true(deflater_pack(d, str_make(big, sizeof(big)), &packed));
    for (uint32_t longest = 60; longest >= 58; longest--) {
        int fd = open_packing(g);
        rig_send_frame(fd, 0x41, buf_str(&packed));
        rig_settle(g);
        rig_expect(g, "");
        reload_longest(g, longest);
        rig_send_frame(fd, 0x80, STR(""));
        rig_settle(g);
        assert_memory_equal(longest == 60 ? "M:xxxx" : "F:1009", g->log.data, 6);
        leave(g, fd);
        reload_longest(g, 100);
    }
    assert_int_equal(0, g->r->metrics.out_of_memory);
    buf_fini(&packed);
    deflater_free(d);
    g->policy.compression = false;
    rig_say_policy(g);
    rig_settle(g);
}

static void test_ping_and_pong(void **state)
{
    char frames[256];
    size_t len = rig_frame(frames, 0x01, STR("o"));

    len += rig_frame(frames + len, 0x89, STR("are you there"));
    len += rig_frame(frames + len, 0x8a, STR("unasked"));
    len += rig_frame(frames + len, 0x80, STR("ne"));
    every_way(*state, str_make(frames, len), "M:one",
              STR("\x8a\x0d"
                  "are you there\x81\x03one"));
}

/* The newest of several that wait is answered. */
static void test_one_pong(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);
    char frames[256];
    size_t len = rig_frame(frames, 0x89, STR("1"));

    len += rig_frame(frames + len, 0x89, STR("two"));
    rig_send(fd, str_make(frames, len));
    rig_settle(g);
    rig_expect_bytes(fd, STR("\x8a\x03two"), false);
    leave(g, fd);
}

static void test_alive_once_a_tick(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);

    rig_advance(g, 100);
    for (int i = 0; i < 3; i++) {
        rig_send_frame(fd, 0x89, STR(""));
        rig_settle(g);
    }
    rig_expect(g, "A");
    rig_advance(g, 100);
    rig_send_frame(fd, 0x01, STR("piece"));
    rig_settle(g);
    rig_expect(g, "A");
    rig_advance(g, 100);
    rig_send_frame(fd, 0x80, STR(""));
    rig_settle(g);
    rig_expect(g, "M:piece");
    leave(g, fd);
}

/* The answer to a ping is told, though the tick has the low bits of the last one that was. */
static void test_pong_after_4096_ticks(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);
    char frames[64];

    rig_advance(g, (ALIVE_MASK + 1) * TICK_MS - 60000);
    rig_send_frame(fd, 0x81, STR("talk"));
    rig_settle(g);
    rig_expect(g, "M:talk");
    rig_advance(g, 60000);
    size_t len = rig_frame(frames, 0x8a, STR(""));
    len += rig_frame(frames + len, 0x8a, STR("once more"));
    rig_send(fd, str_make(frames, len));
    rig_settle(g);
    rig_expect(g, "A");
    leave(g, fd);
}

static void test_violation_behind_messages(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);
    char frames[256];
    char have[256];
    bool ended;
    size_t len = rig_frame(frames, 0x81, STR("one"));

    len += rig_frame(frames + len, 0x81, STR("two"));
    len += rig_frame(frames + len, 0x83, STR("reserved opcode"));
    len += rig_frame(frames + len, 0x81, STR("never read"));
    rig_send(fd, str_make(frames, len));
    rig_settle(g);
    rig_send_frame(fd, 0x81, STR("nor this"));
    rig_settle(g);
    rig_expect(g, "M:one M:two F:1002");
    (void)rig_read(fd, have, sizeof(have), &ended);
    assert_memory_equal("\x81\x03one\x81\x03two\x88", have, 11);
    assert_memory_equal("\x03\xea", have + 12, 2);
    assert_true(ended);
    close(fd);
    rig_settle(g);
    rig_expect(g, "C");
}

static void test_violations(void **state)
{
    struct rig *g = *state;
    static const struct {
        struct str bytes;
        const char *log;
    } cases[] = {
        {{"\x81\x01x", 3}, "F:1002"},                /* no mask */
        {{"\x81\xfe\x04\x00\0\0\0\0", 8}, "F:1009"}, /* 1,024 bytes */
        {{"\x81\x81\0\0\0\0\xff", 7}, "F:1007"},     /* not UTF-8 */
        {{"\x88\x82\0\0\0\0\x03\xe9", 8}, "F:1001"}, /* a close, echoed */
        {{"\x88\x80\0\0\0\0", 6}, "F:1000"},         /* a close without a code */
        {{"\x88\x82\0\0\0\0\x03\xed", 8}, "F:1002"}, /* a close with 1005 */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd = rig_open(g);
        rig_send(fd, cases[i].bytes);
        rig_settle(g);
        rig_expect(g, cases[i].log);
        rig_expect_answer(fd, "\x88");
        close(fd);
        rig_settle(g);
        rig_expect(g, "C");
    }
}

static void test_end_without_close(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);

    rig_send_frame(fd, 0x81, STR("last"));
    close(fd);
    rig_settle(g);
    rig_expect(g, "M:last C");
}

/* A message of the size of many reads comes whole. */
static void test_long_message(void **state)
{
    struct rig *g = *state;
    static char text[300 * 1024];
    static char frame[sizeof(text) + WS_MAX_HEADER];
    static const uint8_t mask[4] = {9, 8, 7, 6};

    struct net_policy_source before = g->policy;

    g->policy.max_message_bytes = sizeof(text);
    g->policy.max_frame_bytes = sizeof(text);
    rig_say_policy(g);
    rig_settle(g);
    memset(text, 'a', sizeof(text));
    int fd = rig_open(g);
    size_t len = ws_write_masked_header(frame, WS_TEXT, sizeof(text), mask);
    memcpy(frame + len, text, sizeof(text));
    ws_mask(frame + len, sizeof(text), mask, 0);
    len += sizeof(text);
    g->mute = true;
    for (size_t at = 0; at < len;) {
        ssize_t sent = send(fd, frame + at, len - at, MSG_NOSIGNAL);
        at += sent > 0 ? (size_t)sent : 0;
        rig_turn(g);
    }
    rig_settle(g);
    g->mute = false;
    strike_alive(g);
    assert_int_equal(2 + sizeof(text), g->log.len);
    assert_memory_equal("M:aaaa", g->log.data, 6);
    leave(g, fd);
    g->policy = before;
    rig_say_policy(g);
    rig_settle(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_too_big_is_skipped),
        cmocka_unit_test(test_ping_and_pong),
        cmocka_unit_test(test_one_pong),
        cmocka_unit_test(test_alive_once_a_tick),
        cmocka_unit_test(test_violation_behind_messages),
        cmocka_unit_test(test_violations),
        cmocka_unit_test(test_end_without_close),
        cmocka_unit_test(test_long_message),
        cmocka_unit_test(test_pong_after_4096_ticks),
        cmocka_unit_test(test_limit_grows_while_skipping),
        cmocka_unit_test(test_limit_falls_under_way),
        cmocka_unit_test(test_limit_falls_while_inflating),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown_empty);
}
