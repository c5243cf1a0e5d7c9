#include "unit.h"

#include "base/buf.h"
#include "oracle.h"
#include "sample.h"
#include "valgrind.h"
#include "json/reader.h"
#include "json/wire.h"

/*
 * Generated and mutated texts, of which jansson and our scanner must think alike. They differ, as
 * is known, in this and nothing else:
 *
 *   - jansson converts numbers, and refuses those that overflow a double (1e999); we convert none.
 *   - jansson refuses "\u0000" in a key; we take it there as in values.
 *   - we stop at a depth of 64, jansson at 2,048.
 *
 * In those cases nothing is compared, and it is counted that they stay a minority.
 */

enum { TEXTS = 60000, MAX_TEXT = 4000 };

struct tally {
    unsigned verdicts[4];
    unsigned too_deep;
    unsigned described;
    unsigned statuses[WIRE_CONFLICT + 1];
};

/* One of the strings that can be written between quotes, more or less. */
static void append_string(struct buf *b, uint64_t *seed)
{
    static const char *const parts[] = {"a",
                                        "type",
                                        "agentId",
                                        "agent_id",
                                        "\\n",
                                        "\\\"",
                                        "\\\\",
                                        "\\/",
                                        "\\u0041",
                                        "\\u00e9",
                                        "\\ud83d\\ude00",
                                        "\xc3\xa9",
                                        "\xf0\x9f\x90\x95",
                                        "some words in it",
                                        "\\b\\f\\r\\t",
                                        "\x7f",
                                        "\xe2\x82\xac",
                                        "\\uFFFF",
                                        "0123456789",
                                        "{[,:]}"};

    buf_append_char(b, '"');
    for (uint32_t n = sample_random(seed, 5); n > 0; n--) {
        buf_append_str(b, str_from_z(parts[sample_random(seed, 20)]));
    }
    if (sample_random(seed, 300) == 0) {
        buf_append_str(b, STR("\\u0000"));
    }
    buf_append_char(b, '"');
}

static void append_space(struct buf *b, uint64_t *seed)
{
    if (sample_random(seed, 6) == 0) {
        buf_append_char(b, " \t\r\n"[sample_random(seed, 4)]);
    }
}

static void append_scalar(struct buf *b, uint64_t *seed)
{
    static const char *const scalars[] = {"0",
                                          "-0",
                                          "12",
                                          "-7.25",
                                          "1E2",
                                          "0.10",
                                          "1e-9",
                                          "true",
                                          "false",
                                          "null",
                                          "12345678901234567890",
                                          "3e+07",
                                          "1e999"};

    if (sample_random(seed, 2) == 0) {
        append_string(b, seed);
    } else {
        uint32_t which = sample_random(seed, sample_random(seed, 100) == 0 ? 13 : 12);
        buf_append_str(b, str_from_z(scalars[which]));
    }
}

static void append_value(struct buf *b, uint64_t *seed, uint32_t depth)
{
    append_space(b, seed);
    if (depth == 0 || b->len > MAX_TEXT / 2 || sample_random(seed, 3) == 0) {
        append_scalar(b, seed);
        append_space(b, seed);
        return;
    }
    bool object = sample_random(seed, 2) == 0;
    buf_append_char(b, object ? '{' : '[');
    append_space(b, seed);
    for (uint32_t n = sample_random(seed, 5), i = 0; i < n; i++) {
        if (i > 0) {
            buf_append_char(b, ',');
            append_space(b, seed);
        }
        if (object) {
            append_string(b, seed);
            append_space(b, seed);
            buf_append_char(b, ':');
        }
        append_value(b, seed, depth - 1);
    }
    buf_append_char(b, object ? '}' : ']');
    append_space(b, seed);
}

/* Brackets of one kind around what is there. */
static void nest(struct buf *b, uint64_t *seed)
{
    struct buf nested;
    uint32_t levels = 50 + sample_random(seed, 30);

    buf_init(&nested, MAX_TEXT * 2);
    for (uint32_t i = 0; i < levels; i++) {
        buf_append_char(&nested, '[');
    }
    buf_append_str(&nested, buf_str(b));
    for (uint32_t i = 0; i < levels; i++) {
        buf_append_char(&nested, ']');
    }
    buf_clear(b);
    buf_append_str(b, buf_str(&nested));
    buf_fini(&nested);
}

/* Breaks, or does not break, a text at a few places. */
static void mutate(struct buf *b, uint64_t *seed)
{
    static const char bytes[] =
        "{}[]\",:\\u0dD89aAeE+-. \n\t/tfn\x01\x1f\x7f\x80\xbf\xc3\xe2\xed\xf0";

    for (uint32_t n = 1 + sample_random(seed, 3); n > 0 && b->len > 0; n--) {
        uint32_t at = sample_random(seed, (uint32_t)b->len);
        char c = sample_random(seed, 8) == 0 ? (char)sample_random(seed, 256)
                                             : bytes[sample_random(seed, sizeof(bytes) - 1)];
        switch (sample_random(seed, 4)) {
        case 0:
            b->data[at] = c;
            break;
        case 1: /* take one out */
            memmove(b->data + at, b->data + at + 1, b->len - at - 1);
            b->len--;
            break;
        case 2: /* put one in */
            buf_append_char(b, c);
            memmove(b->data + at + 1, b->data + at, b->len - at - 1);
            b->data[at] = c;
            break;
        default: /* cut */
            b->len = sample_random(seed, 4) == 0 ? at : b->len;
            break;
        }
    }
}

static void describe_string(struct str raw, struct buf *out)
{
    buf_append_char(out, 's');
    buf_append_uint(out, json_unescape_to(raw, NULL, 0));
    buf_append_char(out, ':');
    json_unescape(raw, out);
}

/* As oracle_describe, with our reader. */
static void describe(struct str raw, struct buf *out)
{
    struct json_iter it = json_iter_of(raw);
    struct str key, value;

    switch (json_kind_of(raw)) {
    case JSON_OBJECT:
        buf_append_char(out, '{');
        while (json_next_member(&it, &key, &value)) {
            describe_string(key, out);
            describe(value, out);
            assert_true(json_string_equal(key, key));
        }
        buf_append_char(out, '}');
        break;
    case JSON_ARRAY:
        buf_append_char(out, '[');
        while (json_next_element(&it, &value)) {
            describe(value, out);
        }
        buf_append_char(out, ']');
        break;
    case JSON_STRING:
        describe_string(raw, out);
        break;
    case JSON_NUMBER:
        buf_append_char(out, 'n');
        break;
    case JSON_BOOL:
        buf_append_char(out, str_find(raw, 'r') < raw.len ? 't' : 'f');
        break;
    case JSON_NULL:
        buf_append_char(out, 'z');
        break;
    case JSON_NONE:
        fail();
    }
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* That our walk over an accepted text finds what jansson found in it. */
static void compare_meaning(struct str text, struct tally *tally)
{
    struct buf theirs, ours;

    while (is_space(text.ptr[0])) {
        text = str_slice(text, 1, text.len);
    }
    while (is_space(text.ptr[text.len - 1])) {
        text.len--;
    }
    buf_init(&theirs, MAX_TEXT * 10);
    buf_init(&ours, MAX_TEXT * 10);
    if (oracle_describe(text, &theirs)) {
        describe(text, &ours);
        assert_false(theirs.failed);
        assert_int_equal(ours.len, theirs.len);
        assert_true(str_equal(buf_str(&ours), buf_str(&theirs)));
        tally->described++;
    }
    buf_fini(&theirs);
    buf_fini(&ours);
}

static void compare(struct str text, struct tally *tally)
{
    struct wire w;
    char *copy = sample_copy(text.ptr, text.len);
    struct str exact = str_make(copy, text.len);
    enum oracle_verdict verdict = oracle_judge(exact);

    wire_scan(copy, text.len, WIRE_WORLD, &w);
    bool valid = w.status < WIRE_NOT_JSON || w.status > WIRE_TRUNCATED;
    assert_int_equal(json_valid(exact), valid);
    tally->verdicts[verdict]++;
    tally->statuses[w.status]++;
    if (w.status == WIRE_TOO_DEEP) {
        tally->too_deep++;
    } else if (verdict == ORACLE_ACCEPTS || verdict == ORACLE_REFUSES) {
        if (valid != (verdict == ORACLE_ACCEPTS)) {
            print_message("status %u at %u: %.*s\n", w.status, w.position, STR_ARG(text));
        }
        assert_int_equal(valid, verdict == ORACLE_ACCEPTS);
        if (valid) {
            compare_meaning(exact, tally);
        }
    }
    free(copy);
}

static void generated_texts(void **state)
{
    const unsigned texts = portion_of(TEXTS);
    struct tally tally = {0};
    uint64_t seed = 8259;
    struct buf text;

    (void)state;
    buf_init(&text, (size_t)MAX_TEXT * 2);
    for (unsigned i = 0; i < texts; i++) {
        buf_clear(&text);
        append_value(&text, &seed, 1 + sample_random(&seed, 5));
        if (sample_random(&seed, 100) == 0) {
            nest(&text, &seed);
        }
        assert_false(text.failed);
        compare(buf_str(&text), &tally);
        mutate(&text, &seed);
        compare(buf_str(&text), &tally);
    }
    buf_fini(&text);
    print_message("%u accepted, %u refused, %u overflow, %u NUL in a key, %u too deep; "
                  "%u compared in meaning\n",
                  tally.verdicts[ORACLE_ACCEPTS], tally.verdicts[ORACLE_REFUSES],
                  tally.verdicts[ORACLE_OVERFLOW], tally.verdicts[ORACLE_NUL_KEY], tally.too_deep,
                  tally.described);
    assert_true(tally.verdicts[ORACLE_ACCEPTS] > texts);
    assert_true(tally.verdicts[ORACLE_REFUSES] > texts / 4);
    assert_true(tally.verdicts[ORACLE_OVERFLOW] > 0);
    assert_true(tally.verdicts[ORACLE_OVERFLOW] < texts / 20);
    assert_true(tally.verdicts[ORACLE_NUL_KEY] > 0);
    assert_true(tally.verdicts[ORACLE_NUL_KEY] < texts / 20);
    assert_true(tally.too_deep > 0 && tally.too_deep < texts / 20);
    assert_true(tally.described > texts / 2);
    assert_true(tally.statuses[WIRE_OK] > texts / 60);
    assert_true(tally.statuses[WIRE_NOT_JSON] > texts / 60);
    assert_true(tally.statuses[WIRE_NOT_UTF8] > texts / 600);
    assert_true(tally.statuses[WIRE_TRUNCATED] > texts / 60);
}

/* The differences that are listed above, one by one. */
static void known_differences(void **state)
{
    char deep[130];

    (void)state;
    assert_int_equal(oracle_judge(STR("[1e999]")), ORACLE_OVERFLOW);
    assert_true(json_valid(STR("[1e999]")));
    assert_int_equal(oracle_judge(STR("{\"\\u0000\":1}")), ORACLE_NUL_KEY);
    assert_true(json_valid(STR("{\"\\u0000\":1}")));
    assert_int_equal(oracle_judge(STR("\"\\u0000\"")), ORACLE_ACCEPTS);
    assert_true(json_valid(STR("\"\\u0000\"")));
    memset(deep, '[', 65);
    memset(deep + 65, ']', 65);
    assert_int_equal(oracle_judge(str_make(deep, 130)), ORACLE_ACCEPTS);
    assert_false(json_valid(str_make(deep, 130)));
}

/* Every text of up to 4 bytes that matter. */
static void all_short_texts(void **state)
{
    static const char bytes[] = "{}[]\",:\\ 0-.e1u\n\xc3\xa9";
    enum { COUNT = sizeof(bytes) - 1 };
    const size_t longest = under_valgrind() ? 3 : 4;
    struct tally tally = {0};

    (void)state;
    for (size_t len = 1, texts = COUNT; len <= longest; len++, texts *= COUNT) {
        for (size_t i = 0; i < texts; i++) {
            char text[4];
            for (size_t at = 0, rest = i; at < len; at++, rest /= COUNT) {
                text[at] = bytes[rest % COUNT];
            }
            compare(str_make(text, len), &tally);
        }
    }
    assert_true(tally.verdicts[ORACLE_ACCEPTS] > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generated_texts),
        cmocka_unit_test(known_differences),
        cmocka_unit_test(all_short_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
