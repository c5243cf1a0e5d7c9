#include "unit.h"

#include "matrix/sse.h"
#include "sample.h"

#include <stdlib.h>

enum { MAX = 100 };

static void note(void *owner, struct str type, struct str data)
{
    struct buf *record = owner;

    buf_append_str(record, type);
    buf_append_char(record, '=');
    buf_append_str(record, data);
    buf_append_char(record, ';');
}

/* Feeds a stream in pieces that end at `cut`, or of one byte (cut 0); `ends`: it ends well. */
static void feed(struct str stream, size_t cut, bool ends, struct buf *record)
{
    struct sse s;
    bool ok = true;

    sse_init(&s, MAX, note, record);
    if (cut > 0) {
        struct str parts[] = {str_slice(stream, 0, cut), str_slice(stream, cut, stream.len)};
        for (int i = 0; i < 2; i++) {
            char *copy = sample_copy(parts[i].ptr, parts[i].len);
            ok = sse_feed(&s, str_make(copy, parts[i].len)) && ok;
            free(copy);
        }
    }
    for (size_t i = 0; cut == 0 && i < stream.len; i++) {
        ok = sse_feed(&s, str_slice(stream, i, i + 1));
    }
    if (ends) {
        ok = sse_end(&s) && ok;
    }
    if (!ok) {
        buf_append_char(record, '!');
    }
    sse_fini(&s);
}

static void expect_ending(struct str stream, bool ends, const char *expected)
{
    struct buf record;

    buf_init(&record, 100000);
    for (size_t cut = 0; cut <= stream.len + 1; cut++) {
        buf_clear(&record);
        feed(stream, cut, ends, &record);
        assert_int_equal(record.len, strlen(expected));
        assert_true(record.len == 0 || memcmp(record.data, expected, record.len) == 0);
    }
    buf_fini(&record);
}

static void expect(const char *stream, const char *expected)
{
    expect_ending(str_from_z(stream), false, expected);
}

static void events_have_data(void **state)
{
    (void)state;
    expect("", "");
    expect("data: a\n\n", "message=a;");
    expect("data:a\n\ndata: b\n\n", "message=a;message=b;");
    expect("data:  a \n\n", "message= a ;");
    expect("data\n\n", "message=;");
    expect("data:\n\n", "message=;");
    expect("data: a:b\n\n", "message=a:b;");
    expect("\n\n\n", "");
}

static void data_has_lines(void **state)
{
    (void)state;
    expect("data: a\ndata: b\ndata:\n\n", "message=a\nb\n;");
    expect("data\ndata\n\n", "message=\n;");
}

static void events_have_types(void **state)
{
    (void)state;
    expect("event: x\ndata: a\n\ndata: b\n\n", "x=a;message=b;");
    expect("event: x\n\ndata: a\n\n", "message=a;");
    expect("event: x\nevent: y\ndata: a\n\n", "y=a;");
    expect("event: x\nevent\ndata: a\n\n", "message=a;");
}

static void other_lines_say_nothing(void **state)
{
    (void)state;
    expect(": hello\n:\ndata: a\n: b\n\n", "message=a;");
    expect("id: 1\nretry: 10\nfoo: x\n data: a\nDATA: b\ndata: c\n\n", "message=c;");
}

static void lines_end_in_three_ways(void **state)
{
    (void)state;
    expect("data: a\r\rdata: b\r\n\r\ndata: c\n\n", "message=a;message=b;message=c;");
    expect("data: a\r\ndata: b\r\r\n", "message=a\nb;");
    expect("data: a\n\rdata: b\r\n\n", "message=a;message=b;");
    expect("\r\n\r\ndata: a\r\r", "message=a;");
}

static void one_mark_stands_at_the_beginning(void **state)
{
    (void)state;
    expect("\xef\xbb\xbf"
           "data: a\n\n",
           "message=a;");
    expect("\xef\xbb\xbf\xef\xbb\xbf"
           "data: a\n\ndata: b\n\n",
           "message=b;");
    expect("data: a\n\n\xef\xbb\xbf"
           "data: b\n\n",
           "message=a;");
    expect("\xef\xbb"
           "data: a\n\n",
           "");
}

/* Not the standard's: there what has no empty line behind it is dropped. */
static void the_end_is_an_empty_line(void **state)
{
    (void)state;
    expect_ending(STR("data: a"), true, "message=a;");
    expect_ending(STR("data: a\n"), true, "message=a;");
    expect_ending(STR("data: a\r"), true, "message=a;");
    expect_ending(STR("data: a\n\n"), true, "message=a;");
    expect_ending(STR("data: a\n\n: x"), true, "message=a;");
    expect_ending(STR("data: a"), false, "");
    expect_ending(STR("data: a\n"), false, "");
    expect_ending(STR("\xef\xbb\xbf"), true, "");
}

static void bytes_pass_as_they_are(void **state)
{
    struct str stream = STR("data: \0\xff\xc3\n\n"), expected = STR("message=\0\xff\xc3;");
    struct buf record;

    (void)state;
    buf_init(&record, 1000);
    for (size_t cut = 0; cut <= stream.len; cut++) {
        buf_clear(&record);
        feed(stream, cut, false, &record);
        assert_true(str_equal(buf_str(&record), expected));
    }
    buf_fini(&record);
}

static void a_line_and_an_event_have_a_most(void **state)
{
    struct buf stream;

    (void)state;
    buf_init(&stream, 10000);
    for (int i = 0; i < MAX + 1; i++) {
        buf_append_char(&stream, ':');
    }
    expect_ending(buf_str(&stream), true, "!");
    buf_clear(&stream);
    for (int i = 0; i < MAX / 2 + 1; i++) {
        buf_append_str(&stream, STR("data:a\n"));
    }
    expect_ending(buf_str(&stream), true, "!");
    /* Of one event, not of all. */
    buf_clear(&stream);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < MAX / 2; k++) {
            buf_append_str(&stream, STR("data:a\n"));
        }
        buf_append_char(&stream, '\n');
    }
    struct buf record;
    buf_init(&record, 10000);
    feed(buf_str(&stream), 1, true, &record);
    assert_int_equal(record.len, 3 * (strlen("message=;") + MAX - 1));
    buf_fini(&record);
    buf_fini(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_have_data),
        cmocka_unit_test(data_has_lines),
        cmocka_unit_test(events_have_types),
        cmocka_unit_test(other_lines_say_nothing),
        cmocka_unit_test(lines_end_in_three_ways),
        cmocka_unit_test(one_mark_stands_at_the_beginning),
        cmocka_unit_test(the_end_is_an_empty_line),
        cmocka_unit_test(bytes_pass_as_they_are),
        cmocka_unit_test(a_line_and_an_event_have_a_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
