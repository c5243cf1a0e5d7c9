/* Finding the server, and every edge of the table above `enter` in homeserver_login.c. */

#include "home_rig.h"
#include "matrix/credentials.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAIR(n)                                                                                    \
    "{\"access_token\":\"at" n "\",\"refresh_token\":\"rt" n "\",\"expires_in_ms\":2000}"
#define DEAD      "{\"errcode\":\"M_UNKNOWN_TOKEN\",\"soft_logout\":false}"
#define SOFT      "{\"errcode\":\"M_UNKNOWN_TOKEN\",\"soft_logout\":true}"
#define FORBIDDEN "{\"errcode\":\"M_FORBIDDEN\"}"

static void assert_over(struct home_rig *r, enum homeserver_fault fault, const char *word)
{
    assert_int_equal(r->fault, fault);
    assert_non_null(strstr(r->sentence, word));
    assert_int_equal(fake_count(r->http, "/login"), 0);
    rig_tick(r, 1000000);
    assert_int_equal(fake_count(r->http, "/login"), 0);
    assert_int_equal(homeserver_deadline(r->home), UINT64_MAX);
}

/* --- finding ------------------------------------------------------------------------------------
 */

static void start_name(struct home_rig *r)
{
    rig_setup(r, "example.org", "{\"password\":\"pw\"}");
    rig_start(r, "");
    assert_string_equal(fake_find(r->http, "")->url,
                        "https://example.org/.well-known/matrix/client");
}

static void test_well_known(void **state)
{
    struct home_rig r;

    (void)state;
    start_name(&r);
    rig_answer(&r, "/client", 200,
               "{\"m.homeserver\":{\"base_url\":\"https://hs.example.org:8448/x/\"}}");
    assert_string_equal(fake_find(r.http, "")->url,
                        "https://hs.example.org:8448/x/_matrix/client/versions");
    rig_teardown(&r);

    start_name(&r);
    rig_answer(&r, "/client", 404, "<html>");
    assert_string_equal(fake_find(r.http, "")->url, "https://example.org/_matrix/client/versions");
    rig_teardown(&r);
}

static void test_well_known_that_will_not_do(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
    } answers[] = {
        {200, "<html>"},
        {200, "{}"},
        {200, "{\"m.homeserver\":{\"base_url\":7}}"},
        {200, "{\"m.homeserver\":{\"base_url\":\"http://hs\"}}"},
        {200, "{\"m.homeserver\":{\"base_url\":\"https://hs/ x\"}}"},
        {200, "{\"m.homeserver\":{\"base_url\":\"https://\"}}"},
        {301, ""},
        {403, "{}"},
    };
    struct home_rig r;

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        start_name(&r);
        rig_answer(&r, "/client", answers[i].status, answers[i].body);
        assert_int_equal(r.fault, HOMESERVER_NO_SERVER);
        assert_non_null(strstr(r.sentence, "set matrix.server"));
        assert_int_equal(fake_count(r.http, ""), 0);
        rig_tick_to_deadline(&r, 1000); /* it may be mended there */
        rig_answer(&r, "/client", 404, "");
        assert_int_equal(r.fault, HOMESERVER_FINE);
        assert_int_equal(fake_count(r.http, "/versions"), 1);
        rig_teardown(&r);
    }
}

static void test_versions(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
    } answers[] = {
        {200, "<html>"},
        {200, "{\"versions\":7}"},
        {200, "{\"versions\":[\"r0.6.1\"]}"},
        {404, "<html>"},
        {200, "{\"versions\":[\"v1.0\",\"v1.x\",\"v2.1\"]}"},
        {301, "<html>"},
    };
    struct home_rig r;

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        rig_setup(&r, "http://hs:8008/", "{\"password\":\"pw\"}");
        rig_start(&r, "");
        assert_string_equal(fake_find(r.http, "")->url, "http://hs:8008/_matrix/client/versions");
        assert_string_equal(fake_find(r.http, "")->bearer, "");
        rig_answer(&r, "/versions", answers[i].status, answers[i].body);
        assert_int_equal(r.fault, HOMESERVER_NO_SERVER);
        rig_tick_to_deadline(&r, 1000);
        rig_answer(&r, "/versions", 200, "{\"versions\":[\"v1.1\"]}");
        assert_int_equal(r.fault, HOMESERVER_FINE);
        assert_int_equal(fake_count(r.http, "/v3/login"), 1);
        rig_teardown(&r);
    }
}

static void test_configuration(void **state)
{
    static const char *const servers[] = {"",        "ftp://hs", "https://",     "ex ample",
                                          "a/b",     "a:",       "a:x",          "[::1",
                                          "[::1]:x", "a:65536",  "https://me@hs"};
    struct home_rig r;

    (void)state;
    for (size_t i = 0; i < sizeof(servers) / sizeof(*servers); i++) {
        rig_setup(&r, servers[i], "{\"password\":\"pw\"}");
        rig_start(&r, "");
        assert_over(&r, HOMESERVER_CONFIG, "matrix.server");
        rig_teardown(&r);
    }
    rig_setup(&r, "https://hs", NULL);
    rig_start(&r, "");
    assert_over(&r, HOMESERVER_CONFIG, "cannot be opened");
    rig_teardown(&r);
}

/* --- logging in ---------------------------------------------------------------------------------
 */

static void start_password(struct home_rig *r)
{
    rig_setup(r, "https://hs", "{\"password\":\"pw\"}");
    rig_start(r, "");
    rig_answer(r, "/versions", 200, VERSIONS_OK);
}

static void test_password(void **state)
{
    struct home_rig r;

    (void)state;
    start_password(&r);
    struct http_call *login = fake_find(r.http, "https://hs/_matrix/client/v3/login");
    assert_non_null(login);
    assert_string_equal(
        login->body, "{\"type\":\"m.login.password\",\"identifier\":{\"type\":\"m.id.user\","
                     "\"user\":\"@bot:x\"},\"password\":\"pw\",\"device_id\":\"DEV\","
                     "\"initial_device_display_name\":\"Parley bridge\",\"refresh_token\":true}");
    rig_assert_file(&r, "\"device_id\":\"DEV\"");
    fake_answer(login, 200, LOGIN_OK);
    /* On the disk before it is used. */
    rig_assert_file(&r, "\"access_token\":\"at1\",\"refresh_token\":\"rt1\",\"device_id\":\"DEV\","
                        "\"expires_ms\":1700001002000");
    rig_tick(&r, 0);
    assert_string_equal(fake_find(r.http, "/sync")->bearer, "at1");
    assert_int_equal(fake_count(r.http, ""), 1);
    rig_assert_lines(&r, "");
    rig_teardown(&r);
}

static void test_refused(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
        enum homeserver_fault fault;
        const char *word;
    } answers[] = {
        {403, FORBIDDEN, HOMESERVER_WRONG_PASSWORD, "password"},
        {401, "{\"errcode\":\"M_USER_LOCKED\",\"soft_logout\":true}", HOMESERVER_LOCKED, "locked"},
        {403, "{\"errcode\":\"M_USER_DEACTIVATED\"}", HOMESERVER_DEACTIVATED, "deactivated"},
        {200, "{\"user_id\":\"@bob:x\",\"access_token\":\"a\"}", HOMESERVER_WRONG_DEVICE,
         "another user"},
        {200, "{\"user_id\":\"@bot:x\",\"device_id\":\"D\",\"access_token\":\"a\"}",
         HOMESERVER_WRONG_DEVICE, "another device"},
    };
    struct home_rig r;

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        start_password(&r);
        rig_answer(&r, "/login", answers[i].status, answers[i].body);
        assert_over(&r, answers[i].fault, answers[i].word);
        rig_teardown(&r);
    }
}

static void test_refused_for_now(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
        enum homeserver_fault fault;
    } answers[] = {
        {200, "{}", HOMESERVER_NO_SERVER},
        {200, "<html>", HOMESERVER_NO_SERVER},
        {200, "{\"user_id\":\"@bot:x\",\"access_token\":\"\"}", HOMESERVER_NO_SERVER},
        {400, "{\"errcode\":\"M_UNKNOWN\"}", HOMESERVER_FAILED},
        {403, "<html>", HOMESERVER_AWAY},
        {502, "<html>", HOMESERVER_AWAY},
    };
    struct home_rig r;

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        start_password(&r);
        rig_answer(&r, "/login", answers[i].status, answers[i].body);
        assert_int_equal(r.fault, answers[i].fault);
        rig_tick_to_deadline(&r, 1000);
        rig_answer(&r, "/login", 200, LOGIN_OK);
        assert_int_equal(r.fault, HOMESERVER_FINE);
        rig_teardown(&r);
    }
}

static void start_token(struct home_rig *r, const char *credentials)
{
    rig_setup(r, "https://hs", credentials);
    rig_start(r, "");
    rig_answer(r, "/versions", 200, VERSIONS_OK);
}

static void test_whoami(void **state)
{
    struct home_rig r;

    (void)state;
    start_token(&r, "{\"access_token\":\"at0\"}");
    assert_string_equal(fake_find(r.http, "/whoami")->bearer, "at0");
    assert_int_equal(fake_count(r.http, "/sync"), 0);
    rig_answer(&r, "/whoami", 200, WHOAMI_OK);
    rig_assert_file(&r, "\"device_id\":\"DEV\"");
    assert_int_equal(fake_count(r.http, "/sync"), 1);
    rig_teardown(&r);

    start_token(&r, "{\"access_token\":\"at0\"}");
    rig_answer(&r, "/whoami", 200, "{\"user_id\":\"@bot:x\",\"device_id\":\"D2\"}");
    assert_over(&r, HOMESERVER_WRONG_DEVICE, "DEV");
    rig_teardown(&r);

    start_token(&r, "{\"access_token\":\"at0\"}");
    rig_answer(&r, "/whoami", 401, DEAD);
    assert_over(&r, HOMESERVER_WRONG_PASSWORD, "no password");
    rig_teardown(&r);

    start_token(&r, "{\"access_token\":\"at0\",\"password\":\"pw\"}");
    rig_answer(&r, "/whoami", 401, DEAD);
    assert_int_equal(fake_count(r.http, "/login"), 1);
    rig_teardown(&r);

    /* M_FORBIDDEN is no dead token. */
    start_token(&r, "{\"access_token\":\"at0\",\"password\":\"pw\"}");
    rig_answer(&r, "/whoami", 403, FORBIDDEN);
    assert_int_equal(fake_count(r.http, "/login"), 0);
    assert_int_equal(r.fault, HOMESERVER_AWAY);
    rig_tick_to_deadline(&r, 1000);
    assert_int_equal(fake_count(r.http, "/whoami"), 1);
    rig_teardown(&r);
}

/* --- refreshing ---------------------------------------------------------------------------------
 */

static void test_token_of_the_file_has_ended(void **state)
{
    struct home_rig r;

    (void)state;
    start_token(&r, "{\"access_token\":\"at0\",\"refresh_token\":\"rt0\",\"expires_ms\":5}");
    assert_string_equal(fake_find(r.http, "/v3/refresh")->body, "{\"refresh_token\":\"rt0\"}");
    rig_answer(&r, "/refresh", 200, PAIR("1"));
    rig_assert_file(&r, "\"at1\"");
    assert_string_equal(fake_find(r.http, "/whoami")->bearer, "at1");
    rig_answer(&r, "/whoami", 200, WHOAMI_OK);
    assert_int_equal(fake_count(r.http, "/sync"), 1);
    rig_teardown(&r);

    start_token(&r, "{\"access_token\":\"at0\",\"password\":\"pw\",\"expires_ms\":5}");
    assert_int_equal(fake_count(r.http, "/login"), 1);
    rig_teardown(&r);
}

static void test_tokens_of_two_seconds(void **state)
{
    struct home_rig r;

    (void)state;
    start_password(&r);
    rig_answer(&r, "/login", 200, LOGIN_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(homeserver_deadline(r.home), r.now_ms + 1500);
        rig_tick(&r, 1499);
        assert_int_equal(fake_count(r.http, "/refresh"), 0);
        rig_tick(&r, 1);
        assert_int_equal(fake_count(r.http, "/refresh"), 1);
        assert_int_equal(fake_count(r.http, "/sync"), 1); /* goes on */
        rig_send(&r, "!r:x", 1);
        assert_int_equal(fake_count(r.http, "/send/"), 0); /* waits */
        rig_answer(&r, "/refresh", 200, PAIR("2"));
        assert_string_equal(fake_find(r.http, "/send/")->bearer, "at2");
        rig_answer(&r, "/send/", 200, "{\"event_id\":\"$1\"}");
    }
    rig_teardown(&r);
}

static void test_margin_of_long_tokens(void **state)
{
    struct home_rig r;

    (void)state;
    start_password(&r);
    rig_answer(&r, "/login", 200,
               "{\"user_id\":\"@bot:x\",\"access_token\":\"a\",\"refresh_token\":\"b\","
               "\"expires_in_ms\":3600000}");
    assert_int_equal(homeserver_deadline(r.home), r.now_ms + 3600000 - 60000);
    rig_teardown(&r);
}

/* What a server says of a token must not make a file that the next start refuses. */
static void test_a_lifetime_without_end(void **state)
{
    struct credentials read;
    struct home_rig r;
    struct buf error;

    (void)state;
    start_password(&r);
    rig_answer(&r, "/login", 200,
               "{\"user_id\":\"@bot:x\",\"access_token\":\"a\",\"refresh_token\":\"b\","
               "\"expires_in_ms\":9223372036854775807}");
    buf_init(&error, 1000);
    credentials_init(&read);
    assert_true(credentials_read(&read, r.path, &error));
    assert_int_equal(read.expires_ms, 1700000000000 + r.now_ms + 315360000000);
    assert_int_equal(homeserver_deadline(r.home), r.now_ms + 315360000000 - 60000);
    credentials_fini(&read);
    buf_fini(&error);
    rig_teardown(&r);
}

static void test_several_meet_a_dead_token(void **state)
{
    struct home_rig r;

    (void)state;
    start_password(&r);
    rig_answer(&r, "/login", 200, LOGIN_OK);
    rig_send(&r, "!a:x", 1);
    rig_send(&r, "!b:x", 2);
    rig_answer(&r, "/sync", 401, SOFT);
    rig_answer(&r, "a%3Ax/send/", 401, DEAD);
    rig_answer(&r, "b%3Ax/send/", 401, DEAD);
    assert_int_equal(fake_count(r.http, "/refresh"), 1);
    assert_int_equal(fake_count(r.http, ""), 1);
    rig_answer(&r, "/refresh", 200, PAIR("2"));
    assert_string_equal(fake_find(r.http, "/sync")->bearer, "at2");
    assert_int_equal(fake_count(r.http, "/send/"), 2);
    rig_answer(&r, "a%3Ax/send/", 200, "{\"event_id\":\"$1\"}");
    rig_assert_lines(&r, "sent 1 $1 0\n");
    rig_teardown(&r);
}

/* What was under way with the old token is no reason to renew the new one. */
static void test_a_late_401(void **state)
{
    struct home_rig r;

    (void)state;
    start_password(&r);
    rig_answer(&r, "/login", 200, LOGIN_OK);
    rig_tick(&r, 1500);
    rig_answer(&r, "/refresh", 200, PAIR("2"));
    rig_answer(&r, "/sync", 401, SOFT);
    assert_int_equal(fake_count(r.http, "/refresh"), 0);
    assert_string_equal(fake_find(r.http, "/sync")->bearer, "at2");
    rig_teardown(&r);
}

static void test_refresh_refused(void **state)
{
    struct home_rig r;

    (void)state;
    start_password(&r);
    rig_answer(&r, "/login", 200, LOGIN_OK);
    rig_answer(&r, "/sync", 401, DEAD);
    rig_answer(&r, "/refresh", 401, DEAD);
    assert_non_null(strstr(fake_find(r.http, "/login")->body, "\"device_id\":\"DEV\""));
    rig_answer(&r, "/login", 200, LOGIN_OK);
    assert_int_equal(fake_count(r.http, "/sync"), 1);
    rig_assert_lines(&r, "");
    rig_teardown(&r);

    start_token(&r, "{\"access_token\":\"at0\",\"refresh_token\":\"rt0\"}");
    rig_answer(&r, "/whoami", 401, SOFT);
    rig_answer(&r, "/refresh", 403, FORBIDDEN);
    assert_over(&r, HOMESERVER_WRONG_PASSWORD, "no password");
    rig_teardown(&r);
}

static void test_place_of_the_refresh(void **state)
{
    struct home_rig r;

    (void)state;
    rig_setup(&r, "https://hs", "{\"refresh_token\":\"rt0\",\"password\":\"pw\"}");
    rig_start(&r, "");
    rig_answer(&r, "/versions", 200, "{\"versions\":[\"v1.1\",\"v1.2\"]}");
    assert_int_equal(fake_count(r.http, "/client/v1/refresh"), 1);
    /* It is elsewhere all the same. */
    rig_answer(&r, "/refresh", 404, "{\"errcode\":\"M_UNRECOGNIZED\"}");
    assert_int_equal(fake_count(r.http, "/client/v3/refresh"), 1);
    /* It is nowhere. */
    rig_answer(&r, "/refresh", 404, "{\"errcode\":\"M_UNRECOGNIZED\"}");
    assert_int_equal(fake_count(r.http, "/login"), 1);
    rig_teardown(&r);
}

static void test_refresh_that_does_not_get_through(void **state)
{
    struct home_rig r;

    (void)state;
    start_password(&r);
    rig_answer(&r, "/login", 200, LOGIN_OK);
    rig_tick(&r, 1500);
    rig_fail(&r, "/refresh", HTTP_CUT);
    assert_int_equal(r.fault, HOMESERVER_AWAY);
    rig_tick_to_deadline(&r, 1000);
    rig_answer(&r, "/refresh", 429, "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":5000}");
    rig_tick(&r, 4999);
    assert_int_equal(fake_count(r.http, "/refresh"), 0);
    rig_tick(&r, 1);
    rig_answer(&r, "/refresh", 200, PAIR("2"));
    assert_int_equal(r.fault, HOMESERVER_FINE);
    rig_teardown(&r);
}

static void test_tokens_that_die_at_once(void **state)
{
    struct home_rig r;

    (void)state;
    start_password(&r);
    rig_answer(&r, "/login", 200, LOGIN_OK);
    rig_answer(&r, "/sync", 401, SOFT);
    for (int i = 0; i < 20; i++) {
        if (fake_count(r.http, "/refresh") == 0) {
            rig_tick_to_deadline(&r, 60000);
        }
        if (fake_count(r.http, "/refresh") > 0) {
            rig_answer(&r, "/refresh", 200, PAIR("2"));
        }
        if (fake_count(r.http, "/sync") > 0) {
            rig_answer(&r, "/sync", 401, SOFT);
        }
    }
    assert_true(r.now_ms >= 1000000 + 60000); /* more and more seldom */
    rig_teardown(&r);
}

/* --- the disk -----------------------------------------------------------------------------------
 */

static void test_a_file_that_cannot_be_written(void **state)
{
    struct home_rig r;
    char fresh[72];

    (void)state;
    start_password(&r);
    (void)snprintf(fresh, sizeof(fresh), "%s.new", r.path);
    assert_int_equal(mkdir(fresh, 0700), 0); /* in the way of the new file */
    rig_answer(&r, "/login", 200, LOGIN_OK);
    assert_int_equal(r.fault, HOMESERVER_FAILED);
    assert_int_equal(fake_count(r.http, ""), 0); /* so it is not used */
    rig_tick_to_deadline(&r, 1500);
    assert_int_equal(fake_count(r.http, ""), 0);
    assert_int_equal(rmdir(fresh), 0);
    rig_tick(&r, 0);
    rig_tick_to_deadline(&r, 3000);
    assert_int_equal(r.fault, HOMESERVER_FINE);
    rig_assert_file(&r, "\"at1\"");
    assert_int_equal(fake_count(r.http, "/sync"), 1);
    rig_teardown(&r);
}

/* A new device is on the disk before anybody hears of it. */
static void test_a_device_that_cannot_be_written(void **state)
{
    struct home_rig r;
    char fresh[72];

    (void)state;
    rig_setup(&r, "https://hs", "{\"password\":\"pw\"}");
    (void)snprintf(fresh, sizeof(fresh), "%s.new", r.path);
    assert_int_equal(mkdir(fresh, 0700), 0);
    rig_start(&r, "");
    rig_answer(&r, "/versions", 200, VERSIONS_OK);
    assert_int_equal(r.fault, HOMESERVER_FAILED);
    assert_int_equal(fake_count(r.http, "/login"), 0);
    assert_int_equal(rmdir(fresh), 0);
    rig_tick(&r, 0);
    rig_tick_to_deadline(&r, 1000);
    assert_int_equal(fake_count(r.http, "/login"), 1);
    assert_int_equal(homeserver_deadline(r.home), UINT64_MAX); /* nothing to hurry for */
    rig_answer(&r, "/login", 200, LOGIN_OK);
    assert_int_equal(r.fault, HOMESERVER_FINE);
    rig_teardown(&r);
}

static void test_locked_while_running(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_send(&r, "!r:x", 1);
    rig_answer(&r, "/sync", 401, "{\"errcode\":\"M_USER_LOCKED\",\"soft_logout\":true}");
    assert_int_equal(r.fault, HOMESERVER_LOCKED);
    fake_answer(fake_find(r.http, "/send/"), 500, "");
    rig_tick(&r, 100000);
    assert_int_equal(fake_count(r.http, ""), 0);
    rig_teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_well_known),
        cmocka_unit_test(test_well_known_that_will_not_do),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refused_for_now),
        cmocka_unit_test(test_whoami),
        cmocka_unit_test(test_token_of_the_file_has_ended),
        cmocka_unit_test(test_tokens_of_two_seconds),
        cmocka_unit_test(test_margin_of_long_tokens),
        cmocka_unit_test(test_a_lifetime_without_end),
        cmocka_unit_test(test_several_meet_a_dead_token),
        cmocka_unit_test(test_a_late_401),
        cmocka_unit_test(test_refresh_refused),
        cmocka_unit_test(test_place_of_the_refresh),
        cmocka_unit_test(test_refresh_that_does_not_get_through),
        cmocka_unit_test(test_tokens_that_die_at_once),
        cmocka_unit_test(test_a_file_that_cannot_be_written),
        cmocka_unit_test(test_a_device_that_cannot_be_written),
        cmocka_unit_test(test_locked_while_running),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
