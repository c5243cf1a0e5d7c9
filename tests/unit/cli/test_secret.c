#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "cli/secret.h"

/* Reads what a pipe gives; returns whether it is a secret, and `error` gets a sentence if not. */
static bool read_pipe(struct str input, struct secret *ret_secret)
{
    struct buf error;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], input.ptr, input.len), input.len);
    assert_int_equal(close(ends[1]), 0);
    buf_init(&error, 1000);
    bool ok = secret_read(ret_secret, ends[0], "Secret", true, &error);
    assert_int_equal(error.len == 0, ok);
    buf_fini(&error);
    assert_int_equal(close(ends[0]), 0);
    return ok;
}

static void test_pipes(void **state)
{
    static const struct str good[] = {
        {"hunter2", 7},
        {"hunter2\n", 8},
        {"hunter2\r\n", 9},
    };
    struct secret s;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(read_pipe(good[i], &s));
        assert_true(str_equal(secret_str(&s), STR("hunter2")));
    }
    /* What stands in the line is its own business. */
    assert_true(read_pipe(STR(" a\0b\r "), &s));
    assert_true(str_equal(secret_str(&s), STR(" a\0b\r ")));
}

static void test_refused_pipes(void **state)
{
    static const struct str wrong[] = {
        {"", 0}, {"\n", 1}, {"\r\n", 2}, {"hunter2\nhunter2\n", 16}, {"hunter2\n\n", 9},
    };
    static const struct secret wiped;
    struct secret s;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(read_pipe(wrong[i], &s));
        assert_memory_equal(&s, &wiped, sizeof(s));
    }
}

static void test_length(void **state)
{
    char text[SECRET_MAX + 10];
    struct secret s;

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_true(read_pipe(str_make(text, SECRET_MAX), &s));
    assert_int_equal(s.len, SECRET_MAX);
    memcpy(text + SECRET_MAX, "\r\n", 2);
    assert_true(read_pipe(str_make(text, SECRET_MAX + 2), &s));
    assert_int_equal(s.len, SECRET_MAX);
    text[SECRET_MAX] = 'x';
    assert_false(read_pipe(str_make(text, SECRET_MAX + 1), &s));
    assert_false(read_pipe(str_make(text, SECRET_MAX + 2), &s));
    assert_false(read_pipe(str_make(text, SECRET_MAX + 3), &s));
    assert_false(read_pipe(str_make(text, SECRET_MAX + 10), &s));
}

static void test_unreadable(void **state)
{
    struct buf error;
    struct secret s;
    int fd = open("/dev/null", O_WRONLY);

    (void)state;
    assert_true(fd >= 0);
    buf_init(&error, 1000);
    assert_false(secret_read(&s, fd, "Secret", false, &error));
    assert_int_not_equal(error.len, 0);
    buf_fini(&error);
    assert_int_equal(close(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipes),
        cmocka_unit_test(test_refused_pipes),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_unreadable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
