#ifndef PARLEY_TESTS_HTTP_EVERY_WAY_H
#define PARLEY_TESTS_HTTP_EVERY_WAY_H

/* Parses a head whole, at every split point and byte by byte, and wants one outcome of all. */

#include "vectors.h"

static inline void assert_same_head(const struct http_head *a, const struct http_head *b)
{
    assert_int_equal(a->done, b->done);
    assert_int_equal(a->scanned, b->scanned);
    assert_int_equal(a->method, b->method);
    assert_int_equal(a->minor_version, b->minor_version);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->present, b->present);
    assert_int_equal(a->repeated, b->repeated);
    assert_memory_equal(&a->target, &b->target, sizeof(a->target));
    assert_memory_equal(a->fields, b->fields, sizeof(a->fields));
    assert_int_equal(a->upgrade_websocket, b->upgrade_websocket);
    assert_int_equal(a->connection_close, b->connection_close);
    assert_int_equal(a->has_body, b->has_body);
    assert_int_equal(a->chunked, b->chunked);
    assert_int_equal(a->until_close, b->until_close);
    assert_int_equal(a->content_length, b->content_length);
}

static inline void init_head(struct http_head *h, bool response)
{
    if (response) {
        http_response_init(h);
    } else {
        http_request_init(h);
    }
}

/* Each prefix of the bytes is a block of its own, as if the buffer moved with every read. */
static inline int parse_prefix(struct http_head *h, const char *bytes, size_t len,
                               const char **ret_reason)
{
    char *copy = copy_exactly(bytes, len);
    int result = http_parse_head(h, copy, len, ret_reason);

    free(copy);
    return result;
}

/* In steps of `step` bytes after a first read of `first`, until there is an outcome. */
static inline int parse_in_steps(struct http_head *h, const char *bytes, size_t len, size_t first,
                                 size_t step, const char **ret_reason)
{
    size_t at = first;
    int result = parse_prefix(h, bytes, at, ret_reason);

    while (result == 0 && at < len) {
        at = len - at < step ? len : at + step;
        result = parse_prefix(h, bytes, at, ret_reason);
    }
    return result;
}

/* Returns what http_parse_head does, and the head in *ret_head. `stride`: 1 for every split. */
static inline int parse_every_way(bool response, const char *bytes, size_t len, size_t stride,
                                  struct http_head *ret_head, const char **ret_reason)
{
    const char *reason = NULL;

    init_head(ret_head, response);
    int whole = parse_prefix(ret_head, bytes, len, &reason);
    for (size_t split = 0; split <= len; split += stride) {
        /* The rest at once, and the rest byte by byte from the first split. */
        size_t step = split == 0 ? 1 : len;
        struct http_head h;
        const char *other = NULL;
        init_head(&h, response);
        assert_int_equal(parse_in_steps(&h, bytes, len, split, step, &other), whole);
        assert_ptr_equal(other, reason);
        assert_same_head(&h, ret_head);
    }
    *ret_reason = reason;
    return whole;
}

/* For heads written as a literal that must be taken. */
static inline void parse_ok(bool response, const char *text, struct http_head *ret_head)
{
    const char *reason = NULL;
    int len = parse_every_way(response, text, strlen(text), 1, ret_head, &reason);

    if (len < 0) {
        fail_msg("%d %s: %s", len, reason, text);
    }
    assert_int_equal(len, strlen(text));
}

static inline void assert_str(struct str s, const char *expected)
{
    assert_int_equal(s.len, strlen(expected));
    assert_memory_equal(s.ptr, expected, s.len);
}

#endif
