#include "rig.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A client of the path that echoes; the hub is told nothing of it. */
static int open_echo(struct rig *g)
{
    int fd = rig_connect(g);
    char answer[512];
    bool ended;

    rig_send(fd, STR(HANDSHAKE_TO("/echo", "")));
    rig_settle(g);
    rig_read(fd, answer, sizeof(answer), &ended);
    assert_string_equal(answer, SWITCHING "\r\n\r\n");
    assert_false(ended);
    return fd;
}

static void test_back_as_it_came(void **state)
{
    struct rig *g = *state;
    int fd = open_echo(g);

    rig_send_frame(fd, 0x81, STR("text"));
    rig_send_frame(fd, 0x82, STR("\xff\x00"));
    rig_send_frame(fd, 0x82, STR(""));
    rig_send_frame(fd, 0x01, STR("in "));
    rig_send_frame(fd, 0x89, STR("?"));
    rig_send_frame(fd, 0x80, STR("two"));
    rig_settle(g);
    rig_expect_bytes(fd, STR("\x81\x04text\x82\x02\xff\x00\x82\x00\x8a\x01?\x81\x06in two"), false);
    close(fd);
    rig_settle(g);
    rig_expect(g, "");
}

/* Limits of the product's messages are not its; its close frames are made without the hub. */
static void test_close(void **state)
{
    static const struct {
        unsigned first_byte;
        struct str payload;
        struct str answer;
    } cases[] = {
        {0x88, {"\x03\xe8", 2}, {"\x88\x02\x03\xe8", 4}},
        {0x88, {"\x0f\xa0", 2}, {"\x88\x02\x0f\xa0", 4}},
        {0x88, {"", 0}, {"\x88\x02\x03\xe8", 4}},
        {0x81, {"\xff", 1}, {"\x88\x1a\x03\xefthe text is not UTF-8 (RFC", 28}},
    };
    struct rig *g = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd = open_echo(g);
        char answer[512];
        bool ended;
        rig_send_frame(fd, cases[i].first_byte, cases[i].payload);
        rig_settle(g);
        rig_read(fd, answer, sizeof(answer), &ended);
        assert_int_equal(answer[0], cases[i].answer.ptr[0]);
        assert_memory_equal(answer + 2, cases[i].answer.ptr + 2, cases[i].answer.len - 2);
        assert_true(ended);
        close(fd);
        rig_settle(g);
    }
    rig_expect(g, "");
}

static void test_too_big(void **state)
{
    struct rig *g = *state;
    int fd = open_echo(g);
    char answer[512];
    bool ended;

    rig_send(fd, STR("\x82\xff\x00\x00\x00\x00\x01\x00\x00\x01\x00\x00\x00\x00"));
    rig_settle(g);
    rig_read(fd, answer, sizeof(answer), &ended);
    assert_memory_equal(answer + 2, "\x03\xf1", 2);
    assert_true(ended);
    close(fd);
}

/* Whoever does not read is not read from, whatever is kept for others, and gets it all at last. */
static void test_not_read(void **state)
{
    struct rig *g = *state;
    int fd = open_echo(g);
    char *message = calloc(1, 60000), *answer = calloc(1, 64 * 1024);
    size_t sent = 0, got = 0;
    bool ended = false;

    assert_true(message != NULL && answer != NULL);
    size_t len = rig_frame(message, 0x82, str_make(answer, 50000));
    for (int idle = 0; idle < 10 && sent < 100 * len;) {
        ssize_t n = send(fd, message + sent % len, len - sent % len, MSG_DONTWAIT);
        idle = n > 0 ? 0 : idle + 1;
        sent += n > 0 ? (size_t)n : 0;
        rig_settle(g);
    }
    assert_true(sent < 100 * len);
    assert_true(metric_read(&g->r->metrics.queue_bytes) < 2 * 50000 + 1000);
    size_t whole = sent / len, want = whole * 50004;
    while (got < want) {
        got += rig_read(fd, answer, 64 * 1024, &ended);
        rig_settle(g);
    }
    assert_int_equal(got, want);
    assert_false(ended);
    rig_expect(g, "");
    free(message);
    free(answer);
    close(fd);
    rig_settle(g);
}

static void test_end(void **state)
{
    struct rig *g = *state;
    int fd = open_echo(g), late = rig_connect(g);

    rig_turn(g);
    reactor_close_doors(g->r);
    rig_settle(g);
    rig_expect_bytes(fd, STR("\x88\x19\x03\xe9the gateway is stopping"), true);
    rig_send(late, STR("GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                       "Sec-WebSocket-Version: 13\r\n\r\n"));
    rig_settle(g);
    rig_expect_answer(late, "HTTP/1.1 503 ");
    close(fd);
    close(late);
    rig_settle(g);
    rig_expect(g, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_back_as_it_came, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_close, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_too_big, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_not_read, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_end, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
