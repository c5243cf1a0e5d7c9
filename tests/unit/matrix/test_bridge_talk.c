#include "unit.h"

#include "rig.h"

static void with_history(struct bridge_settings *s)
{
    s->history_bytes = 300;
}

static struct rig *talking(void)
{
    struct rig *r = rig_new_with(with_history);

    rig_join(r, "!a:here");
    return r;
}

static void turn(struct rig *r, const char *question, const char *answer)
{
    rig_say(r, question);
    rig_answer(r, answer);
    rig_sent(r, "$m");
    (void)rig_lines(r);
}

static void test_history(void **state)
{
    struct rig *r = talking();

    (void)state;
    turn(r, "one", "1 \"quoted\"");
    rig_again(r);
    rig_say(r, "two");
    assert_has(rig_lines(r), "history [{\"role\":\"user\",\"content\":\"one\"},"
                             "{\"role\":\"assistant\",\"content\":\"1 \\\"quoted\\\"\"}]\n");
    rig_answer(r, "2");
    rig_sent(r, "$m");
    /* What failed is not remembered, nor another session's. */
    rig_say(r, "three");
    rig_fail(r, FAILURE_AWAY, "");
    rig_sent(r, "$m");
    rig_say(r, "/new_session");
    rig_sent(r, "$m");
    (void)rig_lines(r);
    rig_say(r, "four");
    assert_has(rig_lines(r), "history []\n");
    rig_free(r);
}

static void test_history_is_bounded(void **state)
{
    struct rig *r = talking();
    char text[120];

    (void)state;
    for (int i = 0; i < 20; i++) {
        (void)snprintf(text, sizeof(text), "question %d", i);
        turn(r, text, "an answer of some length");
    }
    rig_say(r, "last");
    const char *history = strstr(rig_lines(r), "history ");
    assert_non_null(history);
    assert_true(strcspn(history, "\n") <= strlen("history ") + 300);
    assert_has(history, "[{\"role\":\"user\",\"content\":\"question 17\"},");
    assert_has(history, "question 19");
    assert_lacks(history, "question 16");
    /* One pair that is too long for it leaves nothing. */
    char long_text[400];
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[399] = '\0';
    rig_answer(r, long_text);
    rig_sent(r, "$m");
    rig_say(r, "more");
    assert_has(rig_lines(r), "history []\n");
    rig_free(r);
}

static void test_retry_does_not_know_the_answer(void **state)
{
    struct rig *r = talking();

    (void)state;
    turn(r, "one", "1");
    turn(r, "two", "2");
    rig_say(r, "/retry");
    const char *lines = rig_lines(r);
    assert_has(lines, "ask 'two'");
    assert_has(lines, "history [{\"role\":\"user\",\"content\":\"one\"},"
                      "{\"role\":\"assistant\",\"content\":\"1\"}]\n");
    /* Fails, and once more: the pair before it stays. */
    rig_fail(r, FAILURE_AWAY, "");
    rig_sent(r, "$m");
    (void)rig_lines(r);
    rig_say(r, "/retry");
    assert_has(rig_lines(r), "\"content\":\"one\"");
    rig_free(r);
}

static void test_retry_in_another_session(void **state)
{
    struct rig *r = talking();

    (void)state;
    turn(r, "one", "1");
    rig_say(r, "/new_session");
    rig_sent(r, "$m");
    turn(r, "two", "2");
    rig_say(r, "/session 1");
    rig_sent(r, "$m");
    (void)rig_lines(r);
    rig_say(r, "/retry");
    const char *lines = rig_lines(r);
    assert_has(lines, "ask 'two'");
    assert_has(lines, "\"content\":\"one\"");
    rig_free(r);
}

static void test_a_redaction_reaches_the_history(void **state)
{
    struct rig *r = talking();

    (void)state;
    turn(r, "one", "1");
    turn(r, "secret", "2");
    rig_event(r, &(struct bridge_event){.kind = MATRIX_REDACTION,
                                        .room = STR("!a:here"),
                                        .target = STR("$2"),
                                        .sender = STR("@ann:here")});
    for (unsigned i = 0; i < r->row_count; i++) {
        assert_lacks(r->rows[i].value, "secret");
    }
    rig_say(r, "three");
    assert_has(rig_lines(r), "\"content\":\"one\"");
    rig_free(r);
}

static void test_a_redaction_of_what_is_about_to_end_reaches_the_history(void **state)
{
    struct rig *r = talking();

    (void)state;
    turn(r, "one", "1");
    rig_say(r, "secret");
    rig_answering(r, "ha");
    rig_pass(r, 1000);
    rig_answer(r, "half"); /* waits for the id of the first part */
    rig_event(r, &(struct bridge_event){.kind = MATRIX_REDACTION,
                                        .room = STR("!a:here"),
                                        .target = STR("$2"),
                                        .sender = STR("@ann:here")});
    rig_sent(r, "$m1");
    rig_sent(r, "$m2");
    for (unsigned i = 0; i < r->row_count; i++) {
        assert_lacks(r->rows[i].value, "secret");
    }
    (void)rig_lines(r);
    rig_say(r, "three");
    assert_has(rig_lines(r), "history [{\"role\":\"user\",\"content\":\"one\"},"
                             "{\"role\":\"assistant\",\"content\":\"1\"}]\n");
    rig_free(r);
}

static void template(struct bridge_settings *s)
{
    s->session_name = STR("{n}-{room} {date} {x} {n}");
}

static void test_names(void **state)
{
    struct rig *r = rig_new_with(template);

    (void)state;
    rig_join(r, "!abc:here");
    rig_say_in(r, "!abc:here", "", "@ann:here", "one");
    assert_has(rig_lines(r), "in 1-abc 2026-11-30 {x} 1/");
    /* It counts in the room, threads included, and begins anew each day. */
    rig_say_in(r, "!abc:here", "$t", "@ann:here", "two");
    assert_has(rig_lines(r), "in 2-abc 2026-11-30 {x} 2/");
    rig_again(r);
    (void)rig_lines(r);
    rig_say_in(r, "!abc:here", "$u", "@ann:here", "three");
    assert_has(rig_lines(r), "in 3-abc 2026-11-30 {x} 3/");
    r->now.wall_ms += 92ull * 86400000;
    rig_pass(r, 0);
    rig_say_in(r, "!abc:here", "$v", "@ann:here", "four");
    assert_has(rig_lines(r), "in 1-abc 2027-03-02 {x} 1/");
    rig_free(r);
}

static void test_names_are_not_given_twice(void **state)
{
    struct rig *r = rig_new_with(template);

    (void)state;
    rig_join(r, "!a:here");
    turn(r, "one", "1");
    rig_say(r, "/new_session x");
    assert_has(rig_lines(r), "`x-a 2026-11-30 {x} x`");
    rig_sent(r, "$m");
    rig_say(r, "/new_session x");
    assert_has(rig_lines(r), "`x-a 2026-11-30 {x} x-3`");
    rig_sent(r, "$m");
    /* A clock that is put back does not count anew. */
    r->now.wall_ms += 86400000;
    rig_pass(r, 0);
    rig_say(r, "/new_session");
    assert_has(rig_lines(r), "`1-a 2026-12-01 {x} 1`");
    rig_sent(r, "$m");
    r->now.wall_ms -= 86400000;
    rig_pass(r, 0);
    rig_say(r, "/new_session");
    assert_has(rig_lines(r), "`2-a 2026-11-30 {x} 2`");
    rig_free(r);
}

/* Whatever people call rooms and sessions, each has an id of its own, which stays. */
static void test_conversations(void **state)
{
    struct rig *r = talking();
    static const char *const rooms[] = {"!a:here", "!b:there"};

    (void)state;
    rig_join(r, "!b:there");
    for (int i = 0; i < 2; i++) {
        rig_event(r, &(struct bridge_event){
                         .kind = MATRIX_NAME, .room = str_from_z(rooms[i]), .body = STR("help")});
    }
    rig_say_in(r, "!a:here", "", "@ann:here", "one");
    assert_has(rig_lines(r), "in matrix:help:2026-11-30-1/");
    assert_string_equal(r->last_conversation, "!a:here//1");
    rig_say_in(r, "!b:there", "", "@eve:there", "two");
    assert_has(rig_lines(r), "in matrix:help:2026-11-30-1/");
    assert_string_equal(r->last_conversation, "!b:there//2");
    rig_say_in(r, "!a:here", "$t", "@eve:there", "/new_session 1");
    rig_say_in(r, "!a:here", "$t", "@eve:there", "three");
    assert_has(rig_lines(r), "in matrix:help:2026-11-30-1/");
    assert_string_equal(r->last_conversation, "!a:here/$t/3");
    rig_again(r);
    assert_string_equal(r->last_conversation, "!a:here/$t/3");
    rig_free(r);
}

static void test_leap_days(void **state)
{
    static const struct {
        uint64_t days;
        const char *date;
    } dates[] = {{0, "1970-01-01"},     {59, "1970-03-01"},    {789, "1972-02-29"},
                 {790, "1972-03-01"},   {11016, "2000-02-29"}, {20819, "2027-01-01"},
                 {47541, "2100-03-01"}, {47540, "2100-02-28"}};

    (void)state;
    for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        struct rig *r = rig_new();
        rig_join(r, "!a:here");
        r->now.wall_ms = dates[i].days * 86400000;
        rig_pass(r, 0);
        rig_say(r, "when?");
        assert_has(rig_lines(r), dates[i].date);
        rig_free(r);
    }
}

static void test_many_sessions(void **state)
{
    struct rig *r = talking();

    (void)state;
    for (int i = 0; i < 30; i++) {
        rig_say(r, "/new_session");
        rig_sent(r, "$m");
    }
    assert_int_equal(rig_rows(r, TABLE_SESSION), 20);
    assert_null(rig_value(r, TABLE_SESSION, "10"));
    assert_non_null(rig_value(r, TABLE_SESSION, "11"));
    /* The one that is used stays, however old. */
    rig_say(r, "/session 11");
    rig_sent(r, "$m");
    rig_say(r, "at work");
    rig_say(r, "/new_session");
    rig_sent(r, "$m");
    rig_say(r, "/new_session");
    assert_non_null(rig_value(r, TABLE_SESSION, "11"));
    assert_null(rig_value(r, TABLE_SESSION, "12"));
    rig_free(r);
}

static void test_many_threads(void **state)
{
    struct rig *r = talking();
    char thread[16];

    (void)state;
    rig_say_in(r, "!a:here", "$busy", "@ann:here", "for long");
    for (unsigned i = 0; i < 4200; i++) {
        (void)snprintf(thread, sizeof(thread), "$t%u", i);
        rig_say_in(r, "!a:here", thread, "@ann:here", "/stop");
        rig_sent(r, "$m");
        if (i % 500 == 0) {
            bridge_synced(r->b, STR("s"));
            rig_again(r); /* the order of use is kept */
        }
    }
    assert_int_equal(rig_rows(r, TABLE_TALK), 4096);
    assert_non_null(rig_value(r, TABLE_TALK, "!a:here\n$busy"));
    assert_null(rig_value(r, TABLE_TALK, "!a:here\n$t50"));
    assert_non_null(rig_value(r, TABLE_TALK, "!a:here\n$t200"));
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_history_is_bounded),
        cmocka_unit_test(test_retry_does_not_know_the_answer),
        cmocka_unit_test(test_retry_in_another_session),
        cmocka_unit_test(test_a_redaction_reaches_the_history),
        cmocka_unit_test(test_a_redaction_of_what_is_about_to_end_reaches_the_history),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_names_are_not_given_twice),
        cmocka_unit_test(test_conversations),
        cmocka_unit_test(test_leap_days),
        cmocka_unit_test(test_many_sessions),
        cmocka_unit_test(test_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
