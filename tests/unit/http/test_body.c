#include "vectors.h"

#include "http/body.h"

enum { BODY_MAX = 256 };

struct outcome {
    int status; /* 0 or negative */
    bool done;
    size_t taken;
    struct buf body;
};

/* Feeds blocks of exactly their size: `first` bytes, then `step` at a time. */
static void feed_in_steps(const char *bytes, size_t len, size_t first, size_t step,
                          struct outcome *ret)
{
    struct http_chunked c;

    http_chunked_init(&c);
    *ret = (struct outcome){0};
    buf_init(&ret->body, BODY_MAX);
    for (size_t part = first; ret->status == 0 && !ret->done; part = step) {
        if (part > len - ret->taken) {
            part = len - ret->taken;
        }
        char *copy = copy_exactly(bytes + ret->taken, part);
        int taken = http_chunked_feed(&c, copy, part, &ret->body, &ret->done);
        free(copy);
        ret->status = taken < 0 ? taken : 0;
        ret->taken += taken > 0 ? (size_t)taken : 0;
        if (ret->taken == len) {
            break;
        }
        assert_true(taken < 0 || ret->done || (size_t)taken == part);
    }
}

static void feed_every_way(const char *bytes, size_t len, struct outcome *ret)
{
    feed_in_steps(bytes, len, len, len, ret);
    for (size_t split = 0; split <= len; split++) {
        struct outcome other;
        feed_in_steps(bytes, len, split, split == 0 ? 1 : len, &other);
        assert_int_equal(other.status, ret->status);
        assert_int_equal(other.done, ret->done);
        if (ret->status == 0) {
            assert_int_equal(other.taken, ret->taken);
        }
        assert_true(str_equal(buf_str(&other.body), buf_str(&ret->body)));
        buf_fini(&other.body);
    }
}

static void check_vector(const struct vector *v)
{
    struct outcome o;

    feed_every_way(v->bytes, v->len, &o);
    int expected = v->status == VECTOR_OK || v->status == VECTOR_MORE ? 0 : -v->status;
    if (o.status != expected || o.done != (v->status == VECTOR_OK)) {
        fail_msg("%s:%d: %d, done %d", v->file, v->line, o.status, o.done);
    }
    if (o.done) {
        assert_int_equal(o.taken, v->len);
        assert_true(str_equal(buf_str(&o.body), str_make(v->words, v->words_len)));
    }
    buf_fini(&o.body);
}

static void test_vectors(void **state)
{
    (void)state;
    run_vectors(CONFORMANCE_DIR "/chunked.txt", 45, check_vector);
}

static void test_bytes_behind(void **state)
{
    static const char bytes[] = "2\r\nhi\r\n0\r\n\r\n\0GET / HTTP/1.1\r\n";
    struct outcome o;

    (void)state;
    feed_every_way(bytes, sizeof(bytes) - 1, &o);
    assert_true(o.done);
    assert_int_equal(o.taken, 12);
    buf_fini(&o.body);
}

static void test_body_limit(void **state)
{
    char bytes[BODY_MAX + 64];
    struct outcome o;

    (void)state;
    int head = snprintf(bytes, sizeof(bytes), "%x\r\n", BODY_MAX);
    memset(bytes + head, 'b', BODY_MAX);
    memcpy(bytes + head + BODY_MAX, "\r\n0\r\n\r\n", 7);
    feed_every_way(bytes, (size_t)head + BODY_MAX + 7, &o);
    assert_true(o.done);
    assert_int_equal(o.body.len, BODY_MAX);
    buf_fini(&o.body);

    /* One more byte, in a chunk of its own, is refused when its size is known. */
    memcpy(bytes + head + BODY_MAX, "\r\n1\r\n", 5);
    feed_every_way(bytes, (size_t)head + BODY_MAX + 5, &o);
    assert_int_equal(o.status, -413);
    assert_int_equal(o.body.len, BODY_MAX);
    buf_fini(&o.body);
}

/* Repeats `part` until the codec ends it; returns how many bytes it took, and how it ended. */
static size_t feed_endless(const char *start, const char *part, int *ret_status)
{
    struct http_chunked c;
    struct buf body;
    bool done;
    size_t taken = 0;

    http_chunked_init(&c);
    buf_init(&body, SIZE_MAX);
    int status = http_chunked_feed(&c, start, strlen(start), &body, &done);
    while (status >= 0 && taken < 10 * HTTP_MAX_CHUNK_EXTRA) {
        status = http_chunked_feed(&c, part, strlen(part), &body, &done);
        assert_true(status < 0 || !done);
        taken += strlen(part);
    }
    buf_fini(&body);
    *ret_status = status;
    return taken;
}

static void test_endless(void **state)
{
    static const char *const cases[][2] = {
        {"5;", "a"}, {"5 ", " "}, {"0\r\n", "X:\r\n"}, {"0\r\nX", "y"}, {"0\r\nX:", "y"},
    };
    int status;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t taken = feed_endless(cases[i][0], cases[i][1], &status);
        assert_int_equal(status, -431);
        assert_in_range(taken, HTTP_MAX_CHUNK_EXTRA - 8, HTTP_MAX_CHUNK_EXTRA * 4 / 3 + 8);
    }
    /* Extensions of all chunks count together; small chunks without any may be many. */
    feed_endless("", "1;abc\r\nx\r\n", &status);
    assert_int_equal(status, -431);
    assert_int_equal(feed_endless("", "1\r\nx\r\n", &status),
                     10 * HTTP_MAX_CHUNK_EXTRA / 6 * 6 + 6);
    assert_true(status > 0);
}

/* Without memory, or with a body that failed before, the answer is not about the peer's coding. */
static void test_failed_buffer(void **state)
{
    struct http_chunked c;
    struct buf body;
    bool done;

    (void)state;
    http_chunked_init(&c);
    buf_init(&body, BODY_MAX);
    body.failed = true;
    assert_int_equal(http_chunked_feed(&c, "2\r\nhi", 5, &body, &done), -503);
    buf_fini(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),       cmocka_unit_test(test_bytes_behind),
        cmocka_unit_test(test_body_limit),    cmocka_unit_test(test_endless),
        cmocka_unit_test(test_failed_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
