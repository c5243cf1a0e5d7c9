/* Syncs: the first one, what comes behind failures, and gaps. */

#include "home_rig.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT(id, body)                                                                             \
    "{\"type\":\"m.room.message\",\"event_id\":\"" id "\",\"sender\":\"@ann:x\",\"content\":{"     \
    "\"msgtype\":\"m.text\",\"body\":\"" body "\"}}"
#define CREATE                                                                                     \
    "{\"type\":\"m.room.create\",\"event_id\":\"$c\",\"sender\":\"@ann:x\",\"state_key\":\"\","    \
    "\"content\":{}}"
#define ENCRYPTED                                                                                  \
    "{\"type\":\"m.room.encryption\",\"event_id\":\"$e\",\"sender\":\"@ann:x\",\"state_key\":"     \
    "\"\","                                                                                        \
    "\"content\":{}}"
#define JOINS                                                                                      \
    "{\"type\":\"m.room.member\",\"event_id\":\"$j\",\"sender\":\"@bot:x\",\"state_key\":"         \
    "\"@bot:x\",\"content\":{\"membership\":\"join\"}}"
#define ROOM(id, limited, state, timeline)                                                         \
    "\"" id "\":{\"state\":{\"events\":[" state "]},\"timeline\":{\"limited\":" limited            \
    ",\"prev_batch\":\"t9\",\"events\":[" timeline "]}}"
#define SYNC(next, rooms) "{\"next_batch\":\"" next "\",\"rooms\":{\"join\":{" rooms "}}}"

/* The value of a parameter of the first call with this part, percent-decoded. */
static void assert_query(struct home_rig *r, const char *part, const char *name, const char *value)
{
    struct http_call *call = fake_find(r->http, part);
    char wanted[80], found[1000];
    size_t len = 0;

    assert_non_null(call);
    (void)snprintf(wanted, sizeof(wanted), "&%s=", name);
    const char *at = strstr(call->url, wanted);
    if (value == NULL) {
        assert_null(at);
        return;
    }
    assert_non_null(at);
    for (at += strlen(wanted); *at != '\0' && *at != '&'; at++) {
        char hex[3] = {at[0] == '%' ? at[1] : '0', at[0] == '%' ? at[2] : '0', '\0'};
        found[len++] = at[0] == '%' ? (char)strtol(hex, NULL, 16) : *at;
        at += at[0] == '%' ? 2 : 0;
    }
    found[len] = '\0';
    assert_string_equal(found, value);
}

#define FILTER(limit)                                                                              \
    "{\"presence\":{\"not_types\":[\"*\"]},\"account_data\":{\"not_types\":[\"*\"]},\"room\":{"    \
    "\"account_data\":{\"not_types\":[\"*\"]},\"ephemeral\":{\"not_types\":[\"*\"]},\"state\":{"   \
    "\"types\":[\"m.room.create\",\"m.room.encryption\",\"m.room.name\","                          \
    "\"m.room.canonical_alias\"]},\"timeline\":{\"limit\":" limit                                  \
    ",\"types\":[\"m.room.message\",\"m.room.redaction\",\"m.room.member\","                       \
    "\"m.room.name\",\"m.room.canonical_alias\",\"m.room.create\",\"m.room.encryption\"]}}}"

static void test_first(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "");
    assert_query(&r, "/v3/sync?set_presence=offline", "timeout", "0");
    assert_query(&r, "/sync", "since", NULL);
    assert_query(&r, "/sync", "filter", FILTER("1"));
    assert_int_equal(homeserver_synced_ms(r.home), 0);
    rig_answer(&r, "/sync", 200, SYNC("s1", ROOM("!r:x", "true", CREATE, TEXT("$1", "a"))));
    rig_assert_lines(&r, "joined !r:x\nmessage !r:x a old\nsynced s1\n");
    assert_int_equal(homeserver_synced_ms(r.home), r.now_ms);
    assert_query(&r, "/sync", "timeout", "30000");
    assert_query(&r, "/sync", "since", "s1");
    assert_query(&r, "/sync", "filter", FILTER("20"));
    rig_answer(&r, "/sync", 200, SYNC("s2", ROOM("!r:x", "false", "", TEXT("$2", "b"))));
    rig_assert_lines(&r, "joined !r:x\nmessage !r:x b\nsynced s2\n");
    rig_teardown(&r);
}

static void test_after_a_restart(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s/1 &");
    assert_query(&r, "/sync", "since", "s/1 &");
    assert_query(&r, "/sync", "timeout", "0");
    rig_answer(&r, "/sync", 200, SYNC("s2", ROOM("!r:x", "false", "", TEXT("$2", "b"))));
    rig_assert_lines(&r, "joined !r:x\nmessage !r:x b\nsynced s2\n");
    rig_teardown(&r);
}

static void test_failures(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
        enum homeserver_fault fault;
    } answers[] = {
        {200, "<html>", HOMESERVER_NO_SERVER},
        {200, "{}", HOMESERVER_NO_SERVER},
        {200, "{\"next_batch\":\"s2\"", HOMESERVER_NO_SERVER},
        {400, "{\"errcode\":\"M_UNKNOWN\"}", HOMESERVER_AWAY},
        {403, "{\"errcode\":\"M_FORBIDDEN\"}", HOMESERVER_AWAY},
        {500, "{\"errcode\":\"M_UNKNOWN\"}", HOMESERVER_AWAY},
    };
    struct home_rig r;

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        rig_ready(&r, "s1");
        rig_answer(&r, "/sync", 200, SYNC("s1", ""));
        assert_query(&r, "/sync", "timeout", "30000");
        rig_answer(&r, "/sync", answers[i].status, answers[i].body);
        assert_int_equal(r.fault, answers[i].fault);
        assert_int_equal(fake_count(r.http, ""), 0);
        rig_tick_to_deadline(&r, 1000);
        /* Without waiting, so that it shows whether the server is back. */
        assert_query(&r, "/sync", "timeout", "0");
        rig_answer(&r, "/sync", 200, SYNC("s2", ""));
        assert_int_equal(r.fault, HOMESERVER_FINE);
        assert_query(&r, "/sync", "timeout", "30000");
        rig_teardown(&r);
    }
}

static void test_limits(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_answer(&r, "/sync", 429, "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":700}");
    rig_tick(&r, 699);
    assert_int_equal(fake_count(r.http, "/sync"), 0);
    rig_tick(&r, 1);
    assert_int_equal(fake_count(r.http, "/sync"), 1);
    rig_assert_lines(&r, "");
    rig_teardown(&r);
}

static void test_too_large(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_fail(&r, "/sync", HTTP_TOO_LARGE);
    assert_query(&r, "/sync", "filter", FILTER("10"));
    for (int i = 0; i < 3; i++) {
        rig_fail(&r, "/sync", HTTP_TOO_LARGE);
    }
    assert_query(&r, "/sync", "filter", FILTER("1"));
    assert_int_equal(r.fault, HOMESERVER_FINE);
    rig_fail(&r, "/sync", HTTP_TOO_LARGE);
    assert_int_equal(r.fault, HOMESERVER_AWAY);
    assert_int_equal(fake_count(r.http, "/sync"), 0);
    rig_teardown(&r);
}

/* A server that does not wait is asked twenty times a second, unless it has something to say. */
static void test_a_server_that_does_not_wait(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    for (int i = 0; i < 100; i++) {
        rig_answer(&r, "/sync", 200, SYNC("s2", ROOM("!r:x", "false", "", "")));
    }
    for (int i = 0; i < 21; i++) {
        rig_answer(&r, "/sync", 200, SYNC("s2", ""));
    }
    assert_int_equal(fake_count(r.http, "/sync"), 0);
    rig_tick_to_deadline(&r, 1000);
    for (int i = 0; i < 100; i++) {
        rig_answer(&r, "/sync", 200, SYNC("s2", ""));
        rig_tick(&r, 60);
    }
    assert_int_equal(r.now_ms, 1000000 + 1000 + 6000);
    rig_teardown(&r);
}

/* --- gaps ---------------------------------------------------------------------------------------
 */

#define GAP SYNC("s2", ROOM("!r:x", "true", "", TEXT("$9", "i")) "," ROOM("!q:x", "false", "", ""))

static void test_gap(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_answer(&r, "/sync", 200, GAP);
    rig_assert_lines(&r, "");
    assert_int_equal(fake_count(r.http, "/sync"), 0);
    assert_non_null(fake_find(r.http, "/v3/rooms/%21r%3Ax/messages?dir=f&"));
    assert_query(&r, "/messages", "from", "s1");
    assert_query(&r, "/messages", "to", "t9");
    assert_query(&r, "/messages", "limit", "100");
    assert_query(&r, "/messages", "filter",
                 "{\"types\":[\"m.room.message\",\"m.room.redaction\","
                 "\"m.room.member\",\"m.room.name\",\"m.room.canonical_alias\",\"m.room.create\","
                 "\"m.room.encryption\"]}");
    rig_answer(&r, "/messages", 200, "{\"chunk\":[" TEXT("$1", "a") "],\"end\":\"t5\"}");
    rig_assert_lines(&r, "joined !r:x\nmessage !r:x a\nsynced \n");
    assert_query(&r, "/messages", "from", "t5");
    rig_answer(&r, "/messages", 200, "{\"chunk\":[" TEXT("$2", "b") "]}");
    rig_assert_lines(&r, "message !r:x b\nsynced \n"
                         "joined !r:x\nmessage !r:x i\njoined !q:x\nsynced s2\n");
    assert_query(&r, "/sync", "since", "s2");
    rig_teardown(&r);
}

/* What is told makes the core act, and an action starts whatever may start: not what is told. */
static void test_actions_while_a_gap_is_told(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    r.acts_in_synced = true;
    rig_answer(&r, "/sync", 200, GAP);
    unsigned before = r.http->count;
    rig_answer(&r, "/messages", 200, "{\"chunk\":[" TEXT("$1", "a") "],\"end\":\"t5\"}");
    assert_int_equal(r.http->count, before + 2); /* typing, and the next page */
    rig_answer(&r, "/typing/", 200, "{}");
    rig_answer(&r, "/messages", 200, "{\"chunk\":[" TEXT("$2", "b") "]}");
    assert_int_equal(fake_count(r.http, "/messages"), 0);
    assert_query(&r, "/sync", "since", "s2");
    rig_teardown(&r);
}

static void test_ends_of_gaps(void **state)
{
    static const char *const pages[] = {
        "{\"chunk\":[]}",
        "{\"chunk\":[7],\"end\":\"t9\"}", /* where the timeline begins */
        "{\"chunk\":[7],\"end\":\"s1\"}", /* where it was */
        "{\"chunk\":[],\"end\":\"t9\"}",
        "{\"chunk\":[],\"end\":\"s1\"}",
    };
    struct home_rig r;

    (void)state;
    for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
        rig_ready(&r, "s1");
        rig_answer(&r, "/sync", 200, GAP);
        rig_answer(&r, "/messages", 200, pages[i]);
        rig_assert_lines(&r, "joined !r:x\nsynced \n"
                             "joined !r:x\nmessage !r:x i\njoined !q:x\nsynced s2\n");
        rig_teardown(&r);
    }
}

static void answer_empty_pages(struct home_rig *r, unsigned count)
{
    char page[60];

    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(page, sizeof(page), "{\"chunk\":[],\"end\":\"e%u\"}", i);
        rig_answer(r, "/messages", 200, page);
    }
}

/* "An empty chunk does not necessarily imply that no more events are available." */
static void test_empty_pages(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_answer(&r, "/sync", 200, GAP);
    answer_empty_pages(&r, 49);
    assert_query(&r, "/messages", "from", "e48");
    rig_answer(&r, "/messages", 200, "{\"chunk\":[" TEXT("$1", "a") "],\"end\":\"t5\"}");
    r.lines.len = 0;
    answer_empty_pages(&r, 49);
    rig_answer(&r, "/messages", 200, "{\"chunk\":[" TEXT("$2", "b") "]}");
    buf_append_char(&r.lines, '\0');
    assert_non_null(strstr(r.lines.data, "message !r:x b\nsynced \njoined !r:x\nmessage !r:x i\n"));
    assert_int_equal(r.logs.len, 0);
    rig_teardown(&r);
}

static void test_empty_pages_without_end(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_answer(&r, "/sync", 200, GAP);
    answer_empty_pages(&r, 49);
    r.lines.len = 0;
    answer_empty_pages(&r, 1);
    rig_assert_lines(&r, "synced \njoined !r:x\nmessage !r:x i\njoined !q:x\nsynced s2\n");
    assert_non_null(strstr(r.logs.data, "gap_lost !r:x empty_pages=50"));
    rig_teardown(&r);
}

static void test_gap_that_is_not_seen(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_answer(&r, "/sync", 200, GAP);
    rig_answer(&r, "/messages", 403, "{\"errcode\":\"M_FORBIDDEN\"}");
    rig_assert_lines(&r, "joined !r:x\nmessage !r:x i\njoined !q:x\nsynced s2\n");
    assert_non_null(strstr(r.logs.data, "gap_lost !r:x status=403 code=M_FORBIDDEN"));
    rig_teardown(&r);
}

static void test_gap_with_failures(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_answer(&r, "/sync", 200, GAP);
    rig_answer(&r, "/messages", 500, "");
    rig_tick_to_deadline(&r, 1000);
    assert_query(&r, "/messages", "limit", "100");
    rig_fail(&r, "/messages", HTTP_TOO_LARGE);
    assert_query(&r, "/messages", "limit", "50");
    rig_answer(&r, "/messages", 401, "{\"errcode\":\"M_UNKNOWN_TOKEN\"}");
    rig_answer(&r, "/login", 200, LOGIN_OK);
    rig_answer(&r, "/messages", 200, "{\"chunk\":[" TEXT("$1", "a") "]}");
    rig_assert_lines(&r, "joined !r:x\nmessage !r:x a\nsynced \n"
                         "joined !r:x\nmessage !r:x i\njoined !q:x\nsynced s2\n");
    rig_teardown(&r);
}

/* What a server cannot do in time it may do in parts, and of another room at once. */
static void test_pages_that_are_too_much(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_answer(&r, "/sync", 200,
               SYNC("s2", ROOM("!r:x", "true", "", "") "," ROOM("!q:x", "true", "", "")));
    rig_fail(&r, "/messages", HTTP_TIMEOUT);
    rig_tick_to_deadline(&r, 60000);
    assert_query(&r, "/messages", "limit", "50");
    rig_answer(&r, "/messages", 200, "{\"chunk\":[" TEXT("$1", "a"));
    rig_tick_to_deadline(&r, 60000);
    assert_query(&r, "/messages", "limit", "25");
    for (int i = 0; i < 4; i++) {
        rig_answer(&r, "/messages", 504, "<html>");
        rig_tick_to_deadline(&r, 60000);
    }
    assert_query(&r, "/messages", "limit", "6");
    rig_answer(&r, "/messages", 200, "{\"chunk\":[" TEXT("$1", "a") "]}");
    assert_query(&r, "q%3Ax/messages", "limit", "100");
    assert_int_equal(r.fault, HOMESERVER_FINE);
    rig_teardown(&r);
}

/* For so long each page is answered so, and each question who we are with `whoami`. */
static void fail_pages(struct home_rig *r, uint64_t ms, unsigned status, unsigned whoami)
{
    uint64_t begin = r->now_ms;

    while (r->now_ms - begin < ms && fake_count(r->http, "/sync") == 0) {
        if (fake_count(r->http, "/account/whoami") > 0) {
            rig_answer(r, "/account/whoami", whoami, WHOAMI_OK);
        } else if (fake_count(r->http, "/messages") > 0) {
            rig_answer(r, "/messages", status, "{\"errcode\":\"M_UNKNOWN\"}");
        } else {
            rig_tick_to_deadline(r, 60000);
        }
    }
}

static unsigned count_logs(struct home_rig *r, const char *event)
{
    unsigned count = 0;

    buf_append_char(&r->logs, '\0');
    r->logs.len--;
    for (const char *at = r->logs.data; (at = strstr(at, event)) != NULL; at++) {
        count++;
    }
    return count;
}

/* One room that the server cannot read does not stop the others for ever. */
static void test_a_gap_that_is_stuck(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_answer(&r, "/sync", 200, GAP);
    fail_pages(&r, 299000, 500, 200);
    rig_assert_lines(&r, "");
    assert_int_equal(count_logs(&r, "gap_stuck !r:x tries=3 status=500 look="), 1);
    assert_int_equal(count_logs(&r, "gap_stuck"), 1);
    assert_int_equal(count_logs(&r, "gap_lost"), 0);
    fail_pages(&r, 121000, 500, 200);
    rig_assert_lines(&r, "joined !r:x\nmessage !r:x i\njoined !q:x\nsynced s2\n");
    assert_int_equal(count_logs(&r, "gap_lost !r:x tries="), 1);
    assert_int_equal(fake_count(r.http, "/messages"), 0);
    assert_query(&r, "/sync", "since", "s2");
    rig_teardown(&r);
}

/* A proxy answers for a server that is away: then nothing is given up, however long it takes. */
static void test_a_gap_while_the_server_is_ill(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_answer(&r, "/sync", 200, GAP);
    fail_pages(&r, 3600000, 502, 502);
    assert_int_equal(count_logs(&r, "gap_lost"), 0);
    assert_in_range(count_logs(&r, "gap_stuck"), 10, 12);
    while (fake_count(r.http, "/messages") == 0) {
        rig_tick_to_deadline(&r, 60000);
    }
    rig_answer(&r, "/messages", 200, "{\"chunk\":[" TEXT("$1", "a") "]}");
    rig_assert_lines(&r, "joined !r:x\nmessage !r:x a\nsynced \n"
                         "joined !r:x\nmessage !r:x i\njoined !q:x\nsynced s2\n");
    rig_teardown(&r);
}

/* It comes back behind a page that failed, and in time for the question who we are: twice. */
static void test_a_gap_while_the_server_comes_back(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_answer(&r, "/sync", 200, GAP);
    for (int i = 0; i < 2; i++) {
        fail_pages(&r, 400000, 502, 502);
        while (fake_count(r.http, "/account/whoami") == 0) {
            if (fake_count(r.http, "/messages") > 0) {
                rig_answer(&r, "/messages", 502, "");
            } else {
                rig_tick_to_deadline(&r, 60000);
            }
        }
        rig_answer(&r, "/account/whoami", 200, WHOAMI_OK);
        assert_int_equal(fake_count(r.http, "/sync"), 0);
    }
    rig_tick_to_deadline(&r, 60000);
    rig_answer(&r, "/messages", 200, "{\"chunk\":[" TEXT("$1", "a") "]}");
    rig_assert_lines(&r, "joined !r:x\nmessage !r:x a\nsynced \n"
                         "joined !r:x\nmessage !r:x i\njoined !q:x\nsynced s2\n");
    assert_int_equal(count_logs(&r, "gap_lost"), 0);
    rig_teardown(&r);
}

/* The page comes while it is asked who we are, or comes and the next one fails. */
static void test_a_gap_that_gets_on(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_answer(&r, "/sync", 200,
               SYNC("s2", ROOM("!r:x", "true", "", "") "," ROOM("!q:x", "true", "", "")));
    for (int i = 0; fake_count(r.http, "/account/whoami") == 0 && i < 100; i++) {
        if (fake_count(r.http, "/messages") > 0) {
            rig_answer(&r, "/messages", 500, "");
        } else {
            rig_tick_to_deadline(&r, 60000);
        }
    }
    rig_tick_to_deadline(&r, 60000);
    rig_answer(&r, "r%3Ax/messages", 200, "{\"chunk\":[7],\"end\":\"t5\"}");
    rig_answer(&r, "r%3Ax/messages", 500, "");
    rig_answer(&r, "/account/whoami", 200, WHOAMI_OK);
    rig_tick_to_deadline(&r, 60000);
    rig_answer(&r, "r%3Ax/messages", 200, "{\"chunk\":[" TEXT("$1", "a") "]}");
    assert_int_equal(fake_count(r.http, "q%3Ax/messages"), 1);
    assert_int_equal(count_logs(&r, "gap_lost"), 0);
    rig_teardown(&r);
}

/* What was said before we were there is no question, however we learn of it. */
static void test_gap_of_a_new_room(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_answer(&r, "/sync", 200,
               SYNC("s2", ROOM("!r:x", "true", CREATE "," ENCRYPTED, TEXT("$9", "i"))));
    rig_answer(&r, "/messages", 200, "{\"chunk\":[" TEXT("$1", "a") "],\"end\":\"t5\"}");
    rig_answer(&r, "/messages", 200,
               "{\"chunk\":[" TEXT("$2", "b") "," JOINS "," TEXT("$3", "c") "],\"end\":\"t6\"}");
    rig_answer(&r, "/messages", 200, "{\"chunk\":[" TEXT("$4", "d") "]}");
    rig_assert_lines(&r, "joined !r:x\nencrypted !r:x\nmessage !r:x a old\nsynced \n"
                         "message !r:x b old\nmessage !r:x c\nsynced \nmessage !r:x d\nsynced \n"
                         "joined !r:x\nencrypted !r:x\nmessage !r:x i\nsynced s2\n");
    rig_teardown(&r);
}

static void test_two_gaps_and_a_stop(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    rig_answer(&r, "/sync", 200,
               SYNC("s2", ROOM("!r:x", "true", "", "") "," ROOM("!q:x", "true", "", "")));
    assert_int_equal(fake_count(r.http, "/messages"), 1);
    rig_answer(&r, "r%3Ax/messages", 200, "{\"chunk\":[]}");
    assert_int_equal(fake_count(r.http, "q%3Ax/messages"), 1);
    homeserver_stop(r.home);
    assert_true(homeserver_idle(r.home));
    rig_tick(&r, 100000);
    rig_assert_lines(&r, "joined !r:x\nsynced \n"); /* the next start asks from s1 */
    rig_teardown(&r);
}

static void test_malformed_is_logged_seldom(void **state)
{
    struct home_rig r;

    (void)state;
    rig_ready(&r, "s1");
    for (int i = 0; i < 3; i++) {
        rig_answer(&r, "/sync", 200, SYNC("s2", ROOM("!r:x", "false", "", "7,8")));
    }
    buf_append_char(&r.logs, '\0');
    assert_string_equal(r.logs.data, "sync_malformed https://hs events=2\n");
    rig_teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_after_a_restart),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_a_server_that_does_not_wait),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_actions_while_a_gap_is_told),
        cmocka_unit_test(test_ends_of_gaps),
        cmocka_unit_test(test_empty_pages),
        cmocka_unit_test(test_empty_pages_without_end),
        cmocka_unit_test(test_gap_that_is_not_seen),
        cmocka_unit_test(test_gap_with_failures),
        cmocka_unit_test(test_pages_that_are_too_much),
        cmocka_unit_test(test_a_gap_that_is_stuck),
        cmocka_unit_test(test_a_gap_while_the_server_is_ill),
        cmocka_unit_test(test_a_gap_while_the_server_comes_back),
        cmocka_unit_test(test_a_gap_that_gets_on),
        cmocka_unit_test(test_gap_of_a_new_room),
        cmocka_unit_test(test_two_gaps_and_a_stop),
        cmocka_unit_test(test_malformed_is_logged_seldom),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
