#include "every_way.h"

#include "base/buf.h"

static void check_outcome(const struct vector *v, bool response)
{
    struct http_head h;
    const char *reason = NULL;
    char words[sizeof(v->words) + 1] = "";
    int result = parse_every_way(response, v->bytes, v->len, 1, &h, &reason);
    int expected = v->status == VECTOR_OK ? (int)v->len : v->status == VECTOR_MORE ? 0 : -v->status;

    memcpy(words, v->words, v->words_len);
    if (result != expected || (result < 0 && strstr(reason, words) == NULL)) {
        fail_msg("%s:%d: %d %s", v->file, v->line, result, reason != NULL ? reason : "");
    }
}

static void check_request(const struct vector *v)
{
    check_outcome(v, false);
}

static void check_response(const struct vector *v)
{
    check_outcome(v, true);
}

static void test_requests(void **state)
{
    (void)state;
    run_vectors(CONFORMANCE_DIR "/requests.txt", 120, check_request);
}

static void test_responses(void **state)
{
    (void)state;
    run_vectors(CONFORMANCE_DIR "/responses.txt", 25, check_response);
}

static void append_z(struct buf *b, const char *text)
{
    buf_append_str(b, str_from_z(text));
}

static void append_many(struct buf *b, char c, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_append_char(b, c);
    }
}

/*
 * A head with a target of `target` bytes and `lines` field lines, the last of which is as long as
 * makes the head `total` bytes, or short when `total` is 0.
 */
static void build_head(struct buf *b, size_t target, int lines, size_t total)
{
    buf_clear(b);
    append_z(b, "GET /");
    append_many(b, 'a', target - 1);
    append_z(b, " HTTP/1.1\r\nHost: a\r\n");
    for (int i = 2; i < lines; i++) {
        append_z(b, "X:\r\n");
    }
    append_z(b, "X:");
    append_many(b, 'b', total > 0 ? total - b->len - 4 : 0);
    append_z(b, "\r\n\r\n");
    assert_false(b->failed);
}

static void expect_limit(const char *bytes, size_t len, int expected, long number)
{
    struct http_head h;
    const char *reason = NULL;
    char digits[24];

    assert_int_equal(parse_every_way(false, bytes, len, 509, &h, &reason), expected);
    if (number > 0) {
        snprintf(digits, sizeof(digits), "%ld", number);
        assert_non_null(strstr(reason, digits));
    }
}

static void test_limits(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 2 * HTTP_MAX_HEAD);
    build_head(&b, HTTP_MAX_TARGET, 2, 0);
    expect_limit(b.data, b.len, (int)b.len, 0);
    build_head(&b, HTTP_MAX_TARGET + 1, 2, 0);
    expect_limit(b.data, b.len, -414, HTTP_MAX_TARGET);

    build_head(&b, 1, HTTP_MAX_LINES, 0);
    expect_limit(b.data, b.len, (int)b.len, 0);
    build_head(&b, 1, HTTP_MAX_LINES + 1, 0);
    expect_limit(b.data, b.len, -431, HTTP_MAX_LINES);

    build_head(&b, 1, 2, HTTP_MAX_HEAD);
    expect_limit(b.data, b.len, HTTP_MAX_HEAD, 0);
    build_head(&b, 1, 2, HTTP_MAX_HEAD + 1);
    expect_limit(b.data, b.len, -431, HTTP_MAX_HEAD);
    expect_limit(b.data, HTTP_MAX_HEAD - 1, 0, 0);
    expect_limit(b.data, HTTP_MAX_HEAD, -431, HTTP_MAX_HEAD);
    buf_fini(&b);
}

static void test_endless(void **state)
{
    static char bytes[HTTP_MAX_HEAD + 64];

    (void)state;
    memset(bytes, 'a', sizeof(bytes));
    expect_limit(bytes, sizeof(bytes), -501, 0);
    memcpy(bytes, "GET /", 5);
    expect_limit(bytes, 4 + HTTP_MAX_TARGET, 0, 0);
    expect_limit(bytes, 5 + HTTP_MAX_TARGET, -414, HTTP_MAX_TARGET);
    memcpy(bytes, "GET / HTTP/1.1\r\n", 16);
    expect_limit(bytes, sizeof(bytes), -431, HTTP_MAX_HEAD);
    memcpy(bytes, "GET / HTTP/1.1\r\nX:", 18);
    expect_limit(bytes, sizeof(bytes), -431, HTTP_MAX_HEAD);
    /* A byte that breaks a rule comes before a limit that is reached later, and not otherwise. */
    bytes[HTTP_MAX_HEAD - 1] = '\0';
    expect_limit(bytes, sizeof(bytes), -400, 0);
    bytes[HTTP_MAX_HEAD - 1] = 'a';
    bytes[HTTP_MAX_HEAD] = '\0';
    expect_limit(bytes, sizeof(bytes), -431, HTTP_MAX_HEAD);
}

static void test_start_lines(void **state)
{
    static const struct {
        const char *text;
        enum http_method method;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_GET},
        {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD},
        {"POST / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_POST},
        {"PUT / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_PUT},
        {"DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_DELETE},
        {"OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OPTIONS},
        {"get / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OTHER},
        {"PATCH / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OTHER},
        {"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OTHER},
    };
    struct http_head h;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        parse_ok(false, cases[i].text, &h);
        assert_int_equal(h.method, cases[i].method);
        assert_int_equal(h.minor_version, 1);
        assert_str(http_path(&h, cases[i].text), "/");
    }
    parse_ok(false, "GET /a HTTP/1.0\r\n\r\n", &h);
    assert_int_equal(h.minor_version, 0);
    parse_ok(true, "HTTP/1.0 426 Upgrade Required\r\n\r\n", &h);
    assert_int_equal(h.minor_version, 0);
    assert_int_equal(h.status, 426);
}

/* What lies behind the head, even NUL and more than a head may hold, is not its business. */
static void test_bytes_behind(void **state)
{
    static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    static char bytes[2 * HTTP_MAX_HEAD];
    struct http_head h;
    const char *reason = NULL;

    (void)state;
    memcpy(bytes, head, sizeof(head) - 1);
    assert_int_equal(parse_every_way(false, bytes, sizeof(bytes), 1021, &h, &reason),
                     sizeof(head) - 1);
}

static void test_reasons_are_sentences(void **state)
{
    (void)state;
    assert_int_equal(http_refusals[HTTP_KEPT].status, 0);
    for (int rule = HTTP_KEPT + 1; rule < HTTP_RULE_COUNT; rule++) {
        const struct http_refusal *refusal = &http_refusals[rule];
        assert_in_range(refusal->status, 400, 505);
        assert_string_not_equal(http_reason(refusal->status), "Unknown");
        assert_true(refusal->reason[0] >= 'A' && refusal->reason[0] <= 'Z');
        assert_int_equal(refusal->reason[strlen(refusal->reason) - 1], '.');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_endless),
        cmocka_unit_test(test_start_lines),
        cmocka_unit_test(test_bytes_behind),
        cmocka_unit_test(test_reasons_are_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
