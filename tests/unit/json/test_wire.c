#include "unit.h"

#include "base/buf.h"
#include "sample.h"
#include "json/reader.h"
#include "json/wire.h"

static struct wire scan(struct str text, unsigned wanted)
{
    struct wire w;
    char *copy = sample_copy(text.ptr, text.len);

    memset(&w, 0xff, sizeof(w));
    wire_scan(copy, text.len, wanted, &w);
    free(copy);
    return w;
}

static bool is_grammar_error(unsigned status)
{
    return status >= WIRE_NOT_JSON && status <= WIRE_TRUNCATED;
}

/*
 * That a position is exact: what stands before it is the beginning of a valid text, and with the
 * byte at it no longer (but of a lone surrogate, which is seen behind its escape).
 */
static void check_position(struct str text, const struct wire *w)
{
    struct wire before = scan(str_slice(text, 0, w->position), WIRE_WORLD);

    assert_true(before.status == WIRE_TRUNCATED || !is_grammar_error(before.status));
    if (w->status == WIRE_TRUNCATED) {
        assert_int_equal(w->position, text.len);
    } else if (text.ptr[w->position] != '\\') {
        struct wire with = scan(str_slice(text, 0, w->position + 1), WIRE_WORLD);
        assert_int_equal(with.status, w->status);
        assert_int_equal(with.position, w->position);
    }
}

static struct wire expect(struct str text, enum wire_status status, uint32_t position)
{
    struct wire w = scan(text, WIRE_WORLD);

    if (w.status != status || w.position != position) {
        print_message("%.*s\n", STR_ARG(text));
    }
    assert_int_equal(w.status, status);
    assert_int_equal(w.position, position);
    assert_int_equal(json_valid(text), !is_grammar_error(status));
    if (is_grammar_error(status)) {
        check_position(text, &w);
        for (int m = 0; m < WIRE_MEMBER_COUNT; m++) {
            assert_int_equal(w.members[m].len, 0);
        }
    }
    return w;
}

static void expect_member(struct str text, unsigned wanted, enum wire_member member, struct str raw)
{
    struct wire w = scan(text, wanted);

    assert_int_equal(w.status, WIRE_OK);
    assert_true(str_equal(wire_raw(&w, text.ptr, member), raw));
}

static void a_world_message(void **state)
{
    struct str text =
        STR("{\"type\":\"bark\",\"agent_id\":\"timmy\",\"data\":{\"n\":[1]},\"ts\":1.5}");
    struct wire w = scan(text, WIRE_WORLD);

    (void)state;
    assert_int_equal(w.status, WIRE_OK);
    assert_int_equal(w.escaped, 0);
    assert_int_equal(w.position, 0);
    assert_true(str_equal(wire_raw(&w, text.ptr, WIRE_TYPE), STR("\"bark\"")));
    assert_true(str_equal(wire_raw(&w, text.ptr, WIRE_AGENT_ID), STR("\"timmy\"")));
    assert_true(str_equal(wire_raw(&w, text.ptr, WIRE_DATA), STR("{\"n\":[1]}")));
    assert_int_equal(wire_raw(&w, text.ptr, WIRE_TARGET_ID).len, 0);
    assert_int_equal(sizeof(struct wire), 88);
}

static void every_routing_member_in_every_spelling(void **state)
{
    static const struct {
        const char *key;
        enum wire_member member;
        bool first; /* spelling */
    } cases[] = {
        {"type", WIRE_TYPE, true},
        {"id", WIRE_ID, true},
        {"agent_id", WIRE_AGENT_ID, true},
        {"agentId", WIRE_AGENT_ID, false},
        {"target_id", WIRE_TARGET_ID, true},
        {"targetId", WIRE_TARGET_ID, false},
        {"sessionId", WIRE_SESSION_ID, true},
        {"target", WIRE_TARGET, true},
        {"data", WIRE_DATA, true},
        {"payload", WIRE_PAYLOAD, true},
        {"replyTo", WIRE_REPLY_TO, true},
        {"timestamp", WIRE_TIMESTAMP, true},
    };
    unsigned all = (1u << WIRE_MEMBER_COUNT) - 1;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t letter = 0; letter <= strlen(cases[i].key); letter++) {
            /* Once as it is; then with each letter as an escape. */
            struct buf text;
            buf_init(&text, 200);
            buf_append_str(&text, STR("{ \""));
            for (size_t at = 0; at < strlen(cases[i].key); at++) {
                if (at + 1 == letter) {
                    buf_printf(&text, "\\u%04x", (unsigned)cases[i].key[at]);
                } else {
                    buf_append_char(&text, cases[i].key[at]);
                }
            }
            buf_append_str(&text, STR("\" : 17 , \"x\":1}"));
            expect_member(buf_str(&text), all, cases[i].member, STR("17"));
            expect_member(buf_str(&text), all & ~(1u << cases[i].member), cases[i].member, STR(""));
            struct wire w = scan(buf_str(&text), all);
            for (int m = 0; m < WIRE_MEMBER_COUNT; m++) {
                assert_int_equal(w.members[m].len, m == (int)cases[i].member ? 2 : 0);
            }
            buf_fini(&text);
        }
        if (cases[i].first) {
            assert_string_equal(wire_member_name(cases[i].member), cases[i].key);
        }
    }
}

static void keys_that_only_resemble(void **state)
{
    static const char *const texts[] = {"{\"Type\":1}",
                                        "{\"typ\":1}",
                                        "{\"types\":1}",
                                        "{\"\":1}",
                                        "{\"tyqe\":1}",
                                        "{\"agent-id\":1}",
                                        "{\"a\":{\"type\":1}}",
                                        "{\"type\\u0000\":1}",
                                        "{\"\\\\type\":1}",
                                        "{\"agentid\":1}",
                                        "{\"a\":[{\"data\":1}]}",
                                        "{\"a\":\"type\"}",
                                        "{\"target__id\":1}",
                                        "{\"\\u0074ypf\":1}",
                                        "{\"target_id_and_more\\n\":1}"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct wire w = scan(str_from_z(texts[i]), (1u << WIRE_MEMBER_COUNT) - 1);
        assert_int_equal(w.status, WIRE_OK);
        for (int m = 0; m < WIRE_MEMBER_COUNT; m++) {
            assert_int_equal(w.members[m].len, 0);
        }
    }
}

static void escaped_strings_are_marked(void **state)
{
    struct str text = STR("{\"type\":\"a\\n\",\"agent_id\":\"\\u0061\",\"\\u0064ata\":\"x\","
                          "\"target_id\":[\"\\n\"]}");
    struct wire w = scan(text, WIRE_WORLD);

    (void)state;
    assert_int_equal(w.status, WIRE_OK);
    assert_int_equal(w.escaped, 1u << WIRE_TYPE | 1u << WIRE_AGENT_ID);
}

static void duplicates(void **state)
{
    struct wire w = expect(STR("{\"type\":\"a\",\"b\":1,\"type\":\"a\"}"), WIRE_DUPLICATE, 18);

    (void)state;
    assert_int_equal(w.member, WIRE_TYPE);
    assert_int_equal(w.members[WIRE_TYPE].off, 8);
    expect(STR("{\"type\":1,\"t\\u0079pe\":2}"), WIRE_DUPLICATE, 10);
    w = expect(STR("{\"agentId\":\"x\",\"agentId\":\"x\"}"), WIRE_DUPLICATE, 15);
    assert_int_equal(w.member, WIRE_AGENT_ID);
    expect(STR("{\"agentId\":1,\"agent_id\":1,\"agentId\":1}"), WIRE_DUPLICATE, 26);
    expect(STR("{\"a\":1,\"a\":2}"), WIRE_OK, 0);
    /* Not wanted: like any other. */
    expect(STR("{\"payload\":1,\"payload\":2}"), WIRE_OK, 0);
    assert_int_equal(scan(STR("{\"payload\":1,\"payload\":2}"), WIRE_GATEWAY).status,
                     WIRE_DUPLICATE);
}

static void two_spellings(void **state)
{
    static const char *const equal[] = {"{\"agent_id\":\"a/b\",\"agentId\":\"a/b\"}",
                                        "{\"agent_id\":\"a/b\",\"agentId\":\"a\\/b\"}",
                                        "{\"agentId\":\"\\u0061\",\"agent_id\":\"a\"}",
                                        "{\"agent_id\":null,\"agentId\":null}",
                                        "{\"agent_id\":[1],\"agentId\":[1]}"};
    static const char *const differ[] = {
        "{\"target_id\":\"a\",\"targetId\":\"b\"}", "{\"target_id\":\"\",\"targetId\":null }",
        "{\"target_id\":1.0,\"targetId\":1}", "{\"target_id\":\"1\",\"targetId\":1}"};
    struct wire w;

    (void)state;
    for (size_t i = 0; i < sizeof(equal) / sizeof(equal[0]); i++) {
        w = expect(str_from_z(equal[i]), WIRE_OK, 0);
        assert_int_equal(w.members[WIRE_AGENT_ID].off, strchr(equal[i], ':') + 1 - equal[i]);
    }
    for (size_t i = 0; i < sizeof(differ) / sizeof(differ[0]); i++) {
        uint32_t position = (uint32_t)(strstr(differ[i], "\"targetId") - differ[i]);
        w = expect(str_from_z(differ[i]), WIRE_CONFLICT, position);
        assert_int_equal(w.member, WIRE_TARGET_ID);
    }
    /* The first fault is told. */
    w = expect(STR("{\"type\":1,\"agent_id\":1,\"agentId\":2,\"type\":1}"), WIRE_CONFLICT, 23);
    assert_int_equal(w.member, WIRE_AGENT_ID);
}

static void broken_grammar_comes_before_the_members(void **state)
{
    (void)state;
    expect(STR("{\"type\":1,\"type\":1]"), WIRE_NOT_JSON, 18);
    expect(STR("{\"type\":1,\"type\":1"), WIRE_TRUNCATED, 18);
    expect(STR("{\"type\":1,\"type\":1} x"), WIRE_NOT_JSON, 20);
    expect(STR("{\"type\":1,\"type\":\"\xff\"}"), WIRE_NOT_UTF8, 18);
}

static void accepted(void **state)
{
    static const char *const texts[] = {
        "{}",
        " \t\r\n{ \t\r\n} \t\r\n",
        "{\"\":\"\"}",
        "{\"a\":0}",
        "{\"a\":-0}",
        "{\"a\":-0.0e-0}",
        "{\"a\":1e999}",
        "{\"a\":123456789012345678901234567890.5E+10}",
        "{\"a\":1E2}",
        "{\"a\":true,\"b\":false,\"c\":null}",
        "{\"a\":[]}",
        "{\"a\":[[],{},[{}]]}",
        "{\"a\":[1 , 2 ,3\n]}",
        "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
        "{\"a\":\"\\u0000\\uFFFF\"}",
        "{\"a\":\"\\uD83D\\uDE00\"}",
        "{\"a\":\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\"}",
        "{\"a\":\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80\"}"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct str text = str_from_z(texts[i]);
        size_t whole = (size_t)(strrchr(texts[i], '}') + 1 - texts[i]);
        expect(text, WIRE_OK, 0);
        for (size_t len = 0; len < whole; len++) {
            expect(str_slice(text, 0, len), WIRE_TRUNCATED, (uint32_t)len);
        }
    }
}

static void not_an_object(void **state)
{
    (void)state;
    expect(STR("[]"), WIRE_NOT_OBJECT, 0);
    expect(STR("  12 "), WIRE_NOT_OBJECT, 2);
    expect(STR("\"type\""), WIRE_NOT_OBJECT, 0);
    expect(STR("null"), WIRE_NOT_OBJECT, 0);
    expect(STR("-1.5e3"), WIRE_NOT_OBJECT, 0);
    expect(STR("[1,{\"type\":1,\"type\":2}]"), WIRE_NOT_OBJECT, 0);
    expect(STR("[1"), WIRE_TRUNCATED, 2);
    expect(STR("nul"), WIRE_TRUNCATED, 3);
    expect(STR("-"), WIRE_TRUNCATED, 1);
    expect(STR(""), WIRE_TRUNCATED, 0);
    expect(STR(" \n"), WIRE_TRUNCATED, 2);
    assert_int_equal(scan(str_make(NULL, 0), WIRE_WORLD).status, WIRE_TRUNCATED);
}

static void refused(void **state)
{
    static const struct {
        const char *text;
        uint32_t position;
    } cases[] = {
        {"x", 0},
        {"}", 0},
        {"]", 0},
        {",", 0},
        {"{}}", 2},
        {"{}{}", 2},
        {"{} ,", 3},
        {"\xef\xbb\xbf{}", 0},
        {"\xff", 0},
        {"\f{}", 0},
        {"/**/{}", 0},
        {"{a:1}", 1},
        {"{'a':1}", 1},
        {"{1:1}", 1},
        {"{,}", 1},
        {"{\"a\"}", 4},
        {"{\"a\",1}", 4},
        {"{\"a\":}", 5},
        {"{\"a\"::1}", 5},
        {"{\"a\":1,}", 7},
        {"{\"a\":1,,}", 7},
        {"{\"a\":1 \"b\":2}", 7},
        {"{\"a\":1]", 6},
        {"{\"a\":[1}", 7},
        {"{\"a\":[1,]}", 8},
        {"{\"a\":[,1]}", 6},
        {"{\"a\":[1 2]}", 8},
        {"{\"a\":[1:2]}", 7},
        {"{\"a\":{\"b\"]}", 9},
        {"{\"a\":{\"b\":1,2}}", 12},
        {"{\"a\":{,}}", 6},
        {"{\"a\":{]}", 6},
        {"{\"a\":[}}", 6},
        {"{\"a\":tRue}", 6},
        {"{\"a\":truE}", 8},
        {"{\"a\":true1}", 9},
        {"{\"a\":falsf}", 9},
        {"{\"a\":nil}", 6},
        {"{\"a\":NaN}", 5},
        {"{\"a\":Infinity}", 5},
        {"{\"a\":-Infinity}", 6},
        {"{\"a\":+1}", 5},
        {"{\"a\":.5}", 5},
        {"{\"a\":01}", 6},
        {"{\"a\":-01}", 7},
        {"{\"a\":00}", 6},
        {"{\"a\":1.}", 7},
        {"{\"a\":1.e1}", 7},
        {"{\"a\":1e}", 7},
        {"{\"a\":1e+}", 8},
        {"{\"a\":1e1.0}", 8},
        {"{\"a\":--1}", 6},
        {"{\"a\":0x10}", 6},
        {"{\"a\":1\xc2\xa0}", 6},
        {"{\"a\":\"\t\"}", 6},
        {"{\"a\":\"x\ny\"}", 7},
        {"{\"a\":\"\x1f\"}", 6},
        {"{\"a\":\"\\x41\"}", 7},
        {"{\"a\":\"\\'\"}", 7},
        {"{\"a\":\"\\U0041\"}", 7},
        {"{\"a\":\"\\u004\"}", 11},
        {"{\"a\":\"\\u00g1\"}", 10},
        {"{\"a\":\"\\u-041\"}", 8},
        {"{\"a\":\"\\\xc3\xa9\"}", 7},
        {"{\"a\":\"\\ud800\"}", 6},
        {"{\"a\":\"xx\\udc00\"}", 8},
        {"{\"a\":\"\\udfff\\ud800\"}", 6},
        {"{\"a\":\"\\ud800x\"}", 6},
        {"{\"a\":\"\\ud800\\n\"}", 6},
        {"{\"a\":\"\\ud800\\u0041\"}", 6},
        {"{\"a\":\"\\udbff\\ud800\"}", 6},
        {"{\"a\":\"\\ud800\\uDg00\"}", 15},
        {"{\"\\ud800\":1}", 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect(str_from_z(cases[i].text), WIRE_NOT_JSON, cases[i].position);
    }
    expect(str_make("{\"a\":1}\0", 8), WIRE_NOT_JSON, 7);
    expect(str_make("{\"a\0\":1}", 8), WIRE_NOT_JSON, 3);
    expect(str_make("\0", 1), WIRE_NOT_JSON, 0);
}

static void strings_that_are_not_utf8(void **state)
{
    static const struct {
        const char *bytes;
        uint32_t position;
    } cases[] = {{"\x80", 0},
                 {"\xff", 0},
                 {"\xc0\xaf", 0},
                 {"\xc1\x80", 0},
                 {"\xc3(", 1},
                 {"\xc3\xc3", 1},
                 {"\xe0\x9f\xbf", 1},
                 {"\xe2\x82(", 2},
                 {"\xed\xa0\x80", 1},
                 {"\xf0\x8f\xbf\xbf", 1},
                 {"\xf4\x90\x80\x80", 1},
                 {"\xf5\x80\x80\x80", 0},
                 {"\xf0\x9f\x90(", 3},
                 {"\xc3", 1},
                 {"\xf0\x9f\x90", 3},
                 {"\xc3\xa9\xc3\xa9\x80", 4},
                 {"\xc3\\n", 1}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        /* At every distance from the start of a word of eight bytes. */
        for (uint32_t before = 0; before < 20; before++) {
            struct buf text;
            buf_init(&text, 200);
            buf_printf(&text, "{\"%.*s%s\":1}", (int)before, "abcdefghijklmnopqrst",
                       cases[i].bytes);
            expect(buf_str(&text), WIRE_NOT_UTF8, 2 + before + cases[i].position);
            buf_fini(&text);
        }
    }
}

/* Each byte a string may end or stop at, at each place in and around words and blocks. */
static void every_byte_at_every_place_of_a_string(void **state)
{
    (void)state;
    for (size_t len = 1; len < 52; len++) {
        for (size_t place = 0; place < len; place++) {
            for (unsigned c = 0; c <= 0x80; c++) {
                char text[64];
                size_t at = place + 2;
                memset(text, '!', sizeof(text));
                memcpy(text, "{\"", 2);
                memcpy(text + 2 + len, "\":1}", 4);
                text[at] = (char)c;
                struct wire w = scan(str_make(text, len + 6), WIRE_WORLD);
                if (c < 0x20) {
                    assert_int_equal(w.status, WIRE_NOT_JSON);
                    assert_int_equal(w.position, at);
                } else if (c == 0x80) {
                    assert_int_equal(w.status, WIRE_NOT_UTF8);
                    assert_int_equal(w.position, at);
                } else if (c == '\\' && place + 1 == len) {
                    assert_int_equal(w.status, WIRE_TRUNCATED);
                } else if (c == '\\' || c == '"') {
                    assert_int_equal(w.status, WIRE_NOT_JSON);
                    assert_int_equal(w.position, at + 1);
                } else {
                    assert_int_equal(w.status, WIRE_OK);
                }
            }
        }
    }
}

static void append_times(struct buf *b, struct str part, int count)
{
    for (int i = 0; i < count; i++) {
        buf_append_str(b, part);
    }
}

static void depth(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, 10000);
    for (int inner = 60; inner < 70; inner++) {
        static const struct {
            const char *open, *close;
        } brackets[] = {{"[", "]"}, {"{\"a\":", "}"}, {" [ 1 , ", " , 2 ] "}};
        for (int i = 0; i < 3; i++) {
            struct str open = str_from_z(brackets[i].open), close = str_from_z(brackets[i].close);
            size_t bracket = str_find(open, i == 1 ? '{' : '[');
            buf_clear(&text);
            buf_append_str(&text, STR("{\"a\":"));
            append_times(&text, open, inner);
            buf_append_str(&text, STR("[]"));
            append_times(&text, close, inner);
            buf_append_char(&text, '}');
            if (inner + 2 <= WIRE_MAX_DEPTH) {
                expect(buf_str(&text), WIRE_OK, 0);
            } else {
                size_t first_too_deep = inner >= WIRE_MAX_DEPTH
                                            ? (WIRE_MAX_DEPTH - 1) * open.len + bracket
                                            : (size_t)inner * open.len;
                expect(buf_str(&text), WIRE_TOO_DEEP, (uint32_t)(5 + first_too_deep));
            }
        }
    }
    buf_clear(&text);
    append_times(&text, STR("["), 64);
    append_times(&text, STR("]"), 64);
    expect(buf_str(&text), WIRE_NOT_OBJECT, 0);
    buf_clear(&text);
    append_times(&text, STR("["), 5000);
    expect(buf_str(&text), WIRE_TOO_DEEP, 64);
    buf_fini(&text);
}

/* Brackets of both kinds in each other: each must be closed by its own. */
static void the_kind_of_every_level_is_known(void **state)
{
    uint64_t seed = 4;

    (void)state;
    for (int i = 0; i < 3000; i++) {
        char closers[64], text[700];
        size_t len = 5;
        int levels = 1 + (int)sample_random(&seed, 63);
        memcpy(text, "{\"a\":", 5);
        for (int level = 0; level < levels; level++) {
            bool object = sample_random(&seed, 2) == 0;
            closers[level] = object ? '}' : ']';
            memcpy(text + len, object ? "{\"b\":" : "[1,", object ? 5 : 3);
            len += object ? 5 : 3;
        }
        text[len++] = '1';
        size_t first_closer = len;
        for (int level = levels; level-- > 0;) {
            text[len++] = closers[level];
        }
        text[len++] = '}';
        expect(str_make(text, len), WIRE_OK, 0);
        size_t wrong = first_closer + sample_random(&seed, (uint32_t)levels);
        text[wrong] = text[wrong] == '}' ? ']' : '}';
        expect(str_make(text, len), WIRE_NOT_JSON, (uint32_t)wrong);
    }
}

static void members_at_the_top(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, 100000);
    for (int count = WIRE_MAX_MEMBERS - 1; count <= WIRE_MAX_MEMBERS + 2; count++) {
        buf_clear(&text);
        buf_append_str(&text, STR("{\"a\":1"));
        append_times(&text, STR(",\"a\":1"), count - 1);
        buf_append_char(&text, '}');
        if (count <= WIRE_MAX_MEMBERS) {
            expect(buf_str(&text), WIRE_OK, 0);
        } else {
            expect(buf_str(&text), WIRE_TOO_MANY_MEMBERS, 1 + WIRE_MAX_MEMBERS * 6);
        }
    }
    /* Further in there may be more. */
    buf_clear(&text);
    buf_append_str(&text, STR("{\"data\":{\"a\":1"));
    append_times(&text, STR(",\"a\":1"), 2000);
    buf_append_str(&text, STR("}}"));
    expect(buf_str(&text), WIRE_OK, 0);
    buf_fini(&text);
}

static void every_status_has_a_text(void **state)
{
    (void)state;
    for (int i = WIRE_OK; i <= WIRE_CONFLICT; i++) {
        const char *text = wire_status_text((enum wire_status)i);
        assert_non_null(text);
        assert_true(strlen(text) > 0);
        for (int j = WIRE_OK; j < i; j++) {
            assert_string_not_equal(text, wire_status_text((enum wire_status)j));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_world_message),
        cmocka_unit_test(every_routing_member_in_every_spelling),
        cmocka_unit_test(keys_that_only_resemble),
        cmocka_unit_test(escaped_strings_are_marked),
        cmocka_unit_test(duplicates),
        cmocka_unit_test(two_spellings),
        cmocka_unit_test(broken_grammar_comes_before_the_members),
        cmocka_unit_test(accepted),
        cmocka_unit_test(not_an_object),
        cmocka_unit_test(refused),
        cmocka_unit_test(strings_that_are_not_utf8),
        cmocka_unit_test(every_byte_at_every_place_of_a_string),
        cmocka_unit_test(depth),
        cmocka_unit_test(the_kind_of_every_level_is_known),
        cmocka_unit_test(members_at_the_top),
        cmocka_unit_test(every_status_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
