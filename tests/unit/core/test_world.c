#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "room.h"
#include "unit.h"

/* The world dialect, rule by rule (wire.md 3 and 4). */

static struct room *room_of(int clients)
{
    struct room *r = room_new(NULL);

    for (int i = 0; i < clients; i++) {
        assert_int_equal(room_join(r, ""), i);
    }
    return r;
}

static void test_greeting(void **state)
{
    struct room *r = room_new(NULL);

    (void)state;
    assert_int_equal(room_enter(r, ""), 0);
    room_expect_exact(
        r, 0,
        "{\"type\":\"connection_ack\",\"agent_id\":\"gateway\",\"agentId\":\"gateway\","
        "\"data\":{\"client_id\":\"*\",\"server\":\"parley/"
        "parley\",\"protocol\":1,\"world\":\"main\","
        "\"agents\":[],\"total\":0,\"limits\":{\"message_bytes\":1048576,"
        "\"frame_bytes\":10485760,\"send_queue_bytes\":2097152,\"registration_bytes\":16384,"
        "\"filters\":64},\"heartbeat_seconds\":30},\"ts\":1700000000}");
    assert_int_equal(strlen(r->clients[0].id), 15);
    assert_memory_equal(r->clients[0].id, "c-", 2);
    assert_int_equal(strspn(r->clients[0].id + 2, "abcdefghijklmnopqrstuvwxyz234567"), 13);
    room_register(r, 0, "timmy");
    assert_int_equal(room_enter(r, "main"), 1);
    assert_string_not_equal(r->clients[0].id, r->clients[1].id);
    room_expect(r, 1,
                "{\"data\":{\"agents\":[{\"agent_id\":\"timmy\",\"agentId\":\"timmy\","
                "\"role\":\"agent\"}],\"total\":1}}");
    room_free(r);
}

static void test_ts_is_in_seconds(void **state)
{
    struct room *r = room_of(1);

    (void)state;
    virtual_tick(&r->v, 1007);
    room_say(r, 0, "nonsense");
    const char *text = room_next(r, 0);
    assert_non_null(text);
    assert_non_null(strstr(text, "\"ts\":1700000001.007}"));
    room_free(r);
}

/* Byte for byte, whatever the spelling; to everyone else in the world, not to the sender. */
static void test_broadcast_keeps_bytes(void **state)
{
    static const char *const texts[] = {
        "{\"type\":\"bark\"}",
        " { \"type\" : \"bark\" , \"n\":0.10,\"e\":1E2,\"big\":12345678901234567890 }\t",
        "{\"ty\\u0070e\":\"never heard of \\u00e9\",\"x\":1,\"x\":2}",
        "{\"type\":\"bark\",\"agent_id\":null,\"target_id\":null}",
        "{\"type\":\"bark\",\"agent_id\":\"gateway\",\"agentId\":\"gateway\"}",
        "{\"data\":{\"type\":\"ping\"},\"type\":\"world_load\"}",
    };
    struct room *r = room_of(3);

    (void)state;
    int elsewhere = room_join(r, "attic");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        room_say(r, (int)i % 3, "%s", texts[i]);
        for (int c = 0; c < 3; c++) {
            if (c != (int)i % 3) {
                room_expect_text(r, c, texts[i]);
            }
            room_expect_nothing(r, c);
        }
    }
    room_expect_nothing(r, elsewhere);
    room_free(r);
}

static void test_parse_errors(void **state)
{
    static const struct {
        const char *text;
        int position;
    } cases[] = {{"", 0},
                 {"hello", 0},
                 {"{\"type\":\"bark\",}", 15},
                 {"{\"type\":\"bark\"} x", 16},
                 {"{\"type\":\"bark\"", 14},
                 {"{\"a\":\"\xff\"}", 6},
                 {"{\"a\":\"\\ud800\"}", 6}};
    struct room *r = room_of(2);
    char deep[200];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char pattern[200];
        room_say(r, 0, "%s", cases[i].text);
        (void)snprintf(pattern, sizeof(pattern),
                       "{\"type\":\"error\",\"agent_id\":\"gateway\",\"agentId\":\"gateway\","
                       "\"data\":{\"code\":\"PARSE_ERROR\",\"message\":\"*\",\"details\":"
                       "{\"position\":%d,\"reason\":\"*\"}},\"ts\":\"*\"}",
                       cases[i].position);
        room_expect_exact(r, 0, pattern);
    }
    memset(deep, '[', sizeof(deep));
    memcpy(deep, "{\"a\":", 5);
    room_say_bytes(r, 0, str_make(deep, sizeof(deep)));
    room_expect(r, 0, "{\"data\":{\"code\":\"PARSE_ERROR\",\"details\":{\"position\":68}}}");
    room_say(r, 0, "{\"type\":\"bark\"}");
    room_expect_text(r, 1, "{\"type\":\"bark\"}");
    room_expect_nothing(r, 0);
    room_expect_nothing(r, 1);
    room_free(r);
}

static void test_invalid_messages(void **state)
{
    static const struct {
        const char *text;
        const char *path;
    } cases[] = {
        {"[\"bark\"]", ""},
        {"\"bark\"", ""},
        {"{}", "type"},
        {"{\"data\":{\"type\":\"bark\"}}", "type"},
        {"{\"type\":\"\"}", "type"},
        {"{\"type\":7}", "type"},
        {"{\"type\":null}", "type"},
        {"{\"type\":[\"bark\"]}", "type"},
        {"{\"type\":\"bark\",\"type\":\"bark\"}", "type"},
        {"{\"type\":\"bark\",\"t\\u0079pe\":\"bark\"}", "type"},
        {"{\"type\":\"bark\",\"agent_id\":7}", "agent_id"},
        {"{\"type\":\"bark\",\"agentId\":{}}", "agent_id"},
        {"{\"type\":\"bark\",\"target_id\":true}", "target_id"},
        {"{\"type\":\"bark\",\"target_id\":\"a\",\"targetId\":\"b\"}", "target_id"},
        {"{\"type\":\"bark\",\"data\":1,\"data\":1}", "data"},
    };
    struct room *r = room_of(2);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char pattern[200];
        room_say(r, 0, "%s", cases[i].text);
        (void)snprintf(pattern, sizeof(pattern),
                       "{\"data\":{\"code\":\"INVALID_MESSAGE\",\"details\":{\"path\":\"%s\"}}}",
                       cases[i].path);
        room_expect(r, 0, pattern);
        room_expect_nothing(r, 0);
    }
    room_expect_nothing(r, 1);
    room_free(r);
}

static void test_too_many_members(void **state)
{
    struct room *r = room_of(2);
    struct buf b;

    (void)state;
    buf_init(&b, 100000);
    buf_append_str(&b, STR("{\"type\":\"bark\""));
    for (int i = 1; i < 1024; i++) {
        buf_printf(&b, ",\"m%d\":0", i);
    }
    buf_append_char(&b, '}');
    room_say_bytes(r, 0, buf_str(&b));
    assert_non_null(room_next(r, 1));
    b.len--;
    buf_append_str(&b, STR(",\"m\":0}"));
    room_say_bytes(r, 0, buf_str(&b));
    room_expect_error(r, 0, "INVALID_MESSAGE");
    room_expect_nothing(r, 1);
    buf_fini(&b);
    room_free(r);
}

static void test_too_big(void **state)
{
    struct room *r = room_of(1);

    (void)state;
    struct up *item =
        up_batch_add(r->v.reactor[0].up, UP_TOO_BIG, r->clients[0].conn->handle, STR(""));
    assert_non_null(item);
    item->size = 2000000;
    virtual_settle(&r->v);
    room_expect_exact(r, 0,
                      "{\"type\":\"error\",\"agent_id\":\"gateway\",\"agentId\":\"gateway\","
                      "\"data\":{\"code\":\"MESSAGE_TOO_LARGE\",\"message\":\"*\",\"details\":"
                      "{\"limit\":\"message_bytes\",\"max\":1048576,\"size\":2000000}},"
                      "\"ts\":\"*\"}");
    room_say(r, 0, "{\"type\":\"ping\"}");
    room_expect_text(r, 0, "{\"type\":\"pong\"}");
    room_free(r);
}

static void test_forbidden_types(void **state)
{
    static const char *const types[] = {
        "connection_ack", "agent_joined", "agent_left", "hello_ok", "auth_success",
        "auth_error",     "session_info", "agent_info", "pong",     "error",
        "p\\u006fng",     "sync_state",   "monitor",
    };
    struct room *r = room_of(2);

    (void)state;
    room_register(r, 0, "timmy");
    assert_non_null(room_next(r, 1));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        room_say(r, (int)i % 2, "{\"type\":\"%s\",\"target_id\":\"timmy\"}", types[i]);
        room_expect(r, (int)i % 2,
                    "{\"data\":{\"code\":\"FORBIDDEN\",\"details\":{\"rule\":\"gateway_types\","
                    "\"type\":\"*\"}}}");
        room_expect_nothing(r, 0);
        room_expect_nothing(r, 1);
    }
    room_free(r);
}

static void test_ping(void **state)
{
    struct room *r = room_of(2);

    (void)state;
    room_say(r, 0, "{\"type\":\"ping\",\"target_id\":\"%s\"}", r->clients[1].id);
    room_expect_text(r, 0, "{\"type\":\"pong\"}");
    room_expect_nothing(r, 0);
    room_expect_nothing(r, 1);
    room_free(r);
}

/* --- directed --------------------------------------------------------------------------------- */

static void test_directed(void **state)
{
    struct room *r = room_of(3);
    int elsewhere = room_join(r, "attic");

    (void)state;
    room_register(r, 1, "timmy");
    assert_non_null(room_next(r, 0));
    assert_non_null(room_next(r, 2));
    room_say(r, 0, "{\"type\":\"bark\", \"target_id\":\"timmy\"}");
    room_expect_text(r, 1, "{\"type\":\"bark\", \"target_id\":\"timmy\"}");
    room_say(r, 0, "{\"type\":\"bark\", \"targetId\":\"t\\u0069mmy\", \"target_id\":\"timmy\"}");
    room_expect(r, 1, "{\"target_id\":\"timmy\"}");
    room_say(r, elsewhere, "{\"type\":\"bark\",\"target_id\":\"timmy\"}");
    room_expect(r, 1, "{\"type\":\"bark\"}");
    room_say(r, 1, "{\"type\":\"x\",\"target_id\":\"%s\"}", r->clients[elsewhere].id);
    room_expect(r, elsewhere, "{\"type\":\"x\"}");
    room_say(r, 1, "{\"type\":\"x\",\"target_id\":\"%s\"}", r->clients[2].id);
    room_expect(r, 2, "{\"type\":\"x\"}");
    for (int i = 0; i < 4; i++) {
        room_expect_nothing(r, i);
    }
    room_free(r);
}

static void test_unknown_target(void **state)
{
    struct room *r = room_of(3);
    char long_id[300];
    char gone[16];

    (void)state;
    memset(long_id, 'a', sizeof(long_id));
    long_id[sizeof(long_id) - 1] = '\0';
    memcpy(gone, r->clients[2].id, sizeof(gone));
    room_register(r, 2, "timmy");
    room_abort(r, 2);
    while (room_next(r, 0) != NULL || room_next(r, 1) != NULL) {
    }
    const char *const ids[] = {"nobody", "",   "a b",     long_id,  "c-aaaaaaaaaaaaa",
                               "c-",     gone, "gateway", "\\u0000"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        room_say(r, 0, "{\"type\":\"bark\",\"target_id\":\"%s\"}", ids[i]);
        room_expect_error(r, 0, "TARGET_NOT_FOUND");
        room_expect_nothing(r, 0);
        room_expect_nothing(r, 1);
    }
    room_say(r, 0, "{\"type\":\"bark\",\"target_id\":\"nobody\"}");
    room_expect(r, 0, "{\"data\":{\"details\":{\"target_id\":\"nobody\"}}}");
    room_say(r, 0, "{\"type\":\"bark\",\"target_id\":\"timmy\"}");
    room_expect(r, 0,
                "{\"data\":{\"code\":\"TARGET_OFFLINE\",\"details\":{\"target_id\":\"timmy\"}}}");
    room_free(r);
}

/* --- filters ---------------------------------------------------------------------------------- */

static void bark_and_scene(struct room *r, int from)
{
    room_say(r, from, "{\"type\":\"bark\"}");
    room_say(r, from, "{\"type\":\"scene_add\"}");
    room_say(r, from, "{\"type\":\"thought\"}");
}

static void test_subscribe(void **state)
{
    struct room *r = room_of(2);

    (void)state;
    room_say(r, 1, "{\"type\":\"subscribe\",\"types\":[\"bark\",\"sc\\u0065ne_*\"]}");
    bark_and_scene(r, 0);
    room_register(r, 0, "timmy");
    room_expect(r, 1, "{\"type\":\"bark\"}");
    room_expect(r, 1, "{\"type\":\"scene_add\"}");
    room_expect_nothing(r, 1);
    room_say(r, 0, "{\"type\":\"thought\",\"target_id\":\"%s\"}", r->clients[1].id);
    room_expect(r, 1, "{\"type\":\"thought\"}");
    room_say(r, 1, "{\"type\":\"ping\"}");
    room_expect(r, 1, "{\"type\":\"pong\"}");
    room_say(r, 1, "{\"type\":\"subscribe\",\"data\":{\"types\":[\"agent_joined\"]}}");
    bark_and_scene(r, 0);
    room_register(r, 0, "tommy");
    room_expect(r, 1, "{\"type\":\"agent_joined\",\"agentId\":\"tommy\"}");
    room_expect_nothing(r, 1);
    room_say(r, 1, "{\"type\":\"subscribe\",\"types\":[]}");
    bark_and_scene(r, 0);
    room_expect_nothing(r, 1);
    room_say(r, 1, "{\"type\":\"subscribe\",\"types\":[\"*\"]}");
    bark_and_scene(r, 0);
    assert_true(room_next(r, 1) && room_next(r, 1) && room_next(r, 1));
    room_say(r, 1, "{\"type\":\"subscribe\",\"types\":[\"x\"]}");
    room_say(r, 1, "{\"type\":\"subscribe\",\"types\":null}");
    bark_and_scene(r, 0);
    assert_true(room_next(r, 1) && room_next(r, 1) && room_next(r, 1));
    room_say(r, 1, "{\"type\":\"subscribe\",\"types\":[\"x\"]}");
    room_say(r, 1, "{\"type\":\"subscribe\"}");
    bark_and_scene(r, 0);
    assert_true(room_next(r, 1) && room_next(r, 1) && room_next(r, 1));
    room_expect_nothing(r, 1);
    room_expect_nothing(r, 0);
    room_free(r);
}

/* Names of one length and one end, which are one after the other what came last. */
static void test_types_that_are_alike(void **state)
{
    static const char *const types[] = {"wave_a", "sung_a", "dive_a", "wave_b"};
    struct room *r = room_of(2);

    (void)state;
    room_say(r, 1, "{\"type\":\"subscribe\",\"types\":[\"sung_a\"]}");
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
            room_say(r, 0, "{\"type\":\"%s\",\"data\":{\"round\":%d}}", types[i], round);
            room_say(r, 0, "{\"type\":\"%s\",\"data\":{\"round\":%d}}", types[i], round);
        }
        for (int times = 0; times < 2; times++) {
            const char *heard = room_next(r, 1);
            assert_non_null(heard);
            assert_non_null(strstr(heard, "\"sung_a\""));
        }
        room_expect_nothing(r, 1);
    }
    room_free(r);
}

static void test_bad_subscriptions_change_nothing(void **state)
{
    static const struct {
        const char *types;
        const char *path;
    } cases[] = {{"7", "types"},
                 {"\"bark\"", "types"},
                 {"{}", "types"},
                 {"[\"a\",7]", "types[1]"},
                 {"[\"\"]", "types[0]"},
                 {"[\"a\",\"b\",\"a*b\"]", "types[2]"},
                 {"[\"**\"]", "types[0]"},
                 {"[null]", "types[0]"},
                 {"null,\"data\":[]", "data"}};
    struct room *r = room_of(2);
    struct buf b;

    (void)state;
    room_say(r, 1, "{\"type\":\"subscribe\",\"types\":[\"bark\"]}");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char pattern[200];
        room_say(r, 1, "{\"type\":\"subscribe\",\"types\":%s}", cases[i].types);
        (void)snprintf(pattern, sizeof(pattern),
                       "{\"data\":{\"code\":\"INVALID_MESSAGE\",\"details\":{\"path\":\"%s\"}}}",
                       cases[i].path);
        room_expect(r, 1, pattern);
    }
    room_say(r, 1, "{\"type\":\"subscribe\",\"data\":{\"types\":[\"a\",\"**\"]}}");
    room_expect(r, 1, "{\"data\":{\"details\":{\"path\":\"data.types[1]\"}}}");
    room_say(r, 1, "{\"type\":\"subscribe\",\"data\":{\"types\":{}}}");
    room_expect(
        r, 1,
        "{\"data\":{\"code\":\"INVALID_MESSAGE\",\"details\":{\"path\":\"data.types\","
        "\"expected\":\"an array of at most 1024 strings or null\",\"found\":\"an object\"}}}");
    buf_init(&b, 4096);
    buf_append_str(&b, STR("{\"type\":\"subscribe\",\"types\":[\"t\""));
    for (int i = 1; i < FILTER_MAX_PATTERNS; i++) {
        buf_printf(&b, ",\"t%d\"", i);
    }
    buf_append_str(&b, STR(",\"bark\"]}"));
    room_say_bytes(r, 1, buf_str(&b));
    room_expect(r, 1,
                "{\"data\":{\"code\":\"LIMIT_REACHED\",\"details\":{\"limit\":\"filters\","
                "\"max\":64}}}");
    buf_fini(&b);
    room_say(r, 1, "{\"type\":\"subscribe\",\"types\":[\"%0129d\"]}", 0);
    room_expect_error(r, 1, "INVALID_MESSAGE");
    bark_and_scene(r, 0);
    room_expect(r, 1, "{\"type\":\"bark\"}");
    room_expect_nothing(r, 1);
    room_free(r);
}

/* Types beyond those that are interned, and ones longer than what is kept, are still filtered. */
static void test_many_types(void **state)
{
    struct room *r = room_of(2);

    (void)state;
    room_say(r, 1, "{\"type\":\"subscribe\",\"types\":[\"t1*\",\"t2000\",\"n%0120d*\"]}", 0);
    int heard = 0;
    for (int i = 0; i < 2100; i++) {
        room_say(r, 0, "{\"type\":\"t%d\"}", i);
        while (room_next(r, 1) != NULL) {
            heard++;
        }
    }
    assert_int_equal(heard, 1 + 10 + 100 + 1000 + 1);
    room_say(r, 0, "{\"type\":\"n%0600d\"}", 0);
    assert_non_null(room_next(r, 1));
    room_say(r, 0, "{\"type\":\"n%0600d\"}", 1);
    assert_non_null(room_next(r, 1));
    room_say(r, 0, "{\"type\":\"m%0600d\"}", 1);
    room_expect_nothing(r, 1);
    room_free(r);
}

/* How many agents a greeting lists, of 60. */
static size_t listed(const char *text)
{
    json_t *frame = json_loads(text != NULL ? text : "", 0, NULL);
    const json_t *data = json_object_get(frame, "data");
    size_t count = json_array_size(json_object_get(data, "agents"));

    assert_non_null(frame);
    assert_int_equal(json_integer_value(json_object_get(data, "total")), 60);
    json_decref(frame);
    return count;
}

/* Others choose how long a roster is; it ends before who comes is closed for it. */
static void test_long_roster(void **state)
{
    struct hub_settings s;

    (void)state;
    hub_settings_init(&s);
    struct room *r = room_new(&s);
    for (int i = 0; i < 59; i++) {
        room_say(r, room_join(r, ""), "{\"type\":\"agent_register\",\"agentId\":\"%0128d\"}", i);
    }
    int late = room_join(r, "");
    assert_int_equal(
        listed(room_next_late(r, late, "{\"type\":\"agent_register\",\"agentId\":\"late\"}")), 60);
    s.max_send_queue_bytes = 16384;
    hub_reload(r->v.hub, &s);
    assert_int_equal(listed(room_next(r, room_enter(r, ""))), 7);
    room_free(r);
    r = room_new(&s);
    for (int i = 0; i < 59; i++) {
        room_say(r, room_join(r, ""), "{\"type\":\"agent_register\",\"agentId\":\"%0128d\"}", i);
    }
    late = room_join(r, "");
    assert_int_equal(
        listed(room_next_late(r, late, "{\"type\":\"agent_register\",\"agentId\":\"late\"}")), 7);
    room_say(r, late, "{\"type\":\"ping\"}");
    room_expect_text(r, late, "{\"type\":\"pong\"}");
    room_free(r);
}

/* --- worlds ----------------------------------------------------------------------------------- */

static void test_worlds(void **state)
{
    struct hub_settings settings;
    struct hub_counts counts;
    char longest[124];

    (void)state;
    hub_settings_init(&settings);
    settings.max_sessions = 3;
    settings.max_clients = 5;
    struct room *r = room_new(&settings);
    memset(longest, 'w', 123);
    longest[122] = '\0';
    assert_int_equal(room_join(r, longest), 0);
    longest[122] = 'w';
    longest[123] = '\0';
    static const char *const bad[] = {"a b", "caf\xc3\xa9", "a/b", "a%20"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(room_enter(r, bad[i]), ROOM_REFUSED);
    }
    assert_int_equal(room_enter(r, longest), ROOM_REFUSED);
    int attic = room_join(r, "attic");
    assert_int_equal(room_enter(r, "one.more"), ROOM_REFUSED);
    hub_counts(r->v.hub, &counts);
    assert_int_equal(counts.sessions, 3);
    assert_int_equal(counts.refused_total, 6);
    /* A world ends with its last client, and makes room; main does not. */
    room_abort(r, attic);
    hub_counts(r->v.hub, &counts);
    assert_int_equal(counts.sessions, 2);
    int more = room_join(r, "one.more");
    room_join(r, "one.more");
    room_join(r, "");
    room_join(r, "main");
    assert_int_equal(room_enter(r, "main"), ROOM_REFUSED);
    room_say(r, more, "{\"type\":\"bark\"}");
    room_expect(r, more + 1, "{\"type\":\"bark\"}");
    for (int i = 0; i < r->count; i++) {
        room_expect_nothing(r, i);
    }
    hub_counts(r->v.hub, &counts);
    assert_int_equal(counts.clients, 5);
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greeting),
        cmocka_unit_test(test_ts_is_in_seconds),
        cmocka_unit_test(test_broadcast_keeps_bytes),
        cmocka_unit_test(test_parse_errors),
        cmocka_unit_test(test_invalid_messages),
        cmocka_unit_test(test_too_many_members),
        cmocka_unit_test(test_too_big),
        cmocka_unit_test(test_forbidden_types),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_directed),
        cmocka_unit_test(test_unknown_target),
        cmocka_unit_test(test_subscribe),
        cmocka_unit_test(test_types_that_are_alike),
        cmocka_unit_test(test_bad_subscriptions_change_nothing),
        cmocka_unit_test(test_many_types),
        cmocka_unit_test(test_long_roster),
        cmocka_unit_test(test_worlds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
