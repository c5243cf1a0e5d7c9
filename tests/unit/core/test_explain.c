#include "verdict.h"

/* Where a message would go: what is said of it, to whom, and that it is what then happens. */

static void expect_nothing(struct room *r)
{
    virtual_settle(&r->v);
    for (int i = 0; i < r->count; i++) {
        room_expect_nothing(r, i);
    }
}

static void test_world(void **state)
{
    struct room *r = room_new(NULL);
    int one = room_join(r, ""), two = room_join(r, "");
    struct hub_counts before, after;

    (void)state;
    (void)room_join(r, "attic");
    room_register(r, one, "timmy");
    (void)room_next(r, two);
    hub_counts(r->v.hub, &before);
    struct verdict v = explain(r, ADMIN, DIALECT_WORLD, "", "world:main", "{\"type\":\"bark\"}");
    assert_int_equal(v.is.code, ERROR_NONE);
    assert_int_equal(v.is.receivers, 2);
    assert_true(str_equal(v.is.session, STR("world:main")));
    assert_string_equal(v.is.target, "");
    v = explain(r, ADMIN, DIALECT_WORLD, "timmy", "", "{\"type\":\"bark\"}");
    assert_int_equal(v.is.receivers, 1);
    v = explain(r, ADMIN, DIALECT_WORLD, r->clients[two].id, "",
                "{\"type\":\"bark\",\"target_id\":\"timmy\"}");
    assert_int_equal(v.is.receivers, 1);
    assert_string_equal(v.is.target, "timmy");
    v = explain(r, ADMIN, DIALECT_WORLD, "timmy", "", "{\"type\":\"bark\",\"target_id\":\"x\"}");
    assert_int_equal(v.is.code, ERROR_TARGET_NOT_FOUND);
    assert_string_equal(v.details, "{\"target_id\":\"x\"}");
    assert_true(strlen(v.is.message) > 0);
    v = explain(r, ADMIN, DIALECT_WORLD, "timmy", "", "{\"type\":\"ping\"}");
    assert_true(v.is.code == ERROR_NONE && v.is.answered && v.is.receivers == 0);
    v = explain(r, ADMIN, DIALECT_WORLD, "", "world:nowhere", "{\"type\":\"bark\"}");
    assert_int_equal(v.is.code, ERROR_SESSION_NOT_FOUND);
    v = explain(r, ADMIN, DIALECT_WORLD, "timmy", "", "{\"type\":");
    assert_int_equal(v.is.code, ERROR_PARSE_ERROR);
    hub_counts(r->v.hub, &after);
    assert_memory_equal(&before, &after, sizeof(before));
    expect_nothing(r);
    room_free(r);
}

/* Who may ask about whom: an administrator about all, others about what is their own. */
static void test_asker(void **state)
{
    static const struct grants narrow = {
        .publish = {"bark", 4}, .sessions = {"world:main", 10}, .act_as = {"", 0}};
    static const char bark[] = "{\"type\":\"bark\"}";
    struct room *r = room_with_tokens();
    struct hub_credential list[] = {credential("kit", narrow), credential("boss", GRANTS_ALL)};

    (void)state;
    set(r, HUB_AUTH_TOKEN, list, 2);
    int kit = come(r, "kit"), boss = come(r, "boss"), nobody = stranger(r, 9);
    struct hub_asker asker;
    struct evidence e = from(3, CREDENTIAL_BEARER, "kit");
    assert_true(hub_judge(r->v.hub, 0, &e, STR(""), 0, &asker));
    uint32_t own = asker.principal;
    struct verdict v = explain(r, own, DIALECT_WORLD, r->clients[kit].id, "", bark);
    assert_true(v.wrong == ERROR_NONE && v.is.code == ERROR_NONE && v.is.receivers == 1);
    v = explain(r, own, DIALECT_WORLD, r->clients[kit].id, "", "{\"type\":\"thought\"}");
    assert_int_equal(v.is.code, ERROR_FORBIDDEN);
    assert_string_equal(v.details, "{\"rule\":\"grant:publish\"}");
    v = explain(r, own, DIALECT_WORLD, "", "world:attic", bark);
    assert_int_equal(v.is.code, ERROR_FORBIDDEN);
    assert_string_equal(v.details, "{\"rule\":\"grant:sessions\"}");
    /* Another's client is not there for him, nor one that nobody knows yet. */
    const char *const ids[] = {r->clients[boss].id, r->clients[nobody].id, "c-none", "x y"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        v = explain(r, own, DIALECT_WORLD, ids[i], "", bark);
        assert_int_equal(v.wrong, ERROR_TARGET_NOT_FOUND);
        assert_string_equal(v.details, "{\"path\":\"as\"}");
    }
    v = explain(r, ADMIN, DIALECT_WORLD, r->clients[kit].id, "", "{\"type\":\"thought\"}");
    assert_int_equal(v.is.code, ERROR_FORBIDDEN); /* what the client may counts, not who asks */
    assert_int_equal(explain(r, ADMIN, DIALECT_GATEWAY, r->clients[kit].id, "", bark).wrong,
                     ERROR_INVALID_MESSAGE);
    assert_int_equal(explain(r, ADMIN, DIALECT_GATEWAY, "", "", bark).wrong, ERROR_INVALID_MESSAGE);
    expect_nothing(r);
    room_free(r);
}

/* Who has a signed token has another principal for each request, and is the same person. */
static void test_asker_with_signed_token(void **state)
{
    static const char bark[] = "{\"type\":\"bark\"}";
    struct room *r = room_new(NULL);

    (void)state;
    set_signed(r, true);
    int ann = come(r, "ann/600"), bob = come(r, "bob/600");
    struct verdict v =
        explain(r, principal_of(r, "ann/600"), DIALECT_WORLD, r->clients[ann].id, "", bark);
    assert_true(v.wrong == ERROR_NONE && v.is.code == ERROR_NONE && v.is.receivers == 1);
    v = explain(r, principal_of(r, "ann/900"), DIALECT_WORLD, r->clients[ann].id, "", bark);
    assert_int_equal(v.wrong, ERROR_NONE);
    v = explain(r, principal_of(r, "ann/600"), DIALECT_WORLD, r->clients[bob].id, "", bark);
    assert_int_equal(v.wrong, ERROR_TARGET_NOT_FOUND);
    room_free(r);
}

/* What the gateway deals with itself is checked to the last, and not done. */
static void test_answered(void **state)
{
    static const struct {
        bool is_world;
        enum error_code code;
        const char *text;
    } rows[] = {
        {true, ERROR_NONE, "\"ping\""},
        {true, ERROR_NONE, "\"subscribe\",\"types\":[\"a\",\"b*\"]"},
        {true, ERROR_INVALID_MESSAGE, "\"subscribe\",\"types\":[\"a*b\"]"},
        {true, ERROR_INVALID_MESSAGE, "\"subscribe\",\"types\":7"},
        {true, ERROR_NONE, "\"agent_register\",\"agentId\":\"tim\""},
        {true, ERROR_INVALID_MESSAGE, "\"agent_register\",\"agentId\":\"t m\""},
        {true, ERROR_INVALID_MESSAGE, "\"agent_register\""},
        {true, ERROR_NONE,
         "\"route_response\",\"data\":{\"requestId\":\"x\",\"ok\":true,\"done\":true}"},
        {true, ERROR_INVALID_MESSAGE, "\"route_response\",\"data\":{\"requestId\":\"x\"}"},
        {true, ERROR_NONE, "\"route_cancel\",\"data\":{\"requestId\":\"x\"}"},
        {true, ERROR_INVALID_MESSAGE, "\"route_cancel\",\"data\":{}"},
        {true, ERROR_NONE, "\"chat_complete\",\"replyTo\":\"msg-1-1\",\"data\":{}"},
        {false, ERROR_NONE, "\"ping\""},
        {false, ERROR_NONE, "\"health\""},
        {false, ERROR_NONE, "\"session_list\""},
        {false, ERROR_NONE,
         "\"connect\",\"payload\":{\"deviceId\":\"d\",\"role\":\"node\",\"protocolVersion\":1}"},
        {false, ERROR_INVALID_MESSAGE, "\"connect\",\"payload\":{\"deviceId\":\"d\"}"},
        {false, ERROR_NONE, "\"auth\",\"payload\":{}"},
        {false, ERROR_NONE, "\"session_create\",\"payload\":{\"sessionId\":\"new\"}"},
        {false, ERROR_FORBIDDEN, "\"session_create\",\"payload\":{\"sessionId\":\"world:x\"}"},
        {false, ERROR_INVALID_MESSAGE, "\"session_create\",\"payload\":{\"sessionId\":\"a b\"}"},
        {false, ERROR_NONE, "\"session_join\",\"payload\":{\"sessionId\":\"world:x\"}"},
        {false, ERROR_SESSION_NOT_FOUND, "\"session_join\",\"payload\":{\"sessionId\":\"no\"}"},
        {false, ERROR_INVALID_MESSAGE, "\"session_join\",\"payload\":{}"},
        {false, ERROR_NONE, "\"session_leave\",\"payload\":{\"sessionId\":\"no\"}"},
        {false, ERROR_SESSION_NOT_FOUND,
         "\"session_patch\",\"payload\":{\"sessionKey\":\"no\",\"patch\":{}}"},
        {false, ERROR_NONE, "\"agent_heartbeat\",\"payload\":{\"status\":\"busy\"}"},
        {false, ERROR_INVALID_MESSAGE, "\"agent_heartbeat\",\"payload\":{\"status\":\"off\"}"},
        {false, ERROR_NONE, "\"agent_unregister\",\"payload\":{\"agentId\":\"pia\"}"},
        {false, ERROR_TARGET_NOT_FOUND, "\"agent_unregister\",\"payload\":{\"agentId\":\"x\"}"},
        {false, ERROR_INVALID_MESSAGE, "\"agent_register\",\"payload\":{\"agentId\":\"pia\"}"},
        {false, ERROR_NONE,
         "\"route_response\",\"payload\":{\"requestId\":\"x\",\"ok\":true,\"done\":true}"},
        {false, ERROR_INVALID_MESSAGE, "\"route_response\",\"payload\":{\"requestId\":\"x\"}"},
        {false, ERROR_NONE, "\"chat_complete\",\"replyTo\":\"msg-1-1\",\"payload\":{}"},
        {false, ERROR_NONE, "\"sync_state\",\"payload\":{\"subscribe\":true}"},
        {false, ERROR_INVALID_MESSAGE, "\"sync_state\",\"payload\":{\"next\":\"x\"}"},
        {false, ERROR_NONE, "\"monitor\",\"payload\":{}"},
        {false, ERROR_INVALID_MESSAGE, "\"monitor\",\"payload\":{\"from\":\"a b\"}"},
    };
    struct room *r = room_new(NULL);
    int agent = agent_of(r, "pia", "grep", 1), world = room_join(r, "");
    struct hub_counts before, after;
    char text[256];

    (void)state;
    (void)agent;
    hub_counts(r->v.hub, &before);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)snprintf(text, sizeof(text), "{\"id\":\"q\",\"type\":%s}", rows[i].text);
        enum dialect dialect = rows[i].is_world ? DIALECT_WORLD : DIALECT_GATEWAY;
        const char *as = rows[i].is_world ? r->clients[world].id : "pia";
        struct verdict v = explain(r, ADMIN, dialect, as, "", text);
        if (v.is.code != rows[i].code || v.is.answered != (v.is.code == ERROR_NONE)) {
            fail_msg("%s: %s", text, error_table[v.is.code].code);
        }
        if (rows[i].is_world) { /* somebody who is no client is told the same */
            v = explain(r, ADMIN, dialect, "", "world:main", text);
            assert_int_equal(v.is.code, rows[i].code);
        }
    }
    hub_counts(r->v.hub, &after);
    assert_memory_equal(&before, &after, sizeof(before));
    expect_nothing(r);
    room_free(r);
}

#define FOR_MANY                                                                                   \
    "{\"type\":\"route_request\",\"id\":\"q\",\"payload\":{\"capability\":\"grep\",\"request\":1}" \
    "}"

/* Who would get a request, and what is said of the others. */
static void test_requests(void **state)
{
    struct room *r = room_new(NULL);
    int asker = room_control(r), pi = agent_of(r, "pi", "grep", 2);
    int po = agent_of(r, "po", "grep", 1), pu = agent_of(r, "pu", "grep", 9);
    const char *as = r->clients[asker].id;

    (void)state;
    room_abort(r, agent_of(r, "pa", "grep", 1));
    room_say(r, pu,
             "{\"type\":\"agent_heartbeat\",\"id\":\"h\",\"payload\":{\"status\":\"busy\"}}");
    (void)room_next(r, pu);
    struct verdict v = explain(r, ADMIN, DIALECT_GATEWAY, as, "", FOR_MANY);
    assert_true(v.is.code == ERROR_NONE && !v.is.answered && !v.is.waits);
    assert_true(v.is.receivers == 1 && v.is.considered == 4);
    assert_string_equal(v.is.target, "pi");
    assert_string_equal(
        v.candidates,
        "[{\"agentId\":\"pi\",\"fate\":\"chosen\",\"inFlight\":0,\"maxConcurrent\":2},"
        "{\"agentId\":\"po\",\"fate\":\"later\",\"inFlight\":0,\"maxConcurrent\":1},"
        "{\"agentId\":\"pu\",\"fate\":\"busy\",\"inFlight\":0,\"maxConcurrent\":9},"
        "{\"agentId\":\"pa\",\"fate\":\"offline\"}]");
    ask(r, asker, "1", FOR_GREP);
    (void)take(r, pi);
    ask(r, asker, "2", FOR_GREP);
    (void)take(r, po);
    v = explain(r, ADMIN, DIALECT_GATEWAY, as, "", FOR_MANY);
    assert_string_equal(v.is.target, "pi");
    assert_non_null(strstr(v.candidates, "{\"agentId\":\"po\",\"fate\":\"full\",\"inFlight\":1,"));
    v = explain(r, ADMIN, DIALECT_GATEWAY, as, "",
                "{\"type\":\"route_request\",\"id\":\"1\",\"payload\":{\"capability\":\"grep\","
                "\"request\":1}}");
    assert_int_equal(v.is.code, ERROR_INVALID_MESSAGE); /* the id is in use */
    ask(r, asker, "3", FOR_GREP);
    (void)take(r, pi);
    v = explain(r, ADMIN, DIALECT_GATEWAY, as, "", FOR_MANY);
    assert_true(v.is.code == ERROR_NONE && v.is.waits && v.is.receivers == 0);
    assert_null(strstr(v.candidates, "chosen"));
    /* The same from a world, of one agent, and of nobody. */
    v = explain(r, ADMIN, DIALECT_WORLD, "", "world:main",
                "{\"type\":\"route_request\",\"id\":\"q\",\"data\":{\"agentId\":\"po\","
                "\"request\":1}}");
    assert_true(v.is.code == ERROR_NONE && v.is.waits && v.is.considered == 1);
    v = explain(r, ADMIN, DIALECT_WORLD, "", "world:main",
                "{\"type\":\"route_request\",\"id\":\"q\",\"data\":{\"agentId\":\"pa\","
                "\"request\":1}}");
    assert_int_equal(v.is.code, ERROR_TARGET_OFFLINE);
    assert_string_equal(v.candidates, "[{\"agentId\":\"pa\",\"fate\":\"offline\"}]");
    v = explain(r, ADMIN, DIALECT_GATEWAY, as, "",
                "{\"type\":\"chat\",\"id\":\"q\",\"payload\":{\"message\":\"hello\"}}");
    assert_int_equal(v.is.code, ERROR_NO_AGENT);
    assert_string_equal(v.candidates, "[]");
    assert_non_null(strstr(v.details, "\"capabilities\":[\"grep\"]"));
    expect_nothing(r);
    room_free(r);
}

/* An agent of a world that who would ask may not enter is there for those alone who may know of it.
 */
static void test_hidden(void **state)
{
    static const struct grants narrow = {
        .publish = {"*", 1}, .sessions = {"world:main", 10}, .act_as = {"", 0}};
    struct room *r = room_with_tokens();
    struct hub_credential list[] = {credential("kit", narrow), credential("boss", usual)};
    struct evidence e = from(1, CREDENTIAL_BEARER, "boss");
    struct hub_asker asker;

    (void)state;
    set(r, HUB_AUTH_TOKEN, list, 2);
    e.world = STR("attic");
    int agent = room_knock_at(r, DIALECT_WORLD, &e);
    room_say(r, agent,
             "{\"type\":\"agent_register\",\"agentId\":\"w\",\"capabilities\":[\"grep\"]}");
    while (room_next(r, agent) != NULL) {
    }
    int kit = come(r, "kit");
    e = from(3, CREDENTIAL_BEARER, "kit");
    assert_true(hub_judge(r->v.hub, 0, &e, STR(""), 0, &asker));
    static const char text[] = "{\"type\":\"route_request\",\"id\":\"q\",\"data\":{\"capability\":"
                               "\"grep\",\"request\":1}}";
    struct verdict v = explain(r, asker.principal, DIALECT_WORLD, r->clients[kit].id, "", text);
    assert_true(v.is.code == ERROR_NO_AGENT && v.is.considered == 0);
    assert_string_equal(v.candidates, "[]");
    v = explain(r, ADMIN, DIALECT_WORLD, r->clients[kit].id, "", text);
    assert_true(v.is.code == ERROR_NO_AGENT && v.is.considered == 1);
    assert_non_null(strstr(v.candidates, "\"agentId\":\"w\",\"fate\":\"unreachable\""));
    assert_string_equal(v.is.target, "");
    room_free(r);
}

static void test_too_large(void **state)
{
    struct hub_settings settings;

    (void)state;
    hub_settings_init(&settings);
    settings.max_message_bytes = 40;
    struct room *r = room_new(&settings);
    struct verdict v = explain(r, ADMIN, DIALECT_WORLD, "", "world:main",
                               "{\"type\":\"bark\",\"text\":\"123456789012345\"}");
    assert_int_equal(v.is.code, ERROR_NONE);
    v = explain(r, ADMIN, DIALECT_WORLD, "", "world:main",
                "{\"type\":\"bark\",\"text\":\"1234567890123456\"}");
    assert_int_equal(v.is.code, ERROR_MESSAGE_TOO_LARGE);
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_world),
        cmocka_unit_test(test_asker),
        cmocka_unit_test(test_asker_with_signed_token),
        cmocka_unit_test(test_answered),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_hidden),
        cmocka_unit_test(test_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
