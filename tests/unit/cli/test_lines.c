#include "unit.h"

#include "cli/lines.h"

enum { LONGEST = 5 };

static FILE *stream_of(const char *text, size_t len)
{
    FILE *in = tmpfile();

    assert_non_null(in);
    assert_int_equal(fwrite(text, 1, len, in), len);
    rewind(in);
    return in;
}

static void lines_one_by_one(void **state)
{
    FILE *in = stream_of("a\n\nb\0c\r\nlast", 12);
    static const struct str expected[] = {{"a", 1}, {"", 0}, {"b\0c\r", 4}, {"last", 4}};
    struct buf line;

    (void)state;
    buf_init(&line, LONGEST);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_true(lines_next(in, &line));
        assert_false(line.failed);
        assert_true(str_equal(buf_str(&line), expected[i]));
    }
    assert_false(lines_next(in, &line));
    assert_int_equal(ferror(in), 0);
    buf_fini(&line);
    (void)fclose(in);
}

static void lines_that_are_too_long(void **state)
{
    FILE *in = stream_of("12345\n123456\n1\n", 15);
    struct buf line;

    (void)state;
    buf_init(&line, LONGEST);
    assert_true(lines_next(in, &line) && !line.failed);
    assert_true(lines_next(in, &line) && line.failed);
    assert_true(lines_next(in, &line) && !line.failed);
    assert_true(str_equal(buf_str(&line), STR("1")));
    assert_false(lines_next(in, &line));
    buf_fini(&line);
    (void)fclose(in);
}

/* What stands behind a line that is too long is left where it is. */
static void lines_alone(void **state)
{
    FILE *in = stream_of("12345\n1234567\n", 14);
    FILE *endless = fopen("/dev/zero", "re");
    struct buf line;

    (void)state;
    buf_init(&line, LONGEST);
    assert_true(lines_only(in, &line) && !line.failed);
    assert_true(str_equal(buf_str(&line), STR("12345")));
    assert_true(lines_only(in, &line) && line.failed);
    assert_int_equal(getc(in), '\n');
    assert_false(lines_only(in, &line));
    assert_non_null(endless);
    assert_true(lines_only(endless, &line) && line.failed);
    buf_fini(&line);
    (void)fclose(endless);
    (void)fclose(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_one_by_one),
        cmocka_unit_test(lines_that_are_too_long),
        cmocka_unit_test(lines_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
