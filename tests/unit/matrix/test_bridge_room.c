#include "unit.h"

#include "rig.h"

static void invite(struct rig *r, const char *room, const char *sender)
{
    rig_event(r, &(struct bridge_event){.kind = MATRIX_INVITED,
                                        .room = str_from_z(room),
                                        .sender = str_from_z(sender)});
}

static void encrypt(struct rig *r, const char *room)
{
    rig_event(r, &(struct bridge_event){.kind = MATRIX_ENCRYPTED, .room = str_from_z(room)});
}

static void leave(struct rig *r, const char *room)
{
    rig_event(r, &(struct bridge_event){.kind = MATRIX_LEFT, .room = str_from_z(room)});
}

static void test_invites(void **state)
{
    struct rig *r = rig_new();

    (void)state;
    invite(r, "!x:friends", "@eve:elsewhere");
    assert_string_equal(rig_lines(r), "");
    assert_has(r->logged, "bridge_invite_refused !x:friends inviter=@eve:elsewhere");
    assert_int_equal(rig_rows(r, TABLE_ROOM), 0);
    invite(r, "!x:friends", "@bob:friends.evil");
    assert_string_equal(rig_lines(r), "");
    invite(r, "!x:friends", "@bob:friends");
    assert_string_equal(rig_lines(r), "join !x:friends\n");
    invite(r, "!x:friends", "@bob:friends");
    assert_string_equal(rig_lines(r), "");
    /* A kill before the join: it is asked for again. */
    rig_again(r);
    assert_string_equal(rig_lines(r), "join !x:friends\n");
    bridge_joined(r->b, STR("!x:friends"), STR(""));
    rig_settle(r);
    rig_join(r, "!x:friends");
    rig_again(r);
    assert_string_equal(rig_lines(r), "");
    assert_int_equal(rig_counts(r).rooms, 1);
    rig_free(r);
}

static void everybody(struct bridge_settings *s)
{
    static const struct str rooms[] = {{"!home:here", 10}}, invites[] = {{"*", 1}};

    s->rooms = rooms;
    s->room_count = 1;
    s->invites = invites;
    s->invite_count = 1;
}

static void test_an_invite_by_nobody_knows_whom(void **state)
{
    struct rig *r = rig_new_with(everybody);

    (void)state;
    bridge_joined(r->b, STR("!home:here"), STR("M_FORBIDDEN"));
    rig_settle(r);
    (void)rig_lines(r);
    invite(r, "!x:friends", "");
    assert_string_equal(rig_lines(r), "");
    assert_has(r->logged, "bridge_invite_refused !x:friends inviter=unclear");
    /* To a room of ours everybody may. */
    invite(r, "!home:here", "");
    assert_string_equal(rig_lines(r), "join !home:here\n");
    assert_has(r->logged, "bridge_invite_taken !home:here inviter=unclear");
    rig_free(r);
}

/* A sync that comes after both tells of the invite alone. */
static void test_kicked_and_invited(void **state)
{
    struct rig *r = rig_new();

    (void)state;
    rig_join(r, "!x:friends");
    assert_int_equal(rig_counts(r).rooms, 1);
    invite(r, "!x:friends", "@bob:friends");
    assert_string_equal(rig_lines(r), "join !x:friends\n");
    assert_int_equal(rig_counts(r).rooms, 0);
    rig_join(r, "!x:friends");
    assert_int_equal(rig_counts(r).rooms, 1);
    invite(r, "!x:friends", "@eve:elsewhere");
    assert_string_equal(rig_lines(r), "");
    assert_int_equal(rig_counts(r).rooms, 0);
    rig_free(r);
}

static void test_an_invite_that_fails(void **state)
{
    struct rig *r = rig_new();

    (void)state;
    invite(r, "!x:friends", "@bob:friends");
    bridge_joined(r->b, STR("!x:friends"), STR("M_FORBIDDEN"));
    rig_settle(r);
    assert_has(r->logged, "bridge_join_failed !x:friends error=M_FORBIDDEN");
    assert_int_equal(rig_rows(r, TABLE_ROOM), 0);
    (void)rig_lines(r);
    invite(r, "!x:friends", "@bob:friends");
    assert_string_equal(rig_lines(r), "join !x:friends\n");
    rig_free(r);
}

static void end_join(struct rig *r, const char *error)
{
    bridge_joined(r->b, STR("!x:friends"), str_from_z(error));
    rig_settle(r);
}

/* Kicked and invited before a sync has told that we were in. */
static void test_invited_again(void **state)
{
    struct rig *r = rig_new();

    (void)state;
    invite(r, "!x:friends", "@bob:friends");
    end_join(r, "");
    (void)rig_lines(r);
    invite(r, "!x:friends", "@bob:friends");
    assert_string_equal(rig_lines(r), "join !x:friends\n");
    /* What is refused may be the invite before, which was withdrawn. */
    invite(r, "!x:friends", "@bob:friends");
    assert_string_equal(rig_lines(r), "");
    end_join(r, "M_FORBIDDEN");
    assert_string_equal(rig_lines(r), "join !x:friends\n");
    end_join(r, "M_FORBIDDEN");
    assert_string_equal(rig_lines(r), "");
    assert_int_equal(rig_rows(r, TABLE_ROOM), 0);
    rig_free(r);
}

/* An invite that would not be taken does not stand for the one that was withdrawn. */
static void test_invited_again_by_a_stranger(void **state)
{
    struct rig *r = rig_new();

    (void)state;
    invite(r, "!x:friends", "@bob:friends");
    (void)rig_lines(r);
    invite(r, "!x:friends", "@eve:elsewhere");
    assert_has(r->logged, "bridge_invite_refused !x:friends inviter=@eve:elsewhere");
    end_join(r, "M_FORBIDDEN");
    assert_string_equal(rig_lines(r), "");
    assert_int_equal(rig_rows(r, TABLE_ROOM), 0);
    rig_free(r);
}

static void at_home(struct bridge_settings *s)
{
    static const struct str rooms[] = {{"!home:here", 10}, {"#den:here", 9}};

    s->rooms = rooms;
    s->room_count = 2;
}

static void test_own_rooms(void **state)
{
    struct rig *r = rig_new_with(at_home);

    (void)state;
    assert_string_equal(rig_lines(r), "join !home:here\njoin #den:here\n");
    bridge_joined(r->b, STR("!home:here"), STR("M_FORBIDDEN"));
    bridge_joined(r->b, STR("#den:here"), STR(""));
    rig_settle(r);
    assert_true(bridge_deadline(r->b) > r->now.mono_ms);
    rig_pass(r, bridge_deadline(r->b) - r->now.mono_ms);
    assert_string_equal(rig_lines(r), "join !home:here\n");
    bridge_joined(r->b, STR("!home:here"), STR(""));
    rig_join(r, "!home:here");
    assert_int_equal(bridge_deadline(r->b), UINT64_MAX);
    /* An alias says not which room it is, so it is joined at each start. */
    rig_again(r);
    assert_string_equal(rig_lines(r), "join #den:here\n");
    /* Whoever invites to a room of ours is right. */
    leave(r, "!home:here");
    invite(r, "!home:here", "@eve:elsewhere");
    assert_has(rig_lines(r), "join !home:here\n");
    rig_free(r);
}

static void test_a_reload_brings_a_room(void **state)
{
    struct rig *r = rig_new();

    (void)state;
    at_home(&r->settings);
    assert_true(bridge_reload(r->b, &r->settings));
    rig_settle(r);
    assert_string_equal(rig_lines(r), "join !home:here\njoin #den:here\n");
    rig_free(r);
}

static void test_before_the_join(void **state)
{
    struct rig *r = rig_new();

    (void)state;
    rig_say(r, "nobody hears this");
    assert_string_equal(rig_lines(r), "");
    rig_join(r, "!a:here");
    rig_event(r, &(struct bridge_event){.kind = MATRIX_MESSAGE,
                                        .room = STR("!a:here"),
                                        .event_id = STR("$old"),
                                        .sender = STR("@ann:here"),
                                        .body = STR("said long ago"),
                                        .old = true});
    assert_string_equal(rig_lines(r), "");
    rig_say(r, "now");
    assert_has(rig_lines(r), "ask 'now'");
    rig_free(r);
}

static void test_encrypted_once(void **state)
{
    struct rig *r = rig_new();

    (void)state;
    rig_join(r, "!a:here");
    encrypt(r, "!a:here");
    const char *lines = rig_lines(r);
    assert_has(lines, "send !a:here");
    assert_has(lines, "This room is encrypted");
    assert_has(lines, "\"notice\":true");
    /* A kill while it is under way: the same message, by the same id. */
    char txn[TXN_ID_SIZE];
    memcpy(txn, r->last_txn, sizeof(txn));
    rig_again(r);
    assert_has(rig_lines(r), "This room is encrypted");
    assert_string_equal(r->last_txn, txn);
    rig_sent(r, "$n");
    encrypt(r, "!a:here");
    rig_say(r, "/help");
    rig_say(r, "hello?");
    rig_again(r);
    rig_say_in(r, "!a:here", "$t", "@root:here", "/status");
    assert_string_equal(rig_lines(r), "");
    /* Neither leaving nor coming back makes it forget. */
    leave(r, "!a:here");
    rig_join(r, "!a:here");
    encrypt(r, "!a:here");
    rig_say(r, "and now?");
    assert_string_equal(rig_lines(r), "");
    assert_int_equal(rig_counts(r).encrypted_rooms, 1);
    rig_free(r);
}

static void test_encrypted_in_mid_turn(void **state)
{
    struct rig *r = rig_new();

    (void)state;
    rig_join(r, "!a:here");
    rig_say(r, "one");
    rig_say(r, "two");
    rig_answering(r, "so far");
    rig_pass(r, 500);
    rig_say(r, "/help"); /* waits behind the part that is under way */
    (void)rig_lines(r);
    encrypt(r, "!a:here");
    const char *lines = rig_lines(r);
    assert_has(lines, "stop\n");
    assert_has(lines, "unsend !a:here\n");
    assert_has(lines, "typing !a:here off\n");
    assert_has(lines, "This room is encrypted");
    assert_lacks(lines, "Whatever you write");
    rig_answer(r, "too late");
    rig_sent(r, "$n");
    rig_pass(r, 600000);
    assert_string_equal(rig_lines(r), "");
    assert_int_equal(rig_rows(r, TABLE_SEND) + rig_rows(r, TABLE_TURN), 0);
    rig_free(r);
}

static void test_leaving_cleans_up(void **state)
{
    struct rig *r = rig_new();

    (void)state;
    rig_join(r, "!a:here");
    rig_say(r, "one");
    rig_say(r, "two");
    rig_say_in(r, "!a:here", "$t", "@ann:here", "in a thread");
    rig_say(r, "/help");
    (void)rig_lines(r);
    leave(r, "!a:here");
    const char *lines = rig_lines(r);
    assert_string_equal(lines, "stop\nstop\nunsend !a:here\n");
    assert_int_equal(rig_rows(r, TABLE_ROOM), 0);
    assert_int_equal(rig_rows(r, TABLE_TALK), 0);
    assert_int_equal(rig_rows(r, TABLE_SESSION), 0);
    assert_int_equal(rig_rows(r, TABLE_TURN), 0);
    assert_int_equal(rig_rows(r, TABLE_SEND), 0);
    assert_int_equal(rig_counts(r).rooms, 0);
    assert_int_equal(rig_counts(r).questions_waiting, 0);
    rig_again(r);
    assert_string_equal(rig_lines(r), "");
    rig_free(r);
}

static void test_typing(void **state)
{
    struct rig *r = rig_new();

    (void)state;
    rig_join(r, "!a:here");
    rig_say(r, "one");
    assert_has(rig_lines(r), "typing !a:here on\n");
    for (int i = 0; i < 3; i++) {
        uint64_t wait = bridge_deadline(r->b) - r->now.mono_ms;
        assert_true(wait < TYPING_MS);
        rig_pass(r, wait);
        assert_string_equal(rig_lines(r), "typing !a:here on\n");
    }
    rig_answer(r, "done");
    assert_has(rig_lines(r), "typing !a:here off\n");
    /* Nobody knows whether that was carried out before a kill. */
    rig_again(r);
    assert_has(rig_lines(r), "typing !a:here off\n");
    rig_sent(r, "$m");
    rig_pass(r, 1);
    rig_again(r);
    assert_lacks(rig_lines(r), "typing");
    rig_free(r);
}

static void test_names(void **state)
{
    struct rig *r = rig_new();

    (void)state;
    rig_join(r, "!a:here");
    rig_event(r, &(struct bridge_event){
                     .kind = MATRIX_NAME, .room = STR("!a:here"), .body = STR("Kitchen")});
    rig_event(r, &(struct bridge_event){
                     .kind = MATRIX_NAME, .room = STR("!unknown:here"), .body = STR("x")});
    rig_say(r, "one");
    assert_has(rig_lines(r), "in matrix:Kitchen:2026-11-30-1/");
    assert_int_equal(rig_rows(r, TABLE_ROOM), 1);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_invites),
        cmocka_unit_test(test_an_invite_by_nobody_knows_whom),
        cmocka_unit_test(test_kicked_and_invited),
        cmocka_unit_test(test_an_invite_that_fails),
        cmocka_unit_test(test_invited_again),
        cmocka_unit_test(test_invited_again_by_a_stranger),
        cmocka_unit_test(test_own_rooms),
        cmocka_unit_test(test_a_reload_brings_a_room),
        cmocka_unit_test(test_before_the_join),
        cmocka_unit_test(test_encrypted_once),
        cmocka_unit_test(test_encrypted_in_mid_turn),
        cmocka_unit_test(test_leaving_cleans_up),
        cmocka_unit_test(test_typing),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
