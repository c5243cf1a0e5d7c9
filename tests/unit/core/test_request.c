#include "errand.h"

/* Requests to agents: what is handed on, what is refused, and who gets them. */

/* --- what is handed on ------------------------------------------------------------------------ */

static void test_whole(void **state)
{
    struct room *r = room_new(NULL);
    int agent = agent_of(r, "pi", "grep", 1), asker = room_control(r);
    char expected[300];

    (void)state;
    room_say(r, asker,
             "{\"type\":\"route_request\",\"id\":\"q\\u0031\",\"payload\":{\"capability\":\"grep\","
             "\"request\": { \"n\" : 0.10 },\"stream\":true,\"timeoutMs\":5000}}");
    const char *text = room_next(r, agent);
    assert_non_null(text);
    const char *payload = strstr(text, "\"payload\"");
    (void)snprintf(expected, sizeof(expected),
                   "\"payload\":{\"capability\":\"grep\",\"request\":{ \"n\" : 0.10 },\"stream\":"
                   "true},\"timestamp\":1700000000000,\"source\":\"%s\",\"deadline\":"
                   "1700000005000}",
                   r->clients[asker].id);
    assert_string_equal(payload, expected);
    struct given given;
    assert_int_equal(sscanf(text, "{\"type\":\"route_request\",\"id\":\"%63[^\"]\"", given.id), 1);
    answer(r, agent, given, false);
    text = room_next(r, asker);
    assert_non_null(text);
    assert_non_null(strstr(text, "\"payload\":{\"requestId\":\"q\\u0031\",\"ok\":true,\"result\":"
                                 "[1E2],\"done\":false,\"agentId\":\"pi\"}"));
    assert_non_null(strstr(text, "\"replyTo\":\"q\\u0031\",\"source\":\"pi\"}"));
    room_say(r, agent,
             "{\"type\":\"route_response\",\"id\":\"a\",\"payload\":{\"requestId\":\"%s\",\"ok\":"
             "false,\"error\":{\"why\":1.0},\"done\":true}}",
             given.id);
    room_expect(r, asker,
                "{\"payload\":{\"ok\":false,\"error\":{\"why\":1.0},\"done\":true},\"replyTo\":"
                "\"q1\"}");
    expect_rest(r, REQUEST_END_DONE, 1);
    /* The same id may be used again, now that it is free. */
    ask(r, asker, "q1", ",\"agentId\":\"pi\"");
    room_expect(r, agent, "{\"type\":\"route_request\",\"payload\":{\"request\":{\"n\":0.10}}}");
    room_free(r);
}

static void test_world(void **state)
{
    struct room *r = room_new(NULL);
    int agent = agent_of_world(r, "w", "grep"), asker = room_join(r, "attic");

    (void)state;
    room_say(r, asker,
             "{\"type\":\"route_request\",\"id\":\"q\",\"data\":{\"capability\":\"grep\","
             "\"request\":7}}");
    const char *text = room_next(r, agent);
    char pattern[300];
    (void)snprintf(pattern, sizeof(pattern), "\"agent_id\":\"%s\"", r->clients[asker].id);
    assert_non_null(text);
    assert_non_null(strstr(text, pattern));
    assert_non_null(strstr(text, "\"data\":{\"capability\":\"grep\",\"request\":7}"));
    struct given given;
    assert_int_equal(sscanf(strstr(text, "\"id\""), "\"id\":\"%63[^\"]\"", given.id), 1);
    room_say(r, agent,
             "{\"type\":\"route_response\",\"data\":{\"requestId\":\"%s\",\"ok\":true,\"result\":"
             "\"x\",\"done\":false}}",
             given.id);
    room_expect_exact(r, asker,
                      "{\"type\":\"route_response\",\"agent_id\":\"w\",\"agentId\":\"w\",\"data\":"
                      "{\"requestId\":\"q\",\"ok\":true,\"result\":\"x\",\"done\":false,"
                      "\"agentId\":\"w\"},\"replyTo\":\"q\",\"ts\":\"*\"}");
    room_say(r, asker, "{\"type\":\"route_cancel\",\"data\":{\"requestId\":\"q\"}}");
    room_expect(r, asker,
                "{\"type\":\"error\",\"data\":{\"code\":\"ROUTE_CANCELLED\",\"details\":"
                "{\"requestId\":\"q\"}}}");
    (void)snprintf(pattern, sizeof(pattern),
                   "{\"type\":\"route_cancel\",\"agent_id\":\"gateway\",\"data\":{\"requestId\":"
                   "\"%s\"}}",
                   given.id);
    room_expect(r, agent, pattern);
    /* Across the dialects, with an error of the agent's own. */
    int pi = agent_of(r, "pi", "sed", 1);
    room_say(r, asker,
             "{\"type\":\"route_request\",\"id\":\"q\",\"data\":{\"agentId\":\"pi\",\"request\":"
             "[]}}");
    given = take(r, pi);
    room_say(r, pi,
             "{\"type\":\"error\",\"id\":\"e\",\"replyTo\":\"%s\",\"payload\":{\"code\":\"OWN\"}}",
             given.id);
    room_expect(r, asker,
                "{\"type\":\"error\",\"agent_id\":\"pi\",\"data\":{\"code\":\"OWN\"},\"replyTo\":"
                "\"q\"}");
    expect_rest(r, REQUEST_END_FAILED, 1);
    room_free(r);
}

static void test_chat(void **state)
{
    struct room *r = room_new(NULL);
    int agent = agent_of(r, "pi", "chat", 1), asker = room_control(r);

    (void)state;
    room_say(r, asker, "{\"type\":\"chat\",\"id\":\"c\",\"payload\":{\"message\":\"hi\"}}");
    struct given given = take(r, agent);
    static const char *const parts[] = {"chat_stream", "tool_start", "tool_update", "tool_result",
                                        "chat_complete"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        char pattern[200];
        room_say(r, agent,
                 "{\"type\":\"%s\",\"id\":\"p\",\"timestamp\":7,\"replyTo\":\"%s\",\"payload\":"
                 "{\"x\":1E2}}",
                 parts[i], given.id);
        (void)snprintf(pattern, sizeof(pattern),
                       "{\"type\":\"%s\",\"id\":\"p\",\"payload\":{\"x\":1E2},\"timestamp\":7,"
                       "\"source\":\"pi\",\"replyTo\":\"c\"}",
                       parts[i]);
        room_expect_exact(r, asker, pattern);
    }
    expect_rest(r, REQUEST_END_DONE, 1);
    room_say(r, agent,
             "{\"type\":\"chat_complete\",\"id\":\"p\",\"replyTo\":\"%s\",\"payload\":{}}",
             given.id);
    assert_int_equal(counts(r).answers_late, 1);
    /* An agent of a world chats, too; what comes late does not reach its world. */
    room_abort(r, agent);
    int world = agent_of_world(r, "w", "chat"), witness = room_join(r, "");
    room_say(r, asker, "{\"type\":\"chat\",\"id\":\"c\",\"payload\":[1]}");
    given = take(r, world);
    for (int i = 0; i < 2; i++) {
        room_say(r, world,
                 "{\"type\":\"chat_complete\",\"replyTo\":\"%s\",\"data\":{\"content\":\"x\"}}",
                 given.id);
    }
    room_expect(r, asker,
                "{\"type\":\"chat_complete\",\"payload\":{\"content\":\"x\"},\"source\":\"w\","
                "\"replyTo\":\"c\"}");
    room_expect_nothing(r, witness);
    /* With a session or a target it is a message like others. */
    room_say(r, asker, "{\"type\":\"chat\",\"id\":\"d\",\"target\":\"w\",\"payload\":{}}");
    room_expect(r, world, "{\"type\":\"chat\",\"agent_id\":\"*\"}");
    expect_rest(r, REQUEST_END_DONE, 2);
    assert_int_equal(counts(r).answers_late, 2);
    room_free(r);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void test_refused(void **state)
{
    static const struct {
        const char *rest;
        const char *code;
    } table[] = {
        {"", "INVALID_MESSAGE"},
        {",\"capability\":7", "INVALID_MESSAGE"},
        {",\"capability\":\"grep\",\"timeoutMs\":0", "INVALID_MESSAGE"},
        {",\"agentId\":\"nobody\"", "TARGET_NOT_FOUND"},
        {",\"agentId\":\"a b\"", "TARGET_NOT_FOUND"},
        {",\"agentId\":\"gone\"", "TARGET_OFFLINE"},
    };
    struct room *r = room_new(NULL);
    int agent = agent_of(r, "pi", "grep", 1), asker = room_control(r);
    int gone = agent_of(r, "gone", "sed", 1);

    (void)state;
    room_abort(r, gone);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char pattern[100];
        ask(r, asker, "q", table[i].rest);
        (void)snprintf(pattern, sizeof(pattern),
                       "{\"payload\":{\"code\":\"%s\"},\"replyTo\":\"q\"}", table[i].code);
        room_expect(r, asker, pattern);
    }
    ask(r, asker, "q", ",\"capability\":\"sed\"");
    room_expect(r, asker,
                "{\"payload\":{\"code\":\"NO_AGENT\",\"details\":{\"requestId\":\"q\","
                "\"capabilities\":[\"grep\"]}},\"replyTo\":\"q\"}");
    room_say(r, asker, "{\"type\":\"chat\",\"id\":\"q\",\"payload\":{}}");
    room_expect(r, asker, "{\"payload\":{\"code\":\"NO_AGENT\"},\"replyTo\":\"q\"}");
    ask(r, asker, "q", FOR_GREP);
    (void)take(r, agent);
    ask(r, asker, "\\u0071", FOR_GREP);
    room_expect(r, asker,
                "{\"payload\":{\"code\":\"INVALID_MESSAGE\",\"details\":{\"path\":\"id\"}}}");
    room_free(r);
}

static void ask_of_world(struct room *r, int client, const char *id, const char *capability)
{
    room_say(r, client,
             "{\"type\":\"route_request\",\"id\":\"%s\",\"data\":{\"capability\":\"%s\","
             "\"request\":7,\"timeoutMs\":1000}}",
             id, capability);
}

/* The next thing is an error about the request of this id, as it was written. */
static const char *expect_about(struct room *r, int client, const char *code, const char *id)
{
    char text[3200];
    const char *heard = room_next(r, client);

    assert_non_null(heard);
    (void)snprintf(text, sizeof(text), "\"details\":{\"requestId\":\"%s\"", id);
    assert_non_null(strstr(heard, code));
    assert_non_null(strstr(heard, text));
    return heard;
}

/* An id of the world has 256 characters, however many bytes they take; what ends the request or
 * refuses it names it. */
static void test_long_id(void **state)
{
    struct room *r = room_new(NULL);
    int agent = agent_of_world(r, "w", "grep"), asker = room_join(r, "");
    char id[12 * 256 + 1] = "";

    (void)state;
    for (size_t i = 0; i < 256; i++) {
        memcpy(id + 12 * i, "\\ud83d\\ude00", 13);
    }
    for (int i = 0; i < 30; i++) { /* what an error lists is long, too */
        char name[70];
        (void)snprintf(name, sizeof(name), "%069d", i);
        (void)agent_of_world(r, name, name);
    }
    while (room_next(r, asker) != NULL || room_next(r, agent) != NULL) {
    }
    ask_of_world(r, asker, id, "sed");
    const char *heard = expect_about(r, asker, "NO_AGENT", id);
    assert_non_null(strstr(heard, ",\"capabilities\":[\"grep\",\"0000"));
    ask_of_world(r, asker, id, "grep");
    (void)take(r, agent);
    room_advance(r, 2000);
    (void)expect_about(r, asker, "ROUTE_TIMEOUT", id);
    room_free(r);
}

static void test_grant(void **state)
{
    struct room *r = room_new(NULL);
    struct grants few = {
        .publish = {"agent_*,thought", 2}, .sessions = {"*", 1}, .act_as = {"", 0}};
    struct hub_credential one = credential("few", few);
    struct evidence e = from(1, CREDENTIAL_BEARER, "few");

    (void)state;
    set(r, HUB_AUTH_TOKEN, &one, 1);
    int asker = room_knock_at(r, DIALECT_GATEWAY, &e);
    room_expect(r, asker, "{\"type\":\"session_info\"}");
    ask(r, asker, "q", FOR_GREP);
    room_expect(r, asker, "{\"payload\":{\"code\":\"FORBIDDEN\"},\"replyTo\":\"q\"}");
    room_say(r, asker, "{\"type\":\"chat\",\"id\":\"q\",\"payload\":{}}");
    room_expect(r, asker, "{\"payload\":{\"code\":\"FORBIDDEN\"},\"replyTo\":\"q\"}");
    room_free(r);
}

static void test_limits(void **state)
{
    struct hub_settings s;

    (void)state;
    hub_settings_init(&s);
    assert_int_equal(s.max_queue, 1000);
    assert_int_equal(s.request_timeout_ms, 30000);
    s.max_queue = 2;
    struct room *r = room_new(&s);
    int agent = agent_of(r, "pi", "grep", 1), asker = room_control(r);
    ask(r, asker, "a", FOR_GREP);
    (void)take(r, agent);
    ask(r, asker, "b", FOR_GREP);
    ask(r, asker, "c", ",\"agentId\":\"pi\"");
    assert_int_equal(counts(r).requests_queued, 2);
    ask(r, asker, "d", FOR_GREP);
    room_expect(r, asker,
                "{\"payload\":{\"code\":\"QUEUE_FULL\",\"details\":{\"requestId\":\"d\",\"limit\":"
                "\"queue\",\"max\":2}}}");
    /* Memory that is short lets none wait. */
    s.max_queue = 3;
    s.max_memory = 1000;
    hub_reload(r->v.hub, &s);
    r->v.memory = 900;
    room_advance(r, 100);
    ask(r, asker, "d", FOR_GREP);
    room_expect(r, asker,
                "{\"payload\":{\"code\":\"LIMIT_REACHED\",\"details\":{\"limit\":\"memory\"}}}");
    r->v.memory = 0;
    room_advance(r, 100);
    ask(r, asker, "d", FOR_GREP);
    assert_int_equal(counts(r).requests_queued, 3);
    room_free(r);
}

static void test_most_of_one(void **state)
{
    struct room *r = room_new(NULL);
    int agent = agent_of(r, "pi", "grep", 2000), asker = room_control(r);

    (void)state;
    for (int i = 0; i < MOST; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "q%d", i);
        ask(r, asker, id, FOR_GREP);
    }
    assert_int_equal(counts(r).requests, MOST);
    ask(r, asker, "more", FOR_GREP);
    room_expect(r, asker,
                "{\"payload\":{\"code\":\"LIMIT_REACHED\",\"details\":{\"limit\":\"requests\","
                "\"max\":1000}}}");
    /* All of them end with their asker. */
    room_abort(r, asker);
    for (int i = 0; i < 2 * MOST; i++) {
        assert_non_null(room_next(r, agent));
    }
    expect_rest(r, REQUEST_END_ASKER_GONE, MOST);
    room_free(r);
}

/* --- who gets it ------------------------------------------------------------------------------ */

static void test_choice(void **state)
{
    struct room *r = room_new(NULL);
    int one = agent_of(r, "one", "grep", 1), three = agent_of(r, "three", "grep", 3);
    int busy = agent_of(r, "busy", "grep", 9), asker = room_control(r);

    (void)state;
    room_say(r, busy,
             "{\"type\":\"agent_heartbeat\",\"id\":\"h\",\"payload\":{\"status\":\"busy\"}}");
    room_expect(r, busy, "{\"payload\":{\"status\":\"busy\"}}");
    /* Both have nothing to do, and neither was used; then what they have for what they take. */
    ask(r, asker, "1", FOR_GREP);
    struct given first = take(r, one);
    ask(r, asker, "2", FOR_GREP);
    ask(r, asker, "3", FOR_GREP);
    ask(r, asker, "4", FOR_GREP);
    (void)take(r, three);
    (void)take(r, three);
    (void)take(r, three);
    ask(r, asker, "5", FOR_GREP); /* has to wait */
    ask(r, asker, "6", FOR_GREP);
    room_expect_nothing(r, one);
    answer(r, one, first, true);
    expect_answer(r, asker, "1", "one", true);
    (void)take(r, one); /* its slot is free at once, and who came first comes first */
    assert_int_equal(counts(r).requests_queued, 1);
    room_say(r, busy,
             "{\"type\":\"agent_heartbeat\",\"id\":\"h\",\"payload\":{\"status\":\"online\"}}");
    room_expect(r, busy, "{\"payload\":{\"status\":\"online\"}}");
    (void)take(r, busy);
    assert_int_equal(counts(r).requests_queued, 0);
    room_free(r);
}

static void test_least_recent(void **state)
{
    struct room *r = room_new(NULL);
    int agents[3], asker = room_control(r);

    (void)state;
    for (int i = 0; i < 3; i++) {
        char id[] = "a0";
        id[1] = (char)('0' + i);
        agents[i] = agent_of(r, id, "grep", 1);
    }
    for (int i = 0; i < 9; i++) {
        ask(r, asker, "q", FOR_GREP);
        answer(r, agents[i % 3], take(r, agents[i % 3]), true);
        assert_non_null(room_next(r, asker));
    }
    expect_rest(r, REQUEST_END_DONE, 9);
    room_free(r);
}

/* What has to wait takes its place when it is assigned: behind what its asker said meanwhile. */
static void test_order(void **state)
{
    struct room *r = room_new(NULL);
    int agent = agent_of(r, "pi", "grep", 1), asker = room_control(r);

    (void)state;
    ask(r, asker, "a", FOR_GREP);
    ask(r, asker, "b", FOR_GREP);
    ask(r, asker, "c", ",\"agentId\":\"pi\"");
    room_say(r, asker, "{\"type\":\"x\",\"id\":\"x\",\"target\":\"pi\"}");
    struct given a = take(r, agent);
    room_expect(r, agent, "{\"type\":\"x\"}");
    room_expect_nothing(r, agent);
    answer(r, agent, a, true);
    expect_answer(r, asker, "a", "pi", true);
    struct given b = take(r, agent);
    answer(r, agent, b, true);
    expect_answer(r, asker, "b", "pi", true);
    answer(r, agent, take(r, agent), true);
    expect_answer(r, asker, "c", "pi", true);
    expect_rest(r, REQUEST_END_DONE, 3);
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),   cmocka_unit_test(test_world),
        cmocka_unit_test(test_chat),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_long_id), cmocka_unit_test(test_grant),
        cmocka_unit_test(test_limits),  cmocka_unit_test(test_most_of_one),
        cmocka_unit_test(test_choice),  cmocka_unit_test(test_least_recent),
        cmocka_unit_test(test_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
