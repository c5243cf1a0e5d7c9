#include <stdio.h>

#include "core/job.h"
#include "core/stranger.h"
#include "door.h"
#include "famine.h"

/* Passwords: who waits for the verdict, and what waits with him. */

static struct room *room_with_password(void)
{
    struct room *r = room_new(NULL);
    struct hub_credential kit = credential("kit", usual);

    set(r, HUB_AUTH_PASSWORD, &kit, 1);
    return r;
}

static void test_password_at_the_door(void **state)
{
    struct room *r = room_with_password();
    struct evidence e = from(1, CREDENTIAL_BEARER, "open sesame");

    (void)state;
    assert_int_equal(room_knock(r, &e), ROOM_WAITS);
    assert_int_equal(r->v.job_count, 1);
    assert_string_equal(r->v.passwords[0], "open sesame");
    assert_int_equal(counts(r).passwords_waiting, 1);
    virtual_check(&r->v, false);
    assert_int_equal(room_knocked(r), ROOM_REFUSED);
    assert_int_equal(why(r), ERROR_AUTH_FAILED);
    assert_int_equal(room_knock(r, &e), ROOM_WAITS);
    virtual_check(&r->v, true);
    int client = room_knocked(r);
    assert_true(client >= 0);
    struct hub_client_view view;
    assert_true(hub_find_client(r->v.hub, str_from_z(r->clients[client].id), &view));
    assert_true(str_equal(view.user_id, STR("password")));
    /* A token is still one, and is not checked as a password. */
    come(r, "kit");
    assert_int_equal(r->v.job_count, 0);
    room_free(r);
}

/* Who says it once more is not told that he is somebody else. */
static void test_password_once_more(void **state)
{
    struct room *r = room_with_password();
    struct evidence e = from(1, CREDENTIAL_BEARER, "open sesame");

    (void)state;
    assert_int_equal(room_knock_at(r, DIALECT_GATEWAY, &e), ROOM_WAITS);
    virtual_check(&r->v, true);
    int client = room_knocked(r);
    (void)room_next(r, client);
    room_say(r, client,
             "{\"type\":\"auth\",\"id\":\"1\",\"payload\":{\"password\":\"open sesame\"}}");
    const char *answer = room_next(r, client);
    assert_non_null(strstr(answer, "\"rule\":\"same_subject\""));
    assert_null(strstr(answer, "somebody else"));
    room_free(r);
}

/* Nobody waits for the verdict any more, though there was no memory to deal with his end. */
static void test_password_of_one_who_goes_in_famine(void **state)
{
    struct room *r = room_with_password();
    int one = stranger(r, 1);

    (void)state;
    room_say(r, one, "{\"type\":\"agent_register\",\"agentId\":\"a\",\"password\":\"x\"}");
    assert_int_equal(r->v.job_count, 1);
    virtual_abort(&r->v, r->clients[one].conn);
    r->clients[one].conn = NULL;
    famine_after = 0;
    assert_int_equal(virtual_up(&r->v, 0, 1), 1);
    assert_int_equal(famine_after, -1);
    /* Another connection has his place. */
    int two = stranger(r, 2);
    virtual_check(&r->v, true);
    room_expect_nothing(r, two);
    room_advance(r, 200);
    assert_int_equal(counts(r).clients, 1);
    assert_int_equal(counts(r).agents, 0);
    assert_int_equal(counts(r).passwords_waiting, 0);
    room_free(r);
}

static void test_password_of_one_who_goes(void **state)
{
    struct room *r = room_with_password();
    struct evidence e = from(1, CREDENTIAL_BEARER, "open sesame");

    (void)state;
    assert_int_equal(room_knock(r, &e), ROOM_WAITS);
    room_abort(r, r->count - 1);
    assert_int_equal(counts(r).passwords_waiting, 0);
    virtual_check(&r->v, true);
    virtual_settle(&r->v);
    assert_int_equal(counts(r).clients, 0);
    int late = stranger(r, 2);
    room_say(r, late, "{\"type\":\"agent_register\",\"agentId\":\"a\",\"password\":\"x\"}");
    room_abort(r, late);
    virtual_check(&r->v, true);
    virtual_settle(&r->v);
    assert_int_equal(counts(r).clients, 0);
    room_free(r);
}

static void test_password_in_a_message(void **state)
{
    struct room *r = room_with_password();
    int kit = come(r, "kit");
    int late = stranger(r, 2);

    (void)state;
    room_say(r, late, "{\"type\":\"agent_register\",\"agentId\":\"a\",\"password\":\"sesame\"}");
    assert_true(r->clients[late].conn->paused);
    /* What it sends meanwhile waits, in order; a bark among it would have been a failure. */
    for (int i = 0; i < 8; i++) {
        room_say(r, late, "{\"type\":\"bark\",\"n\":%d}", i);
    }
    room_say(r, late, "{\"type\":\"ping\"}");
    room_expect_nothing(r, late);
    room_advance(r, STRANGER_MS + 1000); /* nor does time run out */
    virtual_check(&r->v, true);
    virtual_settle(&r->v);
    assert_false(r->clients[late].conn->paused);
    assert_false(r->clients[late].conn->stranger);
    room_expect(r, late, "{\"type\":\"connection_ack\",\"data\":{\"agent_id\":\"a\"}}");
    room_expect_text(r, late, "{\"type\":\"pong\"}");
    room_expect(r, kit, "{\"type\":\"agent_joined\"}");
    for (int i = 0; i < 8; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "{\"type\":\"bark\",\"n\":%d}", i);
        room_expect_text(r, kit, text);
    }
    room_free(r);
}

/* Nothing is read of one that waits, so it cannot be heard: it is not asked, nor given up. */
static void test_silence_while_waiting(void **state)
{
    struct room *r = room_with_password();
    int late = stranger(r, 2);

    (void)state;
    r->clients[late].muted = true;
    room_say(r, late, "{\"type\":\"agent_register\",\"agentId\":\"a\",\"password\":\"x\"}");
    room_advance(r, 65 * 1000);
    assert_non_null(r->clients[late].conn);
    virtual_check(&r->v, true);
    virtual_settle(&r->v);
    room_expect(r, late, "{\"type\":\"connection_ack\",\"data\":{\"agent_id\":\"a\"}}");
    /* From now on silence counts. */
    room_advance(r, 55 * 1000);
    assert_non_null(r->clients[late].conn);
    room_advance(r, 10 * 1000);
    room_expect_close(r, late, 1001, "heartbeat timeout");
    room_free(r);
}

static void test_wrong_passwords(void **state)
{
    struct room *r = room_with_password();
    int late = stranger(r, 2);

    (void)state;
    /* All at once: each is checked after the other, and the fifth ends it. */
    for (int i = 0; i < STRANGER_FAILURES; i++) {
        room_say(r, late, "{\"type\":\"agent_register\",\"agentId\":\"a\",\"password\":\"%d\"}", i);
    }
    for (int i = 0; i < STRANGER_FAILURES; i++) {
        assert_int_equal(r->v.job_count, 1);
        assert_int_equal(r->v.passwords[0][0], '0' + i);
        virtual_check(&r->v, false);
        virtual_settle(&r->v);
        room_expect_error(r, late, "AUTH_FAILED");
    }
    room_expect_close(r, late, 4401, "not authenticated: connect again with a valid credential");
    room_free(r);
}

static void test_too_much_while_waiting(void **state)
{
    struct room *r = room_with_password();
    int late = stranger(r, 2);
    char long_one[4000];

    (void)state;
    memset(long_one, ' ', sizeof(long_one));
    memcpy(long_one, "{}", 2);
    room_say(r, late, "{\"type\":\"agent_register\",\"agentId\":\"a\",\"password\":\"x\"}");
    for (int i = 0; i < STRANGER_HELD / 4000 + 1 && r->clients[late].conn != NULL; i++) {
        room_say_bytes(r, late, str_make(long_one, sizeof(long_one)));
    }
    room_expect_close(r, late, 1008,
                      "too much was sent before agent_register was answered: wait for it");
    virtual_check(&r->v, true);
    room_free(r);
}

/* There are so many places; who finds none is told when to come again, and is charged nothing. */
static void test_too_many_passwords(void **state)
{
    struct room *r = room_with_password();

    (void)state;
    for (unsigned i = 0; i < HUB_JOBS; i++) {
        struct evidence e = from((uint8_t)i, CREDENTIAL_BEARER, "sesame");
        assert_int_equal(room_knock(r, &e), ROOM_WAITS);
    }
    for (int i = 0; i < 20; i++) {
        struct evidence e = from(100, CREDENTIAL_BEARER, "sesame");
        assert_int_equal(room_knock(r, &e), ROOM_REFUSED);
        assert_int_equal(why(r), ERROR_RATE_LIMITED);
    }
    assert_int_equal(counts(r).limits_hit[LIMIT_PASSWORDS], 20);
    assert_int_equal(counts(r).auth_failures[AUTH_FAILURE_LOCKED_OUT], 0);
    while (r->v.job_count > 0) {
        virtual_check(&r->v, true);
    }
    virtual_settle(&r->v);
    assert_int_equal(counts(r).clients, HUB_JOBS);
    room_free(r);
}

/* Many of one address come at once, all with the right password: nobody has failed. */
static void test_many_right_passwords(void **state)
{
    struct room *r = room_with_password();
    struct evidence e = from(1, CREDENTIAL_BEARER, "sesame");

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(room_knock(r, &e), ROOM_WAITS);
    }
    assert_int_equal(room_knock(r, &e), ROOM_REFUSED);
    assert_int_equal(why(r), ERROR_RATE_LIMITED);
    while (r->v.job_count > 0) {
        virtual_check(&r->v, true);
    }
    assert_int_equal(room_knock(r, &e), ROOM_WAITS);
    virtual_check(&r->v, true);
    assert_true(room_knocked(r) >= 0);
    /* Ten wrong ones at once are ten failures. */
    for (int i = 0; i < 10; i++) {
        assert_int_equal(room_knock(r, &e), ROOM_WAITS);
    }
    while (r->v.job_count > 0) {
        virtual_check(&r->v, false);
    }
    virtual_settle(&r->v);
    room_advance(r, 4 * 60 * 1000);
    assert_int_equal(room_knock(r, &e), ROOM_REFUSED);
    assert_int_equal(why(r), ERROR_RATE_LIMITED);
    room_free(r);
}

/* One that cannot be checked in a message is told so, and goes on. */
static void test_too_many_passwords_for_a_message(void **state)
{
    struct room *r = room_with_password();
    int late = stranger(r, 200);

    (void)state;
    for (unsigned i = 0; i < HUB_JOBS; i++) {
        struct evidence e = from((uint8_t)i, CREDENTIAL_BEARER, "sesame");
        assert_int_equal(room_knock(r, &e), ROOM_WAITS);
    }
    room_say(r, late, "{\"type\":\"agent_register\",\"agentId\":\"a\",\"password\":\"sesame\"}");
    room_expect_error(r, late, "RATE_LIMITED");
    assert_false(r->clients[late].conn->paused);
    room_say(r, late, "{\"type\":\"ping\"}");
    room_expect_text(r, late, "{\"type\":\"pong\"}");
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_password_at_the_door),
        cmocka_unit_test(test_password_of_one_who_goes),
        cmocka_unit_test(test_password_of_one_who_goes_in_famine),
        cmocka_unit_test(test_password_once_more),
        cmocka_unit_test(test_password_in_a_message),
        cmocka_unit_test(test_silence_while_waiting),
        cmocka_unit_test(test_wrong_passwords),
        cmocka_unit_test(test_too_much_while_waiting),
        cmocka_unit_test(test_too_many_passwords),
        cmocka_unit_test(test_too_many_passwords_for_a_message),
        cmocka_unit_test(test_many_right_passwords),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
