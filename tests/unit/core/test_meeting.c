#include "talk.h"

/* The gateway dialect: sessions, presence, what is passed on, and the worlds. */

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
    join(r, three, "world:new"); /* a world begins when somebody enters it */
    room_say(r, three,
             "{\"type\":\"session_join\",\"id\":\"j\",\"payload\":{\"sessionId\":\"world:\"}}");
    expect_error(r, three, "SESSION_NOT_FOUND", "j");
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

/* What is not granted is refused in the same words, whether it is there or not. */
static void test_create_tells_nothing(void **state)
{
    static const char *const ids[] = {"den", "none", "world:main", "world:none"};
    static const struct grants narrow = {.publish = {"*", 1}, .sessions = {"hall", 4}};
    struct room *r = room_new(NULL);
    struct hub_credential list[] = {credential("kit", narrow), credential("boss", usual)};
    struct evidence boss = from(1, CREDENTIAL_BEARER, "boss"),
                    kit = from(1, CREDENTIAL_BEARER, "kit");
    char first[1024] = "", text[20480];

    (void)state;
    set(r, HUB_AUTH_TOKEN, list, 2);
    int one = room_knock_at(r, DIALECT_GATEWAY, &boss),
        two = room_knock_at(r, DIALECT_GATEWAY, &kit);
    room_expect(r, one, "{\"type\":\"session_info\"}");
    room_expect(r, two, "{\"type\":\"session_info\"}");
    create(r, one, "den");
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        int len =
            snprintf(text, sizeof(text),
                     "{\"type\":\"session_create\",\"id\":\"c\",\"payload\":{\"sessionId\":\"%s\","
                     "\"metadata\":{\"x\":\"%20000s\"}}}",
                     ids[i], "");
        room_say_bytes(r, two, str_make(text, (size_t)len));
        const char *heard = strstr(room_next(r, two), "\"payload\":");
        assert_non_null(heard);
        if (i == 0) {
            (void)snprintf(first, sizeof(first), "%s", heard);
        }
        assert_string_equal(heard, first);
        assert_non_null(strstr(heard, "{\"rule\":\"grant:sessions\"}"));
    }
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

/* Who is with more than one message may be for says it in one session at a time. */
static void test_presence_to_too_many(void **state)
{
    struct hub_settings settings;

    (void)state;
    hub_settings_init(&settings);
    assert_int_equal(settings.max_companions, 65536);
    settings.max_companions = 3; /* oneself in each session counts, too */
    struct room *r = room_new(&settings);
    int one = room_control(r), two = room_control(r);
    create(r, one, "den");
    join(r, two, "den");
    create(r, two, "attic");
    room_expect(r, one, "{\"type\":\"presence\"}");
    room_say(r, two,
             "{\"type\":\"presence\",\"id\":\"p\",\"payload\":{\"deviceId\":\"d\",\"status\":"
             "\"away\"}}");
    room_expect(r, one, "{\"type\":\"presence\",\"payload\":{\"status\":\"away\"}}");
    join(r, one, "attic");
    room_expect(r, two, "{\"type\":\"presence\"}");
    room_say(r, two,
             "{\"type\":\"presence\",\"id\":\"p\",\"payload\":{\"deviceId\":\"d\",\"status\":"
             "\"online\"}}");
    room_expect(r, two,
                "{\"type\":\"error\",\"payload\":{\"code\":\"LIMIT_REACHED\",\"details\":{"
                "\"limit\":\"companions\",\"max\":3}},\"replyTo\":\"p\"}");
    room_expect_nothing(r, one);
    room_say(r, two,
             "{\"type\":\"presence\",\"id\":\"p\",\"payload\":{\"deviceId\":\"d\",\"status\":"
             "\"online\",\"sessionKey\":\"attic\"}}");
    room_expect(r, one, "{\"type\":\"presence\",\"payload\":{\"sessionKey\":\"attic\"}}");
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

/* --- lists that others can make long ---------------------------------------------------------- */

/* Every character of a title takes six bytes in a list. */
static void create_long(struct room *r, int client, int number)
{
    char title[6 * 300 + 1] = "";

    for (size_t i = 0; i < 300; i++) {
        memcpy(title + 6 * i, "\\u0001", 7);
    }
    room_say(r, client,
             "{\"type\":\"session_create\",\"id\":\"c\",\"payload\":{\"sessionId\":\"s%d\","
             "\"name\":\"%s\"}}",
             number, title);
    room_expect(r, client, "{\"type\":\"session_info\",\"payload\":{\"status\":\"created\"}}");
}

/* An agent with the longest id. */
static void join_long(struct room *r, int number)
{
    int client = room_control(r);

    room_say(r, client,
             "{\"type\":\"agent_register\",\"id\":\"r\",\"payload\":{\"agentId\":\"%0128d\","
             "\"name\":\"Pi\",\"type\":\"pi\",\"capabilities\":{}}}",
             number);
    room_expect(r, client, "{\"type\":\"agent_info\"}");
    join(r, client, "s0");
}

/* How many a list has, of `total`; it is not longer than it may be. */
static size_t listed(const char *text, const char *list, unsigned total)
{
    json_t *frame = json_loads(text != NULL ? text : "", 0, NULL);
    const json_t *payload = json_object_get(frame, "payload");
    size_t count = json_array_size(json_object_get(payload, list));

    assert_non_null(frame);
    assert_int_equal(json_integer_value(json_object_get(payload, "total")), total);
    assert_in_range(strlen(text), 1, 16384 / 2);
    json_decref(frame);
    return count;
}

/* Who asks for a list, or has caught up, is not closed for what others have made of it. */
static void test_long_lists(void **state)
{
    struct hub_settings s;

    (void)state;
    hub_settings_init(&s);
    s.max_send_queue_bytes = 16384;
    struct room *r = room_new(&s);
    int maker = room_control(r), asker = room_control(r);
    for (int i = 0; i < 20; i++) {
        create_long(r, maker, i);
    }
    const char *list = room_next_late(r, asker, "{\"type\":\"session_list\",\"id\":\"l\"}");
    assert_int_equal(listed(list, "sessions", 21), 3);
    for (int i = 0; i < 100; i++) {
        join_long(r, i);
    }
    list = room_next_late(
        r, asker, "{\"type\":\"session_join\",\"id\":\"j\",\"payload\":{\"sessionId\":\"s0\"}}");
    assert_int_equal(listed(list, "members", 102), 17);
    room_hold(r, asker, 0);
    for (int i = 0; i < 20; i++) {
        room_say(
            r, maker,
            "{\"type\":\"note\",\"id\":\"n\",\"sessionId\":\"s0\",\"payload\":{\"x\":\"%02000d\"}}",
            0);
    }
    room_hold(r, asker, SIZE_MAX);
    room_expect(r, asker, "{\"type\":\"error\",\"payload\":{\"code\":\"SLOW_CLIENT\"}}");
    assert_int_equal(listed(room_next(r, asker), "sessions", 21), 3);
    room_say(r, asker, "{\"type\":\"ping\",\"id\":\"p\"}");
    room_expect(r, asker, "{\"type\":\"pong\"}");
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_session_refusals),
        cmocka_unit_test(test_create_tells_nothing),
        cmocka_unit_test(test_patch),
        cmocka_unit_test(test_presence),
        cmocka_unit_test(test_presence_to_too_many),
        cmocka_unit_test(test_relay),
        cmocka_unit_test(test_broadcast_grant),
        cmocka_unit_test(test_world),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_long_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
