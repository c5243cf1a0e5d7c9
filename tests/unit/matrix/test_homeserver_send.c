/* Sends, joins, typing, receipts: their requests, 429, backoff, what is refused, what is repeated.
 */

#include "home_rig.h"

#include <stdio.h>

#define SENT    "{\"event_id\":\"$1\"}"
#define LIMITED "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":2500}"

static void assert_call(struct home_rig *r, const char *part, const char *method, const char *url,
                        const char *body)
{
    struct http_call *call = fake_find(r->http, part);

    assert_non_null(call);
    assert_string_equal(call->method, method);
    assert_string_equal(call->url, url);
    assert_string_equal(call->body, body);
    assert_string_equal(call->bearer, "at0");
}

static void test_requests(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_send(&r, "!r/a:x", 7);
    assert_call(&r, "/send/", "PUT",
                "https://hs/_matrix/client/v3/rooms/%21r%2Fa%3Ax/send/m.room.message/t7",
                "{\"body\":\"b\"}");
    rig_act(&r, ACT_JOIN, "!r:y:8448", false);
    assert_call(
        &r, "/join/", "POST",
        "https://hs/_matrix/client/v3/join/%21r%3Ay%3A8448?server_name=y%3A8448&via=y%3A8448",
        "{}");
    rig_act(&r, ACT_JOIN, "#tea:x", false);
    assert_call(&r, "/join/%23", "POST", "https://hs/_matrix/client/v3/join/%23tea%3Ax", "{}");
    rig_act(&r, ACT_JOIN, "!hash", false);
    assert_call(&r, "/join/%21hash", "POST", "https://hs/_matrix/client/v3/join/%21hash", "{}");
    rig_act(&r, ACT_LEAVE, "!r:x", false);
    assert_call(&r, "/leave", "POST", "https://hs/_matrix/client/v3/rooms/%21r%3Ax/leave", "{}");
    rig_act(&r, ACT_TYPING, "!r:x", true);
    assert_call(&r, "/typing/", "PUT",
                "https://hs/_matrix/client/v3/rooms/%21r%3Ax/typing/%40bot%3Ax",
                "{\"typing\":true,\"timeout\":30000}");
    rig_act(&r, ACT_TYPING, "!q:x", false);
    assert_string_equal(fake_find(r.http, "q%3Ax/typing")->body, "{\"typing\":false}");
    rig_act(&r, ACT_RECEIPT, "!r:x", false);
    assert_call(&r, "/receipt/", "POST",
                "https://hs/_matrix/client/v3/rooms/%21r%3Ax/receipt/m.read/%24e", "{}");
    struct bridge_action receipt = {
        .kind = ACT_RECEIPT, .room = STR("!q:x"), .event_id = STR("$e"), .thread = STR("$root")};
    assert_true(homeserver_act(r.home, &receipt));
    assert_string_equal(fake_find(r.http, "q%3Ax/receipt")->body, "{\"thread_id\":\"$root\"}");
    assert_true(homeserver_act(r.home, &(struct bridge_action){.kind = ACT_ASK}));
    rig_teardown(&r);
}

static void test_answers(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_send(&r, "!r:x", 7);
    rig_answer(&r, "/send/", 200, SENT);
    rig_act(&r, ACT_JOIN, "#tea:x", false);
    rig_answer(&r, "/join/", 200, "{\"room_id\":\"!t:x\"}");
    rig_act(&r, ACT_LEAVE, "!r:x", false);
    rig_answer(&r, "/leave", 200, "{}");
    rig_assert_lines(&r, "sent 7 $1 0\njoin #tea:x \n");
    rig_teardown(&r);
}

static void test_refusals(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_send(&r, "!r:x", 7);
    rig_answer(&r, "/send/", 403, "{\"errcode\":\"M_FORBIDDEN\"}");
    rig_send(&r, "!r:x", 8);
    rig_answer(&r, "/send/", 413, "{\"errcode\":\"M_TOO_LARGE\"}");
    rig_act(&r, ACT_JOIN, "#tea:x", false);
    rig_answer(&r, "/join/", 404, "{\"errcode\":\"M_NOT_FOUND\"}");
    rig_act(&r, ACT_LEAVE, "!r:x", false);
    rig_answer(&r, "/leave", 404, "{\"errcode\":\"M_UNKNOWN\"}");
    rig_act(&r, ACT_TYPING, "!r:x", true);
    rig_answer(&r, "/typing", 403, "{\"errcode\":\"M_FORBIDDEN\"}");
    rig_act(&r, ACT_RECEIPT, "!r:x", true);
    rig_answer(&r, "/receipt", 400, "{\"errcode\":\"M_INVALID_PARAM\"}");
    rig_assert_lines(&r, "sent 7 M_FORBIDDEN 0\nsent 8 M_TOO_LARGE 0\njoin #tea:x M_NOT_FOUND\n");
    assert_int_equal(fake_count(r.http, ""), 1); /* the sync */
    assert_int_equal(fake_count(r.http, "/refresh") + fake_count(r.http, "/login"), 0);
    rig_teardown(&r);
}

/* What can pass, and is tried again under the same id. */
static void test_what_passes(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
    } answers[] = {
        {500, "{\"errcode\":\"M_UNKNOWN\"}"},
        {502, "<html>"},
        {504, ""},
        {404, "<html>nginx"}, /* not the homeserver's word */
        {403, "{}"},
        {302, ""},
        {408, "{\"errcode\":\"M_UNKNOWN\"}"},
        {200, "<html>login"},
        {200, "{}"},
        {403, "{\"errcode\":\"drop table\"}"},
    };
    struct home_rig r;

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        rig_ready(&r, "s1");
        rig_send(&r, "!r:x", 7);
        rig_answer(&r, "/send/", answers[i].status, answers[i].body);
        rig_tick(&r, 999);
        assert_int_equal(fake_count(r.http, "/send/"), 0);
        rig_tick(&r, 1);
        assert_int_equal(fake_count(r.http, "/m.room.message/t7"), 1);
        rig_answer(&r, "/send/", 200, SENT);
        rig_assert_lines(&r, "sent 7 $1 0\n"); /* and no fault: syncs say how the server is */
        rig_teardown(&r);
    }
}

static void test_backoff(void **state)
{
    static const unsigned seconds[] = {1, 2, 4, 8, 16, 32, 60, 60};
    struct home_rig r;

    (void)state;
    for (int chance = 0; chance <= 255; chance += 255) {
        rig_ready(&r, "s1");
        r.chance = (uint8_t)chance;
        rig_send(&r, "!r:x", 7);
        for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
            rig_answer(&r, "/send/", 503, "");
            uint64_t from = r.now_ms, least = seconds[i] * 1000, most = least * 3 / 2;
            rig_tick_to_deadline(&r, 60000);
            assert_int_equal(fake_count(r.http, "/send/"), 1);
            most = most < 60000 ? most : 60000;
            if (chance == 0) {
                assert_int_equal(r.now_ms - from, least);
            } else {
                assert_in_range(r.now_ms - from, most - 1, most);
            }
        }
        rig_teardown(&r);
    }
}

static void test_limits(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_send(&r, "!r:x", 7);
    rig_answer(&r, "/send/", 429, LIMITED);
    rig_tick(&r, 2499);
    assert_int_equal(fake_count(r.http, "/send/"), 0);
    rig_tick(&r, 1);
    struct http_response limited = {.status = 429,
                                    .body = STR("slow down"),
                                    .retry_after_ms = 1000,
                                    .date_ms = -1,
                                    .sentence = ""};
    fake_respond(fake_find(r.http, "/send/"), &limited);
    rig_tick(&r, 0);
    rig_tick_to_deadline(&r, 1000);
    assert_int_equal(fake_count(r.http, "/send/"), 1);
    /* The body goes before the head. */
    limited.body = STR("{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":0}");
    fake_respond(fake_find(r.http, "/send/"), &limited);
    rig_tick(&r, 0);
    assert_int_equal(fake_count(r.http, "/send/"), 1);
    /* Neither. */
    rig_answer(&r, "/send/", 429, "{}");
    rig_tick(&r, 999);
    assert_int_equal(fake_count(r.http, "/send/"), 0);
    rig_tick(&r, 1);
    rig_answer(&r, "/send/", 429, "{}");
    rig_tick(&r, 1999);
    assert_int_equal(fake_count(r.http, "/send/"), 0);
    rig_tick(&r, 1);
    rig_answer(&r, "/send/", 200, SENT);
    rig_assert_lines(&r, "sent 7 $1 6500\n");
    rig_teardown(&r);
}

/* The tick before an answer may be long ago: what is due counts from the one behind it. */
static void test_time_of_answers(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_send(&r, "!r:x", 7);
    r.now_ms += 20000; /* in http_wait */
    fake_answer(fake_find(r.http, "/send/"), 429, LIMITED);
    assert_int_equal(homeserver_deadline(r.home), 0);
    rig_tick(&r, 0);
    assert_int_equal(fake_count(r.http, "/send/"), 0);
    assert_int_equal(homeserver_deadline(r.home), r.now_ms + 2500);
    rig_teardown(&r);
}

static void test_unsend(void **state)
{
    struct bridge_action unsend = {.kind = ACT_UNSEND, .room = STR("!r:x"), .send = 7};
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_send(&r, "!r:x", 7);
    rig_answer(&r, "/send/", 429, LIMITED);
    assert_true(homeserver_act(r.home, &unsend)); /* while it waits */
    rig_tick(&r, 60000);
    assert_int_equal(fake_count(r.http, "/send/"), 0);
    for (unsigned status = 200; status <= 500; status += 100) { /* while it is under way */
        rig_send(&r, "!r:x", 7);
        assert_true(homeserver_act(r.home, &unsend));
        rig_answer(&r, "/send/", status, status == 200 ? SENT : "{\"errcode\":\"M_FORBIDDEN\"}");
        rig_tick(&r, 60000);
        assert_int_equal(fake_count(r.http, "/send/"), 0);
    }
    rig_assert_lines(&r, "");
    rig_teardown(&r);
}

static void test_typing_in_order(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_act(&r, ACT_TYPING, "!r:x", true);
    rig_act(&r, ACT_TYPING, "!r:x", false);
    rig_act(&r, ACT_TYPING, "!r:x", true);
    rig_act(&r, ACT_TYPING, "!r:x", false);
    assert_int_equal(fake_count(r.http, "/typing/"), 1);
    rig_answer(&r, "/typing/", 200, "{}");
    assert_string_equal(fake_find(r.http, "/typing/")->body, "{\"typing\":false}");
    rig_answer(&r, "/typing/", 200, "{}");
    assert_int_equal(fake_count(r.http, "/typing/"), 0);
    /* One that is limited is not overtaken. */
    rig_act(&r, ACT_TYPING, "!r:x", true);
    rig_answer(&r, "/typing/", 429, LIMITED);
    rig_act(&r, ACT_TYPING, "!r:x", false);
    rig_tick(&r, 2499);
    assert_int_equal(fake_count(r.http, "/typing/"), 0);
    rig_tick(&r, 1);
    assert_string_equal(fake_find(r.http, "/typing/")->body, "{\"typing\":false}");
    /* One that fails is not said again. */
    rig_fail(&r, "/typing/", HTTP_TIMEOUT);
    rig_tick(&r, 100000);
    assert_int_equal(fake_count(r.http, "/typing/"), 0);
    rig_assert_lines(&r, "");
    rig_teardown(&r);
}

/* In a room that takes them slowly the newest one of a kind stands for all that wait. */
static void test_what_is_overtaken(void **state)
{
    struct home_rig r;
    struct bridge_action receipt = {.kind = ACT_RECEIPT, .room = STR("!r:x")};
    char id[20];

    (void)state;
    rig_ready(&r, "s1");
    for (unsigned i = 0; i < 20; i++) {
        (void)snprintf(id, sizeof(id), "$e%u-", i);
        receipt.event_id = str_from_z(id);
        for (unsigned k = 0; k < 2; k++) {
            receipt.thread = k == 0 ? STR("") : STR("$root");
            assert_true(homeserver_act(r.home, &receipt));
        }
        rig_act(&r, ACT_JOIN, "!j:x", false);
    }
    assert_int_equal(fake_count(r.http, "%24e0-"), 1);
    rig_answer(&r, "/receipt/", 200, "{}");
    rig_answer(&r, "/receipt/", 200, "{}");
    assert_int_equal(fake_count(r.http, "/receipt/m.read/%24e19-"), 1);
    assert_string_equal(fake_find(r.http, "/receipt/")->body, "{\"thread_id\":\"$root\"}");
    rig_answer(&r, "/receipt/", 200, "{}");
    assert_int_equal(fake_count(r.http, "/receipt/"), 0);
    rig_answer(&r, "/join/", 403, "{\"errcode\":\"M_FORBIDDEN\"}");
    rig_answer(&r, "/join/", 200, "{\"room_id\":\"!j:x\"}");
    assert_int_equal(fake_count(r.http, "/join/"), 0);
    rig_assert_lines(&r, "join !j:x M_FORBIDDEN\njoin !j:x \n");
    rig_teardown(&r);
}

static void test_how_many_at_once(void **state)
{
    struct home_rig r;
    char room[20];

    (void)state;
    rig_ready(&r, "s1");
    for (unsigned i = 0; i < 6; i++) {
        (void)snprintf(room, sizeof(room), "!j%u:x", i);
        rig_act(&r, ACT_JOIN, room, false);
    }
    assert_int_equal(fake_count(r.http, "/join/"), 4);
    for (unsigned i = 0; i < 20; i++) {
        (void)snprintf(room, sizeof(room), "!r%u:x", i);
        rig_send(&r, room, i);
    }
    assert_int_equal(fake_count(r.http, "/send/"), 12);
    rig_answer(&r, "/send/", 200, SENT);
    assert_int_equal(fake_count(r.http, "/send/"), 12);
    rig_answer(&r, "/join/", 200, "{\"room_id\":\"!j:x\"}");
    assert_int_equal(fake_count(r.http, "/join/"), 4);
    rig_teardown(&r);
}

/* Whoever was not tried for longest is next: rooms that never answer hold up no others. */
static void test_joins_take_turns(void **state)
{
    struct home_rig r;
    char room[20];

    (void)state;
    rig_ready(&r, "s1");
    for (unsigned i = 0; i < 9; i++) {
        (void)snprintf(room, sizeof(room), "!j%u:x", i);
        rig_act(&r, ACT_JOIN, room, false);
    }
    for (unsigned i = 0; i < 2; i++) {
        rig_tick(&r, 300000);
        for (unsigned k = 0; k < 4; k++) {
            fake_fail(fake_find(r.http, "/join/"), HTTP_TIMEOUT);
        }
        rig_tick(&r, 0);
        assert_int_equal(fake_count(r.http, "/join/"), 4);
    }
    assert_int_equal(fake_count(r.http, "/join/%21j8"), 1);
    rig_teardown(&r);
}

static void test_in_order_in_a_room(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_send(&r, "!r:x", 1);
    rig_send(&r, "!r:x", 2);
    rig_send(&r, "!r:x", 3);
    rig_send(&r, "!q:x", 4);
    rig_fail(&r, "/t1", HTTP_TIMEOUT);
    assert_int_equal(fake_count(r.http, "/send/"), 1);
    rig_answer(&r, "/t4", 200, SENT);
    rig_tick(&r, 1000);
    rig_answer(&r, "/t1", 200, SENT);
    rig_answer(&r, "/t2", 200, SENT);
    rig_answer(&r, "/t3", 200, SENT);
    rig_assert_lines(&r, "sent 4 $1 0\nsent 1 $1 0\nsent 2 $1 0\nsent 3 $1 0\n");
    rig_teardown(&r);
}

/* Away and back: said once, and whatever waits goes on at once. */
static void test_away(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_send(&r, "!r:x", 1);
    for (int i = 0; i < 6; i++) {
        rig_fail(&r, "/send/", HTTP_UNREACHABLE);
        rig_tick_to_deadline(&r, 60000);
    }
    rig_fail(&r, "/sync", HTTP_CUT);
    rig_fail(&r, "/send/", HTTP_UNREACHABLE);
    assert_string_equal(r.sentence, "The homeserver cannot be reached: it was cut");
    rig_tick(&r, 1000);
    rig_answer(&r, "/sync", 200, "{\"next_batch\":\"s2\"}");
    assert_int_equal(fake_count(r.http, "/send/"), 1);
    rig_answer(&r, "/send/", 200, SENT);
    rig_assert_lines(&r, "fault 1\nsynced s2\nfault 0\nsent 1 $1 0\n");
    rig_teardown(&r);

    /* A 5xx of a sync is no better, and not ended by a send. */
    rig_ready(&r, "s1");
    rig_answer(&r, "/sync", 502, "");
    rig_assert_lines(&r, "fault 1\n");
    rig_send(&r, "!r:x", 1);
    rig_answer(&r, "/send/", 200, SENT);
    rig_assert_lines(&r, "sent 1 $1 0\n");
    rig_teardown(&r);
}

/* A server that comes and goes does not fill the log. */
static void test_log_is_bounded(void **state)
{
    struct home_rig r;
    unsigned lines = 0;

    (void)state;
    rig_ready(&r, "s1");
    for (int i = 0; i < 50; i++) {
        rig_fail(&r, "/sync", HTTP_CUT);
        rig_tick(&r, 1000);
        rig_answer(&r, "/sync", 200, "{\"next_batch\":\"s2\"}");
    }
    for (size_t i = 0; i < r.logs.len; i++) {
        lines += r.logs.data[i] == '\n';
    }
    assert_in_range(lines, 5, 12); /* of 100 changes in 50 s */
    rig_teardown(&r);
}

static void test_stop(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_send(&r, "!r:x", 1);
    homeserver_stop(r.home);
    assert_int_equal(fake_count(r.http, "/sync"), 0);
    assert_false(homeserver_idle(r.home));
    rig_answer(&r, "/send/", 200, SENT);
    assert_true(homeserver_idle(r.home));
    rig_act(&r, ACT_TYPING, "!r:x", false);
    assert_false(homeserver_idle(r.home));
    rig_answer(&r, "/typing/", 200, "{}");
    rig_tick(&r, 100000);
    assert_int_equal(fake_count(r.http, ""), 0);
    rig_teardown(&r);
}

static void test_no_memory(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    r.http->fails = 1;
    rig_send(&r, "!r:x", 1);
    assert_int_equal(fake_count(r.http, "/send/"), 0);
    rig_tick(&r, 0);
    rig_tick_to_deadline(&r, 1000);
    rig_answer(&r, "/send/", 200, SENT);
    rig_assert_lines(&r, "sent 1 $1 0\n");
    rig_teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_passes),
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_time_of_answers),
        cmocka_unit_test(test_unsend),
        cmocka_unit_test(test_typing_in_order),
        cmocka_unit_test(test_what_is_overtaken),
        cmocka_unit_test(test_how_many_at_once),
        cmocka_unit_test(test_joins_take_turns),
        cmocka_unit_test(test_in_order_in_a_room),
        cmocka_unit_test(test_away),
        cmocka_unit_test(test_log_is_bounded),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
