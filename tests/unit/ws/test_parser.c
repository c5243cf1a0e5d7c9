/*
 * What the vectors of tests/conformance/ws cannot say: the events one by one, what is taken and
 * what is left, streams that are long or made by chance.
 */

#include "unit.h"

#include "feed.h"
#include "stream.h"
#include "valgrind.h"

#include "ws/bits.h"

enum { BUDGET = 1 << 20, FIN = WS_BIT_FIN };

/* A parser and a stream to feed by hand; `at` is how much of the stream was taken. */
struct hand {
    struct ws_parser parser;
    struct buf stream;
    size_t at;
    struct ws_event event; /* of the last call */
};

static void hand_init(struct hand *h, enum ws_role role)
{
    *h = (struct hand){.at = 0};
    ws_parser_init(&h->parser, role, BUDGET);
    buf_init(&h->stream, SIZE_MAX);
}

/* Offers the stream up to `end` and checks how many bytes are taken, and what is reported. */
static void hand_expect(struct hand *h, size_t end, size_t taken, enum ws_event_kind kind)
{
    assert_in_range(end, h->at, h->stream.len);
    assert_int_equal(ws_parse(&h->parser, h->stream.data + h->at, end - h->at, &h->event), taken);
    assert_int_equal(h->event.kind, kind);
    h->at += taken;
}

static void hand_expect_data(struct hand *h, const char *text, bool first, bool final)
{
    assert_int_equal(h->event.opcode, WS_TEXT);
    assert_int_equal(h->event.first, first);
    assert_int_equal(h->event.final, final);
    assert_true(str_equal(h->event.data, str_from_z(text)));
    /* Unmasked where it was: nothing is copied. */
    assert_ptr_equal(h->event.data.ptr + h->event.data.len, h->stream.data + h->at);
}

/* Runs a test once for each role; the initial state points to the role. */
static enum ws_role server = WS_SERVER, client = WS_CLIENT;
#define BOTH_ROLES(test)                                                                           \
    cmocka_unit_test_prestate(test, &server), cmocka_unit_test_prestate(test, &client)

static enum ws_role role_of(void **state)
{
    return *(enum ws_role *)*state;
}

static size_t mask_size(enum ws_role role)
{
    return role == WS_SERVER ? WS_MASK_SIZE : 0;
}

static void test_whole_frame_is_one_event(void **state)
{
    struct hand h;

    hand_init(&h, role_of(state));
    stream_frame(&h.stream, role_of(state), FIN | WS_TEXT, STR("Hello"));
    hand_expect(&h, h.stream.len, h.stream.len, WS_EVENT_DATA);
    hand_expect_data(&h, "Hello", true, true);
    hand_expect(&h, h.stream.len, 0, WS_EVENT_NONE);
    buf_fini(&h.stream);
}

static void test_frame_in_pieces(void **state)
{
    enum ws_role role = role_of(state);
    size_t header = 2 + mask_size(role);
    struct hand h;

    hand_init(&h, role);
    stream_frame(&h.stream, role, FIN | WS_TEXT, STR("Hello, world"));
    hand_expect(&h, 1, 0, WS_EVENT_NONE);
    hand_expect(&h, header - 1, 0, WS_EVENT_NONE);
    hand_expect(&h, header, header, WS_EVENT_NONE);
    hand_expect(&h, header, 0, WS_EVENT_NONE);
    hand_expect(&h, header + 5, 5, WS_EVENT_DATA);
    hand_expect_data(&h, "Hello", true, false);
    hand_expect(&h, header + 7, 2, WS_EVENT_DATA);
    hand_expect_data(&h, ", ", false, false);
    hand_expect(&h, header + 12, 5, WS_EVENT_DATA);
    hand_expect_data(&h, "world", false, true);
    buf_fini(&h.stream);
}

static void test_fragments_first_and_final(void **state)
{
    enum ws_role role = role_of(state);
    size_t header = 2 + mask_size(role);
    struct hand h;

    hand_init(&h, role);
    stream_frame(&h.stream, role, WS_TEXT, STR(""));
    stream_frame(&h.stream, role, WS_CONTINUATION, STR("a"));
    stream_frame(&h.stream, role, FIN | WS_PING, STR("p"));
    stream_frame(&h.stream, role, WS_CONTINUATION, STR("b"));
    stream_frame(&h.stream, role, FIN | WS_CONTINUATION, STR(""));
    stream_frame(&h.stream, role, FIN | WS_TEXT, STR(""));
    size_t all = h.stream.len;
    hand_expect(&h, all, header, WS_EVENT_NONE);
    hand_expect(&h, all, header + 1, WS_EVENT_DATA);
    hand_expect_data(&h, "a", true, false);
    hand_expect(&h, all, header + 1, WS_EVENT_PING);
    assert_true(str_equal(h.event.data, STR("p")));
    hand_expect(&h, all, header + 1, WS_EVENT_DATA);
    hand_expect_data(&h, "b", false, false);
    hand_expect(&h, all, header, WS_EVENT_DATA);
    hand_expect_data(&h, "", false, true);
    hand_expect(&h, all, header, WS_EVENT_DATA);
    hand_expect_data(&h, "", true, true);
    buf_fini(&h.stream);
}

/* A text frame may end, and be handed out, inside a character; only the message may not. */
static void test_piece_ends_inside_character(void **state)
{
    enum ws_role role = role_of(state);
    size_t header = 2 + mask_size(role);
    struct hand h;

    hand_init(&h, role);
    stream_frame(&h.stream, role, FIN | WS_TEXT, STR("a\xe2\x82\xac"));
    hand_expect(&h, header + 3, header + 3, WS_EVENT_DATA);
    hand_expect_data(&h, "a\xe2\x82", true, false);
    hand_expect(&h, header + 4, 1, WS_EVENT_DATA);
    hand_expect_data(&h, "\xac", false, true);
    buf_fini(&h.stream);
}

static void test_longest_rest(void **state)
{
    enum ws_role role = role_of(state);
    char payload[WS_MAX_CONTROL];
    struct hand h;

    memset(payload, 'p', sizeof(payload));
    hand_init(&h, role);
    stream_frame(&h.stream, role, FIN | WS_PING, str_make(payload, sizeof(payload)));
    size_t all = h.stream.len;
    assert_int_equal(all, 2 + mask_size(role) + WS_MAX_CONTROL);
    for (size_t end = 0; end < all; end++) {
        hand_expect(&h, end, 0, WS_EVENT_NONE);
    }
    hand_expect(&h, all, all, WS_EVENT_PING);
    assert_true(str_equal(h.event.data, str_make(payload, sizeof(payload))));
    buf_fini(&h.stream);
}

static void test_longest_header(void **state)
{
    static const char length[] = "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00";
    enum ws_role role = role_of(state);
    struct hand h;

    hand_init(&h, role);
    buf_append(&h.stream, length, 10);
    if (role == WS_SERVER) {
        h.stream.data[1] = (char)0xff;
        buf_append(&h.stream, "mask", WS_MASK_SIZE);
    }
    for (size_t end = 0; end < h.stream.len; end++) {
        hand_expect(&h, end, 0, WS_EVENT_NONE);
    }
    hand_expect(&h, h.stream.len, h.stream.len, WS_EVENT_NONE);
    assert_int_equal(h.parser.frame_left, 65536);
    buf_fini(&h.stream);
}

static void test_violation_is_reported_once(void **state)
{
    enum ws_role role = role_of(state);
    struct hand h;

    hand_init(&h, role);
    stream_frame(&h.stream, role, FIN | WS_TEXT, STR("ok"));
    stream_frame(&h.stream, role, FIN | 0x3, STR(""));
    stream_frame(&h.stream, role, FIN | WS_TEXT, STR("never"));
    size_t all = h.stream.len;
    hand_expect(&h, all, 4 + mask_size(role), WS_EVENT_DATA);
    hand_expect_data(&h, "ok", true, true);
    hand_expect(&h, all, 0, WS_EVENT_FAIL);
    assert_int_equal(h.event.code, WS_CLOSE_PROTOCOL);
    assert_non_null(strstr(h.event.reason, "opcode"));
    assert_int_equal(h.event.data.len, 0);
    hand_expect(&h, all, 0, WS_EVENT_NONE);
    h.at += 2 + mask_size(role); /* not even what would be right */
    hand_expect(&h, all, 0, WS_EVENT_NONE);
    buf_fini(&h.stream);
}

/* A reason goes into the close frame, so it must fit there; each violation names its rule. */
static void test_reasons_fit_a_close_frame(void **state)
{
    static const struct {
        struct str stream;
        const char *rule;
    } cases[] = {
        {{"\xc1", 1}, "reserved bit"},
        {{"\x83", 1}, "opcode"},
        {{"\x80", 1}, "continuation"},
        {{"\x01\x00\x01", 3}, "inside another"},
        {{"\x09", 1}, "fragmented"},
        {{"\x89\x7e", 2}, "125"},
        {{"\x81\x80", 2}, "masked"},
        {{"\x81\x7e\x00\x01", 4}, "minimal"},
        {{"\x81\x7f\x80", 3}, "high bit"},
        {{"\x81\x7f\x01", 3}, "too big"},
        {{"\x88\x01", 2}, "one byte"},
        {{"\x88\x02\x00\x01", 4}, "code"},
        {{"\x88\x03\x03\xe8\xff", 5}, "reason"},
        {{"\x81\x01\xff", 3}, "text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct feed f;
        feed_init(&f, WS_CLIENT, BUDGET);
        feed_chunk(&f, cases[i].stream.ptr, cases[i].stream.len);
        assert_non_null(f.reason);
        assert_non_null(strstr(f.reason, cases[i].rule));
        assert_non_null(strstr(f.reason, "RFC 6455"));
        assert_true(strlen(f.reason) <= WS_MAX_CONTROL - 2);
        feed_fini(&f);
    }
}

static void test_all_is_discarded_after_close(void **state)
{
    enum ws_role role = role_of(state);
    struct hand h;

    hand_init(&h, role);
    stream_frame(&h.stream, role, FIN | WS_CLOSE,
                 STR("\x03\xe8"
                     "bye"));
    size_t close_size = h.stream.len;
    for (int i = 0; i < 100; i++) {
        stream_frame(&h.stream, role, FIN | WS_TEXT, STR("late"));
    }
    hand_expect(&h, h.stream.len, close_size, WS_EVENT_CLOSE);
    assert_int_equal(h.event.code, 1000);
    assert_true(str_equal(h.event.data, STR("bye")));
    hand_expect(&h, h.stream.len, h.stream.len - close_size, WS_EVENT_NONE);
    buf_fini(&h.stream);
}

static void test_nothing_is_read_of_nothing(void **state)
{
    struct ws_parser parser;
    struct ws_event e;

    ws_parser_init(&parser, role_of(state), BUDGET);
    assert_int_equal(ws_parse(&parser, NULL, 0, &e), 0);
    assert_int_equal(e.kind, WS_EVENT_NONE);
}

/* The size of a message is limited, not the number of its fragments. */
static void test_65536_fragments(void **state)
{
    const unsigned fragments = portion_of(65536);
    enum ws_role role = role_of(state);
    struct buf stream, expected;
    struct str all;

    buf_init(&stream, SIZE_MAX);
    buf_init(&expected, SIZE_MAX);
    buf_append_str(&expected, STR("text "));
    for (unsigned i = 0; i < fragments; i++) {
        char letter = (char)('a' + i % 26);
        unsigned opcode = i == 0 ? WS_TEXT : WS_CONTINUATION;
        unsigned fin = i == fragments - 1 ? FIN : 0;
        stream_frame(&stream, role, fin | opcode, str_make(&letter, 1));
        buf_printf(&expected, "%02x", (unsigned)letter);
    }
    buf_append(&expected, "\n", 2);
    all = buf_str(&stream);
    stream_check(role, fragments, all, expected.data, 0);

    /* One byte of budget less, and the last fragment's length byte is the one too many. */
    size_t last = all.len - (3 + mask_size(role));
    stream_check(role, fragments - 1, all, "fail 1009\n", last + 2);
    buf_fini(&stream);
    buf_fini(&expected);
}

/* A small generator of our own, so that the streams are the same everywhere. */
static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % below;
}

static void append_control(struct buf *stream, struct buf *expected, enum ws_role role,
                           uint32_t *seed)
{
    char payload = (char)draw(seed, 256);
    bool ping = draw(seed, 2) == 0;

    stream_frame(stream, role, FIN | (ping ? WS_PING : WS_PONG), str_make(&payload, 1));
    buf_append_str(expected, ping ? STR("ping") : STR("pong"));
    feed_append_hex(expected, str_make(&payload, 1));
    buf_append_char(expected, '\n');
}

/* Appends a message in random fragments with random control frames between them. */
static void append_message(struct buf *stream, struct buf *expected, enum ws_role role,
                           uint32_t *seed)
{
    static const struct str parts[] = {{"ascii", 5},
                                       {"\xc3\xa9", 2},
                                       {"\xe2\x82\xac", 3},
                                       {"\xf0\x9f\x98\x80", 4},
                                       {"a longer run of plain letters", 29}};
    bool text = draw(seed, 2) == 0;
    unsigned opcode = text ? WS_TEXT : WS_BINARY;
    struct buf message;

    buf_init(&message, SIZE_MAX);
    for (uint32_t i = draw(seed, 8); i > 0; i--) {
        buf_append_str(&message, parts[draw(seed, 5)]);
        if (!text) {
            buf_append_char(&message, (char)draw(seed, 256));
        }
    }
    size_t at = 0;
    bool final;
    do {
        size_t left = message.len - at;
        size_t piece = draw(seed, 3) == 0 ? left : draw(seed, (uint32_t)left + 1);
        final = piece == left && draw(seed, 4) != 0;
        stream_frame(stream, role, (final ? FIN : 0) | opcode,
                     str_slice(buf_str(&message), at, at + piece));
        opcode = WS_CONTINUATION;
        at += piece;
        if (!final && draw(seed, 3) == 0) {
            append_control(stream, expected, role, seed);
        }
    } while (!final);
    buf_append_str(expected, text ? STR("text") : STR("binary"));
    feed_append_hex(expected, buf_str(&message));
    buf_append_char(expected, '\n');
    buf_fini(&message);
}

static void test_random_streams(void **state)
{
    enum ws_role role = role_of(state);
    uint32_t seed = 1;

    for (unsigned i = 0; i < portion_of(100); i++) {
        struct buf stream, expected;
        buf_init(&stream, SIZE_MAX);
        buf_init(&expected, SIZE_MAX);
        for (uint32_t messages = 1 + draw(&seed, 8); messages > 0; messages--) {
            append_message(&stream, &expected, role, &seed);
        }
        buf_append_char(&expected, '\0');
        stream_check(role, BUDGET, buf_str(&stream), expected.data, 0);
        buf_fini(&stream);
        buf_fini(&expected);
    }
}

/* Another limit holds at once between messages, and from the next frame on within one. */
static void test_limit_changes(void **state)
{
    static const char frames[] = "\x01\x03xyz\x00\x02"
                                 "ab\x80\x03"
                                 "abc";
    char bytes[sizeof(frames)];
    struct ws_parser p;
    struct ws_event event;

    (void)state;
    for (uint32_t limit = 0; limit < 10; limit++) {
        memcpy(bytes, frames, sizeof(frames));
        ws_parser_init(&p, WS_CLIENT, 100);
        assert_int_equal(5, ws_parse(&p, bytes, 5, &event));
        assert_true(event.first);
        assert_int_equal(3, ws_parse(&p, bytes + 5, 3, &event));
        ws_parser_limit(&p, limit);
        assert_int_equal(1, ws_parse(&p, bytes + 8, 1, &event));
        assert_false(event.first);
        (void)ws_parse(&p, bytes + 9, 5, &event);
        assert_int_equal(limit >= 8 ? WS_EVENT_DATA : WS_EVENT_FAIL, event.kind);
    }
    for (uint32_t limit = 1; limit < 6; limit++) {
        memcpy(bytes, "\x81\x03xyz", 5);
        ws_parser_init(&p, WS_CLIENT, 100);
        ws_parser_limit(&p, limit);
        (void)ws_parse(&p, bytes, 5, &event);
        assert_int_equal(limit >= 3 ? WS_EVENT_DATA : WS_EVENT_FAIL, event.kind);
        assert_int_equal(limit >= 3, event.first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_ROLES(test_whole_frame_is_one_event),
        BOTH_ROLES(test_frame_in_pieces),
        BOTH_ROLES(test_fragments_first_and_final),
        BOTH_ROLES(test_piece_ends_inside_character),
        BOTH_ROLES(test_longest_rest),
        BOTH_ROLES(test_longest_header),
        BOTH_ROLES(test_violation_is_reported_once),
        BOTH_ROLES(test_all_is_discarded_after_close),
        BOTH_ROLES(test_nothing_is_read_of_nothing),
        BOTH_ROLES(test_65536_fragments),
        BOTH_ROLES(test_random_streams),
        cmocka_unit_test(test_limit_changes),
        cmocka_unit_test(test_reasons_fit_a_close_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
