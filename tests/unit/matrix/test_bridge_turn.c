#include "unit.h"

#include "rig.h"

/* Every cell of the table in bridge_turn.c; and how turns begin and end. */

static struct rig *asked(void)
{
    struct rig *r = rig_new();

    rig_join(r, "!a:here");
    rig_say(r, "why?");
    return r;
}

/* The first part is on its way, or is there. */
static struct rig *showing(void)
{
    struct rig *r = asked();

    rig_answering(r, "because");
    rig_pass(r, 500);
    assert_has(rig_lines(r), "\"body\":\"because\"");
    return r;
}

static struct rig *shown(void)
{
    struct rig *r = showing();

    rig_sent(r, "$m1");
    (void)rig_lines(r);
    return r;
}

static struct rig *closing(void)
{
    struct rig *r = showing();

    rig_answer(r, "because of this");
    assert_string_equal(rig_lines(r), "typing !a:here off\n");
    return r;
}

static void over(struct rig *r)
{
    assert_int_equal(rig_rows(r, TABLE_TURN), 0);
    assert_int_equal(rig_counts(r).turns_open, 0);
    rig_free(r);
}

static void test_begin(void **state)
{
    struct rig *r = asked();

    (void)state;
    assert_string_equal(rig_lines(r),
                        "receipt !a:here $1\n"
                        "ask 'why?' by @ann:here in matrix:a:2026-11-30-1/ model '' history []\n"
                        "typing !a:here on\n");
    rig_free(r);
}

static void test_asked(void **state)
{
    struct rig *r = asked();

    (void)state;
    (void)rig_lines(r);
    rig_answer(r, "because");
    const char *lines = rig_lines(r);
    assert_has(lines, "\"body\":\"because\",\"notice\":false,\"thread\":\"\",\"reply_to\":\"$1\","
                      "\"replaces\":\"\"");
    over(r);
    r = asked();
    rig_event(r, &(struct bridge_event){.kind = MATRIX_LEFT, .room = STR("!a:here")});
    over(r);
}

static void test_showing(void **state)
{
    struct rig *r = shown();

    (void)state;
    /* Said: it can be edited now. */
    rig_answer(r, "because of this");
    assert_has(rig_lines(r), "\"body\":\"because of this\",\"notice\":false,\"thread\":\"\","
                             "\"reply_to\":\"\",\"replaces\":\"$m1\"");
    over(r);
    /* Unsaid: only the whole is said, as a message of its own. */
    r = showing();
    rig_refused(r, "M_FORBIDDEN");
    rig_answering(r, "because of");
    rig_pass(r, 60000);
    assert_lacks(rig_lines(r), "send");
    rig_answer(r, "because of this");
    assert_has(rig_lines(r), "\"replaces\":\"\"");
    over(r);
    r = showing();
    rig_event(r, &(struct bridge_event){.kind = MATRIX_LEFT, .room = STR("!a:here")});
    assert_string_equal(rig_lines(r), "stop\nunsend !a:here\n");
    over(r);
}

static void test_the_first_part_is_overtaken(void **state)
{
    struct rig *r = asked();

    (void)state;
    rig_say(r, "/help"); /* so that the part waits behind it */
    rig_answering(r, "because");
    rig_pass(r, 500);
    (void)rig_lines(r);
    assert_int_equal(rig_counts(r).sends_waiting, 2);
    rig_answer(r, "because of this");
    assert_int_equal(rig_counts(r).sends_waiting, 2);
    rig_sent(r, "$m1");
    assert_has(rig_lines(r), "\"body\":\"because of this\"");
    over(r);
}

static void test_shown(void **state)
{
    struct rig *r = shown();

    (void)state;
    rig_event(r, &(struct bridge_event){.kind = MATRIX_LEFT, .room = STR("!a:here")});
    assert_string_equal(rig_lines(r), "stop\n");
    over(r);
}

static void test_closing(void **state)
{
    struct rig *r = closing();

    (void)state;
    rig_sent(r, "$m1");
    assert_has(rig_lines(r), "\"body\":\"because of this\",\"notice\":false,\"thread\":\"\","
                             "\"reply_to\":\"\",\"replaces\":\"$m1\"");
    over(r);
    r = closing();
    rig_refused(r, "M_FORBIDDEN");
    assert_has(rig_lines(r), "\"reply_to\":\"$1\",\"replaces\":\"\"");
    over(r);
    /* The agent is not heard any more, and cannot be stopped. */
    r = closing();
    rig_answer(r, "twice");
    rig_say(r, "/stop");
    rig_pass(r, 600000);
    assert_lacks(rig_lines(r), "stop\n");
    rig_sent(r, "$m1");
    assert_lacks(rig_lines(r), "twice");
    rig_free(r);
    r = closing();
    rig_event(r, &(struct bridge_event){.kind = MATRIX_LEFT, .room = STR("!a:here")});
    assert_string_equal(rig_lines(r), "unsend !a:here\n");
    over(r);
}

/* What every state becomes after a kill: asked again under the same key, and answered once. */
static void test_restoring(void **state)
{
    static struct rig *(*const states[])(void) = {asked, showing, shown, closing};
    char key[64], txn[TXN_ID_SIZE];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct rig *r = states[i]();
        memcpy(key, r->last_key, sizeof(key));
        memcpy(txn, r->last_txn, sizeof(txn));
        (void)rig_lines(r);
        rig_again(r);
        const char *lines = rig_lines(r);
        assert_string_equal(r->last_key, key);
        if (states[i] == closing) {
            assert_lacks(lines, "ask");
        } else {
            assert_has(lines, "receipt !a:here $1\nask 'why?'");
            assert_has(lines, "typing !a:here on\n");
        }
        if (states[i] == showing || states[i] == closing) {
            assert_has(lines, "\"body\":\"because\"");
            assert_string_equal(r->last_txn, txn);
            rig_sent(r, "$m1");
        }
        rig_answer(r, "because of this");
        lines = rig_lines(r);
        assert_has(lines, "\"body\":\"because of this\"");
        assert_has(lines, states[i] == asked ? "\"replaces\":\"\"" : "\"replaces\":\"$m1\"");
        over(r);
    }
}

static void test_one_at_a_time(void **state)
{
    struct rig *r = asked();

    (void)state;
    rig_say(r, "and why?");
    rig_say_in(r, "!a:here", "$t", "@ann:here", "in a thread");
    const char *lines = rig_lines(r);
    assert_has(lines, "ask 'in a thread' by @ann:here in matrix:a:2026-11-30-2/");
    assert_lacks(lines, "and why?");
    rig_answer(r, "to the thread");
    assert_has(rig_lines(r), "\"thread\":\"$t\",\"reply_to\":\"$3\"");
    bridge_answered(r->b, 1, STR("to the room"), FAILURE_NONE, STR(""));
    rig_settle(r);
    assert_has(rig_lines(r), "ask 'and why?'");
    rig_free(r);
}

/* Four may be at work in all; a room with much to ask does not keep the others waiting. */
static void test_fair_shares(void **state)
{
    static const char *const rooms[] = {"!b:here", "!c:here", "!d:here"};
    struct rig *r = rig_new();
    char thread[8];

    (void)state;
    rig_join(r, "!a:here");
    for (unsigned i = 0; i < 8; i++) {
        (void)snprintf(thread, sizeof(thread), "$t%u", i);
        rig_say_in(r, "!a:here", thread, "@ann:here", "greedy");
    }
    for (unsigned i = 0; i < 3; i++) {
        rig_join(r, rooms[i]);
        rig_say_in(r, rooms[i], "", "@ann:here", rooms[i]);
    }
    const char *lines = rig_lines(r);
    assert_lacks(lines, "ask '!");
    unsigned turn = 1;
    /* The room that was ready first goes on first, but every other turn is another room's. */
    const char *const wanted[] = {"greedy", "!b:here", "!c:here", "!d:here", "greedy"};
    for (unsigned i = 0; i < 5; i++) {
        bridge_answered(r->b, turn++, STR("x"), FAILURE_NONE, STR(""));
        rig_settle(r);
        assert_has(rig_lines(r), wanted[i]);
        assert_int_equal(rig_counts(r).turns_open, 4);
    }
    rig_free(r);
}

static void test_the_whole_turn_has_a_limit(void **state)
{
    struct rig *r = asked();

    (void)state;
    rig_pass(r, 119999);
    rig_answering(r, "becau");
    (void)rig_lines(r);
    rig_pass(r, 1);
    const char *lines = rig_lines(r);
    assert_has(lines, "stop\n");
    assert_has(lines, "The agent has not answered in time");
    assert_has(lines, "/retry");
    assert_has(lines, "ask @root:here");
    assert_has(lines, "\"notice\":true");
    assert_int_equal(rig_counts(r).failures_total[FAILURE_TIMEOUT], 1);
    rig_answer(r, "too late");
    assert_lacks(rig_lines(r), "too late");
    over(r);
}

static void test_failures(void **state)
{
    static const char *const sentences[] = {
        [FAILURE_AWAY] = "The agent cannot be reached at the moment: it is down.",
        [FAILURE_TIMEOUT] = "The agent has not answered in time: it is down.",
        [FAILURE_REFUSED] = "The agent has not taken the question: it is down.",
        [FAILURE_BROKEN] = "What the agent said was no answer: it is down.",
    };
    static const char *const logged[] = {
        [FAILURE_AWAY] = "failure=away error=\"it is down\"",
        [FAILURE_TIMEOUT] = "failure=timeout error=\"it is down\"",
        [FAILURE_REFUSED] = "failure=refused error=\"it is down\"",
        [FAILURE_BROKEN] = "failure=broken error=\"it is down\"",
    };

    (void)state;
    for (unsigned f = FAILURE_AWAY; f <= FAILURE_BROKEN; f++) {
        struct rig *r = shown();
        rig_fail(r, f, "it is down");
        const char *lines = rig_lines(r);
        /* Behind what the room has seen already. */
        assert_has(lines, "\"body\":\"because\\n\\n");
        assert_has(lines, sentences[f]);
        assert_int_equal(rig_counts(r).failures_total[f], 1);
        assert_has(r->logged, logged[f]);
        over(r);
    }
    struct rig *r = asked();
    rig_answer(r, " \n");
    assert_has(rig_lines(r), "no answer: the answer is empty.");
    over(r);
}

static void test_sessions_of_the_agent(void **state)
{
    struct rig *r = asked();

    (void)state;
    bridge_session_opened(r->b, r->last_turn, STR("abc"));
    rig_settle(r);
    (void)rig_lines(r);
    rig_again(r);
    assert_has(rig_lines(r), "in matrix:a:2026-11-30-1/abc model");
    rig_answer(r, "x");
    bridge_session_opened(r->b, r->last_turn, STR("late"));
    rig_settle(r);
    rig_say(r, "next");
    assert_has(rig_lines(r), "in matrix:a:2026-11-30-1/abc model");
    rig_free(r);
}

/* JSON writes each of these bytes as six. The most is 16 MiB; less is enough, and slow already. */
static void test_a_long_answer_of_controls(void **state)
{
    struct rig *r = rig_new();
    size_t len = 11 * 1024 * 1024;
    char *text = malloc(len);

    (void)state;
    assert_non_null(text);
    memset(text, 1, len);
    text[0] = 'a';
    rig_join(r, "!a:here");
    rig_say(r, "q");
    bridge_answered(r->b, r->last_turn, str_make(text, len), FAILURE_NONE, STR(""));
    assert_true(bridge_settle(r->b));
    free(text);
    assert_has(rig_lines(r), "\"body\":\"a");
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_begin),
        cmocka_unit_test(test_asked),
        cmocka_unit_test(test_showing),
        cmocka_unit_test(test_the_first_part_is_overtaken),
        cmocka_unit_test(test_shown),
        cmocka_unit_test(test_closing),
        cmocka_unit_test(test_restoring),
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_fair_shares),
        cmocka_unit_test(test_the_whole_turn_has_a_limit),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_sessions_of_the_agent),
        cmocka_unit_test(test_a_long_answer_of_controls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
