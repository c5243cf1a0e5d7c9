#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/gateway.h"
#include "http/head.h"

static const struct route routes[] = {
    {.path = {"/ws/matrix", 10}, .is_websocket = true, .dialect = DIALECT_WORLD},
    {.path = {"/health", 7}, .methods = 1u << HTTP_GET},
};

#define HANDSHAKE                                                                                  \
    "GET /ws/matrix HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"  \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

static void answer(void *owner, struct hub *hub, uint64_t conn, const struct evidence *evidence,
                   struct str request, size_t head_len)
{
    (void)owner;
    assert_true(evidence->near);
    assert_int_equal(request.len, head_len);
    hub_respond(hub, conn, STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), true, true);
}

static struct gateway *make(unsigned threads)
{
    struct gateway_settings s;
    struct gateway *g;
    enum gateway_part part;

    gateway_settings_init(&s);
    s.reactor.routes = routes;
    s.reactor.route_count = sizeof(routes) / sizeof(routes[0]);
    s.hub.version = "test";
    s.threads = threads;
    s.port = 0;
    s.drain_ms = 0;
    s.request = answer;
    assert_int_equal(0, gateway_new(&s, &g, &part));
    return g;
}

static int connect_to(const struct gateway *g)
{
    size_t count;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(gateway_listeners(g, &count)[0].port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(0, connect(fd, (struct sockaddr *)&address, sizeof(address)));
    return fd;
}

static void say(int fd, struct str bytes)
{
    assert_int_equal(bytes.len, send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL));
}

/* Reads until `wanted` has been heard. */
static void hear(int fd, const char *wanted)
{
    char have[8192];
    size_t len = 0;

    do {
        ssize_t got = recv(fd, have + len, sizeof(have) - 1 - len, 0);
        assert_true(got > 0);
        len += (size_t)got;
        have[len] = '\0';
        /* Frame headers hold NULs. */
        for (size_t i = 0; i < len; i++) {
            have[i] = have[i] == '\0' ? '.' : have[i];
        }
    } while (strstr(have, wanted) == NULL);
}

static void say_message(int fd, const char *text)
{
    static const uint8_t no_mask[4] = {0, 0, 0, 0};
    char frame[256];
    size_t len = ws_write_masked_header(frame, WS_TEXT, strlen(text), no_mask);

    memcpy(frame + len, text, strlen(text));
    say(fd, str_make(frame, len + strlen(text)));
}

static void *run(void *g)
{
    assert_int_equal(0, gateway_run(g));
    return NULL;
}

enum { CLIENTS = 24 };

static void meet(unsigned threads)
{
    struct gateway *g = make(threads);
    pthread_t thread;
    int fds[CLIENTS];

    assert_int_equal(0, pthread_create(&thread, NULL, run, g));
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = connect_to(g);
        say(fds[i], STR(HANDSHAKE));
        hear(fds[i], "\"connection_ack\"");
    }
    say_message(fds[0], "{\"type\":\"bark\",\"n\":1}");
    say_message(fds[0], "{\"type\":\"bark\",\"n\":2}");
    for (int i = 1; i < CLIENTS; i++) {
        hear(fds[i], "{\"type\":\"bark\",\"n\":2}");
    }
    int http = connect_to(g);
    say(http, STR("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    hear(http, "\r\n\r\nok");
    close(http);
    gateway_stop(g);
    for (int i = 0; i < CLIENTS; i++) {
        hear(fds[i], "\x03\xe9"); /* 1001 */
        close(fds[i]);
    }
    assert_int_equal(0, pthread_join(thread, NULL));
    uint64_t accepted = 0;
    for (unsigned i = 0; i < threads; i++) {
        accepted += metric_read(&gateway_metrics(g, i)->accepted);
    }
    assert_int_equal(CLIENTS + 1, accepted);
    gateway_free(g);
}

static void test_one_thread(void **state)
{
    (void)state;
    meet(1);
}

static void test_threads(void **state)
{
    (void)state;
    meet(2);
    meet(4);
}

static void test_stopped_before_it_runs(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 2; threads++) {
        struct gateway *g = make(threads);
        gateway_stop(g);
        assert_int_equal(0, gateway_run(g));
        gateway_free(g);
    }
}

/* Two in one process. */
static void test_taken_port(void **state)
{
    struct gateway *g = make(1);
    struct gateway *other = NULL;
    struct gateway_settings s;
    enum gateway_part part;
    size_t count;

    (void)state;
    gateway_settings_init(&s);
    s.hub.version = "test";
    s.port = gateway_listeners(g, &count)[0].port;
    assert_int_equal(-EADDRINUSE, gateway_new(&s, &other, &part));
    assert_int_equal(GATEWAY_TCP, part);
    s.listen_loopback = false;
    s.unix_path = "/nowhere/at/all";
    assert_int_equal(-ENOENT, gateway_new(&s, &other, &part));
    assert_int_equal(GATEWAY_UNIX, part);
    assert_null(other);
    gateway_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_thread),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_stopped_before_it_runs),
        cmocka_unit_test(test_taken_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
