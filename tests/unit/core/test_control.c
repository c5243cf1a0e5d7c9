#include "talk.h"

/* The gateway dialect: greeting, connect, auth, and what is no message. */

/* How many members of sessions were looked at. */
static unsigned looks;

uint32_t __wrap_session_next(const struct hub *hub, uint32_t index);
uint32_t __real_session_next(const struct hub *hub, uint32_t index);

uint32_t __wrap_session_next(const struct hub *hub, uint32_t index)
{
    looks++;
    return __real_session_next(hub, index);
}

/* --- connect and auth ------------------------------------------------------------------------- */

static void test_hello(void **state)
{
    static const struct {
        const char *range;
        const char *answer;
    } versions[] = {
        {"\"protocolVersion\":1", "\"protocolVersion\":1,\"protocolCompatible\":true"},
        {"\"protocolVersion\":2", "\"protocolVersion\":2,\"protocolCompatible\":true"},
        {"\"protocolVersion\":9", "\"protocolVersion\":2,\"protocolCompatible\":false"},
        {"\"protocolVersion\":9,\"minProtocolVersion\":2",
         "\"protocolVersion\":2,\"protocolCompatible\":true"},
        {"\"protocolVersion\":0", "\"protocolVersion\":2,\"protocolCompatible\":false"},
        {"\"protocolVersion\":1,\"maxProtocolVersion\":5",
         "\"protocolVersion\":2,\"protocolCompatible\":true"},
    };
    struct room *r = room_new(NULL);
    int one = room_control(r), two = room_control(r);
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        (void)snprintf(text, sizeof(text),
                       "{\"type\":\"hello_ok\",\"replyTo\":\"h\",\"payload\":{\"paired\":true,"
                       "\"presence\":[],\"authRequired\":false,%s,\"server\":{\"version\":\"*\","
                       "\"connId\":\"%s\"},\"capabilities\":{\"methods\":\"*\"},\"limits\":\"*\","
                       "\"health\":{\"status\":\"ok\",\"checkedAt\":\"*\"},\"uptime\":\"*\","
                       "\"stateVersion\":\"*\"}}",
                       versions[i].answer, r->clients[one].id);
        room_say(r, one,
                 "{\"type\":\"connect\",\"id\":\"h\",\"payload\":{\"deviceId\":\"lamp\","
                 "\"role\":\"node\",%s}}",
                 versions[i].range);
        room_expect(r, one, text);
    }
    ask(r, two,
        "{\"type\":\"connect\",\"id\":\"h\",\"payload\":{\"deviceId\":\"phone\",\"role\":"
        "\"control\","
        "\"protocolVersion\":1}}",
        "{\"type\":\"hello_ok\",\"payload\":{\"presence\":[{\"deviceId\":\"lamp\",\"role\":"
        "\"node\","
        "\"connectedAt\":1700000000000}]}}");
    room_say(r, two, "{\"type\":\"connect\",\"id\":\"h\",\"payload\":{\"deviceId\":\"phone\"}}");
    expect_error(r, two, "INVALID_MESSAGE", "h");
    room_free(r);
}

/* Others choose how long the list is; it ends before who asks is closed for it. */
static void test_long_presence(void **state)
{
    struct hub_settings s;

    (void)state;
    hub_settings_init(&s);
    s.max_send_queue_bytes = 16384;
    struct room *r = room_new(&s);
    for (int i = 0; i < 60; i++) {
        room_say(r, room_control(r),
                 "{\"type\":\"connect\",\"id\":\"c\",\"payload\":{\"deviceId\":\"%0256d\","
                 "\"role\":\"node\",\"protocolVersion\":2}}",
                 i);
    }
    int late = room_control(r);
    const char *hello =
        room_next_late(r, late,
                       "{\"type\":\"connect\",\"id\":\"c\",\"payload\":{\"deviceId\":\"me\","
                       "\"role\":\"node\",\"protocolVersion\":2}}");
    json_t *frame = json_loads(hello != NULL ? hello : "", 0, NULL);
    assert_non_null(frame);
    const json_t *payload = json_object_get(frame, "payload");
    assert_int_equal(json_array_size(json_object_get(payload, "presence")), 7);
    json_decref(frame);
    ask(r, late, "{\"type\":\"ping\",\"id\":\"p\"}", "{\"type\":\"pong\"}");
    room_free(r);
}

/* Who has said nothing of his device is not looked at for the others; who has gone is not listed.
 */
static void test_presence_among_many(void **state)
{
    static const char *const connect =
        "{\"type\":\"connect\",\"id\":\"h\",\"payload\":{"
        "\"deviceId\":\"%s\",\"role\":\"node\",\"protocolVersion\":2}}";
    struct room *r = room_new(NULL);
    char text[256];
    int devices[3];

    (void)state;
    for (int i = 0; i < 60; i++) {
        int client = room_control(r);
        if (i % 20 == 10) {
            (void)snprintf(text, sizeof(text), connect, i == 10 ? "a" : i == 30 ? "b" : "c");
            room_say(r, client, "%s", text);
            devices[i / 20] = client;
        }
    }
    int late = room_control(r);
    (void)snprintf(text, sizeof(text), connect, "me");
    looks = 0;
    ask(r, late, text,
        "{\"type\":\"hello_ok\",\"payload\":{\"presence\":[{\"deviceId\":\"a\"},{\"deviceId\":"
        "\"b\"},"
        "{\"deviceId\":\"c\"}]}}");
    assert_in_range(looks, 0, 5);
    room_abort(r, devices[1]);
    /* Again it is one entry still. */
    (void)snprintf(text, sizeof(text), connect, "d");
    room_say(r, devices[0], "%s", text);
    (void)snprintf(text, sizeof(text), connect, "me");
    ask(r, late, text,
        "{\"type\":\"hello_ok\",\"payload\":{\"presence\":[{\"deviceId\":\"d\"},{\"deviceId\":"
        "\"c\"}]}}");
    room_free(r);
}

static void test_auth(void **state)
{
    struct room *r = room_with_tokens();
    struct evidence e = from(1, CREDENTIAL_NONE, "");
    int client = room_knock_at(r, DIALECT_GATEWAY, &e);

    (void)state;
    room_expect(r, client, "{\"type\":\"session_info\",\"payload\":{\"authRequired\":true}}");
    ask(r, client, "{\"type\":\"ping\",\"id\":\"p\"}",
        "{\"type\":\"pong\",\"replyTo\":\"p\",\"payload\":{\"clientId\":\"*\"}}");
    ask(r, client,
        "{\"type\":\"connect\",\"id\":\"h\",\"payload\":{\"deviceId\":\"lamp\",\"role\":\"node\","
        "\"protocolVersion\":1}}",
        "{\"type\":\"hello_ok\",\"payload\":{\"authRequired\":true,\"presence\":[]}}");
    room_say(r, client, "{\"type\":\"session_list\",\"id\":\"l\"}");
    expect_error(r, client, "AUTH_REQUIRED", "l");
    room_say(r, client, "{\"type\":\"auth\",\"id\":\"a\",\"payload\":{}}");
    expect_error(r, client, "AUTH_REQUIRED", "a");
    room_say(r, client, "{\"type\":\"auth\",\"id\":\"a\",\"payload\":{\"token\":\"wrong\"}}");
    expect_error(r, client, "AUTH_FAILED", "a");
    assert_true(r->clients[client].conn->stranger);
    room_say(r, client, "{\"type\":\"auth\",\"id\":\"a\",\"payload\":{\"token\":\"kit\"}}");
    room_expect_exact(r, client,
                      "{\"type\":\"auth_success\",\"id\":\"*\",\"payload\":{\"clientId\":\"*\","
                      "\"userId\":\"kit\"},\"timestamp\":\"*\",\"replyTo\":\"a\"}");
    assert_false(r->clients[client].conn->stranger);
    /* Once more, as the same and as somebody else. */
    ask(r, client, "{\"type\":\"auth\",\"id\":\"a\",\"payload\":{\"token\":\"kit\"}}",
        "{\"type\":\"auth_success\"}");
    room_say(r, client, "{\"type\":\"auth\",\"id\":\"b\",\"payload\":{\"token\":\"boss\"}}");
    expect_error(r, client, "FORBIDDEN", "b");
    /* What connect said before is kept: others see it. */
    e = from(1, CREDENTIAL_BEARER, "boss");
    int boss = room_knock_at(r, DIALECT_GATEWAY, &e);
    room_expect(r, boss, "{\"type\":\"session_info\",\"payload\":{\"authRequired\":false}}");
    ask(r, boss,
        "{\"type\":\"connect\",\"id\":\"h\",\"payload\":{\"deviceId\":\"desk\",\"role\":"
        "\"control\","
        "\"protocolVersion\":1}}",
        "{\"type\":\"hello_ok\",\"payload\":{\"presence\":[{\"deviceId\":\"lamp\"}]}}");
    room_free(r);
}

static void test_auth_by_password(void **state)
{
    struct room *r = room_new(NULL);
    struct evidence e = from(1, CREDENTIAL_NONE, "");

    (void)state;
    set(r, HUB_AUTH_PASSWORD, NULL, 0);
    int client = room_knock_at(r, DIALECT_GATEWAY, &e);
    room_expect(r, client, "{\"type\":\"session_info\"}");
    room_say(r, client, "{\"type\":\"auth\",\"id\":\"a\",\"payload\":{\"password\":\"x\"}}");
    room_say(r, client, "{\"type\":\"ping\",\"id\":\"p\"}");
    room_expect_nothing(r, client);
    virtual_check(&r->v, false);
    virtual_settle(&r->v);
    expect_error(r, client, "AUTH_FAILED", "a");
    room_expect(r, client, "{\"type\":\"pong\",\"replyTo\":\"p\"}");
    room_say(r, client, "{\"type\":\"auth\",\"id\":\"b\",\"payload\":{\"password\":\"y\"}}");
    virtual_check(&r->v, true);
    virtual_settle(&r->v);
    room_expect(
        r, client,
        "{\"type\":\"auth_success\",\"replyTo\":\"b\",\"payload\":{\"userId\":\"password\"}}");
    room_free(r);
}

static void test_auth_off(void **state)
{
    struct room *r = room_new(NULL);
    int client = room_control(r);

    (void)state;
    ask(r, client, "{\"type\":\"auth\",\"id\":\"a\",\"payload\":{\"token\":\"any\"}}",
        "{\"type\":\"auth_success\",\"payload\":{\"userId\":\"anonymous\"}}");
    ask(r, client, "{\"type\":\"auth\",\"id\":\"a\",\"payload\":{\"clientId\":\"me\"}}",
        "{\"type\":\"auth_success\",\"payload\":{\"userId\":\"me\"}}");
    ask(r, client, "{\"type\":\"health\",\"id\":\"h\"}",
        "{\"type\":\"health\",\"replyTo\":\"h\",\"payload\":{\"status\":\"ok\",\"checkedAt\":\"*\","
        "\"uptime\":\"*\",\"clients\":1,\"sessions\":1,\"agents\":0}}");
    room_free(r);
}

/* --- what is no message ----------------------------------------------------------------------- */

static void test_refused(void **state)
{
    static const struct {
        const char *message;
        const char *code;
    } table[] = {
        {"nonsense", "PARSE_ERROR"},
        {"{\"id\":\"x\"}", "INVALID_MESSAGE"},
        {"{\"type\":\"chat\"}", "INVALID_MESSAGE"},
        {"{\"type\":\"chat\",\"id\":\"\"}", "INVALID_MESSAGE"},
        {"{\"type\":\"chat\",\"id\":7}", "INVALID_MESSAGE"},
        {"{\"type\":\"chat\",\"id\":\"x\",\"sessionId\":7}", "INVALID_MESSAGE"},
        {"{\"type\":\"chat\",\"id\":\"x\",\"target\":[]}", "INVALID_MESSAGE"},
        {"{\"type\":\"chat\",\"id\":\"x\",\"timestamp\":\"now\"}", "INVALID_MESSAGE"},
        {"{\"type\":\"chat\",\"id\":\"x\",\"id\":\"y\"}", "INVALID_MESSAGE"},
        {"{\"type\":\"session_join\",\"id\":\"x\",\"payload\":{}}", "INVALID_MESSAGE"},
    };
    /* What is refused before its type is looked at is answered by its id all the same. */
    static const char *const envelopes[] = {"\"sessionId\":7", "\"timestamp\":\"now\"",
                                            "\"type\":7"};
    struct room *r = room_new(NULL);
    int client = room_control(r);

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char pattern[128];
        room_say(r, client, "%s", table[i].message);
        (void)snprintf(pattern, sizeof(pattern),
                       "{\"type\":\"error\",\"payload\":{\"code\":\"%s\"}}", table[i].code);
        room_expect(r, client, pattern);
    }
    for (size_t i = 0; i < sizeof(envelopes) / sizeof(envelopes[0]); i++) {
        room_say(r, client, "{\"id\":\"e\",%s%s}", envelopes[i], i < 2 ? ",\"type\":\"chat\"" : "");
        expect_error(r, client, "INVALID_MESSAGE", "e");
    }
    room_say(r, client, "{\"type\":\"unheard_of\",\"id\":\"x\"}");
    expect_error(r, client, "NO_ROUTE", "x");
    static const char *const ours[] = {"hello_ok", "auth_success",   "session_info", "agent_info",
                                       "pong",     "connection_ack", "agent_joined", "error"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        room_say(r, client, "{\"type\":\"%s\",\"id\":\"x\",\"target\":\"a\"}", ours[i]);
        expect_error(r, client, "FORBIDDEN", "x");
    }
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_long_presence),
        cmocka_unit_test(test_presence_among_many),
        cmocka_unit_test(test_auth),
        cmocka_unit_test(test_auth_by_password),
        cmocka_unit_test(test_auth_off),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
