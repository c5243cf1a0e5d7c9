#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/log.h"

/* The line that is written, without its time, which comes first. */
static void expect_line(enum log_style style, unsigned level, struct str client, struct str details,
                        const char *line)
{
    int ends[2];
    char text[8192];

    assert_int_equal(pipe(ends), 0);
    struct log_sink sink = {.fd = ends[1], .style = style, .level = 1};
    log_write(&sink, level, "thing_done", client, details);
    assert_int_equal(close(ends[1]), 0);
    ssize_t len = read(ends[0], text, sizeof(text) - 1);
    assert_int_equal(close(ends[0]), 0);
    assert_true(len >= 0);
    text[len] = '\0';
    if (line[0] == '\0') {
        assert_int_equal(len, 0);
        return;
    }
    char *from = strstr(text, style == LOG_AS_JSON   ? "\"level\""
                              : style == LOG_AS_TEXT ? "level="
                                                     : " ");
    assert_non_null(from);
    assert_string_equal(from, line);
}

static void test_text(void **state)
{
    (void)state;
    expect_line(LOG_AS_TEXT, 1, STR(""), STR("port=8765 path=\"/a b\""),
                "level=info event=thing_done port=8765 path=\"/a b\"\n");
    expect_line(LOG_AS_TEXT, 3, STR("c-abc"), STR(""),
                "level=error event=thing_done client=c-abc\n");
    expect_line(LOG_AS_TEXT, 0, STR(""), STR("a=1"), "");
}

static void test_hostile(void **state)
{
    (void)state;
    expect_line(LOG_AS_TEXT, 1, STR("x\nlevel=error"), STR("a=1"),
                "level=info event=thing_done client=\"x\\\\nlevel=error\" a=1\n");
    expect_line(LOG_AS_TEXT, 1, STR(""), STR("a=\033[1m b=2"),
                "level=info event=thing_done details=\"a=\\\\x1b[1m b=2\"\n");
    expect_line(LOG_AS_JSON, 1, STR(""), STR("no pairs"),
                "\"level\":\"info\",\"event\":\"thing_done\",\"details\":\"no pairs\"}\n");
    expect_line(LOG_AS_TEXT, 1, STR(""), STR("a=\"open"),
                "level=info event=thing_done details=\"a=\\\"open\"\n");
}

static void test_json(void **state)
{
    (void)state;
    expect_line(LOG_AS_JSON, 2, STR("c-abc"), STR("port=8765 id=007 path=\"/a b\" v=1.5"),
                "\"level\":\"warning\",\"event\":\"thing_done\",\"client\":\"c-abc\",\"port\":8765,"
                "\"id\":\"007\",\"path\":\"/a b\",\"v\":\"1.5\"}\n");
}

static void test_people(void **state)
{
    (void)state;
    expect_line(LOG_FOR_PEOPLE, 1, STR(""), STR("a=1"), "");
    expect_line(LOG_FOR_PEOPLE, 2, STR("c-abc"), STR("a=\033"),
                " warning: thing_done c-abc a=\\x1b\n");
}

static void test_add(void **state)
{
    struct buf details;

    (void)state;
    buf_init(&details, 256);
    log_add(&details, "a", STR("plain"));
    log_add(&details, "b", STR("two words=\"x\""));
    log_add(&details, "c", STR(""));
    log_add_uint(&details, "d", UINT64_MAX);
    assert_true(str_equal(buf_str(&details),
                          STR("a=plain b=\"two words=\\\"x\\\"\" c=\"\" d=18446744073709551615")));
    expect_line(LOG_AS_TEXT, 1, STR(""), buf_str(&details),
                "level=info event=thing_done a=plain b=\"two words=\\\"x\\\"\" c=\"\" "
                "d=18446744073709551615\n");
    buf_fini(&details);
}

/* Nobody reads: lines are lost, and counted in the first one that finds room again. */
static void test_full(void **state)
{
    int ends[2];
    char text[65536];
    size_t written = 0;

    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    struct log_sink sink = {.fd = ends[1], .style = LOG_AS_TEXT, .level = 0};
    for (; sink.lost < 3; written++) {
        assert_true(written < sizeof(text));
        log_write(&sink, 0, "thing_done", STR(""), STR("a=1"));
    }
    while (read(ends[0], text, sizeof(text)) > 0) {
    }
    log_write(&sink, 0, "thing_done", STR(""), STR("a=2"));
    ssize_t len = read(ends[0], text, sizeof(text) - 1);
    assert_true(len > 0);
    text[len] = '\0';
    assert_string_equal(strstr(text, "a="), "a=2 lost_lines=3\n");
    assert_int_equal(sink.lost, 0);
    sink.style = LOG_AS_JSON;
    sink.lost = 7;
    log_write(&sink, 0, "thing_done", STR(""), STR("a=3"));
    len = read(ends[0], text, sizeof(text) - 1);
    assert_true(len > 0);
    text[len] = '\0';
    assert_string_equal(strstr(text, "\"a\""), "\"a\":3,\"lost_lines\":7}\n");
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
}

/* A second's lines of one event are written, then none, but for those that are to be debugged. */
static void test_noisy(void **state)
{
    int ends[2];
    char text[65536];

    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    struct log_sink sink = {.fd = ends[1], .style = LOG_AS_TEXT, .level = 0};
    sink.limit.events[0] = (struct log_limit_event){.event = "auth_failed", .left_out = 5};
    log_write(&sink, 2, "auth_failed", STR(""), STR("a=1"));
    ssize_t len = read(ends[0], text, sizeof(text) - 1);
    assert_true(len > 0);
    text[len] = '\0';
    assert_string_equal(strstr(text, "a="), "a=1 left_out=5\n");
    for (int i = 0; i < 2 * LOG_LIMIT_LINES; i++) {
        log_write(&sink, 0, "error_sent", STR(""), STR(""));
        len = read(ends[0], text, sizeof(text));
        assert_true(len > 0);
    }
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),   cmocka_unit_test(test_hostile), cmocka_unit_test(test_json),
        cmocka_unit_test(test_people), cmocka_unit_test(test_add),     cmocka_unit_test(test_full),
        cmocka_unit_test(test_noisy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
