#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "room.h"
#include "unit.h"

/* agent_register: every case of the table in core/register.c, and what is refused. */

static struct room *room_of(int clients)
{
    struct room *r = room_new(NULL);

    for (int i = 0; i < clients; i++) {
        assert_int_equal(room_join(r, ""), i);
    }
    return r;
}

static void expect_nothing(struct room *r)
{
    for (int i = 0; i < r->count; i++) {
        room_expect_nothing(r, i);
    }
}

static uint64_t count_agents(const struct room *r)
{
    struct hub_counts counts;

    hub_counts(r->v.hub, &counts);
    return counts.agents;
}

static void test_registered(void **state)
{
    struct room *r = room_of(2);
    int elsewhere = room_join(r, "attic");

    (void)state;
    room_say(
        r, 0,
        "{\"type\":\"agent_register\",\"agentId\":\"timmy\",\"role\":\"guide\","
        "\"to\\u006ben\":\"s\",\"password\":\"s\",\"mood\":{\"glad\":1E2},\"ts\":5,"
        "\"data\":{\"token\":\"s\",\"role\":\"no\",\"agentId\":\"no\",\"mood\":0,\"x\":0.10}}");
    room_expect_exact(
        r, 0,
        "{\"type\":\"connection_ack\",\"agent_id\":\"gateway\",\"agentId\":\"gateway\",\"data\":"
        "{\"client_id\":\"*\",\"agent_id\":\"timmy\",\"agentId\":\"timmy\",\"role\":\"guide\","
        "\"server\":\"*\",\"protocol\":1,\"world\":\"main\",\"agents\":[{\"agent_id\":\"timmy\","
        "\"agentId\":\"timmy\",\"role\":\"guide\"}],\"total\":1,\"limits\":\"*\","
        "\"heartbeat_seconds\":30},\"ts\":\"*\"}");
    const char *text = room_next(r, 1);
    assert_non_null(text);
    assert_non_null(strstr(text, "\"mood\":{\"glad\":1E2}"));
    assert_non_null(strstr(text, "\"x\":0.10"));
    assert_null(strstr(text, "oken"));
    r->clients[1].heard_from--;
    room_expect_exact(
        r, 1,
        "{\"type\":\"agent_joined\",\"agent_id\":\"timmy\",\"agentId\":\"timmy\",\"role\":"
        "\"guide\",\"data\":{\"agent_id\":\"timmy\",\"agentId\":\"timmy\",\"role\":\"guide\","
        "\"mood\":{\"glad\":100},\"x\":0.1},\"ts\":\"*\"}");
    expect_nothing(r);
    room_expect_nothing(r, elsewhere);
    assert_int_equal(count_agents(r), 1);
    room_free(r);
}

static void test_defaults_and_spellings(void **state)
{
    struct room *r = room_of(2);

    (void)state;
    room_say(r, 0, "{\"type\":\"agent_register\",\"agent_id\":\"d\\u006for.1\",\"role\":null}");
    room_expect(r, 0, "{\"data\":{\"agent_id\":\"door.1\",\"role\":\"agent\"}}");
    room_expect_exact(r, 1,
                      "{\"type\":\"agent_joined\",\"agent_id\":\"door.1\",\"agentId\":\"door.1\","
                      "\"role\":\"agent\",\"data\":{\"agent_id\":\"door.1\",\"agentId\":"
                      "\"door.1\",\"role\":\"agent\"},\"ts\":\"*\"}");
    room_say(
        r, 0,
        "{\"type\":\"agent_register\",\"agentId\":\"door.1\",\"data\":{\"role\":\"\\u00e9\"}}");
    room_expect(r, 0, "{\"data\":{\"agent_id\":\"door.1\",\"role\":\"\xc3\xa9\"}}");
    room_expect(r, 1, "{\"type\":\"agent_joined\",\"role\":\"\xc3\xa9\"}");
    expect_nothing(r);
    room_free(r);
}

static void test_refused(void **state)
{
    struct room *r = room_of(2);
    char longest[130];

    (void)state;
    memset(longest, 'a', sizeof(longest));
    longest[129] = '\0';
    const char *const members[][2] = {
        {"\"x\":1", "agent_id"},
        {"\"agentId\":null", "agentId"},
        {"\"agentId\":\"\"", "agentId"},
        {"\"agentId\":\"a b\"", "agentId"},
        {"\"agentId\":\"\\u00e9\"", "agentId"},
        {"\"agentId\":\"a\\u0000\"", "agentId"},
        {"\"agentId\":\"gateway\"", "agentId"},
        {"\"agentId\":\"system\"", "agentId"},
        {"\"agentId\":7", "agent_id"},
        {"\"agentId\":\"a\",\"role\":7", "role"},
        {"\"agentId\":\"a\",\"role\":\"\"", "role"},
        {"\"agentId\":\"a\",\"data\":{\"role\":[]}", "data.role"},
        {"\"agentId\":\"a\",\"data\":7", "data"},
        {"\"agentId\":\"a\",\"name\":7", "name"},
        {"\"agentId\":\"a\",\"token\":7", "token"},
        {"\"agentId\":\"a\",\"capabilities\":\"chat\"", "capabilities"},
        {"\"agentId\":\"a\",\"capabilities\":[\"chat\",7]", "capabilities[1]"},
        {"\"agentId\":\"a\",\"capabilities\":{\"chat\":1}", "capabilities.chat"},
        {"\"agentId\":\"a\",\"x\":1,\"\\u0078\":2", "x"},
        {"\"data\":{\"agentId\":\"a\"}", "agent_id"},
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        char pattern[200];
        room_say(r, 0, "{\"type\":\"agent_register\",%s}", members[i][0]);
        (void)snprintf(pattern, sizeof(pattern),
                       "{\"data\":{\"code\":\"INVALID_MESSAGE\",\"details\":{\"path\":\"%s\"}}}",
                       members[i][1]);
        room_expect(r, 0, pattern);
    }
    /* The id of a client that is there; and one too long. */
    for (int i = 0; i < 2; i++) {
        room_say(r, 0, "{\"type\":\"agent_register\",\"agentId\":\"%s\"}", r->clients[i].id);
        room_expect_error(r, 0, "INVALID_MESSAGE");
    }
    room_say(r, 0, "{\"type\":\"agent_register\",\"agentId\":\"%s\"}", longest);
    room_expect_error(r, 0, "INVALID_MESSAGE");
    room_say(r, 0, "{\"type\":\"agent_register\",\"agentId\":\"a\",\"role\":\"%.65s\"}", longest);
    room_expect_error(r, 0, "INVALID_MESSAGE");
    expect_nothing(r);
    assert_int_equal(count_agents(r), 0);
    room_say(r, 0, "{\"type\":\"agent_register\",\"agentId\":\"%.128s\",\"role\":\"%.64s\"}",
             longest, longest);
    room_expect(r, 0, "{\"type\":\"connection_ack\"}");
    room_expect(r, 1, "{\"type\":\"agent_joined\"}");
    room_free(r);
}

static void test_too_large(void **state)
{
    struct hub_settings settings;

    (void)state;
    hub_settings_init(&settings);
    settings.max_registration_bytes = 60;
    struct room *r = room_new(&settings);
    room_join(r, "");
    room_say(r, 0, "{\"type\":\"agent_register\",\"agentId\":\"a\",\"x\":\"%014d\"}", 0); /* 60 */
    room_expect(r, 0, "{\"type\":\"connection_ack\",\"data\":{\"agent_id\":\"a\"}}");
    room_say(r, 0, "{\"type\":\"agent_register\",\"agentId\":\"b\",\"x\":\"%015d\"}", 0);
    room_expect(r, 0,
                "{\"type\":\"error\",\"data\":{\"code\":\"LIMIT_REACHED\",\"details\":"
                "{\"limit\":\"registration_bytes\",\"max\":60}}}");
    room_free(r);
}

static void test_update(void **state)
{
    struct room *r = room_of(2);

    (void)state;
    room_say(r, 0, "{\"type\":\"agent_register\",\"agentId\":\"timmy\",\"mood\":\"glad\",\"x\":1}");
    room_expect(r, 1, "{\"type\":\"agent_joined\",\"data\":{\"mood\":\"glad\"}}");
    room_say(r, 0,
             "{\"type\":\"agent_register\",\"agentId\":\"timmy\",\"role\":\"guide\",\"x\":2}");
    assert_true(room_next(r, 0) && room_next(r, 0));
    room_expect_exact(r, 1,
                      "{\"type\":\"agent_joined\",\"agent_id\":\"timmy\",\"agentId\":\"timmy\","
                      "\"role\":\"guide\",\"data\":{\"agent_id\":\"timmy\",\"agentId\":\"timmy\","
                      "\"role\":\"guide\",\"x\":2},\"ts\":\"*\"}");
    expect_nothing(r);
    assert_int_equal(room_enter(r, ""), 2);
    room_expect(r, 2, "{\"data\":{\"total\":1,\"agents\":[{\"role\":\"guide\"}]}}");
    assert_int_equal(count_agents(r), 1);
    room_free(r);
}

static void test_another_id(void **state)
{
    struct room *r = room_of(2);

    (void)state;
    room_register(r, 0, "first");
    room_register(r, 0, "second");
    room_expect(r, 1, "{\"type\":\"agent_joined\",\"agentId\":\"first\"}");
    room_expect_exact(r, 1,
                      "{\"type\":\"agent_left\",\"agent_id\":\"first\",\"agentId\":\"first\","
                      "\"role\":\"agent\",\"data\":{\"agent_id\":\"first\",\"agentId\":\"first\","
                      "\"role\":\"agent\"},\"ts\":\"*\"}");
    room_expect(r, 1, "{\"type\":\"agent_joined\",\"agentId\":\"second\"}");
    room_say(r, 1, "{\"type\":\"bark\",\"target_id\":\"first\"}");
    room_expect_error(r, 1, "TARGET_NOT_FOUND");
    expect_nothing(r);
    assert_int_equal(count_agents(r), 1);
    room_free(r);
}

/* The newer connection has the name; nobody hears that it left; the older one closes late. */
static void test_replaced(void **state)
{
    struct room *r = room_of(3);

    (void)state;
    room_register(r, 0, "timmy");
    assert_true(room_next(r, 1) && room_next(r, 2));
    room_register(r, 2, "timmy");
    room_expect_close(r, 0, 4409, "replaced by a newer connection of the same agent");
    room_expect(r, 1, "{\"type\":\"agent_joined\",\"agentId\":\"timmy\"}");
    room_say(r, 1, "{\"type\":\"bark\",\"target_id\":\"timmy\"}");
    room_expect(r, 2, "{\"type\":\"bark\"}");
    expect_nothing(r);
    assert_int_equal(count_agents(r), 1);
    room_close(r, 2, 1000);
    room_expect(r, 1, "{\"type\":\"agent_left\",\"agentId\":\"timmy\"}");
    expect_nothing(r);
    room_free(r);
}

/* Somebody who is A takes the name of B: A has left, B's connection is closed. */
static void test_renamed_to_anothers(void **state)
{
    struct room *r = room_of(3);

    (void)state;
    room_register(r, 0, "a");
    room_expect(r, 1, "{\"type\":\"agent_joined\",\"agentId\":\"a\"}");
    room_register(r, 1, "b");
    while (room_next(r, 0) != NULL || room_next(r, 2) != NULL) {
    }
    room_register(r, 0, "b");
    room_expect(r, 2, "{\"type\":\"agent_left\",\"agentId\":\"a\"}");
    room_expect(r, 2, "{\"type\":\"agent_joined\",\"agentId\":\"b\"}");
    assert_int_equal(r->clients[1].close_code, 4409);
    assert_int_equal(count_agents(r), 1);
    room_say(r, 2, "{\"type\":\"x\",\"target_id\":\"b\"}");
    room_expect(r, 0, "{\"type\":\"x\"}");
    room_expect_nothing(r, 0);
    room_expect_nothing(r, 2);
    room_free(r);
}

/* Taken over from another world, it is missed in the first and joins the second. */
static void test_replaced_from_another_world(void **state)
{
    struct room *r = room_of(2);
    int attic = room_join(r, "attic");
    int witness = room_join(r, "attic");

    (void)state;
    room_register(r, 0, "timmy");
    assert_non_null(room_next(r, 1));
    room_register(r, attic, "timmy");
    room_expect_close(r, 0, 4409, "replaced by a newer connection of the same agent");
    room_expect(r, 1, "{\"type\":\"agent_left\",\"agentId\":\"timmy\"}");
    room_expect(r, witness, "{\"type\":\"agent_joined\",\"agentId\":\"timmy\"}");
    room_expect_nothing(r, 1);
    room_expect_nothing(r, witness);
    assert_int_equal(room_enter(r, ""), 4);
    room_expect(r, 4, "{\"data\":{\"agents\":[],\"total\":0}}");
    assert_int_equal(room_enter(r, "attic"), 5);
    room_expect(r, 5, "{\"data\":{\"total\":1}}");
    room_free(r);
}

/* However a registered connection goes, it is told of once; an unregistered one never is. */
static void test_leaves(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) {
        struct room *r = room_of(3);
        room_register(r, 0, "timmy");
        assert_true(room_next(r, 1) && room_next(r, 2));
        room_say(r, 0, "{\"type\":\"last\"}");
        switch (how) {
        case 0:
            room_abort(r, 0);
            break;
        case 1:
            room_close(r, 0, 1000);
            break;
        case 2:
            room_close(r, 0, 1007);
            break;
        default:
            r->clients[0].muted = true;
            room_advance(r, 62000);
        }
        room_expect(r, 1, "{\"type\":\"last\"}");
        room_expect(r, 1, "{\"type\":\"agent_left\",\"agentId\":\"timmy\"}");
        room_expect_nothing(r, 1);
        room_abort(r, 2);
        room_expect_nothing(r, 1);
        assert_int_equal(count_agents(r), 0);
        room_free(r);
    }
}

static bool note_agent(void *ctx, const struct hub_agent_view *agent)
{
    struct buf *b = ctx;

    buf_printf(b, "%.*s %.*s %.*s %.*s %.*s %s %s %llu\n", STR_ARG(agent->agent_id),
               STR_ARG(agent->role), STR_ARG(agent->name), STR_ARG(agent->capabilities),
               STR_ARG(agent->world), agent->dialect, agent->client_id,
               (unsigned long long)agent->connected_at_ms);
    return true;
}

static bool note_one(void *ctx, const struct hub_agent_view *agent)
{
    return !note_agent(ctx, agent);
}

static void test_view(void **state)
{
    struct room *r = room_of(2);
    int attic = room_join(r, "attic");
    char expected[500];
    struct buf b;

    (void)state;
    room_say(r, attic,
             "{\"type\":\"agent_register\",\"agentId\":\"one\",\"name\":\"\\u0031\","
             "\"capabilities\" : [ \"chat\" ],\"data\":{\"name\":\"no\",\"capabilities\":{}}}");
    room_advance(r, 5000);
    room_say(r, 0,
             "{\"type\":\"agent_register\",\"agentId\":\"two\",\"role\":\"guide\","
             "\"capabilities\":null}");
    room_say(r, 1,
             "{\"type\":\"agent_register\",\"agentId\":\"six\",\"data\":{\"name\":\"Six\","
             "\"capabilities\":{\"chat\": true, \"x\":1E2}}}");
    buf_init(&b, 2000);
    hub_each_agent(r->v.hub, 0, HUB_AGENTS_CONNECTED, STR(""), note_agent, &b);
    int len = snprintf(expected, sizeof(expected),
                       "one agent 1 [ \"chat\" ] attic world %s 1700000000000\n"
                       "two guide two [] main world %s 1700000005000\n"
                       "six agent Six {\"chat\": true, \"x\":1E2} main world %s 1700000005000\n",
                       r->clients[attic].id, r->clients[0].id, r->clients[1].id);
    assert_int_equal(b.len, len);
    assert_memory_equal(b.data, expected, b.len);
    buf_clear(&b);
    hub_each_agent(r->v.hub, 0, HUB_AGENTS_CONNECTED, STR(""), note_one, &b);
    assert_int_equal(b.len, strchr(expected, '\n') + 1 - expected);
    buf_fini(&b);
    room_free(r);
}

/* A greeting lists those who are there and says how many they are. */
static void test_roster(void **state)
{
    struct room *r = room_of(2);

    (void)state;
    for (int i = 0; i < 30; i++) {
        int c = room_join(r, "");
        char name[20];
        (void)snprintf(name, sizeof(name), "agent-%d", i);
        room_register(r, c, name);
    }
    int last = room_enter(r, "");
    json_t *greeting = json_loads(room_next(r, last), 0, NULL);
    json_t *data = json_object_get(greeting, "data");
    assert_int_equal(json_integer_value(json_object_get(data, "total")), 30);
    assert_int_equal(json_array_size(json_object_get(data, "agents")), 30);
    json_decref(greeting);
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registered),
        cmocka_unit_test(test_defaults_and_spellings),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_another_id),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_renamed_to_anothers),
        cmocka_unit_test(test_replaced_from_another_world),
        cmocka_unit_test(test_leaves),
        cmocka_unit_test(test_view),
        cmocka_unit_test(test_roster),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
