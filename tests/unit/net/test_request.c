#include "rig.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/connection.h"

#define GET  "GET /status HTTP/1.1\r\nHost: localhost\r\n"
#define POST "POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
#define OK   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* Sends the text in two parts, for every place to cut it, and byte by byte. */
static void every_way(struct rig *g, struct str text, const char *log, struct str answer,
                      bool ended)
{
    for (size_t cut = 0; cut <= text.len; cut++) {
        int fd = rig_connect(g);
        if (cut > 0) {
            rig_send(fd, str_slice(text, 0, cut));
            rig_settle(g);
        }
        if (cut < text.len) {
            rig_send(fd, str_slice(text, cut, text.len));
            rig_settle(g);
        }
        rig_expect(g, log);
        rig_expect_bytes(fd, answer, ended);
        close(fd);
        rig_settle(g);
        buf_clear(&g->log);
    }
    int fd = rig_connect(g);
    for (size_t i = 0; i < text.len; i++) {
        rig_send(fd, str_slice(text, i, i + 1));
        rig_settle(g);
    }
    rig_expect(g, log);
    rig_expect_bytes(fd, answer, ended);
    close(fd);
    rig_settle(g);
    buf_clear(&g->log);
}

static void test_handshake(void **state)
{
    every_way(*state, STR(HANDSHAKE), "O:", STR(SWITCHING "\r\n\r\n\x81\x02hi"), false);
}

static void test_world_and_protocol(void **state)
{
    every_way(*state,
              STR("GET /ws?a=b&world=my%20world&world=no HTTP/1.1\r\nHost: localhost\r\n"
                  "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                  "Sec-WebSocket-Protocol: other\r\nSec-WebSocket-Protocol: x, parley\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                  "Sec-WebSocket-Version: 13\r\n\r\n"),
              "O:my world", STR(SWITCHING "\r\nSec-WebSocket-Protocol: parley\r\n\r\n\x81\x02hi"),
              false);
}

/* What comes right behind the handshake is read as frames. */
static void test_early_frames(void **state)
{
    struct rig *g = *state;
    char text[512];
    size_t len = sizeof(HANDSHAKE) - 1;

    memcpy(text, HANDSHAKE, len);
    len += rig_frame(text + len, 0x81, STR("one"));
    len += rig_frame(text + len, 0x81, STR("two"));
    every_way(g, str_make(text, len), "O: M:one M:two",
              STR(SWITCHING "\r\n\r\n\x81\x02hi\x81\x03one\x81\x03two"), false);
}

static void test_requests_one_after_another(void **state)
{
    every_way(*state, STR(GET "\r\n" POST "Content-Length: 3\r\n\r\nabc" GET "X: y\r\n\r\n"),
              "R:41/ R:93/abc R:47/", STR(OK OK OK), false);
}

/* One that asks for what is not there leaves the connection to the next. */
static void test_request_behind_a_refusal(void **state)
{
    struct rig *g = *state;
    char have[1024];
    bool ended;
    int fd = rig_connect(g);

    rig_send(fd, STR("GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n" GET "\r\n"));
    rig_settle(g);
    rig_expect(g, "R:41/");
    (void)rig_read(fd, have, sizeof(have), &ended);
    assert_false(ended);
    assert_memory_equal("HTTP/1.1 404", have, 12);
    assert_non_null(strstr(have, "}\nHTTP/1.1 200"));
    close(fd);
}

static void test_chunked_body(void **state)
{
    every_way(*state,
              STR(POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n" GET
                       "\r\n"),
              "R:102/abcde R:41/", STR(OK OK), false);
}

static void test_refused_bodies(void **state)
{
    struct rig *g = *state;
    static const char *const requests[] = {
        POST "Content-Length: 1001\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\n3e9\r\n",
    };

    for (size_t i = 0; i < 2; i++) {
        int fd = rig_connect(g);
        rig_send(fd, str_from_z(requests[i]));
        rig_settle(g);
        rig_expect(g, "");
        rig_expect_answer(fd, "HTTP/1.1 413 Content Too Large\r\n");
        close(fd);
    }
}

static void test_expect_continue(void **state)
{
    struct rig *g = *state;
    int fd = rig_connect(g);

    rig_send(fd, STR(POST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
    rig_settle(g);
    rig_expect(g, "");
    rig_expect_bytes(fd, STR("HTTP/1.1 100 Continue\r\n\r\n"), false);
    rig_send(fd, STR("ab"));
    rig_settle(g);
    rig_expect(g, "R:115/ab");
    rig_expect_bytes(fd, STR(OK), false);
    close(fd);
}

/* Of HTTP/1.0 no expectation counts: there is no interim answer, which it could not tell apart. */
static void test_expect_of_http_1_0(void **state)
{
    static const char *const requests[] = {
        "POST /status HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n",
        "POST /status HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\nExpect: 100-carry-on\r\n\r\n",
    };
    struct rig *g = *state;

    for (size_t i = 0; i < 2; i++) {
        int fd = rig_connect(g);
        rig_send(fd, str_from_z(requests[i]));
        rig_settle(g);
        rig_expect(g, "");
        rig_expect_bytes(fd, STR(""), false);
        rig_send(fd, STR("ab"));
        rig_settle(g);
        rig_expect(g, "R:115/ab");
        rig_expect_bytes(fd, STR(OK), false);
        close(fd);
    }
}

#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define V13     "Sec-WebSocket-Version: 13\r\n"

static const struct {
    const char *request;
    const char *answer; /* its first line */
    const char *field;  /* that it has, or "" */
    bool stays;         /* the connection goes on */
} refusals[] = {
    {"GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n", "404 Not Found", "", true},
    {"GET /status/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "404 Not Found", "", true},
    {"PUT /status HTTP/1.1\r\nHost: localhost\r\n\r\n", "405 Method Not Allowed",
     "\r\nAllow: GET, HEAD, POST\r\n", true},
    {"TRACE /status HTTP/1.1\r\nHost: localhost\r\n\r\n", "405 Method Not Allowed",
     "\r\nAllow: GET, HEAD, POST\r\n", true},
    {"POST /ws HTTP/1.1\r\nHost: localhost\r\n" UPGRADE KEY V13 "\r\n", "405 Method Not Allowed",
     "\r\nAllow: GET\r\n", false},
    {"GET /status HTTP/1.1\r\nHost: localhost\r\n" UPGRADE KEY V13 "\r\n", "404 Not Found", "",
     false},
    {"GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n", "426 Upgrade Required",
     "\r\nUpgrade: websocket\r\n", true},
    {"GET /ws HTTP/1.0\r\nHost: localhost\r\n" UPGRADE KEY V13 "\r\n", "426 Upgrade Required",
     "\r\nUpgrade: websocket\r\n", false},
    {"GET /ws HTTP/1.1\r\nHost: localhost\r\n" UPGRADE KEY "\r\n", "426 Upgrade Required",
     "\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n", false},
    {"GET /ws HTTP/1.1\r\nHost: localhost\r\n" UPGRADE KEY "Sec-WebSocket-Version: 8\r\n\r\n",
     "426 Upgrade Required",
     "\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n", false},
    {"GET /ws HTTP/1.1\r\nHost: localhost\r\n" UPGRADE V13 "\r\n", "400 Bad Request", "", false},
    {"GET /ws HTTP/1.1\r\nHost: localhost\r\n" UPGRADE V13 "Sec-WebSocket-Key: short\r\n\r\n",
     "400 Bad Request", "", false},
    {"GET /ws HTTP/1.1\r\nHost: localhost\r\n" UPGRADE KEY V13 "Content-Length: 1\r\n\r\nx",
     "400 Bad Request", "", false},
    {"GET /ws?world=%zz HTTP/1.1\r\nHost: localhost\r\n" UPGRADE KEY V13 "\r\n", "400 Bad Request",
     "", false},
    {"GET /status HTTP/1.1\r\nHost: localhost\r\nExpect: wonders\r\n\r\n", "417 Expectation Failed",
     "", false},
    {"GET /status HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.com\r\n\r\n", "403 Forbidden",
     "", false},
    {"GET /nope HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n", "403 Forbidden", "", false},
    {"GET /ws HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost.evil.com:80\r\n" UPGRADE KEY
         V13 "\r\n",
     "403 Forbidden", "", false},
    {"GET /status HTTP/1.1\r\nHost: evil.com\r\n\r\n", "421 Misdirected Request", "", false},
    {"GET /status HTTP/1.1\r\nHost: localhost.evil.com:80\r\n\r\n", "421 Misdirected Request", "",
     false},
    {"GET /status HTTP/1.1\r\n\r\n", "400 Bad Request", "", false},
    {"GET /status HTTP/1.1\nHost: localhost\n\n", "400 Bad Request", "", false},
    {"GET http://localhost/status HTTP/1.1\r\n\r\n", "400 Bad Request", "", false},
    {"GET /status HTTP/2.0\r\n\r\n", "505 HTTP Version Not Supported", "", false},
};

static void test_refusals(void **state)
{
    struct rig *g = *state;
    char have[4096];
    char first[64];
    bool ended;

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        int fd = rig_connect(g);
        rig_send(fd, str_from_z(refusals[i].request));
        rig_settle(g);
        rig_expect(g, "");
        (void)rig_read(fd, have, sizeof(have), &ended);
        (void)snprintf(first, sizeof(first), "HTTP/1.1 %s\r\n", refusals[i].answer);
        assert_memory_equal(first, have, strlen(first));
        assert_non_null(strstr(have, refusals[i].field));
        assert_non_null(strstr(have, "\r\n\r\n{\"error\":{\"code\":\""));
        assert_int_equal(refusals[i].stays, strstr(have, "\r\nConnection: close\r\n") == NULL);
        assert_int_equal(refusals[i].stays, !ended);
        close(fd);
    }
    rig_settle(g);
    assert_int_equal(0, g->r->metrics.connections);
}

static void test_refused_head_method_has_no_body(void **state)
{
    struct rig *g = *state;
    char have[1024];
    bool ended;
    int fd = rig_connect(g);

    rig_send(fd, STR("HEAD /nope HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    rig_settle(g);
    size_t len = rig_read(fd, have, sizeof(have), &ended);
    assert_false(ended);
    assert_memory_equal("HTTP/1.1 404", have, 12);
    assert_memory_equal("\r\n\r\n", have + len - 4, 4);
    close(fd);
}

/* At a door for status alone only its routes are there. */
static void test_status_door(void **state)
{
    static const struct {
        const char *request;
        const char *answer;
    } cases[] = {
        {"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200"},
        {"POST /health HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 405"},
        {GET "\r\n", "HTTP/1.1 404"},
        {HANDSHAKE, "HTTP/1.1 404"},
        {"GET /health HTTP/1.1\r\nHost: evil\r\n\r\n", "HTTP/1.1 421"},
    };
    struct rig *g = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char have[1024];
        bool ended;
        g->door[0].status_only = true;
        int fd = rig_connect(g);
        rig_send(fd, str_from_z(cases[i].request));
        rig_settle(g);
        (void)rig_read(fd, have, sizeof(have), &ended);
        assert_memory_equal(cases[i].answer, have, 12);
        close(fd);
        g->door[0].status_only = false;
        rig_settle(g);
        buf_clear(&g->log);
    }
}

/* The rest of a head, and a body of `len` bytes when that is `taken`. */
static void send_message(struct rig *g, int fd, size_t len, bool chunked, bool taken)
{
    static char body[400100];
    char text[64];

    (void)snprintf(
        text, sizeof(text),
        chunked ? "Transfer-Encoding: chunked\r\n\r\n%zx\r\n" : "Content-Length: %zu\r\n\r\n", len);
    rig_send(fd, str_from_z(text));
    rig_settle(g);
    for (size_t at = 0; taken && at < len; at += 20000) {
        rig_send(fd, str_make(body + at, len - at < 20000 ? len - at : 20000));
        rig_settle(g);
    }
    if (taken && chunked) {
        rig_send(fd, STR("\r\n0\r\n\r\n"));
        rig_settle(g);
    }
    assert_int_equal(taken, g->log.len > 0);
    if (taken) {
        rig_expect_bytes(fd, STR(OK), false);
    } else {
        rig_expect_answer(fd, "HTTP/1.1 413");
    }
    buf_clear(&g->log);
    close(fd);
}

static int begin_message(struct rig *g)
{
    int fd = rig_connect(g);

    rig_send(fd, STR("GET /message HTTP/1.1\r\nHost: localhost\r\n"));
    rig_settle(g);
    return fd;
}

/* The limit of a route that takes a message goes with that of messages, which a reload changes. */
static void test_body_with_a_message(void **state)
{
    static const uint32_t limits[] = {400000, 100};
    struct rig *g = *state;

    for (size_t i = 0; i < 4; i++) {
        bool chunked = i < 2;
        int early = begin_message(g); /* it is judged when its head is whole */
        g->policy.max_message_bytes = limits[i % 2];
        rig_say_policy(g);
        rig_settle(g);
        send_message(g, early, limits[i % 2] + 50, chunked, true);
        send_message(g, begin_message(g), limits[i % 2] + 51, chunked, false);
    }
}

/* A route may have a limit of its own for bodies, larger or smaller than the usual one. */
static void test_body_of_a_route(void **state)
{
    static const char *const types[] = {"Content-Length: 11\r\n\r\n",
                                        "Transfer-Encoding: chunked\r\n\r\nb\r\n"};
    struct rig *g = *state;
    char text[256];

    for (size_t i = 0; i < 2; i++) {
        int fd = rig_connect(g);
        (void)snprintf(text, sizeof(text), "GET /health HTTP/1.1\r\nHost: localhost\r\n%s",
                       types[i]);
        rig_send(fd, str_from_z(text));
        rig_settle(g);
        rig_expect(g, "");
        rig_expect_answer(fd, "HTTP/1.1 413");
        close(fd);
    }
    int fd = rig_connect(g);
    rig_send(fd, STR("GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"
                     "0123456789"));
    rig_settle(g);
    rig_expect(g, "R:61/0123456789");
    rig_expect_bytes(fd, STR(OK), false);
    for (size_t i = 0; i < 2; i++) {
        static char body[200000];
        (void)snprintf(text, sizeof(text), "GET /large HTTP/1.1\r\nHost: localhost\r\n%s",
                       i == 0 ? "Content-Length: 200000\r\n\r\n"
                              : "Transfer-Encoding: chunked\r\n\r\n30d40\r\n");
        rig_send(fd, str_from_z(text));
        for (size_t at = 0; at < sizeof(body); at += 20000) {
            rig_send(fd, str_make(body + at, 20000));
            rig_settle(g);
        }
        if (i == 1) {
            rig_send(fd, STR("\r\n0\r\n\r\n"));
            rig_settle(g);
        }
        assert_int_equal(i == 0 ? 200064 : 200068, g->request.len);
        rig_expect_bytes(fd, STR(OK), false);
        buf_clear(&g->log);
    }
    close(fd);
}

static void test_allowed_origin(void **state)
{
    struct rig *g = *state;
    int fd = rig_connect(g);

    rig_send(fd, STR(GET "Origin: http://localhost:3000\r\n\r\n"));
    rig_settle(g);
    rig_expect(g, "R:72/");
    rig_expect_bytes(fd, STR(OK), false);
    close(fd);
}

/* A client that ends right behind its request gets the answer. */
static void test_half_closed_client(void **state)
{
    struct rig *g = *state;

    for (int known = 0; known < 2; known++) {
        int fd = rig_connect(g);
        rig_send(fd,
                 known ? STR(GET "\r\n") : STR("GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_int_equal(0, shutdown(fd, SHUT_WR));
        rig_settle(g);
        rig_expect(g, known ? "R:41/" : "");
        rig_expect_answer(fd, known ? "HTTP/1.1 200" : "HTTP/1.1 404");
        close(fd);
    }
    rig_settle(g);
    assert_int_equal(0, g->r->metrics.connections);
}

static void say_short(struct rig *g, bool is_short)
{
    struct down item = {.kind = DOWN_SHORT, .code = is_short};

    assert_true(down_batch_add(g->down, &item));
    rig_turn(g);
    rig_settle(g);
}

/* Chunks of a byte are six long: what is kept of them is the body. */
static void test_small_chunks_take_no_room(void **state)
{
    struct rig *g = *state;
    struct connection *c = slab_at(&g->r->connections, 0);
    char chunks[60000];
    int fd = rig_connect(g);

    for (size_t i = 0; i < sizeof(chunks); i += 6) {
        memcpy(chunks + i, "1\r\nx\r\n", 6);
    }
    rig_send(fd, STR("POST /large HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n"));
    rig_settle(g);
    rig_send(fd, str_make(chunks, sizeof(chunks)));
    rig_settle(g);
    assert_int_equal(CONN_BODY, c->state);
    assert_true(c->request->whole.len > sizeof(chunks) / 6);
    assert_true(c->request->text.cap + c->request->whole.cap < sizeof(chunks) / 2);
    close(fd);
    rig_settle(g);
    rig_expect(g, "");
}

/* What comes behind a request that is not answered yet stays in the socket, but for the first of
 * it.
 */
static void test_little_is_kept_behind_a_request(void **state)
{
    static const char *const first[] = {GET "\r\n", POST "Content-Length: 3\r\n\r\n",
                                        POST "Content-Length: 3\r\n\r\nab"};
    struct rig *g = *state;
    struct connection *c = slab_at(&g->r->connections, 0);
    static char behind[60000];

    g->mute = true;
    memset(behind, 'x', sizeof(behind));
    for (size_t i = 0; i < 3; i++) {
        int fd = rig_connect(g);
        rig_send(fd, str_from_z(first[i]));
        if (i > 0) {
            rig_settle(g);
        }
        rig_send(fd, str_make(behind, sizeof(behind)));
        rig_settle(g);
        assert_int_equal(CONN_REQUEST, c->state);
        assert_true(c->request->text.len <= 16384);
        assert_true(c->request->text.cap <= 32768);
        close(fd);
        rig_settle(g);
        buf_clear(&g->log);
    }
    g->mute = false;
}

/* While memory is short nobody's long body is kept, whatever credential he shows. */
static void test_bodies_while_memory_is_short(void **state)
{
#define LARGE                                                                                      \
    "POST /large HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"                \
    "Authorization: Bearer x\r\n"
    static const char *const heads[] = {LARGE "Content-Length: 16385\r\n\r\nabc",
                                        LARGE "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                                        LARGE "Content-Length: 4\r\n\r\nabc"};
    struct rig *g = *state;
    int fds[3];

    for (size_t i = 0; i < 3; i++) {
        fds[i] = rig_connect(g);
        rig_send(fds[i], str_from_z(heads[i]));
    }
    rig_settle(g);
    say_short(g, true);
    for (size_t i = 0; i < 2; i++) {
        rig_expect_answer(fds[i], "HTTP/1.1 503 Service Unavailable\r\n");
        close(fds[i]);
        fds[i] = rig_connect(g);
        rig_send(fds[i], str_from_z(heads[i]));
        rig_settle(g);
        rig_expect_answer(fds[i], "HTTP/1.1 503 Service Unavailable\r\n");
        close(fds[i]);
    }
    rig_expect(g, "");
    /* A short one goes on, and ends. */
    rig_send(fds[2], STR("d"));
    rig_settle(g);
    rig_expect_bytes(fds[2], STR(OK), false);
    buf_clear(&g->log);
    close(fds[2]);
    say_short(g, false);
    fds[0] = rig_connect(g);
    rig_send(fds[0], STR(LARGE "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
    rig_settle(g);
    rig_expect_bytes(fds[0], STR(OK), false);
    buf_clear(&g->log);
    close(fds[0]);
    rig_settle(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshake),
        cmocka_unit_test(test_world_and_protocol),
        cmocka_unit_test(test_early_frames),
        cmocka_unit_test(test_requests_one_after_another),
        cmocka_unit_test(test_request_behind_a_refusal),
        cmocka_unit_test(test_chunked_body),
        cmocka_unit_test(test_refused_bodies),
        cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_expect_of_http_1_0),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refused_head_method_has_no_body),
        cmocka_unit_test(test_status_door),
        cmocka_unit_test(test_body_of_a_route),
        cmocka_unit_test(test_body_with_a_message),
        cmocka_unit_test(test_allowed_origin),
        cmocka_unit_test(test_half_closed_client),
        cmocka_unit_test(test_small_chunks_take_no_room),
        cmocka_unit_test(test_little_is_kept_behind_a_request),
        cmocka_unit_test(test_bodies_while_memory_is_short),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown_empty);
}
