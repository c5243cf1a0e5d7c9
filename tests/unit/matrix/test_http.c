/* http.c against a server that the same loop keeps: what it says is written down, byte by byte. */

#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "matrix/http.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

/* The linker puts these before the allocator, of curl too, which has it from http.c. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static unsigned until; /* the allocation that fails, counted down; 0: none does */
static bool has_failed;

static bool fails(void)
{
    has_failed |= until == 1;
    return until > 0 && --until == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

struct rig {
    struct http_client *client;
    int listener, peer;
    const char *answer; /* to each request; NULL: none */
    bool closes;        /* the connection, behind the answer */
    char url[64];
    struct buf heard; /* what the server got */
    struct buf body, parts, sentence;
    struct http_response got;
    unsigned answers;
    unsigned wanted; /* a request that `done` starts */
    struct http_call *call;
    bool cancels; /* in `part` */
};

static void setup(struct rig *r, const char *answer)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);

    memset(r, 0, sizeof(*r));
    r->client = http_client_new();
    assert_non_null(r->client);
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(r->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(r->listener, 8), 0);
    assert_int_equal(getsockname(r->listener, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(r->url, sizeof(r->url), "http://127.0.0.1:%u/a?b=c", ntohs(address.sin_port));
    r->peer = -1;
    r->answer = answer;
    buf_init(&r->heard, 1 << 20);
    buf_init(&r->body, 1 << 20);
    buf_init(&r->parts, 1 << 20);
    buf_init(&r->sentence, 1000);
}

static void hang_up(struct rig *r)
{
    if (r->peer >= 0) {
        (void)close(r->peer);
    }
    r->peer = -1;
}

static void teardown(struct rig *r)
{
    http_client_free(r->client);
    hang_up(r);
    (void)close(r->listener);
    buf_fini(&r->heard);
    buf_fini(&r->body);
    buf_fini(&r->parts);
    buf_fini(&r->sentence);
}

static void serve(struct rig *r, short accepting, short reading)
{
    char bytes[4096];

    if (accepting & POLLIN) {
        hang_up(r);
        r->peer = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    }
    if (!(reading & (POLLIN | POLLHUP))) {
        return;
    }
    ssize_t len = read(r->peer, bytes, sizeof(bytes));
    if (len <= 0) {
        hang_up(r);
        return;
    }
    buf_append(&r->heard, bytes, (size_t)len);
    if (r->answer != NULL) {
        assert_int_equal(write(r->peer, r->answer, strlen(r->answer)), strlen(r->answer));
    }
    if (r->closes) {
        hang_up(r);
    }
}

static void turn(struct rig *r)
{
    struct http_watch watches[] = {{.fd = r->listener, .events = POLLIN},
                                   {.fd = r->peer, .events = POLLIN}};

    http_wait(r->client, watches, 2, 10000);
    serve(r, watches[0].revents, watches[1].revents);
}

static void on_done(void *owner, const struct http_response *response);

static void on_part(void *owner, struct str bytes)
{
    struct rig *r = owner;

    buf_append_str(&r->parts, bytes);
    if (r->cancels) {
        http_cancel(r->call);
        r->answers++;
    }
}

static struct http_request request_of(struct rig *r)
{
    return (struct http_request){
        .method = "GET", .url = str_from_z(r->url), .max_body = 1000, .owner = r, .done = on_done};
}

static void start(struct rig *r, const struct http_request *request)
{
    r->call = http_start(r->client, request);
    assert_non_null(r->call);
    assert_int_equal(r->answers, 0);
}

static void on_done(void *owner, const struct http_response *response)
{
    struct rig *r = owner;

    r->got = *response;
    r->answers++;
    buf_clear(&r->body);
    buf_append_str(&r->body, response->body);
    buf_append_str(&r->sentence, str_from_z(response->sentence));
    if (r->wanted > 0) {
        struct http_request next = request_of(r);
        r->wanted--;
        assert_non_null(http_start(r->client, &next));
    }
}

static void run(struct rig *r, const struct http_request *request)
{
    start(r, request);
    while (r->answers == 0) {
        turn(r);
    }
}

static bool heard(struct rig *r, const char *text)
{
    return memmem(r->heard.data, r->heard.len, text, strlen(text)) != NULL;
}

static void assert_body(struct rig *r, const char *text)
{
    assert_int_equal(r->body.len, strlen(text));
    assert_true(r->body.len == 0 || memcmp(r->body.data, text, r->body.len) == 0);
}

/* --- the tests ----------------------------------------------------------------------------------
 */

static void test_get(void **state)
{
    struct rig r;

    (void)state;
    setup(&r, OK_HEAD "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\n{}");
    struct http_request request = request_of(&r);
    request.bearer = STR("secret");
    run(&r, &request);
    assert_int_equal(r.got.error, HTTP_OK);
    assert_int_equal(r.got.status, 200);
    assert_int_equal(r.got.date_ms, 784111777000);
    assert_int_equal(r.got.retry_after_ms, -1);
    assert_body(&r, "{}");
    assert_true(heard(&r, "GET /a?b=c HTTP/1.1\r\n"));
    assert_true(heard(&r, "\r\nAuthorization: Bearer secret\r\n"));
    assert_false(heard(&r, "Content-Type"));
    teardown(&r);
}

static void test_put(void **state)
{
    struct rig r;

    (void)state;
    setup(&r, OK_HEAD "Content-Length: 0\r\n\r\n");
    struct http_request request = request_of(&r);
    request.method = "PUT";
    request.body = STR("{\"a\":1}");
    run(&r, &request);
    assert_true(heard(&r, "PUT /a?b=c HTTP/1.1\r\n"));
    assert_true(heard(&r, "\r\nContent-Type: application/json\r\n"));
    assert_true(heard(&r, "\r\nContent-Length: 7\r\n"));
    assert_true(heard(&r, "\r\n\r\n{\"a\":1}"));
    assert_false(heard(&r, "Expect"));
    assert_false(heard(&r, "Authorization"));
    assert_body(&r, "");
    teardown(&r);
}

static void test_post_without_body(void **state)
{
    struct rig r;

    (void)state;
    setup(&r, OK_HEAD "Content-Length: 0\r\n\r\n");
    struct http_request request = request_of(&r);
    request.method = "POST";
    run(&r, &request);
    assert_true(heard(&r, "POST /a?b=c HTTP/1.1\r\n"));
    assert_true(heard(&r, "\r\nContent-Length: 0\r\n"));
    teardown(&r);
}

static int64_t retry_after_of(const char *fields)
{
    struct rig r;
    char answer[300];

    (void)snprintf(answer, sizeof(answer),
                   "HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n"
                   "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n%s\r\n",
                   fields);
    setup(&r, answer);
    struct http_request request = request_of(&r);
    run(&r, &request);
    assert_int_equal(r.got.status, 429);
    int64_t ms = r.got.retry_after_ms;
    teardown(&r);
    return ms;
}

static void test_retry_after(void **state)
{
    (void)state;
    assert_int_equal(retry_after_of(""), -1);
    assert_int_equal(retry_after_of("Retry-After: 0\r\n"), 0);
    assert_int_equal(retry_after_of("retry-after:  17 \r\n"), 17000);
    assert_int_equal(retry_after_of("Retry-After: Sun, 06 Nov 1994 08:49:40 GMT\r\n"), 3000);
    assert_int_equal(retry_after_of("Retry-After: Sun, 06 Nov 1994 08:49:30 GMT\r\n"), 0);
    assert_int_equal(retry_after_of("Retry-After: soon\r\n"), -1);
    assert_int_equal(retry_after_of("Retry-After: -1\r\n"), -1);
}

static void test_limit(void **state)
{
    struct rig r;

    (void)state;
    for (size_t max = 4; max <= 5; max++) {
        setup(&r, OK_HEAD "Content-Length: 5\r\n\r\n12345");
        struct http_request request = request_of(&r);
        request.max_body = max;
        run(&r, &request);
        assert_int_equal(r.got.error, max == 5 ? HTTP_OK : HTTP_TOO_LARGE);
        assert_body(&r, max == 5 ? "12345" : "");
        teardown(&r);
    }
}

static void test_cut(void **state)
{
    static const char *const answers[] = {"", "HTTP/1.1 200",
                                          OK_HEAD "Content-Length: 10\r\n\r\n123"};
    struct rig r;

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        setup(&r, answers[i]);
        r.closes = true;
        struct http_request request = request_of(&r);
        run(&r, &request);
        assert_int_equal(r.got.error, HTTP_CUT);
        assert_int_equal(r.got.status, 0);
        assert_true(r.sentence.len > 0);
        assert_body(&r, "");
        teardown(&r);
    }
}

static void test_unreachable(void **state)
{
    static const char *const urls[] = {"http://127.0.0.1:1/", "ftp://127.0.0.1/",
                                       "file:///etc/passwd", "http://me:word@127.0.0.1:1/",
                                       "nothing at all"};
    struct rig r;

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        setup(&r, NULL);
        struct http_request request = request_of(&r);
        request.url = str_from_z(urls[i]);
        run(&r, &request);
        assert_int_equal(r.got.error, HTTP_UNREACHABLE);
        assert_null(memmem(r.sentence.data, r.sentence.len, "word", 4));
        teardown(&r);
    }
}

static void test_no_redirect(void **state)
{
    struct rig r;

    (void)state;
    setup(&r, "HTTP/1.1 302 There\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    struct http_request request = request_of(&r);
    run(&r, &request);
    assert_int_equal(r.got.error, HTTP_OK);
    assert_int_equal(r.got.status, 302);
    teardown(&r);
}

static void test_no_proxy(void **state)
{
    struct rig r;

    (void)state;
    setup(&r, OK_HEAD "Content-Length: 0\r\n\r\n");
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("all_proxy", "http://127.0.0.1:1", 1), 0);
    struct http_request request = request_of(&r);
    run(&r, &request);
    assert_int_equal(r.got.status, 200);
    (void)unsetenv("http_proxy");
    (void)unsetenv("all_proxy");
    teardown(&r);
}

static void test_parts(void **state)
{
    struct rig r;

    (void)state;
    setup(&r, OK_HEAD "\r\nabc");
    struct http_request request = request_of(&r);
    request.part = on_part;
    start(&r, &request);
    while (r.parts.len < 3) {
        turn(&r);
    }
    assert_int_equal(r.answers, 0);
    assert_int_equal(write(r.peer, "def", 3), 3);
    hang_up(&r);
    while (r.answers == 0) {
        turn(&r);
    }
    assert_int_equal(r.parts.len, 6);
    assert_memory_equal(r.parts.data, "abcdef", 6);
    assert_int_equal(r.got.error, HTTP_OK);
    assert_body(&r, "");
    teardown(&r);
}

static void test_parts_of_errors_are_gathered(void **state)
{
    struct rig r;

    (void)state;
    setup(&r, "HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\nabc");
    struct http_request request = request_of(&r);
    request.part = on_part;
    run(&r, &request);
    assert_int_equal(r.got.status, 500);
    assert_int_equal(r.parts.len, 0);
    assert_body(&r, "abc");
    teardown(&r);
}

static void test_cancel(void **state)
{
    struct rig r;

    (void)state;
    setup(&r, OK_HEAD "Content-Length: 3\r\n\r\nabc");
    struct http_request request = request_of(&r);
    start(&r, &request);
    http_cancel(r.call); /* before curl has it */
    request.part = on_part;
    r.cancels = true;
    run(&r, &request);
    assert_int_equal(r.parts.len, 3);
    http_wait(r.client, NULL, 0, 0);
    assert_int_equal(r.answers, 1);
    assert_int_equal(r.got.status, 0); /* `done` was not called */
    r.answers = 0;
    start(&r, &((struct http_request){.method = "GET", .url = str_from_z(r.url), .owner = &r}));
    teardown(&r); /* with a call open */
}

static void test_start_in_done(void **state)
{
    struct rig r;

    (void)state;
    setup(&r, OK_HEAD "Content-Length: 0\r\n\r\n");
    r.wanted = 2;
    struct http_request request = request_of(&r);
    start(&r, &request);
    while (r.answers < 3) {
        turn(&r);
    }
    teardown(&r);
}

static void test_silence(void **state)
{
    struct rig r;

    (void)state;
    setup(&r, OK_HEAD "Content-Length: 5\r\n\r\n12");
    struct http_request request = request_of(&r);
    request.silence_ms = 20;
    run(&r, &request);
    assert_int_equal(r.got.error, HTTP_TIMEOUT);
    teardown(&r);
    setup(&r, NULL);
    request = request_of(&r);
    request.timeout_ms = 20;
    run(&r, &request);
    assert_int_equal(r.got.error, HTTP_TIMEOUT);
    teardown(&r);
}

static void test_watches(void **state)
{
    struct rig r;
    int ends[2];

    (void)state;
    setup(&r, NULL);
    http_wake(r.client);
    http_wait(r.client, NULL, 0, -1);
    assert_int_equal(pipe(ends), 0);
    (void)close(ends[1]); /* curl does not tell of hanging up */
    struct http_watch watches[] = {{.fd = -1, .events = POLLIN, .revents = 1},
                                   {.fd = ends[0], .events = POLLIN}};
    http_wait(r.client, watches, 2, -1);
    assert_int_equal(watches[0].revents, 0);
    assert_int_equal(watches[1].revents & POLLHUP, POLLHUP);
    (void)close(ends[0]);
    teardown(&r);
}

/* Each allocation fails once: there is no call, or it ends once, with whatever. */
static void test_no_memory(void **state)
{
    unsigned nth = 0;

    (void)state;
    do {
        struct rig r;
        setup(&r, OK_HEAD "Content-Length: 5\r\n\r\n12345");
        assert_true(buf_reserve(&r.heard, 4096) && buf_reserve(&r.sentence, 900));
        assert_true(buf_reserve(&r.body, 100));
        struct http_request request = request_of(&r);
        request.method = "PUT";
        request.bearer = STR("secret");
        request.body = STR("{}");
        until = ++nth;
        has_failed = false;
        r.call = http_start(r.client, &request);
        while (r.call != NULL && r.answers == 0) {
            turn(&r);
        }
        until = 0;
        http_wait(r.client, NULL, 0, 0);
        assert_true(r.answers == (r.call != NULL ? 1 : 0));
        assert_true(r.body.len == (r.answers == 1 && r.got.error == HTTP_OK ? 5 : 0));
        teardown(&r);
    } while (has_failed);
    assert_true(nth > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_post_without_body),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_no_redirect),
        cmocka_unit_test(test_no_proxy),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_parts_of_errors_are_gathered),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_start_in_done),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_watches),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
