#include "rig.h"

#include "base/error.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME_COUNT = 40, FRAME_SIZE = 30000 };

static char text[FRAME_SIZE];

static int setup(void **state)
{
    static struct rig g;

    rig_settings(&g);
    g.policy.max_backlog = 600000;
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

static void test_answer_and_greeting_in_one_write(void **state)
{
    struct rig *g = *state;
    int fd = rig_connect(g);

    rig_send(fd, STR(HANDSHAKE));
    uint64_t writes = g->r->metrics.writes;
    rig_settle(g);
    assert_int_equal(writes + 1, g->r->metrics.writes);
    rig_expect_bytes(fd, STR(SWITCHING "\r\n\r\n\x81\x02hi"), false);
    leave(g, fd);
}

static void test_refused_by_the_hub(void **state)
{
    struct rig *g = *state;
    int fd = rig_connect(g);

    g->mute = true;
    rig_send(fd, STR(HANDSHAKE));
    rig_settle(g);
    rig_expect(g, "O:");
    rig_say(g, g->last_conn, DOWN_REFUSE, ERROR_SHUTTING_DOWN, 0, STR("come back \"later\""));
    rig_settle(g);
    rig_expect_bytes(fd,
                     STR("HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                         "Content-Length: 80\r\nConnection: close\r\n\r\n"
                         "{\"error\":{\"code\":\"SHUTTING_DOWN\",\"message\":\"come back "
                         "\\\"later\\\"\",\"details\":{}}}\n"),
                     true);
    g->mute = false;
    close(fd);
    rig_settle(g);
    /* The hub has never known it. */
    rig_expect(g, "");
}

static void test_refused_for_its_credential(void **state)
{
    struct rig *g = *state;
    int fd = rig_connect(g);

    g->mute = true;
    rig_send(fd, STR(HANDSHAKE));
    rig_settle(g);
    rig_say(g, g->last_conn, DOWN_REFUSE, ERROR_AUTH_FAILED, 0, STR("no"));
    rig_settle(g);
    rig_expect_answer(fd, "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n"
                          "Content-Length: 61\r\nWWW-Authenticate: Bearer\r\n");
    g->mute = false;
    close(fd);
    rig_settle(g);
    rig_expect(g, "O:");
}

static void test_many_messages_in_one_write(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);
    char frames[256];
    char have[256];
    bool ended;
    size_t len = 0;

    for (int i = 0; i < 10; i++) {
        len += rig_frame(frames + len, 0x81, STR("m"));
    }
    uint64_t writes = g->r->metrics.writes;
    rig_send(fd, str_make(frames, len));
    rig_settle(g);
    assert_int_equal(writes + 1, g->r->metrics.writes);
    assert_int_equal(30, rig_read(fd, have, sizeof(have), &ended));
    leave(g, fd);
}

/* Reads whole frames of text[] until the socket is empty; returns how many bytes. */
static size_t read_all(struct rig *g, int fd)
{
    static char have[1 << 20];
    bool ended;
    size_t len = 0;
    size_t got;

    do {
        got = rig_read(fd, have, sizeof(have), &ended);
        len += got;
        rig_settle(g);
    } while (got > 0);
    assert_false(ended);
    return len;
}

/* The socket fills up; what was not taken comes when there is room, whole and in order. */
static void test_full_socket(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);
    char have[8192];
    bool ended;
    struct buf all;

    buf_init(&all, 1 << 22);
    for (int i = 0; i < 20; i++) {
        memset(text, 'a' + i, sizeof(text));
        rig_say_text(g, g->last_conn, str_make(text, sizeof(text)), 0);
    }
    rig_settle(g);
    assert_true(g->r->metrics.would_block > 0);
    assert_true(g->r->metrics.queue_bytes > FRAME_SIZE);
    assert_true(g->r->metrics.queue_bytes < 20 * (FRAME_SIZE + 200));
    for (size_t got = 1; got > 0;) {
        got = rig_read(fd, have, sizeof(have), &ended);
        buf_append(&all, have, got);
        rig_settle(g);
    }
    assert_int_equal(20 * (FRAME_SIZE + 4), all.len);
    for (int i = 0; i < 20; i++) {
        const char *frame = all.data + (size_t)i * (FRAME_SIZE + 4);
        memset(text, 'a' + i, sizeof(text));
        assert_memory_equal("\x81\x7e\x75\x30", frame, 4);
        assert_memory_equal(text, frame + 4, FRAME_SIZE);
    }
    rig_expect(g, "");
    assert_int_equal(0, g->r->metrics.queue_bytes);
    buf_fini(&all);
    leave(g, fd);
}

/* Broadcasts to one who does not read are skipped; with room again the hub is asked. */
static void test_lag_and_room(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);
    uint64_t conn = g->last_conn;

    for (int i = 0; i < FRAME_COUNT; i++) {
        rig_say_text(g, conn, str_make(text, sizeof(text)), DOWN_BROADCAST);
        rig_turn(g);
    }
    rig_expect(g, "L");
    assert_int_equal(1, g->r->metrics.lagged);
    size_t got = read_all(g, fd);
    assert_true(got > 0 && got % (FRAME_SIZE + 4) == 0);
    assert_true(got < FRAME_COUNT * (size_t)(FRAME_SIZE + 4));
    rig_expect(g, "V");

    rig_say(g, conn, DOWN_RESUME, 0, 0, STR("\x81\x14                    "));
    rig_settle(g);
    char have[64];
    bool ended;
    size_t len = rig_read(fd, have, sizeof(have), &ended);
    assert_int_equal(22, len);
    size_t missed = strtoul(have, NULL, 10);
    assert_int_equal(FRAME_COUNT, missed + got / (FRAME_SIZE + 4));
    assert_int_equal(missed, g->missed);
    leave(g, fd);
}

/* What may not be skipped ends the connection of one who does not read. */
static void test_too_much_that_is_not_skipped(void **state)
{
    struct rig *g = *state;
    int fd = rig_open(g);
    uint64_t conn = g->last_conn;

    for (int i = 0; i < FRAME_COUNT; i++) {
        rig_say_text(g, conn, str_make(text, sizeof(text)), 0);
        rig_turn(g);
    }
    rig_advance(g, 200);
    rig_expect(g, "L F:1013 C");
    assert_int_equal(0, g->r->metrics.connections);
    assert_int_equal(0, g->r->metrics.queue_bytes);
    close(fd);
}

static uint64_t fill(struct rig *g, int frames, int *ret_fd)
{
    *ret_fd = rig_open(g);
    uint64_t conn = g->last_conn;

    for (int i = 0; i < frames; i++) {
        rig_say_text(g, conn, str_make(text, sizeof(text)), 0);
    }
    rig_settle(g);
    return conn;
}

/* Memory is short: the one that is furthest behind goes, then the next, and nobody else. */
static void test_shed(void **state)
{
    struct rig *g = *state;
    int idle = rig_open(g);
    int less, more;
    struct down shed = {.kind = DOWN_SHED};
    char have[1024];
    bool ended;

    (void)fill(g, 12, &less);
    uint64_t worst = fill(g, 16, &more);
    uint64_t count = g->r->metrics.shed;
    uint64_t before = g->r->metrics.connections;
    for (uint64_t i = 1; i <= 3; i++) {
        assert_true(down_batch_add(g->down, &shed));
        rig_turn(g);
        rig_turn(g);
        assert_true(i > 1 || g->last_conn == worst);
        rig_advance(g, 200);
        rig_expect(g, i < 3 ? "F:1013 C" : "");
        assert_int_equal(before - (i < 3 ? i : 2), g->r->metrics.connections);
        assert_int_equal(count + (i < 3 ? i : 2), g->r->metrics.shed);
    }
    assert_int_equal(0, rig_read(idle, have, sizeof(have), &ended));
    assert_false(ended);
    close(less);
    close(more);
    leave(g, idle);
}

/* Who reads a little just then is not spared: what it takes gives its last bytes no more time. */
static void test_shed_who_reads_on(void **state)
{
    struct rig *g = *state;
    struct down shed = {.kind = DOWN_SHED};
    static char have[1 << 20];
    bool ended;
    int fd;

    (void)fill(g, 18, &fd);
    uint64_t before = g->r->metrics.connections;
    assert_true(down_batch_add(g->down, &shed));
    rig_turn(g);
    uint64_t blocked = g->r->metrics.would_block;
    assert_true(rig_read(fd, have, sizeof(have), &ended) > 0);
    rig_turn(g);
    assert_int_equal(blocked + 1, g->r->metrics.would_block);
    rig_advance(g, 200);
    assert_int_equal(before - 1, g->r->metrics.connections);
    leave(g, fd);
}

/* A response that nobody reads holds memory as well; the hub knows of no client there. */
static void test_shed_a_response(void **state)
{
    struct rig *g = *state;
    static char response[1024 * 1024];
    struct down shed = {.kind = DOWN_SHED};
    int fd = rig_connect(g);

    g->mute = true;
    rig_send(fd, STR("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    rig_settle(g);
    rig_say(g, g->last_conn, DOWN_FRAME, 0, DOWN_LAST, str_make(response, sizeof(response)));
    rig_settle(g);
    uint64_t before = g->r->metrics.connections;
    assert_true(down_batch_add(g->down, &shed));
    rig_settle(g);
    rig_advance(g, 200);
    rig_expect(g, "R:41/");
    assert_int_equal(before - 1, g->r->metrics.connections);
    g->mute = false;
    leave(g, fd);
}

/* So does a body, or a message, of which the end does not come: nobody has to have authenticated.
 */
static void test_shed_what_is_not_whole(void **state)
{
    struct rig *g = *state;
    static char part[20000];
    struct down shed = {.kind = DOWN_SHED};
    int idle = rig_open(g), talker = rig_open(g), poster = rig_connect(g);

    rig_send(poster,
             STR("GET /large HTTP/1.1\r\nHost: localhost\r\nContent-Length: 150000\r\n\r\n"));
    for (int i = 0; i < 5; i++) {
        rig_send(poster, str_make(part, sizeof(part)));
        rig_settle(g);
    }
    rig_send_frame(talker, WS_TEXT, STR("only the beginning"));
    rig_settle(g);
    uint64_t before = g->r->metrics.connections;
    assert_true(down_batch_add(g->down, &shed));
    rig_settle(g);
    rig_advance(g, 200);
    rig_expect(g, "");
    assert_int_equal(before - 1, g->r->metrics.connections);
    assert_true(down_batch_add(g->down, &shed));
    rig_settle(g);
    rig_expect(g, "F:1013");
    close(talker);
    rig_settle(g);
    rig_expect(g, "C");
    /* The third has nothing that could be freed. */
    assert_true(down_batch_add(g->down, &shed));
    rig_settle(g);
    assert_int_equal(before - 2, g->r->metrics.connections);
    close(poster);
    leave(g, idle);
}

/* Responses may come in parts, and end the connection. */
static void test_response_in_parts(void **state)
{
    struct rig *g = *state;
    int fd = rig_connect(g);

    g->mute = true;
    rig_send(fd, STR("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"
                     "GET /status HTTP/1.1\r\nHost: localhost\r\nX: y\r\n\r\n"));
    rig_settle(g);
    rig_expect(g, "R:41/");
    rig_say(g, g->last_conn, DOWN_FRAME, 0, 0, STR("first "));
    rig_settle(g);
    rig_expect_bytes(fd, STR("first "), false);
    rig_say(g, g->last_conn, DOWN_FRAME, 0, DOWN_LAST, STR("last"));
    rig_settle(g);
    rig_expect_bytes(fd, STR("last"), false);
    rig_expect(g, "R:47/");
    rig_say(g, g->last_conn, DOWN_FRAME, 0, DOWN_LAST | DOWN_DISCONNECT, STR("end"));
    rig_settle(g);
    rig_expect_bytes(fd, STR("end"), true);
    g->mute = false;
    leave(g, fd);
}

/* A response that is longer than any backlog may be is no backlog: its reader gets it whole. */
static void test_long_response(void **state)
{
    struct rig *g = *state;
    static char response[3 * 1024 * 1024];
    static char have[sizeof(response) + 2];
    int fd = rig_connect(g);
    size_t got = 0;
    bool ended = false;

    g->mute = true;
    rig_send(fd, STR("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    rig_settle(g);
    rig_say(g, g->last_conn, DOWN_FRAME, 0, DOWN_LAST | DOWN_DISCONNECT,
            str_make(response, sizeof(response)));
    rig_settle(g);
    rig_advance(g, 2 * TICK_MS);
    while (!ended) {
        size_t len = rig_read(fd, have + got, sizeof(have) - got, &ended);
        assert_true(len > 0 || ended);
        got += len;
        rig_settle(g);
    }
    assert_int_equal(sizeof(response), got);
    rig_expect(g, "R:41/");
    g->mute = false;
    leave(g, fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_and_greeting_in_one_write),
        cmocka_unit_test(test_refused_by_the_hub),
        cmocka_unit_test(test_refused_for_its_credential),
        cmocka_unit_test(test_many_messages_in_one_write),
        cmocka_unit_test(test_full_socket),
        cmocka_unit_test(test_lag_and_room),
        cmocka_unit_test(test_too_much_that_is_not_skipped),
        cmocka_unit_test(test_shed),
        cmocka_unit_test(test_shed_who_reads_on),
        cmocka_unit_test(test_shed_a_response),
        cmocka_unit_test(test_shed_what_is_not_whole),
        cmocka_unit_test(test_response_in_parts),
        cmocka_unit_test(test_long_response),
    };
    return cmocka_run_group_tests(tests, setup, rig_teardown);
}
