#include "unit.h"

#include "rig.h"

static struct rig *talking(void)
{
    struct rig *r = rig_new();

    rig_join(r, "!a:here");
    return r;
}

static void edit(struct rig *r, const char *target, const char *sender, const char *body)
{
    rig_event(r, &(struct bridge_event){.kind = MATRIX_EDIT,
                                        .room = STR("!a:here"),
                                        .event_id = STR("$edit"),
                                        .sender = str_from_z(sender),
                                        .target = str_from_z(target),
                                        .body = str_from_z(body)});
}

static void redact_in(struct rig *r, const char *room, const char *target)
{
    rig_event(r, &(struct bridge_event){.kind = MATRIX_REDACTION,
                                        .room = str_from_z(room),
                                        .event_id = STR("$redaction"),
                                        .sender = STR("@ann:here"),
                                        .target = str_from_z(target)});
}

static void redact(struct rig *r, const char *target)
{
    redact_in(r, "!a:here", target);
}

static void test_what_is_a_question(void **state)
{
    struct rig *r = talking();

    (void)state;
    rig_say_in(r, "!a:here", "", "@bot:here", "my own words");
    rig_say(r, " \n\t ");
    rig_say_in(r, "!other:here", "", "@ann:here", "where we are not");
    rig_say_in(r, "!a:here\n", "", "@ann:here", "no room has such an id");
    rig_say_in(r, "!a:here", "$t\nx", "@ann:here", "nor a thread");
    assert_string_equal(rig_lines(r), "");
    rig_say(r, "//join us");
    assert_has(rig_lines(r), "ask '/join us' by @ann:here");
    rig_event(r, &(struct bridge_event){.kind = MATRIX_MESSAGE,
                                        .room = STR("!a:here"),
                                        .thread = STR("$t"),
                                        .event_id = STR("$emote"),
                                        .sender = STR("@ann:here"),
                                        .body = STR("/me waves"),
                                        .emote = true});
    assert_has(rig_lines(r), "ask '* @ann:here /me waves'");
    rig_free(r);
}

static void test_repeats(void **state)
{
    struct rig *r = talking();

    (void)state;
    rig_say(r, "one");
    rig_say(r, "/new_session x");
    rig_answer(r, "done");
    (void)rig_lines(r);
    rig_again(r);
    (void)rig_lines(r);
    r->next_event = 0;
    rig_say(r, "one");
    rig_say(r, "/new_session x");
    assert_lacks(rig_lines(r), "ask");
    assert_int_equal(rig_counts(r).duplicates_total, 2);
    assert_int_equal(rig_rows(r, TABLE_SESSION), 2);
    rig_free(r);
}

static void test_too_long(void **state)
{
    struct rig *r = talking();
    char *body = calloc(20002, 1);

    (void)state;
    assert_non_null(body);
    memset(body, 'x', 20001);
    rig_say(r, body);
    assert_has(rig_lines(r), "This message is too long for me: it has 20001 bytes, and I take at "
                             "most 20000.");
    rig_sent(r, "$m");
    body[20000] = '\0';
    rig_say(r, body);
    assert_has(rig_lines(r), "ask 'xxx");
    free(body);
    rig_free(r);
}

static void test_too_many(void **state)
{
    struct rig *r = talking();

    (void)state;
    for (int i = 0; i < 4; i++) {
        rig_say(r, "wait");
    }
    assert_lacks(rig_lines(r), "too much");
    rig_say(r, "one more");
    assert_has(rig_lines(r), "There is too much waiting here already");
    /* That sentence is under way already, so it does not stand for this one; the next does. */
    rig_say(r, "another");
    rig_say(r, "and another");
    assert_int_equal(rig_counts(r).sends_waiting, 2);
    rig_sent(r, "$m1");
    assert_has(rig_lines(r), "There is too much waiting here already");
    rig_sent(r, "$m2");
    assert_int_equal(rig_counts(r).sends_waiting, 0);
    assert_int_equal(rig_counts(r).questions_waiting, 3);
    /* Another thread has its own places. */
    rig_say_in(r, "!a:here", "$t", "@ann:here", "here");
    assert_has(rig_lines(r), "ask 'here'");
    rig_free(r);
}

static void test_a_flood_of_commands(void **state)
{
    struct rig *r = talking();

    (void)state;
    for (int i = 0; i < 500; i++) {
        rig_say(r, "/help");
    }
    assert_true(rig_counts(r).sends_waiting <= 70);
    rig_free(r);
}

/* What cannot be taken does not stand before the answers of others without end. */
static void test_a_flood_of_long_messages(void **state)
{
    struct rig *r = talking();
    char *body = calloc(20002, 1);

    (void)state;
    assert_non_null(body);
    memset(body, 'x', 20001);
    for (int i = 0; i < 500; i++) {
        rig_say(r, body);
    }
    /* One is under way, one waits and stands for the others. */
    assert_int_equal(rig_counts(r).sends_waiting, 2);
    for (int i = 0; i < 500; i++) {
        char thread[16];
        (void)snprintf(thread, sizeof(thread), "$t%d", i);
        rig_say_in(r, "!a:here", thread, "@eve:here", body);
    }
    assert_int_equal(rig_counts(r).sends_waiting, 65);
    free(body);
    rig_free(r);
}

static void test_a_flood_of_threads(void **state)
{
    struct rig *r = talking();

    (void)state;
    for (int i = 0; i < 70; i++) {
        rig_say(r, "/help");
    }
    for (int i = 0; i < 500; i++) {
        char thread[16];
        (void)snprintf(thread, sizeof(thread), "$t%d", i);
        rig_say_in(r, "!a:here", thread, "@eve:here", "x");
    }
    assert_int_equal(rig_counts(r).sends_waiting, 65);
    rig_free(r);
}

static void test_edits(void **state)
{
    struct rig *r = talking();

    (void)state;
    rig_say(r, "first");
    rig_say(r, "scond");
    edit(r, "$2", "@eve:here", "stolen");
    edit(r, "$2", "@ann:here", "second");
    edit(r, "$1", "@ann:here", "too late");
    edit(r, "$99", "@ann:here", "of nothing");
    edit(r, "$2", "@ann:here", " ");
    rig_again(r);
    assert_has(rig_lines(r), "ask 'first'");
    rig_answer(r, "done");
    assert_has(rig_lines(r), "ask 'second'");
    rig_free(r);
}

static void test_a_redaction_of_what_waits(void **state)
{
    struct rig *r = talking();

    (void)state;
    rig_say(r, "first");
    rig_say(r, "second");
    rig_say(r, "third");
    redact(r, "$2");
    rig_answer(r, "done");
    const char *lines = rig_lines(r);
    assert_lacks(lines, "second");
    assert_has(lines, "ask 'third'");
    assert_null(strstr(rig_value(r, TABLE_QUESTION, "$2"), "second"));
    rig_free(r);
}

static void test_a_redaction_of_what_runs(void **state)
{
    struct rig *r = talking();

    (void)state;
    rig_say(r, "first");
    (void)rig_lines(r);
    redact(r, "$1");
    assert_string_equal(rig_lines(r), "stop\ntyping !a:here off\n");
    rig_say(r, "/retry");
    assert_has(rig_lines(r), "There is nothing to try again");
    rig_sent(r, "$m0");
    /* When something has been shown it does not stay half. */
    rig_say(r, "next");
    rig_answering(r, "half of");
    rig_pass(r, 1000);
    rig_sent(r, "$m1");
    (void)rig_lines(r);
    redact(r, "$3");
    const char *lines = rig_lines(r);
    assert_has(lines, "stop\n");
    assert_has(lines, "half of\\n\\nStopped.");
    assert_has(lines, "\"replaces\":\"$m1\"");
    rig_free(r);
}

static void test_a_redaction_of_what_is_about_to_end(void **state)
{
    struct rig *r = talking();

    (void)state;
    rig_say(r, "first");
    rig_answering(r, "half");
    rig_pass(r, 1000);
    rig_answer(r, "whole"); /* waits for the id of the first part */
    redact(r, "$1");
    rig_sent(r, "$m1");
    assert_has(rig_lines(r), "\"body\":\"whole\"");
    rig_sent(r, "$m2");
    rig_say(r, "/retry");
    assert_has(rig_lines(r), "There is nothing to try again");
    rig_free(r);
}

static void test_a_redaction_in_another_room(void **state)
{
    struct rig *r = talking();

    (void)state;
    rig_join(r, "!b:here");
    rig_say(r, "first");
    (void)rig_lines(r);
    redact_in(r, "!b:here", "$1");
    assert_string_equal(rig_lines(r), "");
    redact(r, "$1");
    assert_has(rig_lines(r), "stop");
    rig_free(r);
}

static void test_the_order_after_a_kill(void **state)
{
    struct rig *r = talking();

    (void)state;
    r->next_event = 8; /* "$10" sorts before "$9" */
    rig_say(r, "nine");
    rig_say(r, "ten");
    rig_say(r, "eleven");
    rig_again(r);
    (void)rig_lines(r);
    rig_answer(r, "x");
    assert_has(rig_lines(r), "ask 'ten'");
    rig_answer(r, "x");
    rig_free(r);
}

static void test_forgetting(void **state)
{
    struct rig *r = talking();

    (void)state;
    for (unsigned i = 0; i < 2100; i++) {
        rig_say_in(r, "!a:here", "", "@ann:here", "/stop");
        if (rig_counts(r).sends_waiting > 0) {
            rig_sent(r, "$m");
        }
    }
    /* All of a gap is remembered until it is closed. */
    assert_int_equal(rig_rows(r, TABLE_QUESTION), 2100);
    bridge_synced(r->b, STR("s1"));
    rig_say(r, "/stop");
    rig_sent(r, "$m");
    assert_int_equal(rig_rows(r, TABLE_QUESTION), 2048);
    assert_null(rig_value(r, TABLE_QUESTION, "$1"));
    assert_non_null(rig_value(r, TABLE_QUESTION, "$2101"));
    assert_string_equal(rig_value(r, TABLE_SYNC, "sync"), "{\"next_batch\":\"s1\"}");
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_a_question),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_a_flood_of_commands),
        cmocka_unit_test(test_a_flood_of_long_messages),
        cmocka_unit_test(test_a_flood_of_threads),
        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_a_redaction_of_what_waits),
        cmocka_unit_test(test_a_redaction_of_what_runs),
        cmocka_unit_test(test_a_redaction_of_what_is_about_to_end),
        cmocka_unit_test(test_a_redaction_in_another_room),
        cmocka_unit_test(test_the_order_after_a_kill),
        cmocka_unit_test(test_forgetting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
