#include "unit.h"

#include "rig.h"

static struct rig *asked(void)
{
    struct rig *r = rig_new();

    rig_join(r, "!a:here");
    rig_say(r, "why?");
    (void)rig_lines(r);
    return r;
}

/* What has come after the first text of the agent, and when. */
static void test_the_first_text(void **state)
{
    struct rig *r = asked();

    (void)state;
    rig_answering(r, "a");
    assert_string_equal(rig_lines(r), "");
    uint64_t wait = bridge_deadline(r->b) - r->now.mono_ms;
    assert_true(wait > 0 && wait < 1000);
    rig_answering(r, "a bit more");
    rig_pass(r, wait);
    assert_has(rig_lines(r), "\"body\":\"a bit more\"");
    rig_free(r);
}

/* A long answer, word by word, for `ms`: how many messages and edits become of it. */
static unsigned stream(struct rig *r, uint64_t ms, uint64_t slowed_ms)
{
    char text[4000];
    size_t len = 0;
    unsigned sends = 0;

    for (uint64_t at = 0; at < ms; at += 250) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "w ");
        rig_answering(r, text);
        rig_pass(r, 250);
        if (strstr(rig_lines(r), "send") != NULL) {
            sends++;
            bridge_sent(r->b, &(struct bridge_sent){.send = r->last_send,
                                                    .event_id = STR("$m1"),
                                                    .slowed_ms = slowed_ms});
            rig_settle(r);
        }
    }
    return sends;
}

static void change_timeout(struct bridge_settings *s)
{
    s->turn_timeout_ms = 3600000;
}

static void test_the_budget_of_edits(void **state)
{
    struct rig *r = rig_new_with(change_timeout);

    (void)state;
    rig_join(r, "!a:here");
    rig_say(r, "why?");
    (void)rig_lines(r);
    unsigned early = stream(r, 10000, 0);
    assert_true(early >= 4);
    unsigned sends = early + stream(r, 400000, 0);
    /* The first one is a message; one edit is left for the whole. */
    assert_true(sends <= 1 + 29);
    assert_true(sends >= 20);
    assert_int_equal(rig_counts(r).edits_sent_total, sends - 1);
    rig_answer(r, "the whole");
    assert_has(rig_lines(r), "\"body\":\"the whole\"");
    rig_free(r);
}

static void test_the_pace_is_learnt(void **state)
{
    struct rig *fast = asked();
    struct rig *slow = asked();

    (void)state;
    unsigned many = stream(fast, 30000, 0);
    unsigned few = stream(slow, 30000, 2000);
    assert_true(few < many);
    /* It is for all rooms; and it is unlearnt slowly. */
    rig_free(fast);
    rig_answer(slow, "the whole");
    rig_sent(slow, "$m1");
    rig_join(slow, "!b:here");
    rig_say_in(slow, "!b:here", "", "@ann:here", "why?");
    (void)rig_lines(slow);
    assert_true(stream(slow, 30000, 0) < many);
    rig_free(slow);
}

static void test_no_edit_without_news(void **state)
{
    struct rig *r = rig_new_with(change_timeout);

    (void)state;
    rig_join(r, "!a:here");
    rig_say(r, "why?");
    rig_answering(r, "a");
    rig_pass(r, 500);
    rig_sent(r, "$m1");
    (void)rig_lines(r);
    rig_answering(r, "a");
    rig_pass(r, 20000);
    assert_lacks(rig_lines(r), "send");
    /* One part at a time, however long the server takes. */
    rig_answering(r, "a b");
    rig_pass(r, 20000);
    assert_has(rig_lines(r), "\"body\":\"a b\"");
    rig_answering(r, "a b c");
    rig_pass(r, 60000);
    assert_lacks(rig_lines(r), "send");
    rig_sent(r, "$e1");
    rig_pass(r, 20000);
    assert_has(rig_lines(r), "\"body\":\"a b c\",\"notice\":false,\"thread\":\"\","
                             "\"reply_to\":\"\",\"replaces\":\"$m1\"");
    rig_free(r);
}

static void test_a_long_answer(void **state)
{
    struct rig *r = asked();
    char *text = calloc(40001, 1);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', 40000);
    rig_answering(r, text);
    rig_pass(r, 500);
    /* 20000 less what is around it. */
    assert_true(strlen(r->last_content) < 20000);
    rig_sent(r, "$m1");
    rig_answering(r, text);
    rig_pass(r, 60000);
    assert_int_equal(rig_counts(r).sends_waiting, 0);
    (void)rig_lines(r);
    memset(text, 'y', 40000);
    rig_answer(r, text);
    size_t bytes = 0;
    unsigned pieces = 0;
    for (; rig_counts(r).sends_waiting > 0; pieces++) {
        bytes += strlen(r->last_content) - strlen(strstr(r->last_content, "\",\"notice")) - 9;
        assert_has(r->last_content, pieces == 0 ? "\"replaces\":\"$m1\"" : "\"replaces\":\"\"");
        rig_sent(r, "$m2");
    }
    assert_int_equal(pieces, 3);
    assert_int_equal(bytes, 40000);
    free(text);
    rig_free(r);
}

static void test_after_a_kill(void **state)
{
    struct rig *r = asked();

    (void)state;
    rig_answering(r, "a");
    rig_pass(r, 500);
    rig_sent(r, "$m1");
    rig_again(r);
    (void)rig_lines(r);
    rig_answering(r, "a b");
    assert_true(bridge_deadline(r->b) <= r->now.mono_ms + 2000);
    rig_pass(r, 2000);
    assert_has(rig_lines(r), "\"replaces\":\"$m1\"");
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_text),     cmocka_unit_test(test_the_budget_of_edits),
        cmocka_unit_test(test_the_pace_is_learnt), cmocka_unit_test(test_no_edit_without_news),
        cmocka_unit_test(test_a_long_answer),      cmocka_unit_test(test_after_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
