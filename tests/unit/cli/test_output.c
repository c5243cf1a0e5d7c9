#include "unit.h"

#include "cli/output.h"

enum { LONGEST = 8 };

static void expect_line(struct output *o, bool ended, const char *line)
{
    struct str found;

    assert_true(output_next_line(o, ended, &found));
    assert_true(str_equal(found, str_from_z(line)));
}

static void expect_no_line(struct output *o, bool ended)
{
    struct str found;

    assert_false(output_next_line(o, ended, &found));
}

/* The same text whole, at each split point and byte by byte. */
static void feed_lines(size_t first, size_t step)
{
    static const struct str text = {"one\n\n{\"a\":1}\r\nlast", 18};
    static const char *const lines[] = {"one", "", "{\"a\":1}\r", "last"};
    struct output o;
    struct str line;
    size_t count = 0, at = 0;

    output_init(&o, 100);
    while (at < text.len) {
        size_t len = at == 0 ? first : step;
        output_add(&o, str_slice(text, at, at + len));
        at += len;
        while (output_next_line(&o, false, &line)) {
            assert_true(count < 3 && str_equal(line, str_from_z(lines[count])));
            count++;
        }
    }
    assert_int_equal(count, 3);
    expect_line(&o, true, lines[3]);
    expect_no_line(&o, true);
    output_fini(&o);
}

static void test_lines(void **state)
{
    (void)state;
    for (size_t first = 1; first <= 18; first++) {
        feed_lines(first, 18);
    }
    feed_lines(1, 1);
}

static void test_end_of_line_at_the_end(void **state)
{
    struct output o;

    (void)state;
    output_init(&o, 100);
    expect_no_line(&o, true);
    output_add(&o, STR("a\n"));
    expect_line(&o, true, "a");
    expect_no_line(&o, true);
    output_fini(&o);
}

static void expect_whole(const char *text, const char *whole)
{
    struct output o;

    output_init(&o, 100);
    output_add(&o, str_from_z(text));
    assert_true(str_equal(output_whole(&o), str_from_z(whole)));
    output_fini(&o);
}

static void test_whole(void **state)
{
    (void)state;
    expect_whole("", "");
    expect_whole("\n", "");
    expect_whole("a", "a");
    expect_whole("a\nb\n", "a\nb");
    expect_whole("a\n\n", "a\n");
}

/* What is counted is what waits: lines that were handed out are gone, a newline is no part. */
static void test_too_long(void **state)
{
    struct output o;

    (void)state;
    output_init(&o, LONGEST);
    output_add(&o, STR("12345678"));
    assert_false(output_is_too_long(&o));
    output_add(&o, STR("\n"));
    assert_false(output_is_too_long(&o));
    output_add(&o, STR("9"));
    assert_true(output_is_too_long(&o));
    expect_line(&o, false, "12345678");
    expect_no_line(&o, false);
    assert_false(output_is_too_long(&o));
    output_fini(&o);
}

static void expect_written(struct str text, bool as_text, const char *json)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, 1000);
    json_writer_init(&w, &out);
    output_write(&w, text, as_text);
    assert_true(str_equal(buf_str(&out), str_from_z(json)));
    buf_fini(&out);
}

static void test_values(void **state)
{
    (void)state;
    expect_written(STR("0.10"), false, "0.10");
    expect_written(STR("0.10"), true, "\"0.10\"");
    expect_written(STR("{\"a\": 1}"), false, "{\"a\": 1}");
    expect_written(STR("{\"a\": 1"), false, "\"{\\\"a\\\": 1\"");
    expect_written(STR("plain"), false, "\"plain\"");
    expect_written(STR(""), false, "\"\"");
    expect_written(STR("1 2"), false, "\"1 2\"");
    expect_written(STR("\xff"), false, "\"\xef\xbf\xbd\"");
    expect_written(str_make("a\0b", 3), false, "\"a\\u0000b\"");
}

static void expect_ending(const struct ending *e, const char *text)
{
    assert_true(str_equal(ending_text(e), str_from_z(text)));
}

static void test_ending_of_little(void **state)
{
    struct ending e = {.len = 0};

    (void)state;
    expect_ending(&e, "");
    ending_add(&e, STR(""));
    ending_add(&e, STR("one\n"));
    ending_add(&e, STR("two\n"));
    expect_ending(&e, "one\ntwo");
}

/* However it comes, the last bytes are kept. */
static void test_ending_of_much(void **state)
{
    static char text[3 * ENDING_MAX];
    static const size_t steps[] = {1, 7, ENDING_MAX - 1, ENDING_MAX, ENDING_MAX + 1, sizeof(text)};

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)('a' + i % 23);
    }
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct ending e = {.len = 0};
        for (size_t at = 0; at < sizeof(text); at += steps[i]) {
            ending_add(&e, str_slice(str_make(text, sizeof(text)), at, at + steps[i]));
        }
        struct str kept = ending_text(&e);
        assert_int_equal(kept.len, ENDING_MAX);
        assert_memory_equal(kept.ptr, text + sizeof(text) - ENDING_MAX, ENDING_MAX);
    }
}

/* A character that is cut in two is left out whole. */
static void test_ending_between_bytes(void **state)
{
    struct ending e = {.len = 0};

    (void)state;
    for (int i = 0; i < ENDING_MAX; i++) {
        ending_add(&e, STR("\xe2\x82\xac"));
    }
    ending_add(&e, STR("x"));
    struct str text = ending_text(&e);
    assert_int_equal((unsigned char)text.ptr[0], 0xe2);
    assert_int_equal(text.len % 3, 1);
    assert_true(text.len > ENDING_MAX - 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),          cmocka_unit_test(test_end_of_line_at_the_end),
        cmocka_unit_test(test_whole),          cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_values),         cmocka_unit_test(test_ending_of_little),
        cmocka_unit_test(test_ending_of_much), cmocka_unit_test(test_ending_between_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
