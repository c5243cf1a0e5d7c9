#include <stdio.h>

#include "door.h"

/* The gateway dialect: greeting, connect, auth, ping, sessions, presence, and what is passed on. */

/* Says something whose answer is the next thing that the client hears. */
static void ask(struct room *r, int client, const char *message, const char *answer)
{
    room_say(r, client, "%s", message);
    room_expect(r, client, answer);
}

static void join(struct room *r, int client, const char *session)
{
    char answer[256];

    room_say(r, client,
             "{\"type\":\"session_join\",\"id\":\"j\",\"payload\":{\"sessionId\":\"%s\"}}",
             session);
    (void)snprintf(answer, sizeof(answer),
                   "{\"type\":\"session_info\",\"sessionId\":\"%s\",\"replyTo\":\"j\",\"payload\":"
                   "{\"sessionId\":\"%s\",\"status\":\"joined\",\"members\":\"*\"}}",
                   session, session);
    room_expect(r, client, answer);
}

static void create(struct room *r, int client, const char *session)
{
    char answer[256];

    room_say(r, client,
             "{\"type\":\"session_create\",\"id\":\"c\",\"payload\":{\"sessionId\":\"%s\"}}",
             session);
    (void)snprintf(answer, sizeof(answer),
                   "{\"type\":\"session_info\",\"payload\":{\"sessionId\":\"%s\",\"status\":"
                   "\"created\"}}",
                   session);
    room_expect(r, client, answer);
}

static void expect_error(struct room *r, int client, const char *code, const char *reply_to)
{
    char pattern[256];

    (void)snprintf(
        pattern, sizeof(pattern),
        "{\"type\":\"error\",\"id\":\"*\",\"payload\":{\"code\":\"%s\",\"message\":\"*\","
        "\"details\":\"*\"},\"timestamp\":\"*\",\"replyTo\":\"%s\"}",
        code, reply_to);
    room_expect(r, client, pattern);
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

/* --- sessions --------------------------------------------------------------------------------- */

static void test_sessions(void **state)
{
    struct room *r = room_new(NULL);
    int one = room_control(r), two = room_control(r);
    char text[512];

    (void)state;
    ask(r, one,
        "{\"type\":\"session_create\",\"id\":\"c\",\"payload\":{\"sessionId\":\"den\",\"name\":"
        "\"Den\","
        "\"metadata\":{\"n\":1E2}}}",
        "{\"type\":\"session_info\",\"sessionId\":\"den\",\"replyTo\":\"c\",\"payload\":{"
        "\"sessionId\":"
        "\"den\",\"status\":\"created\",\"name\":\"Den\",\"metadata\":{\"n\":100},\"members\":[\"*"
        "\"]}}");
    room_say(r, two,
             "{\"type\":\"session_join\",\"id\":\"j\",\"payload\":{\"sessionId\":\"den\"}}");
    const char *heard = room_next(r, two);
    assert_non_null(strstr(heard, "\"metadata\":{\"n\":1E2}")); /* as it was written */
    (void)snprintf(text, sizeof(text),
                   "{\"type\":\"presence\",\"sessionId\":\"den\",\"payload\":{\"deviceId\":\"%s\","
                   "\"status\":\"online\",\"sessionKey\":\"den\"}}",
                   r->clients[two].id);
    room_expect(r, one, text);
    join(r, two, "den"); /* again: nobody else is told */
    room_expect_nothing(r, one);
    ask(r, one, "{\"type\":\"session_list\",\"id\":\"l\"}",
        "{\"type\":\"session_info\",\"replyTo\":\"l\",\"payload\":{\"sessions\":[{\"sessionId\":"
        "\"world:main\"},{\"sessionId\":\"den\",\"name\":\"Den\",\"total\":2}],\"total\":2}}");
    ask(r, two, "{\"type\":\"session_leave\",\"id\":\"x\",\"payload\":{\"sessionId\":\"den\"}}",
        "{\"type\":\"session_info\",\"sessionId\":\"den\",\"replyTo\":\"x\",\"payload\":{"
        "\"status\":"
        "\"left\"}}");
    room_expect(r, one, "{\"type\":\"presence\",\"payload\":{\"status\":\"offline\"}}");
    ask(r, two, "{\"type\":\"session_leave\",\"id\":\"x\",\"payload\":{\"sessionId\":\"never\"}}",
        "{\"type\":\"session_info\",\"payload\":{\"status\":\"left\"}}");
    join(r, two, "den");
    room_expect(r, one, "{\"type\":\"presence\"}");
    room_abort(r, two); /* a lost connection leaves the same way */
    room_expect(r, one, "{\"type\":\"presence\",\"payload\":{\"status\":\"offline\"}}");
    room_abort(r, one);
    assert_int_equal(counts(r).sessions, 1); /* it has ended with its last member */
    room_free(r);
}

static void test_session_refusals(void **state)
{
    struct hub_settings s;

    (void)state;
    hub_settings_init(&s);
    s.max_clients_per_session = 2;
    struct room *r = room_new(&s);
    int one = room_control(r), two = room_control(r), three = room_control(r);
    create(r, one, "den");
    join(r, two, "den");
    room_expect(r, one, "{\"type\":\"presence\"}");
    room_say(r, three,
             "{\"type\":\"session_join\",\"id\":\"j\",\"payload\":{\"sessionId\":\"den\"}}");
    expect_error(r, three, "SESSION_FULL", "j");
    room_say(r, three,
             "{\"type\":\"session_create\",\"id\":\"j\",\"payload\":{\"sessionId\":\"den\"}}");
    expect_error(r, three, "SESSION_FULL", "j");
    join(r, two, "den"); /* a member may */
    join(r, three, "world:main");
    room_say(r, three,
             "{\"type\":\"session_join\",\"id\":\"j\",\"payload\":{\"sessionId\":\"no\"}}");
    expect_error(r, three, "SESSION_NOT_FOUND", "j");
    room_say(r, three,
             "{\"type\":\"session_join\",\"id\":\"j\",\"payload\":{\"sessionId\":\"$everybody\"}}");
    expect_error(r, three, "SESSION_NOT_FOUND", "j");
    room_say(r, three,
             "{\"type\":\"session_create\",\"id\":\"j\",\"payload\":{\"sessionId\":\"world:x\"}}");
    expect_error(r, three, "FORBIDDEN", "j");
    room_say(r, three,
             "{\"type\":\"session_create\",\"id\":\"j\",\"payload\":{\"sessionId\":\"a b\"}}");
    expect_error(r, three, "INVALID_MESSAGE", "j");
    room_say(r, three, "{\"type\":\"chat\",\"id\":\"m\",\"sessionId\":\"den\",\"payload\":{}}");
    expect_error(r, three, "NOT_A_MEMBER", "m");
    room_say(r, three, "{\"type\":\"chat\",\"id\":\"m\",\"sessionId\":\"no\",\"payload\":{}}");
    expect_error(r, three, "SESSION_NOT_FOUND", "m");
    ask(r, three, "{\"type\":\"session_create\",\"id\":\"c\"}",
        "{\"type\":\"session_info\",\"payload\":{\"sessionId\":\"*\",\"status\":\"created\"}}");
    room_free(r);
}

static void test_patch(void **state)
{
    struct room *r = room_new(NULL);
    int one = room_control(r), two = room_control(r), three = room_control(r);

    (void)state;
    ask(r, one,
        "{\"type\":\"session_create\",\"id\":\"c\",\"payload\":{\"sessionId\":\"den\",\"metadata\":"
        "{\"keep\":0.10,\"go\":1,\"deep\":{\"a\":1,\"b\":2}}}}",
        "{\"type\":\"session_info\"}");
    join(r, two, "den");
    room_expect(r, one, "{\"type\":\"presence\"}");
    room_say(
        r, two,
        "{\"type\":\"session_patch\",\"id\":\"p\",\"payload\":{\"sessionKey\":\"den\",\"patch\":"
        "{\"go\":null,\"deep\":{\"b\":null,\"c\":3},\"new\":[1]}}}");
    const char *heard = room_next(r, one);
    assert_non_null(strstr(heard, "\"metadata\":{\"keep\":0.10,\"deep\":{\"a\":1,\"c\":3},"
                                  "\"new\":[1]}"));
    assert_null(strstr(heard, "replyTo"));
    room_expect(
        r, two,
        "{\"type\":\"session_info\",\"replyTo\":\"p\",\"payload\":{\"status\":\"patched\"}}");
    room_expect_nothing(r, two);
    room_expect_nothing(r, one);
    room_say(r, three,
             "{\"type\":\"session_patch\",\"id\":\"p\",\"payload\":{\"sessionKey\":\"den\","
             "\"patch\":{}}}");
    expect_error(r, three, "NOT_A_MEMBER", "p");
    room_free(r);
}

static void test_presence(void **state)
{
    struct room *r = room_new(NULL);
    int one = room_control(r), two = room_control(r), three = room_control(r);

    (void)state;
    create(r, one, "den");
    create(r, one, "attic");
    join(r, two, "den");
    room_expect(r, one, "{\"type\":\"presence\"}");
    join(r, two, "attic");
    room_expect(r, one, "{\"type\":\"presence\"}");
    /* Two sessions in common: told once. */
    room_say(r, two,
             "{\"type\":\"presence\",\"id\":\"p\",\"payload\":{\"deviceId\":\"d\",\"status\":"
             "\"typing\"}}");
    room_expect(
        r, one,
        "{\"type\":\"presence\",\"id\":\"p\",\"source\":\"*\",\"payload\":{\"deviceId\":\"d\","
        "\"status\":\"typing\"}}");
    room_expect_nothing(r, one);
    room_expect_nothing(r, two);
    room_expect_nothing(r, three);
    room_say(
        r, three,
        "{\"type\":\"presence\",\"id\":\"p\",\"payload\":{\"deviceId\":\"d\",\"status\":\"away\","
        "\"sessionKey\":\"den\"}}");
    expect_error(r, three, "NOT_A_MEMBER", "p");
    room_free(r);
}

/* --- what is passed on ------------------------------------------------------------------------ */

static void test_relay(void **state)
{
    struct room *r = room_new(NULL);
    int one = room_control(r), two = room_control(r);
    char text[512];

    (void)state;
    create(r, one, "den");
    join(r, two, "den");
    room_expect(r, one, "{\"type\":\"presence\"}");
    room_say(
        r, one,
        "{\"type\":\"tool_start\",\"id\":\"m-1\",\"sessionId\":\"den\",\"payload\":{\"a\":0.10,"
        "\"b\": 1E2},\"timestamp\":12345678901234567890,\"source\":\"somebody\",\"extra\":1,"
        "\"replyTo\":\"m-0\"}");
    (void)snprintf(text, sizeof(text),
                   "{\"type\":\"tool_start\",\"id\":\"m-1\",\"sessionId\":\"den\",\"payload\":"
                   "{\"a\":0.10,\"b\": 1E2},\"timestamp\":12345678901234567890,\"source\":\"%s\","
                   "\"replyTo\":\"m-0\"}",
                   r->clients[one].id);
    room_expect_text(r, two, text);
    room_expect_nothing(r, one);
    /* To one. */
    room_say(r, two, "{\"type\":\"hint\",\"id\":\"m\",\"target\":\"%s\",\"timestamp\":1}",
             r->clients[one].id);
    (void)snprintf(
        text, sizeof(text),
        "{\"type\":\"hint\",\"id\":\"m\",\"payload\":{},\"timestamp\":1,\"source\":\"%s\"}",
        r->clients[two].id);
    room_expect_text(r, one, text);
    room_say(r, two, "{\"type\":\"hint\",\"id\":\"m\",\"target\":\"nobody\"}");
    expect_error(r, two, "TARGET_NOT_FOUND", "m");
    int three = room_control(r);
    room_say(r, two, "{\"type\":\"hint\",\"id\":\"m\",\"sessionId\":\"den\",\"target\":\"%s\"}",
             r->clients[three].id);
    expect_error(r, two, "NOT_A_MEMBER", "m");
    /* To all. */
    room_say(r, three,
             "{\"type\":\"broadcast\",\"id\":\"b\",\"payload\":{\"x\":1},\"timestamp\":1}");
    room_expect(r, one, "{\"type\":\"broadcast\",\"id\":\"b\",\"payload\":{\"x\":1}}");
    room_expect(r, two, "{\"type\":\"broadcast\",\"id\":\"b\"}");
    room_expect_nothing(r, three);
    room_free(r);
}

static void test_broadcast_grant(void **state)
{
    struct room *r = room_with_tokens();
    struct evidence e = from(1, CREDENTIAL_BEARER, "kit");
    int kit = room_knock_at(r, DIALECT_GATEWAY, &e);

    (void)state;
    room_expect(r, kit, "{\"type\":\"session_info\"}");
    room_say(r, kit, "{\"type\":\"broadcast\",\"id\":\"b\"}");
    expect_error(r, kit, "FORBIDDEN", "b");
    room_free(r);
}

/* --- between the dialects --------------------------------------------------------------------- */

static void test_world(void **state)
{
    struct room *r = room_new(NULL);
    int world = room_join(r, ""), control = room_control(r), other = room_control(r);
    char text[512];

    (void)state;
    join(r, control, "world:main");
    room_expect_nothing(r, world); /* presence never reaches the world */
    room_register(r, world, "timmy");
    room_expect(r, control,
                "{\"type\":\"agent_joined\",\"id\":\"*\",\"sessionId\":\"world:main\",\"payload\":"
                "{\"type\":\"agent_joined\",\"agentId\":\"timmy\"},\"timestamp\":1700000000000,"
                "\"source\":\"gateway\"}");
    room_say(r, world, "{\"type\":\"bark\",\"n\":0.10}");
    const char *heard = room_next(r, control);
    assert_non_null(strstr(heard, "\"sessionId\":\"world:main\",\"payload\":{\"type\":\"bark\","
                                  "\"n\":0.10},\"timestamp\":1700000000000,\"source\":\"timmy\"}"));
    room_say(
        r, control,
        "{\"type\":\"thought\",\"id\":\"m\",\"sessionId\":\"world:main\",\"payload\":{\"text\":"
        "\"hm\",\"n\":1E2}}");
    (void)snprintf(
        text, sizeof(text),
        "{\"type\":\"thought\",\"agent_id\":\"%s\",\"agentId\":\"%s\",\"data\":{\"text\":"
        "\"hm\",\"n\":1E2},\"ts\":1700000000.000}",
        r->clients[control].id, r->clients[control].id);
    room_expect_text(r, world, text);
    room_expect_nothing(r, control);
    room_expect_nothing(r, other);
    room_say(r, control,
             "{\"type\":\"thought\",\"id\":\"m\",\"sessionId\":\"world:main\",\"payload\":[1]}");
    room_expect(r, world, "{\"type\":\"thought\",\"data\":{\"value\":[1]}}");
    /* To one, both ways. */
    room_say(r, other,
             "{\"type\":\"hint\",\"id\":\"m\",\"target\":\"timmy\",\"payload\":{\"a\":1}}");
    room_expect(r, world, "{\"type\":\"hint\",\"agent_id\":\"*\",\"data\":{\"a\":1}}");
    room_say(r, world, "{\"type\":\"bark\",\"target_id\":\"%s\"}", r->clients[other].id);
    room_expect(r, other,
                "{\"type\":\"bark\",\"payload\":{\"type\":\"bark\",\"target_id\":\"*\"},\"source\":"
                "\"timmy\"}");
    room_abort(r, world);
    room_expect(r, control, "{\"type\":\"agent_left\",\"payload\":{\"agent_id\":\"timmy\"}}");
    room_free(r);
}

/* Many of each dialect in one world: both lanes have logs, and the order is the same in both. */
static void test_many(void **state)
{
    struct room *r = room_new(NULL);
    int world[12], control[12];

    (void)state;
    for (int i = 0; i < 12; i++) {
        world[i] = room_join(r, "");
        control[i] = room_control(r);
        join(r, control[i], "world:main");
        for (int j = 0; j < i; j++) {
            room_expect(r, control[j], "{\"type\":\"presence\"}");
        }
    }
    for (int i = 0; i < 20; i++) {
        if (i % 2 == 0) {
            room_say(r, world[i % 12], "{\"type\":\"bark\",\"n\":%d}", i);
        } else {
            room_say(r, control[i % 12],
                     "{\"type\":\"bark\",\"id\":\"m\",\"sessionId\":\"world:main\",\"payload\":"
                     "{\"n\":%d}}",
                     i);
        }
    }
    for (int c = 0; c < 12; c++) {
        for (int i = 0; i < 20; i++) {
            char pattern[128];
            if (i % 2 != 0 || i % 12 != c) {
                (void)snprintf(pattern, sizeof(pattern),
                               i % 2 == 0 ? "{\"type\":\"bark\",\"n\":%d}"
                                          : "{\"type\":\"bark\",\"data\":{\"n\":%d}}",
                               i);
                room_expect(r, world[c], pattern);
            }
            if (i % 2 == 0 || i % 12 != c) {
                (void)snprintf(pattern, sizeof(pattern),
                               "{\"type\":\"bark\",\"payload\":{\"n\":%d}}", i);
                room_expect(r, control[c], pattern);
            }
        }
        room_expect_nothing(r, world[c]);
        room_expect_nothing(r, control[c]);
    }
    for (int c = 0; c < 12; c++) {
        room_abort(r, control[c]);
        room_say(r, world[0], "{\"type\":\"bark\"}");
        room_expect_text(r, world[1], "{\"type\":\"bark\"}");
    }
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_auth),
        cmocka_unit_test(test_auth_by_password),
        cmocka_unit_test(test_auth_off),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_session_refusals),
        cmocka_unit_test(test_patch),
        cmocka_unit_test(test_presence),
        cmocka_unit_test(test_relay),
        cmocka_unit_test(test_broadcast_grant),
        cmocka_unit_test(test_world),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
