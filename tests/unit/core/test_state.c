#include <stdio.h>

#include "follow.h"
#include "valgrind.h"

/* sync_state: the snapshot, the changes behind it, and who may have them. */

static void subscribe(struct room *r, int client)
{
    room_say(r, client, "{\"type\":\"sync_state\",\"id\":\"s\",\"payload\":{\"subscribe\":true}}");
    room_expect(r, client,
                "{\"type\":\"sync_state\",\"replyTo\":\"s\",\"payload\":{"
                "\"stateVersion\":\"*\",\"clients\":\"*\",\"sessions\":\"*\","
                "\"agents\":\"*\"}}");
}

/* The next change that a subscriber hears: members of `change`. */
static void expect_change(struct room *r, int client, int version, const char *members)
{
    char pattern[1024];

    (void)snprintf(pattern, sizeof(pattern),
                   "{\"type\":\"sync_state\",\"id\":\"*\",\"timestamp\":\"*\",\"payload\":{"
                   "\"stateVersion\":%d,\"change\":{%s}}}",
                   version, members);
    room_expect_exact(r, client, pattern);
}

static void test_snapshot(void **state)
{
    struct room *r = room_new(NULL);
    int boss = room_control(r), world = room_join(r, "");
    char pattern[1024];

    (void)state;
    room_say(
        r, world,
        "{\"type\":\"agent_register\",\"agentId\":\"timmy\",\"name\":\"Timmy\",\"role\":\"cat\"}");
    room_say(r, boss,
             "{\"type\":\"connect\",\"id\":\"h\",\"payload\":{\"deviceId\":\"desk\",\"role\":"
             "\"control\",\"protocolVersion\":1}}");
    room_say(r, boss,
             "{\"type\":\"session_create\",\"id\":\"c\",\"payload\":{\"sessionId\":\"den\","
             "\"name\":\"The den\"}}");
    room_expect(r, boss, "{\"type\":\"hello_ok\"}");
    room_expect(r, boss, "{\"type\":\"session_info\"}");
    room_say(r, boss, "{\"type\":\"sync_state\",\"id\":\"s\"}");
    (void)snprintf(
        pattern, sizeof(pattern),
        "{\"type\":\"sync_state\",\"id\":\"*\",\"timestamp\":\"*\",\"replyTo\":\"s\",\"payload\":{"
        "\"stateVersion\":7,\"clients\":[{\"id\":\"%s\",\"dialect\":\"gateway\",\"userId\":"
        "\"anonymous\",\"deviceId\":\"desk\",\"role\":\"control\",\"connectedAt\":1700000000000},"
        "{\"id\":\"%s\",\"dialect\":\"world\",\"userId\":\"anonymous\",\"agentId\":\"timmy\","
        "\"connectedAt\":1700000000000}],\"sessions\":[{\"id\":\"world:main\",\"members\":1},"
        "{\"id\":\"den\",\"name\":\"The den\",\"members\":1}],\"agents\":[{\"agentId\":\"timmy\","
        "\"name\":\"Timmy\",\"role\":\"cat\",\"type\":\"custom\",\"status\":\"online\","
        "\"dialect\":\"world\"}]}}",
        r->clients[boss].id, r->clients[world].id);
    room_expect_exact(r, boss, pattern);
    room_advance(r, 1000);
    room_say(r, world, "{\"type\":\"bark\"}");
    room_expect_nothing(r, boss); /* who has not subscribed is told once */
    room_free(r);
}

/* The same, of an agent that is named as it is called. */
static void expect_agent(struct room *r, int client, int version, const char *op, const char *id,
                         const char *role, const char *type, const char *status,
                         const char *dialect)
{
    char members[512];

    (void)snprintf(members, sizeof(members),
                   "\"kind\":\"agent\",\"op\":\"%s\",\"id\":\"%s\",\"value\":{\"agentId\":\"%s\","
                   "\"name\":\"%s\",\"role\":\"%s\",\"type\":\"%s\",\"status\":\"%s\","
                   "\"dialect\":\"%s\"}",
                   op, id, id, id, role, type, status, dialect);
    expect_change(r, client, version, members);
}

static void test_changes(void **state)
{
    struct room *r = room_new(NULL);
    int boss = room_control(r);
    char members[512];

    (void)state;
    subscribe(r, boss);
    int one = room_join(r, "attic");
    expect_change(r, boss, 2,
                  "\"kind\":\"session\",\"op\":\"added\",\"id\":\"world:attic\",\"value\":{\"id\":"
                  "\"world:attic\",\"members\":1}");
    (void)snprintf(members, sizeof(members),
                   "\"kind\":\"client\",\"op\":\"added\",\"id\":\"%s\",\"value\":{\"id\":\"%s\","
                   "\"dialect\":\"world\",\"userId\":\"anonymous\",\"connectedAt\":\"*\"}",
                   r->clients[one].id, r->clients[one].id);
    expect_change(r, boss, 3, members);
    room_register(r, one, "timmy");
    (void)snprintf(members, sizeof(members),
                   "\"kind\":\"client\",\"op\":\"changed\",\"id\":\"%s\",\"value\":{\"id\":\"%s\","
                   "\"dialect\":\"world\",\"userId\":\"anonymous\",\"agentId\":\"timmy\","
                   "\"connectedAt\":\"*\"}",
                   r->clients[one].id, r->clients[one].id);
    expect_change(r, boss, 4, members);
    expect_agent(r, boss, 5, "added", "timmy", "agent", "custom", "online", "world");
    room_say(r, one, "{\"type\":\"agent_register\",\"agentId\":\"timmy\",\"role\":\"cat\"}");
    expect_agent(r, boss, 6, "changed", "timmy", "cat", "custom", "online", "world");
    room_abort(r, one);
    (void)snprintf(members, sizeof(members), "\"kind\":\"client\",\"op\":\"removed\",\"id\":\"%s\"",
                   r->clients[one].id);
    expect_change(r, boss, 7, members);
    expect_agent(r, boss, 8, "changed", "timmy", "cat", "custom", "offline", "world");
    expect_change(r, boss, 9, "\"kind\":\"session\",\"op\":\"removed\",\"id\":\"world:attic\"");
    room_expect_nothing(r, boss);
    room_free(r);
}

static void expect_client(struct room *r, int boss, int version, const char *op)
{
    char members[128];

    (void)snprintf(members, sizeof(members), "\"kind\":\"client\",\"op\":\"%s\",\"id\":\"*\"%s", op,
                   strcmp(op, "removed") == 0 ? "" : ",\"value\":\"*\"");
    expect_change(r, boss, version, members);
}

static void register_pi(struct room *r, int client, const char *id)
{
    room_say(r, client,
             "{\"type\":\"agent_register\",\"id\":\"r\",\"payload\":{\"agentId\":\"%s\",\"name\":"
             "\"%s\",\"type\":\"pi\",\"capabilities\":{}}}",
             id, id);
}

static void beat(struct room *r, int client, const char *status)
{
    room_say(r, client,
             "{\"type\":\"agent_heartbeat\",\"id\":\"b\",\"payload\":{\"status\":\"%s\"}}", status);
}

/* An agent's life: it comes, works, goes, comes back in the other dialect, is somebody else, ends.
 */
static void test_agent(void **state)
{
    struct room *r = room_new(NULL);
    int boss = room_control(r), one = room_control(r), two = room_join(r, "");

    (void)state;
    subscribe(r, boss);
    register_pi(r, one, "pia");
    expect_client(r, boss, 5, "changed");
    expect_agent(r, boss, 6, "added", "pia", "agent", "pi", "online", "gateway");
    beat(r, one, "busy");
    expect_agent(r, boss, 7, "changed", "pia", "agent", "pi", "busy", "gateway");
    beat(r, one, "busy");
    room_expect_nothing(r, boss);
    beat(r, one, "online");
    expect_agent(r, boss, 8, "changed", "pia", "agent", "pi", "online", "gateway");
    room_abort(r, one);
    expect_client(r, boss, 9, "removed");
    expect_agent(r, boss, 10, "changed", "pia", "agent", "pi", "offline", "gateway");
    room_register(r, two, "pia");
    expect_client(r, boss, 11, "changed");
    expect_agent(r, boss, 12, "changed", "pia", "agent", "custom", "online", "world");
    room_register(r, two, "pio");
    expect_client(r, boss, 13, "changed");
    expect_change(r, boss, 14, "\"kind\":\"agent\",\"op\":\"removed\",\"id\":\"pia\"");
    expect_client(r, boss, 15, "changed");
    expect_agent(r, boss, 16, "added", "pio", "agent", "custom", "online", "world");
    room_expect_nothing(r, boss);
    room_free(r);
}

/* It ends by its own word, or when it has been gone for long. */
static void test_agent_ends(void **state)
{
    struct hub_settings settings;

    (void)state;
    hub_settings_init(&settings);
    settings.remember_ms = 5000;
    struct room *r = room_new(&settings);
    int boss = room_control(r), one = room_control(r);

    subscribe(r, boss);
    register_pi(r, one, "pia");
    expect_client(r, boss, 3, "changed");
    expect_agent(r, boss, 4, "added", "pia", "agent", "pi", "online", "gateway");
    room_say(r, one,
             "{\"type\":\"agent_unregister\",\"id\":\"u\",\"payload\":{\"agentId\":\"pia\"}}");
    expect_client(r, boss, 5, "changed");
    expect_change(r, boss, 6, "\"kind\":\"agent\",\"op\":\"removed\",\"id\":\"pia\"");
    register_pi(r, one, "pia");
    expect_client(r, boss, 7, "changed");
    expect_agent(r, boss, 8, "added", "pia", "agent", "pi", "online", "gateway");
    room_abort(r, one);
    expect_client(r, boss, 9, "removed");
    expect_agent(r, boss, 10, "changed", "pia", "agent", "pi", "offline", "gateway");
    room_advance(r, 6000);
    expect_change(r, boss, 11, "\"kind\":\"agent\",\"op\":\"removed\",\"id\":\"pia\"");
    room_expect_nothing(r, boss);
    room_free(r);
}

static void test_unsubscribe(void **state)
{
    struct room *r = room_new(NULL);
    int boss = room_control(r);

    (void)state;
    subscribe(r, boss);
    subscribe(r, boss); /* again: still once */
    (void)room_join(r, "");
    expect_change(r, boss, 2,
                  "\"kind\":\"session\",\"op\":\"changed\",\"id\":\"world:main\",\"value\":\"*\"");
    expect_change(r, boss, 3, "\"kind\":\"client\",\"op\":\"added\",\"id\":\"*\",\"value\":\"*\"");
    room_expect_nothing(r, boss);
    room_say(r, boss, "{\"type\":\"sync_state\",\"id\":\"s\"}"); /* leaves it as it is */
    room_expect(r, boss, "{\"type\":\"sync_state\",\"replyTo\":\"s\"}");
    (void)room_join(r, "");
    expect_change(r, boss, 4,
                  "\"kind\":\"session\",\"op\":\"changed\",\"id\":\"world:main\","
                  "\"value\":{\"id\":\"world:main\",\"members\":2}");
    expect_change(r, boss, 5, "\"kind\":\"client\",\"op\":\"added\",\"id\":\"*\",\"value\":\"*\"");
    room_say(r, boss, "{\"type\":\"sync_state\",\"id\":\"s\",\"payload\":{\"subscribe\":false}}");
    room_expect(r, boss, "{\"type\":\"sync_state\",\"replyTo\":\"s\"}");
    (void)room_join(r, "");
    room_expect_nothing(r, boss);
    room_free(r);
}

static void test_refusals(void **state)
{
    static const char *const cursors[] = {
        "", "0", "1.2", "1.2.3.4", "a.b.c", "..", "1.2.-3", "99999999999.0.0", "1.2."};
    struct room *r = room_new(NULL);
    int boss = room_control(r);
    int far = room_knock_at(r, DIALECT_GATEWAY, &(struct evidence){.address = {[15] = 7}});

    (void)state;
    assert_true(far >= 0);
    (void)room_next(r, far);
    room_say(r, far, "{\"type\":\"sync_state\",\"id\":\"s\"}");
    room_expect(r, far,
                "{\"type\":\"error\",\"replyTo\":\"s\",\"payload\":{\"code\":\"FORBIDDEN\","
                "\"details\":{\"rule\":\"grant:admin\"}}}");
    for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
        room_say(r, boss, "{\"type\":\"sync_state\",\"id\":\"s\",\"payload\":{\"next\":\"%s\"}}",
                 cursors[i]);
        room_expect(r, boss,
                    "{\"type\":\"error\",\"payload\":{\"code\":\"INVALID_MESSAGE\",\"details\":"
                    "{\"path\":\"payload.next\"}}}");
    }
    room_say(r, boss,
             "{\"type\":\"sync_state\",\"id\":\"s\",\"payload\":{\"next\":"
             "\"4294967295.4294967295.4294967295\"}}");
    room_expect(r, boss,
                "{\"type\":\"sync_state\",\"payload\":{\"clients\":[],\"sessions\":[],"
                "\"agents\":[]}}");
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
        subscribe(r, i);
    }
    room_say(r, 64, "{\"type\":\"sync_state\",\"id\":\"s\",\"payload\":{\"subscribe\":true}}");
    room_expect(r, 64,
                "{\"type\":\"error\",\"payload\":{\"code\":\"LIMIT_REACHED\",\"details\":"
                "{\"limit\":\"subscribers\",\"max\":64}}}");
    room_abort(r, 7);
    for (int i = 0; i < 64; i++) {
        if (i != 7) {
            room_expect(r, i, "{\"payload\":{\"change\":{\"op\":\"removed\"}}}");
            room_expect_nothing(r, i);
        }
    }
    subscribe(r, 64);
    room_free(r);
}

/* A subscriber that does not read is closed, and nobody else hears less for it. */
static void test_slow(void **state)
{
    struct hub_settings settings;

    (void)state;
    hub_settings_init(&settings);
    settings.max_send_queue_bytes = 4000;
    struct room *r = room_new(&settings);
    int slow = room_control(r), other = room_control(r);
    struct follower f;

    subscribe(r, slow);
    follower_init(&f, other);
    follower_ask(r, &f, true);
    room_hold(r, slow, 10);
    for (int i = 0; i < 20; i++) {
        (void)room_join(r, "");
    }
    room_advance(r, 200);
    assert_null(r->clients[slow].conn);
    follower_check(r, &f, room_control(r));
    follower_fini(&f);
    room_free(r);
}

static void test_pages(void **state)
{
    enum { EACH = 900 };
    struct room *r = room_new(NULL);
    int boss = room_control(r), one = room_control(r), two = room_control(r);
    struct follower f;
    int pages = 1;

    (void)state;
    for (int i = 0; i < EACH; i++) {
        room_say(r, one,
                 "{\"type\":\"session_create\",\"id\":\"c\",\"payload\":{\"sessionId\":\"a%d\"}}",
                 i);
        room_say(r, two,
                 "{\"type\":\"session_create\",\"id\":\"c\",\"payload\":{\"sessionId\":\"b%d\"}}",
                 i);
    }
    follower_init(&f, boss);
    follower_ask(r, &f, true);
    assert_true(f.waits);
    assert_int_equal(json_object_size(json_object_get(f.known, "session")), 1000);
    /* What changes meanwhile, on pages that have come and on those that have not. */
    for (int i = 0; i < EACH; i += 3) {
        room_say(r, one,
                 "{\"type\":\"session_leave\",\"id\":\"c\",\"payload\":{\"sessionId\":\"a%d\"}}",
                 i);
        room_say(r, one,
                 "{\"type\":\"session_join\",\"id\":\"c\",\"payload\":{\"sessionId\":\"b%d\"}}", i);
        room_say(r, two,
                 "{\"type\":\"session_create\",\"id\":\"c\",\"payload\":{\"sessionId\":\"c%d\"}}",
                 i / 9);
    }
    while (f.waits) {
        follower_ask(r, &f, true);
        pages++;
    }
    assert_int_equal(pages, 2);
    follower_check(r, &f, room_control(r));
    follower_fini(&f);
    room_free(r);
}

/* A page ends before who asks for it is closed for its length. */
static void test_long_pages(void **state)
{
    enum { SESSIONS = 60 };
    struct hub_settings settings;

    (void)state;
    hub_settings_init(&settings);
    settings.max_send_queue_bytes = 16384;
    struct room *r = room_new(&settings);
    int boss = room_control(r), one = room_control(r);
    struct follower f;
    for (int i = 0; i < SESSIONS; i++) {
        room_say(r, one,
                 "{\"type\":\"session_create\",\"id\":\"c\",\"payload\":{\"sessionId\":\"a%d\","
                 "\"name\":\"%01000d\"}}",
                 i, i);
    }
    const char *page = room_next_late(r, boss, "{\"type\":\"sync_state\",\"id\":\"s\"}");
    assert_non_null(page);
    assert_in_range(strlen(page), 1, 16384 / 4);
    follower_init(&f, boss);
    do {
        follower_ask(r, &f, true);
    } while (f.waits);
    assert_int_equal(json_object_size(json_object_get(f.known, "session")), SESSIONS + 1);
    follower_check(r, &f, room_control(r));
    follower_fini(&f);
    room_free(r);
}

/* A reload takes the grant away, or gives a credential another name. */
static void test_reload(void **state)
{
    struct grants admin = GRANTS_ALL;
    struct room *r = room_new(NULL);
    struct hub_credential list[] = {credential("kit", usual), credential("boss", admin)};
    struct evidence e = from(1, CREDENTIAL_BEARER, "boss"), k = from(2, CREDENTIAL_BEARER, "kit");

    (void)state;
    set(r, HUB_AUTH_TOKEN, list, 2);
    int boss = room_knock_at(r, DIALECT_GATEWAY, &e), kit = room_knock_at(r, DIALECT_GATEWAY, &k);
    (void)room_next(r, boss);
    (void)room_next(r, kit);
    subscribe(r, boss);
    set(r, HUB_AUTH_TOKEN, list, 2);
    room_expect_nothing(r, boss);
    list[0].name = STR("kitchen");
    set(r, HUB_AUTH_TOKEN, list, 2);
    expect_change(r, boss, 3,
                  "\"kind\":\"client\",\"op\":\"changed\",\"id\":\"*\",\"value\":{\"id\":\"*\","
                  "\"dialect\":\"gateway\",\"userId\":\"kitchen\",\"connectedAt\":\"*\"}");
    list[1].grants.admin = false;
    set(r, HUB_AUTH_TOKEN, list, 2);
    room_expect_close(r, boss, 4403, "the credential no longer grants this: see its grants");
    room_expect_nothing(r, kit);
    room_free(r);
}

/* A reason to close is among other frames of the turn, wherever a segment of them ends. */
static void test_reasons(void **state)
{
    static const char reason[] =
        "a reason that is as long as one may be, so that it often is the last thing that "
        "a segment had room for: see it whole";

    (void)state;
    for (size_t cut = 0; cut < 30; cut++) {
        struct room *r = room_new(NULL);
        int boss = room_control(r);
        subscribe(r, boss);
        for (int i = 1; i < 120; i++) {
            int one = room_join(r, "");
            struct str why = str_make(reason, sizeof(reason) - 1 - cut);
            assert_true(hub_kick(r->v.hub, str_from_z(r->clients[one].id), why));
            virtual_settle(&r->v);
            assert_int_equal(r->clients[one].close_code, 4408);
            assert_true(str_equal(str_from_z(r->clients[one].close_reason), why));
        }
        room_free(r);
    }
}

/* --- random lives ----------------------------------------------------------------------------- */

static uint32_t draw(struct room *r, uint32_t below)
{
    uint64_t *s = &r->v.random_state;

    *s = *s * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*s >> 33) % below;
}

static int some_client(struct room *r, int first)
{
    int one = first + (int)draw(r, (uint32_t)(r->count - first));

    return r->clients[one].conn != NULL ? one : -1;
}

static void come_somehow(struct room *r)
{
    char world[16];

    (void)snprintf(world, sizeof(world), "w%u", draw(r, 3));
    if (draw(r, 2) == 0) {
        (void)room_enter(r, world);
    } else {
        (void)room_control(r);
    }
}

static void act(struct room *r, int client)
{
    unsigned n = draw(r, 4);
    bool is_world = r->clients[client].conn->dialect == DIALECT_WORLD;

    switch (is_world ? draw(r, 2) : 2 + draw(r, 9)) {
    case 0:
    case 1:
        room_say(r, client, "{\"type\":\"agent_register\",\"agentId\":\"a%u\",\"role\":\"r%u\"}", n,
                 draw(r, 3));
        break;
    case 2:
        room_say(r, client,
                 "{\"type\":\"session_create\",\"id\":\"c\",\"payload\":{\"sessionId\":\"s%u\","
                 "\"name\":\"n%u\"}}",
                 n, draw(r, 9));
        break;
    case 3:
        room_say(r, client,
                 "{\"type\":\"session_join\",\"id\":\"c\",\"payload\":{\"sessionId\":\"%s%u\"}}",
                 draw(r, 2) == 0 ? "s" : "world:w", n);
        break;
    case 4:
        room_say(r, client,
                 "{\"type\":\"session_leave\",\"id\":\"c\",\"payload\":{\"sessionId\":\"%s%u\"}}",
                 draw(r, 2) == 0 ? "s" : "world:w", n);
        break;
    case 5:
        room_say(r, client,
                 "{\"type\":\"session_patch\",\"id\":\"c\",\"payload\":{\"sessionKey\":\"s%u\","
                 "\"patch\":{\"n\":%u}}}",
                 n, draw(r, 9));
        break;
    case 6:
        room_say(r, client,
                 "{\"type\":\"connect\",\"id\":\"c\",\"payload\":{\"deviceId\":\"d%u\",\"role\":"
                 "\"%s\",\"protocolVersion\":1}}",
                 n, draw(r, 2) == 0 ? "node" : "webchat");
        break;
    case 7:
        register_pi(r, client, n == 0 ? "a0" : n == 1 ? "a1" : "p2");
        break;
    case 8:
        beat(r, client, draw(r, 2) == 0 ? "busy" : "online");
        break;
    case 9:
        room_say(r, client,
                 "{\"type\":\"agent_unregister\",\"id\":\"u\",\"payload\":{\"agentId\":\"a%u\"}}",
                 n);
        break;
    default:
        room_say(r, client,
                 "{\"type\":\"auth\",\"id\":\"c\",\"payload\":{\"token\":\"t\",\"clientId\":"
                 "\"u%u\"}}",
                 n);
    }
}

static void live(unsigned reactors, uint64_t seed)
{
    struct hub_settings settings;
    struct follower f;

    hub_settings_init(&settings);
    settings.reactors = reactors;
    settings.max_remembered = 2;
    struct room *r = room_new(&settings);
    r->v.random_state = seed;
    int boss = room_control(r), other = room_control(r);
    follower_init(&f, boss);
    follower_ask(r, &f, true);
    for (int step = 0; step < 400; step++) {
        int client = r->count > 2 ? some_client(r, 2) : -1;
        if (client < 0 || draw(r, 8) == 0) {
            if (r->count < ROOM_CLIENTS) {
                come_somehow(r);
            }
        } else if (draw(r, 10) == 0) {
            room_abort(r, client);
        } else if (draw(r, 30) == 0) {
            assert_true(hub_kick(r->v.hub, str_from_z(r->clients[client].id), STR("go")));
            virtual_settle(&r->v);
        } else {
            act(r, client);
        }
        if (step % 10 == 0) {
            follower_check(r, &f, other);
        }
    }
    follower_check(r, &f, other);
    follower_fini(&f);
    room_free(r);
}

static void test_lives(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= portion_of(10); seed++) {
        live(1, seed);
        live(2, seed);
        live(4, seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snapshot),    cmocka_unit_test(test_changes),
        cmocka_unit_test(test_agent),       cmocka_unit_test(test_agent_ends),
        cmocka_unit_test(test_unsubscribe), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_limit),       cmocka_unit_test(test_slow),
        cmocka_unit_test(test_pages),       cmocka_unit_test(test_long_pages),
        cmocka_unit_test(test_reload),      cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_lives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
