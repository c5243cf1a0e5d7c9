/* The steps of `--check`: each well, each badly. */

#include "home_rig.h"

#include <stdio.h>

#define JOINED_OK "{\"joined_rooms\":[\"!r:x\",\"!t:x\"]}"

static void on_report(void *owner, const char *step, bool is_ok, const char *sentence)
{
    struct home_rig *r = owner;

    buf_printf(&r->lines, "%s %s\n", step, is_ok ? "ok" : "bad");
    (void)snprintf(r->sentence, sizeof(r->sentence), "%s", sentence);
}

static void on_ended(void *owner, enum homeserver_fault fault)
{
    buf_printf(&((struct home_rig *)owner)->lines, "ended %u\n", fault);
}

static void start(struct home_rig *r, const char *server, const char *credentials)
{
    struct homeserver_checker checker = {r, on_report, on_ended};

    rig_setup(r, server, credentials);
    homeserver_check(r->home, &checker);
    rig_tick(r, 0);
}

static void start_token(struct home_rig *r)
{
    start(r, "https://hs", "{\"access_token\":\"at0\",\"password\":\"pw\"}");
    rig_answer(r, "/versions", 200, VERSIONS_OK);
}

/* Nothing is asked any more, and nothing more is told. */
static void finish(struct home_rig *r, const char *lines, const char *word)
{
    rig_tick(r, 100000);
    assert_int_equal(fake_count(r->http, ""), 0);
    rig_assert_lines(r, lines);
    assert_non_null(strstr(r->sentence, word));
    rig_teardown(r);
}

static void test_well(void **state)
{
    struct home_rig r;

    (void)state;
    start_token(&r);
    rig_answer(&r, "/whoami", 200, WHOAMI_OK);
    rig_answer(&r, "/directory/room/%23tea%3Ax", 200, "{\"room_id\":\"!t:x\"}");
    rig_answer(&r, "/joined_rooms", 200, JOINED_OK);
    finish(&r, "server ok\nversions ok\nlogin ok\ndevice ok\nroom ok\nroom ok\nclock ok\nended 0\n",
           "does not say");
}

static void test_by_password(void **state)
{
    struct home_rig r;

    (void)state;
    start(&r, "https://hs", "{\"password\":\"pw\"}");
    rig_answer(&r, "/versions", 200, VERSIONS_OK);
    rig_answer(&r, "/login", 429, "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":100}");
    rig_tick(&r, 100);
    rig_answer(&r, "/login", 200, LOGIN_OK);
    rig_assert_lines(&r, "server ok\nversions ok\nlogin ok\ndevice ok\n");
    assert_int_equal(fake_count(r.http, "/sync"), 0);
    rig_answer(&r, "/directory", 500, "");
    finish(&r, "room bad\nended 1\n", "500");
}

static void test_server(void **state)
{
    struct home_rig r;

    (void)state;
    start(&r, "https://hs", "{\"password\":\"pw\"}");
    rig_fail(&r, "/versions", HTTP_UNREACHABLE);
    finish(&r, "server bad\nended 1\n", "cannot be reached: it was cut");
    start(&r, "https://hs", "{\"password\":\"pw\"}");
    rig_answer(&r, "/versions", 404, "<html>");
    finish(&r, "versions bad\nended 2\n", "no homeserver");
    start(&r, "hs", "{\"password\":\"pw\"}");
    rig_answer(&r, "/client", 301, "");
    finish(&r, "server bad\nended 2\n", "set matrix.server");
    start(&r, "https://hs", NULL);
    finish(&r, "credentials bad\nended 8\n", "cannot be opened");
}

static void test_login(void **state)
{
    struct home_rig r;

    (void)state;
    start(&r, "https://hs", "{\"password\":\"pw\"}");
    rig_answer(&r, "/versions", 200, VERSIONS_OK);
    rig_answer(&r, "/login", 403, "{\"errcode\":\"M_FORBIDDEN\"}");
    finish(&r, "server ok\nversions ok\nlogin bad\nended 4\n", "password");
    start_token(&r);
    rig_answer(&r, "/whoami", 200, "{\"user_id\":\"@bot:x\",\"device_id\":\"D\"}");
    finish(&r, "server ok\nversions ok\ndevice bad\nended 7\n", "another device");
    start_token(&r);
    rig_answer(&r, "/whoami", 401, "{\"errcode\":\"M_USER_LOCKED\"}");
    finish(&r, "server ok\nversions ok\nlogin bad\nended 5\n", "locked");
}

static void test_rooms(void **state)
{
    struct home_rig r;

    (void)state;
    start_token(&r);
    rig_answer(&r, "/whoami", 200, WHOAMI_OK);
    rig_answer(&r, "/directory", 404, "{\"errcode\":\"M_NOT_FOUND\"}");
    rig_answer(&r, "/joined_rooms", 200, "{\"joined_rooms\":[\"!s:x\"]}");
    finish(&r,
           "server ok\nversions ok\nlogin ok\ndevice ok\nroom bad\nroom bad\nclock ok\nended 0\n",
           "does not say");
}

static void test_clock(void **state)
{
    struct home_rig r;

    (void)state;
    for (int64_t ahead_ms = -6000; ahead_ms <= 6000; ahead_ms += 1000) {
        start(&r, "https://hs", "{\"access_token\":\"at0\"}");
        struct http_response versions = {.status = 200,
                                         .body = STR(VERSIONS_OK),
                                         .retry_after_ms = -1,
                                         .date_ms = 1700000000000 + (int64_t)r.now_ms - ahead_ms,
                                         .sentence = ""};
        fake_respond(fake_find(r.http, "/versions"), &versions);
        rig_tick(&r, 0);
        rig_answer(&r, "/whoami", 200, WHOAMI_OK);
        rig_answer(&r, "/directory", 200, "{\"room_id\":\"!t:x\"}");
        r.now_ms += 60000; /* what comes later is no matter */
        rig_answer(&r, "/joined_rooms", 200, JOINED_OK);
        bool is_ok = ahead_ms >= -5000 && ahead_ms <= 5000;
        char lines[200];
        (void)snprintf(lines, sizeof(lines),
                       "server ok\nversions ok\nlogin ok\ndevice ok\nroom ok\nroom ok\nclock "
                       "%s\nended 0\n",
                       is_ok ? "ok" : "bad");
        finish(&r, lines, is_ok ? "agrees" : ahead_ms > 0 ? "6 s ahead of" : "6 s behind");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_well),   cmocka_unit_test(test_by_password),
        cmocka_unit_test(test_server), cmocka_unit_test(test_login),
        cmocka_unit_test(test_rooms),  cmocka_unit_test(test_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
