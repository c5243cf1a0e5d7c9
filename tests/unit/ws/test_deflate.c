#include "unit.h"

#include "base/buf.h"
#include "ws/deflate.h"

#include <stdlib.h>

/* --- the handshake ---------------------------------------------------------------------------- */

#define D      "permessage-deflate"
#define ANSWER "permessage-deflate; server_no_context_takeover"

static void test_offers(void **state)
{
    static const struct {
        const char *offers;
        const char *answer; /* NULL: declined */
    } cases[] = {
        {D, ANSWER},
        {"PerMessage-Deflate", ANSWER},
        {D "; server_no_context_takeover", ANSWER},
        {D ";client_no_context_takeover", ANSWER "; client_no_context_takeover"},
        {D "; client_max_window_bits", ANSWER},
        {D "; client_max_window_bits=15", ANSWER "; client_max_window_bits=15"},
        {D "; client_max_window_bits = 9", ANSWER "; client_max_window_bits=9"},
        {D "; client_max_window_bits=8", ANSWER "; client_max_window_bits=8"},
        {D "; server_max_window_bits=15", ANSWER "; server_max_window_bits=15"},
        {D "; server_max_window_bits=8", ANSWER "; server_max_window_bits=8"},
        {D "; server_max_window_bits=\"10\"", ANSWER "; server_max_window_bits=10"},
        {D "; client_no_context_takeover; server_no_context_takeover; server_max_window_bits=12; "
           "client_max_window_bits=13",
         ANSWER "; client_no_context_takeover; server_max_window_bits=12; "
                "client_max_window_bits=13"},
        /* several: the first that is right */
        {"x-other, " D, ANSWER},
        {"x-other; " D ", " D "; client_no_context_takeover",
         ANSWER "; client_no_context_takeover"},
        {D "; server_max_window_bits=16, " D "; server_max_window_bits=11, " D,
         ANSWER "; server_max_window_bits=11"},
        {D "; unknown, " D, ANSWER},
        /* declined */
        {"", NULL},
        {"permessage-deflat", NULL},
        {D "x", NULL},
        {D "; unknown", NULL},
        {D "; unknown=1", NULL},
        {D ";", NULL},
        {D "; server_no_context_takeover=1", NULL},
        {D "; client_no_context_takeover=true", NULL},
        {D "; server_no_context_takeover; server_no_context_takeover", NULL},
        {D "; client_max_window_bits; client_max_window_bits=9", NULL},
        {D "; server_max_window_bits", NULL},
        {D "; server_max_window_bits=", NULL},
        {D "; server_max_window_bits=7", NULL},
        {D "; server_max_window_bits=16", NULL},
        {D "; server_max_window_bits=08", NULL},
        {D "; server_max_window_bits=1", NULL},
        {D "; server_max_window_bits=100", NULL},
        {D "; server_max_window_bits=1x", NULL},
        {D "; server_max_window_bits=-9", NULL},
        {D "; server_max_window_bits=\"9", NULL},
        {D "; client_max_window_bits=", NULL},
        {D "; client_max_window_bits=17", NULL},
        {D "; client_max_window_bits=\"\"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct deflate_terms terms = {.server_bits = 0};
        char text[TERMS_MAX + 1];
        bool taken = terms_choose(str_from_z(cases[i].offers), &terms);
        if (taken != (cases[i].answer != NULL)) {
            fail_msg("%s", cases[i].offers);
        }
        if (taken) {
            text[terms_write(&terms, text)] = '\0';
            assert_string_equal(text, cases[i].answer);
        } else {
            assert_int_equal(terms.server_bits, 0);
        }
    }
}

/* --- the examples of RFC 7692, section 7.2.3 -------------------------------------------------- */

#define HELLO                                                                                      \
    {                                                                                              \
        "Hello", 5                                                                                 \
    }

/* Compressed payloads of one connection, in their order. */
static const struct example {
    const char *name;
    struct str messages[3];
    struct str texts[3];
} examples[] = {
    {"7.2.3.1 one compressed block", {{"\xf2\x48\xcd\xc9\xc9\x07\x00", 7}}, {HELLO}},
    {"7.2.3.2 a shared window",
     {{"\xf2\x48\xcd\xc9\xc9\x07\x00", 7}, {"\xf2\x00\x11\x00\x00", 5}},
     {HELLO, HELLO}},
    {"7.2.3.3 a block without compression",
     {{"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11}},
     {HELLO}},
    {"7.2.3.4 a block that is the last",
     {{"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8}, {"\xf2\x00\x11\x00\x00", 5}},
     {HELLO, HELLO}},
    {"7.2.3.5 two blocks", {{"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13}}, {HELLO}},
    {"7.2.3.6 an empty message", {{"\x00", 1}, {"\x00", 1}}, {{"", 0}, {"", 0}}},
};

/* Feeds a message cut at `cut`, or byte by byte with SIZE_MAX; the last piece may be empty. */
static enum inflate_result feed_cut(struct inflater *in, struct str message, size_t cut,
                                    uint32_t max, struct buf *out)
{
    enum inflate_result result = INFLATE_OK;

    if (cut != SIZE_MAX) {
        if (cut > 0) {
            result = inflater_feed(in, str_slice(message, 0, cut), false, max, out);
        }
        return result == INFLATE_OK
                   ? inflater_feed(in, str_slice(message, cut, message.len), true, max, out)
                   : result;
    }
    for (size_t i = 0; i < message.len && result == INFLATE_OK; i++) {
        result = inflater_feed(in, str_slice(message, i, i + 1), i + 1 == message.len, max, out);
    }
    return result;
}

static void check_example(const struct example *e, size_t cut)
{
    struct inflater *in = inflater_new(15);
    struct buf out;

    assert_non_null(in);
    buf_init(&out, SIZE_MAX);
    for (size_t i = 0; i < 3 && e->messages[i].len > 0; i++) {
        struct str message = e->messages[i];
        size_t at = cut == SIZE_MAX || cut <= message.len ? cut : message.len;
        buf_clear(&out);
        if (feed_cut(in, message, at, 1000, &out) != INFLATE_OK ||
            !str_equal(buf_str(&out), e->texts[i])) {
            fail_msg("%s, message %zu, cut at %zu", e->name, i, cut);
        }
    }
    buf_fini(&out);
    inflater_free(in);
}

static void test_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        for (size_t cut = 0; cut <= 13; cut++) {
            check_example(&examples[i], cut);
        }
        check_example(&examples[i], SIZE_MAX);
    }
}

/* What is cut off, or followed by something, is not what was meant. */
static void test_truncated(void **state)
{
    struct str message = {"\xf2\x48\xcd\xc9\xc9\x07\x00", 7};
    struct buf out;

    (void)state;
    buf_init(&out, SIZE_MAX);
    for (size_t len = 0; len < message.len; len++) {
        struct inflater *in = inflater_new(15);
        assert_non_null(in);
        assert_int_equal(inflater_feed(in, str_slice(message, 0, len), true, 1000, &out),
                         INFLATE_BROKEN);
        inflater_free(in);
        buf_clear(&out);
    }
    buf_fini(&out);
}

static void test_broken(void **state)
{
    static const struct str messages[] = {
        {"\x07", 1},                 /* the block type that is reserved */
        {"\x00\x05\x00\xfa\xfe", 5}, /* a stored length and not its complement */
        {"\xf2\x00\x11\x00\x00", 5}, /* a reference to before the beginning */
        {"\xff\xff\xff\xff\xff\xff\xff\xff", 8},
    };
    struct buf out;

    (void)state;
    buf_init(&out, SIZE_MAX);
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        for (size_t cut = 0; cut <= messages[i].len; cut++) {
            struct inflater *in = inflater_new(15);
            assert_non_null(in);
            assert_int_equal(feed_cut(in, messages[i], cut, 1000, &out), INFLATE_BROKEN);
            inflater_free(in);
            buf_clear(&out);
        }
    }
    buf_fini(&out);
}

/* --- both ways -------------------------------------------------------------------------------- */

static void fill(char *text, size_t len, uint32_t seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        text[i] = "abcdefgh "[(seed >> 24) % 9];
    }
}

static void test_both_ways(void **state)
{
    static const size_t sizes[] = {64, 100, 1000, 5000, 70000, 1000000};
    struct deflater *d = deflater_new();
    struct buf packed, out;

    (void)state;
    assert_non_null(d);
    buf_init(&packed, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *text = malloc(sizes[i]);
        assert_non_null(text);
        fill(text, sizes[i], (uint32_t)i);
        buf_clear(&packed);
        assert_true(deflater_pack(d, str_make(text, sizes[i]), &packed));
        assert_true(packed.len < sizes[i]);
        /* Without context: one that has heard nothing before understands each. */
        struct inflater *in = inflater_new(15);
        assert_non_null(in);
        buf_clear(&out);
        assert_int_equal(feed_cut(in, buf_str(&packed), packed.len / 2, 2000000, &out), INFLATE_OK);
        assert_true(str_equal(buf_str(&out), str_make(text, sizes[i])));
        inflater_free(in);
        free(text);
    }
    buf_fini(&packed);
    buf_fini(&out);
    deflater_free(d);
}

static void test_not_shorter(void **state)
{
    struct deflater *d = deflater_new();
    struct buf packed;
    char noise[300];
    uint32_t seed = 1;

    (void)state;
    assert_non_null(d);
    for (size_t i = 0; i < sizeof(noise); i++) {
        seed = seed * 1664525 + 1013904223;
        noise[i] = (char)(seed >> 24);
    }
    buf_init(&packed, SIZE_MAX);
    assert_false(deflater_pack(d, str_make(noise, sizeof(noise)), &packed));
    assert_false(deflater_pack(d, STR("a"), &packed));
    assert_int_equal(packed.len, 0);
    buf_fini(&packed);
    deflater_free(d);
}

/* A bomb costs the limit and one byte, wherever it is cut. */
static void test_bomb(void **state)
{
    struct deflater *d = deflater_new();
    struct buf packed, out;
    char *zeros = calloc(1, 1000000);

    (void)state;
    assert_true(d != NULL && zeros != NULL);
    buf_init(&packed, SIZE_MAX);
    assert_true(deflater_pack(d, str_make(zeros, 1000000), &packed));
    for (uint32_t max = 999999; max <= 1000000; max++) {
        struct inflater *in = inflater_new(15);
        assert_non_null(in);
        buf_init(&out, SIZE_MAX);
        assert_int_equal(inflater_feed(in, buf_str(&packed), true, max, &out),
                         max < 1000000 ? INFLATE_TOO_BIG : INFLATE_OK);
        assert_int_equal(out.len, 1000000);
        buf_fini(&out);
        inflater_free(in);
    }
    for (size_t cut = 0; cut < packed.len; cut += 97) {
        struct inflater *in = inflater_new(15);
        assert_non_null(in);
        buf_init(&out, SIZE_MAX);
        assert_int_equal(feed_cut(in, buf_str(&packed), cut, 5000, &out), INFLATE_TOO_BIG);
        assert_true(out.len == 5001);
        buf_fini(&out);
        inflater_free(in);
    }
    buf_fini(&packed);
    free(zeros);
    deflater_free(d);
}

/* A limit that falls while a message is under way: of what there is too much already no more comes.
 */
static void test_limit_falls(void **state)
{
    struct deflater *d = deflater_new();
    struct buf packed, out;
    char zeros[5000] = "";

    (void)state;
    assert_non_null(d);
    buf_init(&packed, SIZE_MAX);
    assert_true(deflater_pack(d, str_make(zeros, sizeof(zeros)), &packed));
    for (uint32_t max = 0; max <= 3001; max++) {
        struct inflater *in = inflater_new(15);
        assert_non_null(in);
        buf_init(&out, SIZE_MAX);
        /* As if of an earlier piece. */
        buf_append(&out, zeros, 3000);
        assert_int_equal(inflater_feed(in, buf_str(&packed), true, max, &out), INFLATE_TOO_BIG);
        assert_int_equal(out.len, max < 3000 ? 3000 : max + 1);
        buf_fini(&out);
        inflater_free(in);
    }
    buf_fini(&packed);
    deflater_free(d);
}

/* Windows of 8 to 15 bits are all inflated. */
static void test_windows(void **state)
{
    struct str message = {"\xf2\x48\xcd\xc9\xc9\x07\x00", 7};

    (void)state;
    for (unsigned bits = 8; bits <= 15; bits++) {
        struct inflater *in = inflater_new(bits);
        struct buf out;
        assert_non_null(in);
        buf_init(&out, SIZE_MAX);
        assert_int_equal(inflater_feed(in, message, true, 5, &out), INFLATE_OK);
        assert_true(str_equal(buf_str(&out), STR("Hello")));
        buf_fini(&out);
        inflater_free(in);
    }
}

/* --- RSV1 ------------------------------------------------------------------------------------- */

static void test_rsv1(void **state)
{
    static const struct {
        struct str frames;
        bool fails;
    } cases[] = {
        {{"\xc1\x80\0\0\0\0", 6}, false},                   /* text */
        {{"\xc2\x80\0\0\0\0", 6}, false},                   /* binary */
        {{"\x41\x81\0\0\0\0x\x80\x80\0\0\0\0", 13}, false}, /* in fragments */
        {{"\x41\x81\0\0\0\0x\xc0\x80\0\0\0\0", 13}, true},  /* not in the next ones */
        {{"\x01\x81\0\0\0\0x\xc0\x80\0\0\0\0", 13}, true},
        {{"\xc9\x80\0\0\0\0", 6}, true}, /* not on control frames */
        {{"\xca\x80\0\0\0\0", 6}, true},
        {{"\xc8\x80\0\0\0\0", 6}, true},
        {{"\xe1\x80\0\0\0\0", 6}, true}, /* the others are reserved */
        {{"\xd1\x80\0\0\0\0", 6}, true},
        {{"\xa1\x80\0\0\0\0", 6}, true},
        {{"\xc3\x80\0\0\0\0", 6}, true},
    };

    (void)state;
    for (unsigned agreed = 0; agreed < 2; agreed++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct deflate_terms terms = {.client_bits = agreed ? 15 : 0};
            struct ws_parser p;
            struct ws_event e;
            char data[32];
            size_t at = 0, taken;
            bool failed = false, compressed = true;
            ws_parser_init(&p, WS_SERVER, 1000);
            ws_parser_deflate(&p, &terms);
            memcpy(data, cases[i].frames.ptr, cases[i].frames.len);
            do {
                taken = ws_parse(&p, data + at, cases[i].frames.len - at, &e);
                at += taken;
                failed = failed || e.kind == WS_EVENT_FAIL;
                compressed = compressed && (e.kind != WS_EVENT_DATA || e.compressed);
            } while (taken > 0);
            assert_int_equal(failed, cases[i].fails || !agreed);
            assert_true(failed || compressed);
        }
    }
}

/* Text is checked by whoever inflates it; what follows is checked here again. */
static void test_text_behind(void **state)
{
    struct deflate_terms terms = {.client_bits = 15};
    char data[] = "\xc1\x81\0\0\0\0\xff\x81\x81\0\0\0\0\xff";
    struct ws_parser p;
    struct ws_event e;

    (void)state;
    ws_parser_init(&p, WS_SERVER, 1000);
    ws_parser_deflate(&p, &terms);
    size_t taken = ws_parse(&p, data, sizeof(data) - 1, &e);
    assert_int_equal(taken, 7);
    assert_true(e.kind == WS_EVENT_DATA && e.compressed && e.final);
    assert_int_equal(ws_parse(&p, data + taken, sizeof(data) - 1 - taken, &e), 0);
    assert_int_equal(e.code, WS_CLOSE_BAD_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offers),      cmocka_unit_test(test_examples),
        cmocka_unit_test(test_truncated),   cmocka_unit_test(test_broken),
        cmocka_unit_test(test_both_ways),   cmocka_unit_test(test_not_shorter),
        cmocka_unit_test(test_bomb),        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_limit_falls), cmocka_unit_test(test_rsv1),
        cmocka_unit_test(test_text_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
