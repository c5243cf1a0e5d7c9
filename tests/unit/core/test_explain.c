#include <stdio.h>

#include "door.h"

/* Where a message would go: what is said of it, to whom, and that it is what then happens. */

enum { ADMIN = 1, CROWD = 12 }; /* the principal of who is near, who may everything */

struct verdict {
    enum error_code wrong; /* with the question */
    struct hub_explanation is;
    char details[1024];
};

static struct verdict explain(struct room *r, uint32_t principal, enum dialect dialect,
                              const char *as, const char *session, const char *message)
{
    struct hub_question q = {.dialect = (uint8_t)dialect,
                             .message = str_from_z(message),
                             .as = str_from_z(as),
                             .session = str_from_z(session)};
    struct verdict v = {0};
    struct buf details;

    buf_init(&details, sizeof(v.details) - 1);
    v.wrong = hub_explain(r->v.hub, principal, &q, &v.is, &details);
    assert_false(details.failed);
    if (details.len > 0) {
        memcpy(v.details, details.data, details.len);
    }
    buf_fini(&details);
    return v;
}

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

/* What asks an agent, or answers one who asked, is the gateway's, and nobody is asked. */
static void test_requests(void **state)
{
    static const char *const worlds[] = {
        "{\"type\":\"route_request\",\"id\":\"q\",\"data\":{\"agentId\":\"pia\",\"request\":1}}",
        "{\"type\":\"route_response\",\"data\":{\"requestId\":\"x\",\"ok\":true,\"done\":true}}",
        "{\"type\":\"route_cancel\",\"data\":{\"requestId\":\"x\"}}",
        "{\"type\":\"chat_complete\",\"replyTo\":\"msg-1-1\",\"data\":{\"content\":\"x\"}}"};
    static const char *const gateways[] = {
        "{\"type\":\"route_request\",\"id\":\"q\",\"payload\":{\"agentId\":\"pia\",\"request\":1}}",
        "{\"type\":\"chat\",\"id\":\"q\",\"payload\":{\"content\":\"hello\"}}",
        "{\"type\":\"route_response\",\"id\":\"q\",\"payload\":{\"requestId\":\"x\"}}",
        "{\"type\":\"route_cancel\",\"id\":\"q\",\"payload\":{\"requestId\":\"x\"}}",
        "{\"type\":\"chat_complete\",\"id\":\"q\",\"replyTo\":\"msg-1-1\",\"payload\":{}}",
        "{\"type\":\"agent_unregister\",\"id\":\"q\",\"payload\":{\"agentId\":\"pia\"}}"};
    struct room *r = room_new(NULL);
    int agent = room_control(r), world = room_join(r, "");
    struct hub_counts before, after;

    (void)state;
    room_say(r, agent,
             "{\"type\":\"agent_register\",\"id\":\"r\",\"payload\":{\"agentId\":\"pia\",\"name\":"
             "\"Pia\",\"type\":\"pi\",\"capabilities\":{\"chat\":true}}}");
    room_expect(r, agent, "{\"type\":\"agent_info\"}");
    hub_counts(r->v.hub, &before);
    for (size_t i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++) {
        struct verdict v = explain(r, ADMIN, DIALECT_WORLD, r->clients[world].id, "", worlds[i]);
        assert_true(v.wrong == ERROR_NONE && v.is.code == ERROR_NONE && v.is.answered);
        v = explain(r, ADMIN, DIALECT_WORLD, "", "world:main", worlds[i]);
        assert_true(v.wrong == ERROR_NONE && v.is.code == ERROR_NONE && v.is.answered);
    }
    for (size_t i = 0; i < sizeof(gateways) / sizeof(gateways[0]); i++) {
        struct verdict v = explain(r, ADMIN, DIALECT_GATEWAY, "pia", "", gateways[i]);
        assert_true(v.wrong == ERROR_NONE && v.is.code == ERROR_NONE && v.is.answered);
    }
    hub_counts(r->v.hub, &after);
    assert_memory_equal(&before, &after, sizeof(before));
    expect_nothing(r);
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

/* --- random messages -------------------------------------------------------------------------- */

static uint32_t draw(struct room *r, uint32_t below)
{
    uint64_t *s = &r->v.random_state;

    *s = *s * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*s >> 33) % below;
}

#define ONE_OF(r, list) ((list)[draw(r, (uint32_t)(sizeof(list) / sizeof((list)[0])))])

static const char *some_id(struct room *r)
{
    static const char *const ids[] = {"a0", "a2", "a4", "nobody", "x y", ""};

    return draw(r, 2) == 0 ? ONE_OF(r, ids) : r->clients[draw(r, (uint32_t)r->count)].id;
}

static void world_text(struct room *r, int sender, char *text, size_t size, int mark)
{
    static const char *const types[] = {
        "bark",     "thought", "own",   "agent_joined", "pong", "ping", "subscribe", "x",
        "hello_ok", "bark",    "error", "agent_state",  "note", "",     "bark"};
    static const char *const data[] = {"", ",\"text\":\"a\"", ",\"text\":7", ",\"state\":\"b\""};
    char target[64] = "", agent[64] = "";

    if (draw(r, 3) == 0) {
        (void)snprintf(target, sizeof(target), ",\"target_id\":\"%s\"", some_id(r));
    }
    if (draw(r, 3) == 0) {
        (void)snprintf(agent, sizeof(agent), ",\"agentId\":\"%s\"", some_id(r));
    }
    if (draw(r, 12) == 0) {
        (void)snprintf(text, size, "{\"type\":\"agent_register\",\"agentId\":\"a%d\"}", sender);
        return;
    }
    (void)snprintf(text, size, "{\"type\":%s%s%s%s%s,\"data\":{\"mark\":\"m%d.\"%s}%s",
                   draw(r, 20) == 0 ? "7" : "\"", ONE_OF(r, types), draw(r, 40) == 0 ? "" : "\"",
                   target, agent, mark, ONE_OF(r, data), draw(r, 40) == 0 ? "" : "}");
}

static void control_text(struct room *r, char *text, size_t size, int mark)
{
    static const char *const types[] = {"note",     "chat",         "presence",      "broadcast",
                                        "ping",     "session_join", "session_leave", "pong",
                                        "presence", "session_info", "bark",          "note",
                                        "health",   "session_join", "session_create"};
    static const char *const sessions[] = {"den", "attic", "world:main", "none", "$everybody", ""};
    static const char *const status[] = {"away", "online", "lost"};
    char target[64] = "", session[64] = "", key[64] = "";

    if (draw(r, 2) == 0) {
        (void)snprintf(target, sizeof(target), ",\"target\":\"%s\"", some_id(r));
    }
    if (draw(r, 2) == 0) {
        (void)snprintf(session, sizeof(session), ",\"sessionId\":\"%s\"", ONE_OF(r, sessions));
    }
    if (draw(r, 2) == 0) {
        (void)snprintf(key, sizeof(key), ",\"sessionKey\":\"%s\"", ONE_OF(r, sessions));
    }
    (void)snprintf(text, size,
                   "{\"type\":\"%s\",\"id\":%s%s%s,\"payload\":{\"mark\":\"m%d.\",\"deviceId\":"
                   "\"d\",\"status\":\"%s\",\"sessionId\":\"%s\"%s}%s",
                   ONE_OF(r, types), draw(r, 30) == 0 ? "7" : "\"q\"", target, session, mark,
                   ONE_OF(r, status), ONE_OF(r, sessions), key, draw(r, 40) == 0 ? "" : "}");
}

/* The code of an error, or NULL. */
static const char *code_of(json_t *m)
{
    json_t *body = json_object_get(m, "data");

    if (body == NULL) {
        body = json_object_get(m, "payload");
    }
    return strcmp(json_string_value(json_object_get(m, "type")), "error") == 0
               ? json_string_value(json_object_get(body, "code"))
               : NULL;
}

/* What became of it: how many of the others heard the mark, and the error that its sender got. */
static uint64_t outcome(struct room *r, int sender, int mark, char ret_code[32])
{
    char text[32];
    const char *heard;
    uint64_t count = 0;

    (void)snprintf(text, sizeof(text), "\"m%d.\"", mark);
    ret_code[0] = '\0';
    for (int i = 0; i < r->count; i++) {
        while ((heard = room_next(r, i)) != NULL) {
            json_t *m = json_loads(heard, 0, NULL);
            const char *code = code_of(m);
            if (strstr(heard, text) != NULL) {
                count++;
            } else if (i == sender && code != NULL) {
                (void)snprintf(ret_code, 32, "%s", code);
            }
            json_decref(m);
        }
    }
    return count;
}

static void check(struct room *r, int sender, int mark, unsigned seen[ERROR_COUNT])
{
    char text[1024], code[32];
    bool is_world = r->clients[sender].conn->dialect == DIALECT_WORLD;

    if (is_world) {
        world_text(r, sender, text, sizeof(text), mark);
    } else {
        control_text(r, text, sizeof(text), mark);
    }
    struct verdict v = explain(r, ADMIN, is_world ? DIALECT_WORLD : DIALECT_GATEWAY,
                               r->clients[sender].id, "", text);
    assert_int_equal(v.wrong, ERROR_NONE);
    room_say(r, sender, "%s", text);
    uint64_t heard = outcome(r, sender, mark, code);
    bool same = heard == v.is.receivers &&
                (v.is.answered ||
                 strcmp(code, v.is.code == ERROR_NONE ? "" : error_table[v.is.code].code) == 0);
    if (!same) {
        print_error("%s\nexplained %s to %llu, was \"%s\" to %llu\n", text,
                    error_table[v.is.code].code, (unsigned long long)v.is.receivers, code,
                    (unsigned long long)heard);
        fail();
    }
    seen[v.is.code]++;
}

static void test_outcomes(void **state)
{
    static const struct grants some = {.publish = {"bark|note|presence", 18},
                                       .sessions = {"world:*|den", 11},
                                       .act_as = {"a0", 2}};
    static const enum error_code met[] = {ERROR_NONE,
                                          ERROR_PARSE_ERROR,
                                          ERROR_INVALID_MESSAGE,
                                          ERROR_FORBIDDEN,
                                          ERROR_NO_ROUTE,
                                          ERROR_VALIDATION_FAILED,
                                          ERROR_SENDER_MISMATCH,
                                          ERROR_NOT_A_MEMBER,
                                          ERROR_TARGET_NOT_FOUND,
                                          ERROR_SESSION_NOT_FOUND};
    static const char *const worlds[] = {"", "", "", "attic"};
    unsigned seen[ERROR_COUNT] = {0};
    struct hub_settings settings;

    (void)state;
    hub_settings_init(&settings);
    settings.reactors = 2;
    settings.validation = VALIDATE_KNOWN;
    settings.verify_sender = true;
    struct room *r = room_new(&settings);
    struct hub_credential list[] = {credential("kit", some), credential("boss", GRANTS_ALL),
                                    credential("all", usual)};
    set(r, HUB_AUTH_TOKEN, list, 3);
    for (int i = 0; i < CROWD; i++) {
        struct evidence e = from(1, CREDENTIAL_BEARER, list[i % 3].name.ptr);
        e.world = str_from_z(ONE_OF(r, worlds));
        assert_true(room_knock_at(r, i % 2 == 0 ? DIALECT_WORLD : DIALECT_GATEWAY, &e) >= 0);
    }
    for (int n = 0; n < 10000; n++) {
        check(r, (int)draw(r, CROWD), n, seen);
    }
    for (size_t i = 0; i < sizeof(met) / sizeof(met[0]); i++) {
        assert_true(seen[met[i]] > 20); /* else too little was tried */
    }
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_world),    cmocka_unit_test(test_asker),
        cmocka_unit_test(test_requests), cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_outcomes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
