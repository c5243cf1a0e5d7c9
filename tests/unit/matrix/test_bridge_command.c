#include "unit.h"

#include "rig.h"

static struct rig *talking(void)
{
    struct rig *r = rig_new();

    rig_join(r, "!a:here");
    return r;
}

/* Says a command, and returns what came of it, with the answer taken by the room. */
static const char *command(struct rig *r, const char *sender, const char *text)
{
    static char lines[RIG_TEXT];

    (void)rig_lines(r);
    rig_say_in(r, "!a:here", "", sender, text);
    (void)snprintf(lines, sizeof(lines), "%s", rig_lines(r));
    rig_sent(r, "$c");
    return lines;
}

static const char *ann(struct rig *r, const char *text)
{
    return command(r, "@ann:here", text);
}

static void test_help(void **state)
{
    struct rig *r = talking();

    (void)state;
    const char *lines = ann(r, "/help");
    const char *const names[] = {
        "/new_session [name]", "/help", "/sessions", "/session ID", "/stop", "/retry", "/status",
        "/model [name]"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_has(lines, names[i]);
    }
    assert_lacks(lines, "/rooms");
    assert_has(lines, "\"notice\":true,\"thread\":\"\",\"reply_to\":\"$1\"");
    assert_has(command(r, "@root:here", "/help"), "/rooms");
    assert_has(ann(r, "/HELP"), "/new_session");
    rig_free(r);
}

static void test_unknown(void **state)
{
    struct rig *r = talking();

    (void)state;
    assert_has(ann(r, "/sesions"), "I know no command `sesions`. Did you mean `/sessions`?");
    assert_has(ann(r, "/xyzzyplugh"), "I know no command `xyzzyplugh`. `/help`");
    assert_has(ann(r, "/`<b>`"), "` <b> `");
    assert_has(ann(r, "/"), "I know no command");
    rig_free(r);
}

static void test_sessions(void **state)
{
    struct rig *r = talking();

    (void)state;
    assert_has(ann(r, "/sessions"), "There is no session here yet");
    assert_has(ann(r, "/new_session"), "`matrix:a:2026-11-30-1`");
    assert_has(ann(r, "/new_session  my work "), "`matrix:a:2026-11-30-my work`");
    const char *lines = ann(r, "/sessions");
    assert_has(lines, "- 1: `matrix:a:2026-11-30-1`\\n");
    assert_has(lines, "- 2: `matrix:a:2026-11-30-my work` (this one)");
    assert_has(ann(r, "/session 1"), "goes on with `matrix:a:2026-11-30-1`");
    assert_has(ann(r, "/session 7"), "There is no such session here");
    assert_has(ann(r, "/session"), "There is no such session here");
    rig_again(r);
    rig_say(r, "hello");
    assert_has(rig_lines(r), "in matrix:a:2026-11-30-1/");
    /* A thread has sessions of its own, and cannot reach those of the room. */
    rig_say_in(r, "!a:here", "$t", "@ann:here", "/session 1");
    assert_has(rig_lines(r), "There is no such session here");
    rig_free(r);
}

static void test_stop(void **state)
{
    struct rig *r = talking();

    (void)state;
    assert_has(ann(r, "/stop"), "Nothing is under way here");
    rig_say(r, "one");
    rig_say(r, "two");
    (void)rig_lines(r);
    rig_say(r, "/stop");
    const char *lines = rig_lines(r);
    assert_has(lines, "stop\n");
    assert_has(lines, "\"body\":\"Stopped.\",\"notice\":true,\"thread\":\"\",\"reply_to\":\"$2\"");
    assert_has(lines, "ask 'two'");
    rig_free(r);
}

static void one_turn(struct bridge_settings *s)
{
    s->max_turns_in_flight = 1;
}

static void test_stop_of_what_waits(void **state)
{
    struct rig *r = rig_new_with(one_turn);

    (void)state;
    rig_join(r, "!a:here");
    rig_say(r, "one");
    rig_say_in(r, "!a:here", "$t", "@ann:here", "two");
    rig_say_in(r, "!a:here", "$t", "@ann:here", "/stop");
    assert_has(rig_lines(r), "\"body\":\"Stopped, before the agent was asked.\",\"notice\":true,"
                             "\"thread\":\"$t\",\"reply_to\":\"$2\"");
    rig_answer(r, "x");
    assert_lacks(rig_lines(r), "ask 'two'");
    rig_say_in(r, "!a:here", "$t", "@ann:here", "/retry");
    assert_has(rig_lines(r), "ask 'two'");
    rig_free(r);
}

/* Of the texts that are kept for it the oldest go: who fills the room there is takes it from nobody
 * who comes later. */
static void test_retry_behind_many(void **state)
{
    struct rig *r = talking();
    static char text[19001];
    char thread[20];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    for (unsigned i = 0; i < 460; i++) {
        (void)snprintf(thread, sizeof(thread), "$t%u", i);
        rig_say_in(r, "!a:here", thread, "@eve:here", text);
        rig_answer(r, "a");
        rig_sent(r, "$m");
        (void)rig_lines(r);
    }
    text[0] = 'y';
    rig_say(r, text);
    rig_fail(r, FAILURE_AWAY, "");
    rig_sent(r, "$m");
    assert_has(ann(r, "/retry"), "ask 'yxx");
    rig_free(r);
}

static void test_retry(void **state)
{
    struct rig *r = talking();
    char key[64];

    (void)state;
    assert_has(ann(r, "/retry"), "There is nothing to try again");
    rig_say(r, "why?");
    memcpy(key, r->last_key, sizeof(key));
    assert_has(ann(r, "/retry"), "I am still at it");
    rig_fail(r, FAILURE_AWAY, "");
    rig_sent(r, "$m");
    rig_again(r);
    (void)rig_lines(r);
    rig_say(r, "/retry");
    assert_has(rig_lines(r), "ask 'why?'");
    assert_string_not_equal(r->last_key, key);
    rig_answer(r, "so");
    rig_free(r);
}

static void test_status(void **state)
{
    struct rig *r = talking();

    (void)state;
    const char *lines = ann(r, "/status");
    assert_has(lines, "Nothing is under way here; 0 waiting here");
    assert_has(lines, "session: `none yet`");
    assert_has(lines, "model: `the agent's own`");
    rig_say(r, "one");
    rig_say(r, "two");
    lines = ann(r, "/status");
    assert_has(lines, "The agent is at work on a question; 1 waiting here");
    assert_has(lines, "1 of 4 turns at work in all rooms");
    assert_has(lines, "session: `matrix:a:2026-11-30-1`");
    rig_free(r);
}

static void test_model(void **state)
{
    struct rig *r = talking();
    char long_name[200];

    (void)state;
    assert_has(ann(r, "/model"), "the model `the agent's own`");
    assert_has(ann(r, "/model big-one"), "the model `big-one`");
    memset(long_name, 'x', sizeof(long_name));
    memcpy(long_name, "/model ", 7);
    long_name[199] = '\0';
    assert_has(ann(r, long_name), "No model has so long a name");
    rig_again(r);
    rig_say(r, "why?");
    assert_has(rig_lines(r), "model 'big-one'");
    rig_answer(r, "so");
    rig_sent(r, "$m");
    assert_has(ann(r, "/model default"), "the model `the agent's own`");
    rig_say(r, "why?");
    assert_has(rig_lines(r), "model ''");
    rig_free(r);
}

static void test_rooms_and_leave(void **state)
{
    struct rig *r = talking();

    (void)state;
    rig_join(r, "!b:here");
    rig_event(r, &(struct bridge_event){
                     .kind = MATRIX_NAME, .room = STR("!b:here"), .body = STR("`Bs` den")});
    assert_has(ann(r, "/rooms"), "Only the admins of this bridge may do that");
    assert_has(ann(r, "/leave"), "Only the admins of this bridge may do that");
    const char *lines = command(r, "@root:here", "/rooms");
    assert_has(lines, "- `!a:here` `no name`");
    assert_has(lines, "- `!b:here` ` Bs  den`");
    assert_has(command(r, "@root:here", "/leave !c:here"), "I am in no such room");
    lines = command(r, "@root:here", "/leave !b:here");
    assert_has(lines, "leave !b:here\n");
    assert_has(lines, "I leave it.");
    rig_say_in(r, "!b:here", "", "@ann:here", "are you there?");
    rig_again(r);
    assert_string_equal(rig_lines(r), "leave !b:here\n");
    rig_event(r, &(struct bridge_event){.kind = MATRIX_LEFT, .room = STR("!b:here")});
    rig_say(r, "one");
    lines = command(r, "@root:here", "/leave");
    assert_has(lines, "stop\n");
    assert_has(lines, "leave !a:here\n");
    assert_lacks(lines, "send");
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stop_of_what_waits),
        cmocka_unit_test(test_retry_behind_many),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_rooms_and_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
