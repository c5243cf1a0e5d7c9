#include "unit.h"

#include <stdio.h>

#include "desk.h"
#include "rest/query.h"

/* How many entries were looked at, whatever for. */
static unsigned looks;

bool __wrap_walk_enter(struct walk *walk, struct str name);
bool __real_walk_enter(struct walk *walk, struct str name);

bool __wrap_walk_enter(struct walk *walk, struct str name)
{
    looks++;
    return __real_walk_enter(walk, name);
}

/* The names in a list, with a space behind each. */
static void expect_names(struct str body, const char *list, const char *member,
                         const char *expected)
{
    struct json_iter it = json_iter_of(json_get(body, str_from_z(list)));
    struct str entry, name;
    struct buf names;

    assert_true(json_valid(body));
    buf_init(&names, 64 * 1024);
    while (json_next_element(&it, &entry)) {
        assert_true(json_string_plain(json_get(entry, str_from_z(member)), &name));
        buf_append_str(&names, name);
        buf_append_char(&names, ' ');
    }
    expect_text(buf_str(&names), expected);
    buf_fini(&names);
}

static void add_agents(struct desk *d)
{
    static const char *const registrations[] = {
        "{\"type\":\"agent_register\",\"agentId\":\"ada\",\"capabilities\":[\"grep\",\"chat\"]}",
        "{\"type\":\"agent_register\",\"agentId\":\"bob\"}",
        ("{\"type\":\"agent_register\",\"agentId\":\"cid\",\"capabilities\":{\"chat\":true,"
         "\"modes\":[\"dream\"],\"custom\":{\"fly\":1,\"swim\":0}}}"),
    };

    for (size_t i = 0; i < 3; i++) {
        (void)desk_client(d, registrations[i]);
    }
}

static void test_agents(void **state)
{
    static const struct {
        const char *query;
        const char *names;
        const char *next;
    } cases[] = {
        {"", "ada bob cid ", ""},
        {"?", "ada bob cid ", ""},
        {"?limit=3", "ada bob cid ", ""},
        {"?limit=2", "ada bob ", "\"bob\""},
        {"?limit=1&after=ada", "bob ", "\"bob\""},
        {"?after=bob&limit=1", "cid ", ""},
        {"?after=cid", "", ""},
        {"?capability=chat", "ada cid ", ""},
        {"?capability=chat&limit=1", "ada ", "\"ada\""},
        {"?capability=chat&limit=1&after=ada", "cid ", ""},
        {"?capability=tools:grep", "ada ", ""},
        {"?capability=tools%3Agrep", "ada ", ""},
        {"?capability=dream", "cid ", ""},
        {"?capability=fly", "cid ", ""},
        {"?capability=swim", "", ""},
        {"?type=custom", "ada bob cid ", ""},
        {"?type=pi", "", ""},
        {"?status=online", "ada bob cid ", ""},
        {"?status=all", "ada bob cid dan ", ""},
        {"?status=all&capability=chat&after=ada", "cid dan ", ""},
        {"?status=busy", "", ""},
        {"?status=offline", "dan ", ""},
        {"?status=offline&capability=chat", "dan ", ""},
        {"?status=offline&capability=grep", "", ""},
        {"?token=x&ticket=y", "ada bob cid ", ""},
    };
    struct desk d;
    char path[128];

    (void)state;
    desk_begin(&d);
    add_agents(&d);
    desk_leave(&d, desk_client(&d, "{\"type\":\"agent_register\",\"agentId\":\"dan\","
                                   "\"capabilities\":{\"chat\":true}}"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(path, sizeof(path), "/api/gateway/agents%s", cases[i].query);
        struct str body = desk_get(&d, 200, path);
        expect_names(body, "agents", "agent_id", cases[i].names);
        expect_member(body, "total",
                      strstr(path, "status=all") != NULL       ? "4"
                      : strstr(path, "status=offline") != NULL ? "1"
                                                               : "3");
        expect_member(body, "next", cases[i].next);
    }
    desk_end(&d);
}

static void test_refused_queries(void **state)
{
    static const struct {
        const char *path;
        int status;
        const char *details;
    } cases[] = {
        {"agents?capabilty=x", 400, "{\"parameter\":\"capabilty\"}"},
        {"agents?limit=0", 400, "{\"parameter\":\"limit\"}"},
        {"agents?limit=1001", 400, "{\"parameter\":\"limit\"}"},
        {"agents?limit=x", 400, "{\"parameter\":\"limit\"}"},
        {"agents?limit=1&limit=2", 400, "{\"parameter\":\"limit\"}"},
        {"agents?status=gone", 400, "{\"parameter\":\"status\"}"},
        {"agents?after=nobody", 404, "{\"after\":\"nobody\"}"},
        {"clients?type=x", 400, "{\"parameter\":\"type\"}"},
        {"clients?after=c-aaaaaaaaaaaaa", 404, NULL},
        {"sessions?after=attic", 404, NULL},
    };
    struct desk d;
    char path[300];

    (void)state;
    desk_begin(&d);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(path, sizeof(path), "/api/gateway/%s", cases[i].path);
        expect_error(desk_get(&d, cases[i].status, path),
                     cases[i].status == 404 ? "TARGET_NOT_FOUND" : "INVALID_MESSAGE",
                     cases[i].details);
    }
    (void)snprintf(path, sizeof(path), "/api/gateway/agents?type=%0*d", 129, 0);
    expect_error(desk_get(&d, 400, path), "INVALID_MESSAGE", "{\"parameter\":\"type\"}");
    desk_end(&d);
}

/* Whoever wants a part of a list pays for that, and not for what stands before it and behind. */
static void test_parts(void **state)
{
    enum { MANY = 50 };
    static const char *const paths[] = {
        "agents?limit=1",
        "agents?limit=1&after=a40",
        "agents?limit=1&status=all&after=a40",
        "agents?limit=1&status=offline",
        "agents?limit=1&status=offline&after=b40",
        "agents?limit=1&status=all&after=b40",
        "clients?limit=1",
        "sessions?limit=1",
        "sessions?limit=1&after=world:a40",
    };
    struct desk d;
    char text[128];

    (void)state;
    desk_begin(&d);
    for (unsigned i = 0; i < 2 * MANY; i++) {
        char agent[16];
        (void)snprintf(agent, sizeof(agent), "%c%u", i < MANY ? 'a' : 'b', i % MANY);
        (void)snprintf(text, sizeof(text), "{\"type\":\"agent_register\",\"agentId\":\"%s\"}",
                       agent);
        struct evidence evidence = {.near = true, .world = str_from_z(agent)};
        uint64_t conn = desk_client_from(&d, text, &evidence);
        if (i >= MANY) {
            desk_leave(&d, conn);
        }
    }
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        (void)snprintf(text, sizeof(text), "/api/gateway/%s", paths[i]);
        looks = 0;
        struct str body = desk_get(&d, 200, text);
        assert_true(json_get(body, STR("next")).len > 0);
        assert_in_range(looks, 2, 3);
    }
    struct str next;
    assert_true(json_string_plain(
        json_get(desk_get(&d, 200, "/api/gateway/clients?limit=30"), STR("next")), &next));
    (void)snprintf(text, sizeof(text), "/api/gateway/clients?limit=1&after=%.*s", STR_ARG(next));
    looks = 0;
    assert_true(json_get(desk_get(&d, 200, text), STR("next")).len > 0);
    assert_in_range(looks, 2, 3);
    /* The order is one, and goes on from those that are connected to the others. */
    expect_names(desk_get(&d, 200, "/api/gateway/agents?status=all&limit=2&after=a48"), "agents",
                 "agent_id", "a49 b0 ");
    looks = 0;
    (void)desk_get(&d, 404, "/api/gateway/agents?after=b7");
    (void)desk_get(&d, 404, "/api/gateway/agents?after=a7&status=offline");
    (void)desk_get(&d, 404, "/api/gateway/sessions?after=world:b7");
    assert_int_equal(looks, 0);
    desk_end(&d);
}

/* More than are looked at for one answer, so that one question does not stop everybody. */
static void test_examined(void **state)
{
    struct desk d;
    char text[128];

    (void)state;
    desk_begin(&d);
    for (unsigned i = 0; i < 10001; i++) {
        char world[16];
        (void)snprintf(text, sizeof(text), "{\"type\":\"agent_register\",\"agentId\":\"a%u\"%s}", i,
                       i == 10000 ? ",\"capabilities\":[\"rare\"]" : "");
        /* Each in a world of its own: nobody has to be told of the others. */
        (void)snprintf(world, sizeof(world), "w%u", i);
        struct evidence evidence = {.near = true, .world = str_from_z(world)};
        (void)desk_client_from(&d, text, &evidence);
    }
    struct str body = desk_get(&d, 200, "/api/gateway/agents?capability=rare");
    expect_names(body, "agents", "agent_id", "");
    expect_member(body, "next", "\"a9999\"");
    body = desk_get(&d, 200, "/api/gateway/agents?capability=rare&after=a9999");
    expect_names(body, "agents", "agent_id", "a10000 ");
    expect_member(body, "next", "");
    body = desk_get(&d, 200, "/api/gateway/clients");
    expect_member(body, "total", "10001");
    assert_true(json_get(body, STR("next")).len > 0);
    desk_end(&d);
}

/* The same for bytes: agents may say much of themselves, and it is all read, and shown. */
static void test_examined_bytes(void **state)
{
    struct desk d;
    struct buf text;
    char after[64];

    (void)state;
    desk_begin(&d);
    buf_init(&text, 16 * 1024);
    for (unsigned i = 0; i < 300; i++) {
        char world[16];
        buf_clear(&text);
        buf_printf(&text, "{\"type\":\"agent_register\",\"agentId\":\"a%u\",\"capabilities\":[", i);
        for (unsigned j = 0; j < 250; j++) {
            buf_printf(&text, "\"a-tool-with-a-name-as-long-as-a-name-can-be-%03u\",", j);
        }
        buf_printf(&text, "\"last\"]}");
        buf_append_char(&text, '\0');
        (void)snprintf(world, sizeof(world), "w%u", i);
        struct evidence evidence = {.near = true, .world = str_from_z(world)};
        (void)desk_client_from(&d, text.data, &evidence);
    }
    struct str body = desk_get(&d, 200, "/api/gateway/agents?capability=rare");
    expect_names(body, "agents", "agent_id", "");
    struct str next = json_get(body, STR("next"));
    assert_true(next.len > 4);
    (void)snprintf(after, sizeof(after), "/api/gateway/agents?after=%.*s", (int)next.len - 2,
                   next.ptr + 1);
    body = desk_get(&d, 200, after);
    expect_member(body, "next", "");
    expect_member(body, "total", "300");
    /* Whoever asks for the status gets as many as that, and the total. */
    body = desk_get(&d, 200, "/api/gateway/status");
    assert_in_range(body.len, LIST_BYTES, LIST_BYTES + 20000);
    expect_member(body, "total", "300");
    buf_fini(&text);
    desk_end(&d);
}

/* Makes the client a member of `count` sessions, of names as long as names can be. */
static void join_sessions(struct desk *d, uint64_t conn, const char *how, unsigned count)
{
    char text[256];

    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(text, sizeof(text),
                       "{\"type\":\"%s\",\"id\":\"%u\",\"payload\":{\"sessionId\":"
                       "\"%0*u\"}}",
                       how, i, 128, i);
        desk_say(d, conn, text);
    }
}

/* Clients may be in many sessions, and all are shown, over as many answers as it takes. */
static void test_bytes_of_clients(void **state)
{
    enum { CLIENTS = 40, SESSIONS = 900 };
    struct desk d;
    struct str body, entry, next;
    unsigned answers = 0, seen = 0;
    char path[128] = "/api/gateway/clients";

    (void)state;
    desk_begin(&d);
    for (unsigned i = 0; i < CLIENTS; i++) {
        join_sessions(&d, desk_control(&d), i == 0 ? "session_create" : "session_join", SESSIONS);
    }
    do {
        body = desk_get(&d, 200, path);
        assert_true(body.len < LIST_BYTES + 256 * 1024);
        struct json_iter it = json_iter_of(json_get(body, STR("clients")));
        while (json_next_element(&it, &entry)) {
            assert_true(json_get(entry, STR("sessions")).len > SESSIONS * 128);
            seen++;
        }
        expect_member(body, "total", "40");
        answers++;
        if (json_get(body, STR("next")).len > 0) {
            assert_true(json_string_plain(json_get(body, STR("next")), &next));
            (void)snprintf(path, sizeof(path), "/api/gateway/clients?after=%.*s", STR_ARG(next));
        }
    } while (json_get(body, STR("next")).len > 0);
    assert_int_equal(CLIENTS, seen);
    assert_int_equal(3, answers);
    desk_end(&d);
}

static void test_clients(void **state)
{
    struct evidence elsewhere[] = {
        {.is_unix = true, .near = true},
        {.address = {[0] = 0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
    };
    struct desk d;
    struct str body, entry;
    struct hub_client_view tim;
    char path[128];

    (void)state;
    desk_begin(&d);
    (void)desk_client(&d, "{\"type\":\"agent_register\",\"agentId\":\"tim\"}");
    desk_wait(&d, 1000);
    for (size_t i = 0; i < 2; i++) {
        (void)desk_client_from(&d, "", &elsewhere[i]);
    }
    assert_true(hub_find_client(d.hub, STR("tim"), &tim));
    body = desk_get(&d, 200, "/api/gateway/clients?limit=2");
    expect_member(body, "total", "3");
    struct json_iter it = json_iter_of(json_get(body, STR("clients")));
    assert_true(json_next_element(&it, &entry));
    assert_true(has_text(json_get(entry, STR("id")), tim.client_id));
    expect_member(entry, "dialect", "\"world\"");
    expect_member(entry, "authenticated", "true");
    expect_member(entry, "sessions", "[\"world:main\"]");
    expect_member(entry, "ip", "\"127.0.0.1\"");
    expect_member(entry, "userAgent", "\"test/\\\"1\\\"\"");
    expect_member(entry, "agentId", "\"tim\"");
    expect_member(entry, "dropped", "0");
    assert_int_equal(json_get(entry, STR("connectedAt")).len, 13);
    assert_int_equal(json_get(entry, STR("lastActivityAt")).len, 13);
    assert_true(json_get(entry, STR("userId")).len > 0);
    assert_true(json_next_element(&it, &entry));
    expect_member(entry, "ip", "\"unix\"");
    expect_member(entry, "agentId", "");
    assert_false(json_next_element(&it, &entry));
    struct str next;
    assert_true(json_string_plain(json_get(body, STR("next")), &next));
    (void)snprintf(path, sizeof(path), "/api/gateway/clients?after=%.*s", STR_ARG(next));
    body = desk_get(&d, 200, path);
    it = json_iter_of(json_get(body, STR("clients")));
    assert_true(json_next_element(&it, &entry));
    expect_member(entry, "ip", "\"2001:db8::1\"");
    assert_false(json_next_element(&it, &entry));
    expect_member(body, "next", "");
    (void)snprintf(path, sizeof(path), "/api/gateway/clients/%s", tim.client_id);
    expect_member(desk_get(&d, 200, path), "agentId", "\"tim\"");
    expect_member(desk_get(&d, 200, "/api/gateway/clients/tim"), "ip", "\"127.0.0.1\"");
    desk_end(&d);
}

static void test_sessions(void **state)
{
    struct desk d;
    struct evidence attic = {
        .near = true, .kind = CREDENTIAL_BEARER, .credential = STR("root"), .world = STR("attic")};

    (void)state;
    desk_begin(&d);
    (void)desk_client_from(&d, "{\"type\":\"agent_register\",\"agentId\":\"tim\"}", &attic);
    struct str body = desk_get(&d, 200, "/api/gateway/sessions");
    expect_names(body, "sessions", "name", "world:main world:attic ");
    assert_true(has_text(body, "{\"name\":\"world:attic\",\"members\":1,\"agents\":1}"));
    expect_member(body, "total", "2");
    body = desk_get(&d, 200, "/api/gateway/sessions?limit=1");
    expect_names(body, "sessions", "name", "world:main ");
    expect_member(body, "next", "\"world:main\"");
    body = desk_get(&d, 200, "/api/gateway/sessions?after=world:main");
    expect_names(body, "sessions", "name", "world:attic ");
    expect_member(body, "next", "");
    /* Whoever may not enter one does not hear of it. */
    desk_lock(&d);
    d.token = STR("guest");
    body = desk_get(&d, 200, "/api/gateway/sessions");
    expect_names(body, "sessions", "name", "world:main ");
    expect_member(body, "total", "1");
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agents),           cmocka_unit_test(test_refused_queries),
        cmocka_unit_test(test_examined),         cmocka_unit_test(test_examined_bytes),
        cmocka_unit_test(test_clients),          cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_bytes_of_clients), cmocka_unit_test(test_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
