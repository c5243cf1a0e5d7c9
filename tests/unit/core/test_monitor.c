#include <stdio.h>

#include "door.h"

/* monitor: who may, what is copied, which of it, and what happens to one who does not read. */

static void watch(struct room *r, int client, const char *filter)
{
    room_say(r, client, "{\"type\":\"monitor\",\"id\":\"m\",\"payload\":{%s}}", filter);
    room_expect_exact(r, client,
                      "{\"type\":\"monitor\",\"id\":\"*\",\"payload\":{\"watching\":true},"
                      "\"timestamp\":\"*\",\"replyTo\":\"m\"}");
}

/* The next copy has just these members; "at" and what is around it are not named. */
static void expect_copy(struct room *r, int client, const char *members)
{
    char pattern[1024];

    (void)snprintf(pattern, sizeof(pattern),
                   "{\"type\":\"monitor\",\"id\":\"*\",\"timestamp\":\"*\",\"payload\":{%s,"
                   "\"at\":1700000000000}}",
                   members);
    room_expect_exact(r, client, pattern);
}

static void join(struct room *r, int client, const char *session)
{
    room_say(r, client,
             "{\"type\":\"session_create\",\"id\":\"c\",\"payload\":{\"sessionId\":\"%s\"}}",
             session);
    while (room_next(r, client) != NULL) {
    }
}

static void test_world(void **state)
{
    struct room *r = room_new(NULL);
    int boss = room_control(r), one = room_join(r, ""), two = room_join(r, "attic");
    char members[512];

    (void)state;
    watch(r, boss, "");
    room_register(r, one, "timmy"); /* it is the gateway's own business */
    room_expect_nothing(r, boss);
    room_say(r, one, "{\"type\":\"bark\",\"data\":{\"n\":0.10}}");
    expect_copy(r, boss,
                "\"message\":{\"type\":\"bark\",\"data\":{\"n\":0.10}},\"dialect\":\"world\","
                "\"source\":\"timmy\",\"session\":\"world:main\"");
    room_say(r, two, "{\"type\":\"wave\",\"target_id\":\"timmy\"}");
    (void)snprintf(members, sizeof(members),
                   "\"message\":{\"type\":\"wave\",\"target_id\":\"timmy\"},\"dialect\":\"world\","
                   "\"source\":\"%s\",\"session\":\"world:attic\",\"target\":\"timmy\"",
                   r->clients[two].id);
    expect_copy(r, boss, members);
    /* What is not passed on is not copied. */
    room_say(r, two, "{\"type\":\"wave\",\"target_id\":\"nobody\"}");
    room_say(r, two, "{\"type\":\"agent_joined\"}");
    room_say(r, two, "{\"type\":\"ping\"}");
    room_say(r, two, "{\"type\":\"subscribe\",\"types\":[\"x\"]}");
    room_say(r, two, "nonsense");
    room_abort(r, two);
    room_expect_nothing(r, boss);
    room_free(r);
}

static void test_control(void **state)
{
    struct room *r = room_new(NULL);
    int boss = room_control(r), one = room_control(r), two = room_control(r);
    char text[512];

    (void)state;
    join(r, one, "den");
    join(r, two, "den");
    (void)room_next(r, one);
    watch(r, boss, "");
    room_say(r, one,
             "{\"type\":\"note\",\"id\":\"n1\",\"sessionId\":\"den\",\"payload\":{\"n\":1E2},"
             "\"timestamp\":5}");
    const char *heard = room_next(r, two);
    (void)snprintf(text, sizeof(text),
                   "{\"type\":\"note\",\"id\":\"n1\",\"sessionId\":\"den\",\"payload\":{\"n\":1E2},"
                   "\"timestamp\":5,\"source\":\"%s\"}",
                   r->clients[one].id);
    assert_string_equal(heard, text);
    heard = room_next(r, boss);
    assert_non_null(strstr(heard, text)); /* the bytes that the others got */
    room_say(r, one, "{\"type\":\"note\",\"id\":\"n2\",\"target\":\"%s\"}", r->clients[two].id);
    (void)snprintf(
        text, sizeof(text),
        "\"message\":{\"type\":\"note\",\"id\":\"n2\",\"payload\":{},\"timestamp\":\"*\","
        "\"source\":\"%s\"},\"dialect\":\"gateway\",\"source\":\"%s\",\"target\":\"%s\"",
        r->clients[one].id, r->clients[one].id, r->clients[two].id);
    expect_copy(r, boss, text);
    /* To all: also to the monitor, as to anybody; and the copy. No session's name is made up. */
    room_say(r, one, "{\"type\":\"broadcast\",\"id\":\"b\",\"payload\":{\"x\":1}}");
    room_expect(r, boss,
                "{\"type\":\"monitor\",\"payload\":{\"message\":{\"type\":\"broadcast\"}}}");
    assert_null(strstr(r->clients[boss].heard[r->clients[boss].heard_from - 1], "everybody"));
    room_expect(r, boss, "{\"type\":\"broadcast\",\"id\":\"b\"}");
    room_say(r, one,
             "{\"type\":\"presence\",\"id\":\"p\",\"payload\":{\"deviceId\":\"d\",\"status\":"
             "\"away\",\"sessionKey\":\"den\"}}");
    room_expect(r, boss,
                "{\"type\":\"monitor\",\"payload\":{\"message\":{\"type\":\"presence\"},"
                "\"session\":\"den\"}}");
    room_say(r, one,
             "{\"type\":\"presence\",\"id\":\"p\",\"payload\":{\"deviceId\":\"d\",\"status\":"
             "\"away\"}}");
    room_expect(r, boss,
                "{\"type\":\"monitor\",\"payload\":{\"message\":{\"type\":\"presence\"}}}");
    /* What the gateway answers, and what it refuses. */
    room_say(r, one, "{\"type\":\"auth\",\"id\":\"a\",\"payload\":{\"token\":\"secret\"}}");
    room_say(r, one, "{\"type\":\"note\",\"id\":\"n\",\"sessionId\":\"none\"}");
    room_say(r, one, "{\"type\":\"note\",\"id\":\"n\"}");
    room_say(r, one, "{\"type\":\"health\",\"id\":\"h\"}");
    while (room_next(r, one) != NULL) {
    }
    watch(r, one, ""); /* no copy of copies, and none of their beginning */
    room_expect_nothing(r, boss);
    room_say(r, two, "{\"type\":\"note\",\"id\":\"n3\",\"target\":\"%s\"}", r->clients[boss].id);
    room_expect(r, boss, "{\"type\":\"monitor\"}");
    room_expect(r, boss, "{\"type\":\"note\"}");
    room_expect_nothing(r, boss);
    room_free(r);
}

static void test_credentials(void **state)
{
    struct room *r = room_with_tokens();
    struct evidence e = from(1, CREDENTIAL_BEARER, "boss");
    int boss = room_knock_at(r, DIALECT_GATEWAY, &e), one = stranger(r, 3);
    struct evidence none = from(4, CREDENTIAL_NONE, "");
    int two = room_knock_at(r, DIALECT_GATEWAY, &none);

    (void)state;
    (void)room_next(r, boss);
    watch(r, boss, "");
    room_say(r, one, "{\"type\":\"agent_register\",\"agentId\":\"timmy\",\"token\":\"kit\"}");
    room_expect(r, one, "{\"type\":\"connection_ack\",\"data\":{\"agent_id\":\"timmy\"}}");
    room_say(r, one, "{\"type\":\"agent_register\",\"agentId\":\"timmy\",\"token\":\"kit\"}");
    room_say(r, two, "{\"type\":\"auth\",\"id\":\"a\",\"payload\":{\"token\":\"kit\"}}");
    room_say(r, two, "{\"type\":\"auth\",\"id\":\"a\",\"payload\":{\"token\":\"kit\"}}");
    room_expect_nothing(r, boss);
    struct hub_publication p = {.message = STR("{\"type\":\"bark\"}"),
                                .session = STR("world:main")};
    uint64_t delivered;
    struct buf details;
    buf_init(&details, 1024);
    assert_int_equal(hub_publish(r->v.hub, 0, &p, &delivered, &details), ERROR_NONE);
    buf_fini(&details);
    virtual_settle(&r->v);
    expect_copy(r, boss,
                "\"message\":{\"type\":\"bark\"},\"dialect\":\"world\",\"source\":\"gateway\","
                "\"session\":\"world:main\"");
    room_free(r);
}

static void test_filters(void **state)
{
    struct room *r = room_new(NULL);
    int one = room_join(r, ""), two = room_join(r, "attic");
    char by_id[64];

    (void)state;
    room_register(r, one, "timmy");
    (void)snprintf(by_id, sizeof(by_id), "\"from\":\"%s\"", r->clients[one].id);
    const struct {
        const char *filter;
        const char *copied; /* of the messages below, those that are */
    } rows[] = {
        {"", "0123"},
        {"\"types\":[\"bark\"]", "02"},
        {"\"types\":[\"sc*\",\"none\"]", "13"},
        {"\"types\":[\"*\"]", "0123"},
        {"\"types\":[]", ""},
        {"\"types\":[\"scene_ad\"]", ""},
        {"\"sessions\":[\"world:attic\"]", "23"},
        {"\"sessions\":[\"world:*\"]", "0123"},
        {"\"sessions\":[\"attic\"]", ""},
        {"\"from\":\"timmy\"", "01"},
        {by_id, "01"},
        {"\"from\":\"nobody\"", ""},
        {"\"types\":[\"bark\"],\"sessions\":[\"world:main\"],\"from\":\"timmy\"", "0"},
    };
    int boss = room_control(r);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        watch(r, boss, rows[i].filter); /* each takes the place of the one before */
        for (int n = 0; n < 4; n++) {
            room_say(r, n < 2 ? one : two, "{\"type\":\"%s\",\"n\":%d}",
                     n % 2 == 0 ? "b\\u0061rk" : "scene_add", n);
        }
        for (const char *at = rows[i].copied; *at != '\0'; at++) {
            char pattern[64];
            (void)snprintf(pattern, sizeof(pattern), "{\"payload\":{\"message\":{\"n\":%c}}}", *at);
            room_expect(r, boss, pattern);
        }
        room_expect_nothing(r, boss);
    }
    room_free(r);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *payload;
        const char *path;
    } rows[] = {
        {"\"types\":[\"a*b\"]", "payload.types[0]"},
        {"\"types\":[\"\"]", "payload.types[0]"},
        {"\"sessions\":[\"a\",\"*a\"]", "payload.sessions[1]"},
        {"\"from\":\"\"", "payload.from"},
        {"\"from\":\"a b\"", "payload.from"},
        {"\"types\":\"bark\"", "payload.types"},
    };
    struct room *r = room_new(NULL);
    int boss = room_control(r), world = room_join(r, "");
    int far = room_knock_at(r, DIALECT_GATEWAY, &(struct evidence){.address = {[15] = 7}});
    char pattern[256];

    (void)state;
    (void)room_next(r, far);
    room_say(r, far, "{\"type\":\"monitor\",\"id\":\"m\"}");
    room_expect(r, far,
                "{\"type\":\"error\",\"replyTo\":\"m\",\"payload\":{\"code\":\"FORBIDDEN\","
                "\"details\":{\"rule\":\"grant:admin\"}}}");
    watch(r, boss, "\"types\":[\"bark\"]");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        room_say(r, boss, "{\"type\":\"monitor\",\"id\":\"m\",\"payload\":{%s}}", rows[i].payload);
        (void)snprintf(pattern, sizeof(pattern),
                       "{\"type\":\"error\",\"payload\":{\"code\":\"INVALID_MESSAGE\",\"details\":"
                       "{\"path\":\"%s\"}}}",
                       rows[i].path);
        room_expect(r, boss, pattern);
    }
    room_say(r, world, "{\"type\":\"other\"}");
    room_say(r, world, "{\"type\":\"bark\"}"); /* the old filter holds */
    room_expect(r, boss, "{\"payload\":{\"message\":{\"type\":\"bark\"}}}");
    room_expect_nothing(r, boss);
    room_expect_nothing(r, far);
    room_free(r);
}

static void test_limit(void **state)
{
    struct room *r = room_new(NULL);

    (void)state;
    for (int i = 0; i < 65; i++) {
        (void)room_control(r);
    }
    for (int i = 0; i < 64; i++) {
        watch(r, i, "");
    }
    room_say(r, 64, "{\"type\":\"monitor\",\"id\":\"m\"}");
    room_expect(r, 64,
                "{\"type\":\"error\",\"payload\":{\"code\":\"LIMIT_REACHED\",\"details\":"
                "{\"limit\":\"monitors\",\"max\":64}}}");
    room_abort(r, 3);
    watch(r, 64, "");
    watch(r, 64, "\"types\":[\"*\"]"); /* in its own place there is always room */
    int world = room_join(r, "");
    room_say(r, world, "{\"type\":\"bark\"}");
    for (int i = 0; i < 65; i++) {
        if (i != 3) {
            room_expect(r, i, "{\"type\":\"monitor\",\"payload\":{\"message\":\"*\"}}");
            room_expect_nothing(r, i);
        }
    }
    room_free(r);
}

/* One that does not read is closed, not skipped; the others go on. */
static void test_slow(void **state)
{
    struct hub_settings settings;

    (void)state;
    hub_settings_init(&settings);
    settings.max_send_queue_bytes = 4000;
    struct room *r = room_new(&settings);
    int slow = room_control(r), boss = room_control(r), world = room_join(r, "");
    watch(r, slow, "");
    watch(r, boss, "");
    room_hold(r, slow, 10);
    for (int i = 0; i < 40; i++) {
        char pattern[64];
        room_say(r, world, "{\"type\":\"bark\",\"n\":%d}", i);
        (void)snprintf(pattern, sizeof(pattern), "{\"payload\":{\"message\":{\"n\":%d}}}", i);
        room_expect(r, boss, pattern);
    }
    room_advance(r, 200);
    assert_null(r->clients[slow].conn);
    assert_int_equal(counts(r).clients, 2);
    room_say(r, world, "{\"type\":\"bark\",\"n\":40}");
    room_expect(r, boss, "{\"payload\":{\"message\":{\"n\":40}}}");
    room_free(r);
}

static void test_reload(void **state)
{
    struct room *r = room_with_tokens();
    struct hub_credential list[] = {credential("kit", usual), credential("boss", usual)};
    struct evidence e = from(1, CREDENTIAL_BEARER, "boss");
    int boss = room_knock_at(r, DIALECT_GATEWAY, &e), one = come(r, "kit");

    (void)state;
    (void)room_next(r, boss);
    watch(r, boss, "");
    set(r, HUB_AUTH_TOKEN, list, 2);
    room_expect_close(r, boss, 4403, "the credential no longer grants this: see its grants");
    room_say(r, one, "{\"type\":\"bark\"}");
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_world),       cmocka_unit_test(test_control),
        cmocka_unit_test(test_credentials), cmocka_unit_test(test_filters),
        cmocka_unit_test(test_refusals),    cmocka_unit_test(test_limit),
        cmocka_unit_test(test_slow),        cmocka_unit_test(test_reload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
