#include <stdio.h>

#include "core/offer.h"
#include "door.h"
#include "famine.h"

/* Agents of both dialects in one registry: who is which, who is busy, who has gone. */

#define PI(id, rest)                                                                               \
    "{\"type\":\"agent_register\",\"id\":\"r\",\"payload\":{\"agentId\":\"" id                     \
    "\",\"name\":\"Pi\",\"type\":\"pi\"," rest "}}"

static void expect_info(struct room *r, int client, const char *id, const char *status)
{
    char pattern[256];

    (void)snprintf(pattern, sizeof(pattern),
                   "{\"type\":\"agent_info\",\"id\":\"*\",\"payload\":{\"agentId\":\"%s\","
                   "\"status\":\"%s\"},\"timestamp\":\"*\",\"replyTo\":\"r\"}",
                   id, status);
    room_expect_exact(r, client, pattern);
}

static void expect_error(struct room *r, int client, const char *code)
{
    char pattern[256];

    (void)snprintf(pattern, sizeof(pattern),
                   "{\"type\":\"error\",\"payload\":{\"code\":\"%s\",\"message\":\"*\","
                   "\"details\":\"*\"},\"replyTo\":\"r\"}",
                   code);
    room_expect(r, client, pattern);
}

static void enlist(struct room *r, int client, const char *id)
{
    room_say(r, client,
             "{\"type\":\"agent_register\",\"id\":\"r\",\"payload\":{\"agentId\":\"%s\",\"name\":"
             "\"Pi\",\"type\":\"pi\",\"capabilities\":{\"chat\":true}}}",
             id);
    expect_info(r, client, id, "registered");
}

/* What the registry says, a line an agent. */
static bool note_agent(void *ctx, const struct hub_agent_view *agent)
{
    struct buf *b = ctx;

    buf_printf(b, "%.*s %s %s %s %u %s/%.*s;", STR_ARG(agent->agent_id), agent->type,
               agent->dialect, hub_agent_status_name(agent->status), agent->max_concurrent,
               agent->client_id[0] != '\0' ? "here" : "", STR_ARG(agent->world));
    return true;
}

static void expect_agents(struct room *r, enum hub_agents which, const char *expected)
{
    struct buf b;

    buf_init(&b, 4096);
    hub_each_agent(r->v.hub, 0, which, STR(""), note_agent, &b);
    buf_append_char(&b, '\0');
    assert_string_equal(b.data, expected);
    buf_fini(&b);
}

/* --- registering ------------------------------------------------------------------------------ */

static void test_register(void **state)
{
    struct room *r = room_new(NULL);
    int agent = room_control(r), world = room_join(r, "");

    (void)state;
    room_say(r, agent,
             PI("pi", "\"capabilities\":{\"chat\":true},\"metadata\":{\"x\":0.10},"
                      "\"maxConcurrent\":3"));
    expect_info(r, agent, "pi", "registered");
    room_expect_nothing(r, world);
    expect_agents(r, HUB_AGENTS_CONNECTED, "pi pi gateway online 3 here/;");
    /* An update; then another id, by which the first one is forgotten. */
    room_say(r, agent, PI("pi", "\"capabilities\":{},\"maxConcurrent\":99999999999"));
    expect_info(r, agent, "pi", "registered");
    expect_agents(r, HUB_AGENTS_ALL, "pi pi gateway online 1000000 here/;");
    enlist(r, agent, "po");
    expect_agents(r, HUB_AGENTS_ALL, "po pi gateway online 1 here/;");
    /* It is known by its id, and counts in no world. */
    room_say(r, world, "{\"type\":\"x\",\"target_id\":\"po\"}");
    room_expect(r, agent, "{\"type\":\"x\",\"payload\":{\"type\":\"x\",\"target_id\":\"po\"}}");
    int late = room_enter(r, "");
    room_expect(r, late, "{\"type\":\"connection_ack\",\"data\":{\"agents\":[],\"total\":0}}");
    /* A world's agent says what it can do, too. */
    room_say(r, world,
             "{\"type\":\"agent_register\",\"agentId\":\"w\",\"maxConcurrent\":2,"
             "\"capabilities\":[\"chat\"]}");
    room_expect(r, world, "{\"type\":\"connection_ack\"}");
    room_say(r, late,
             "{\"type\":\"agent_register\",\"agentId\":\"v\",\"data\":{\"maxConcurrent\":5}}");
    expect_agents(r, HUB_AGENTS_CONNECTED,
                  "po pi gateway online 1 here/;w custom world online 2 here/main;"
                  "v custom world online 5 here/main;");
    room_free(r);
}

static void test_refused(void **state)
{
    static const struct {
        const char *message;
        const char *code;
    } table[] = {
        {"{\"type\":\"agent_register\",\"id\":\"r\"}", "INVALID_MESSAGE"},
        {PI("", "\"capabilities\":{}"), "INVALID_MESSAGE"},
        {PI("a b", "\"capabilities\":{}"), "INVALID_MESSAGE"},
        {PI("gateway", "\"capabilities\":{}"), "INVALID_MESSAGE"},
        {PI("pi", "\"capabilities\":7"), "INVALID_MESSAGE"},
        {PI("pi", "\"maxConcurrent\":1"), "INVALID_MESSAGE"},
        {PI("pi", "\"capabilities\":{},\"maxConcurrent\":0"), "INVALID_MESSAGE"},
        {PI("pi", "\"capabilities\":{},\"metadata\":[]"), "INVALID_MESSAGE"},
        {"{\"type\":\"agent_heartbeat\",\"id\":\"r\"}", "TARGET_NOT_FOUND"},
        {"{\"type\":\"agent_unregister\",\"id\":\"r\",\"payload\":{\"agentId\":\"who\"}}",
         "TARGET_NOT_FOUND"},
        {"{\"type\":\"agent_unregister\",\"id\":\"r\",\"payload\":{\"agentId\":\"w h\"}}",
         "TARGET_NOT_FOUND"},
        {"{\"type\":\"agent_unregister\",\"id\":\"r\",\"payload\":{\"agentId\":\"other\"}}",
         "FORBIDDEN"},
        {"{\"type\":\"agent_info\",\"id\":\"r\",\"payload\":{\"agentId\":\"other\"}}", "FORBIDDEN"},
    };
    struct room *r = room_new(NULL);
    int client = room_control(r), other = room_control(r);

    (void)state;
    enlist(r, other, "other");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        room_say(r, client, "%s", table[i].message);
        expect_error(r, client, table[i].code);
    }
    expect_agents(r, HUB_AGENTS_ALL, "other pi gateway online 1 here/;");
    room_free(r);
}

static void test_too_much(void **state)
{
    struct room *r = room_new(NULL);
    int client = room_control(r);
    struct buf b;

    (void)state;
    for (int count = OFFERS_MAX; count <= OFFERS_MAX + 1; count++) {
        buf_init(&b, 65536);
        buf_append_str(&b, STR("{\"type\":\"agent_register\",\"id\":\"r\",\"payload\":{\"agentId\":"
                               "\"pi\",\"name\":\"\",\"type\":\"cli\",\"capabilities\":{\"chat\":"
                               "true,\"tools\":[\"t\""));
        for (int i = 2; i < count; i++) {
            buf_printf(&b, ",\"t%d\"", i);
        }
        buf_append_str(&b, STR("]}}}"));
        room_say_bytes(r, client, buf_str(&b));
        buf_fini(&b);
        if (count <= OFFERS_MAX) {
            expect_info(r, client, "pi", "registered");
        } else {
            room_expect(r, client,
                        "{\"payload\":{\"code\":\"LIMIT_REACHED\",\"details\":{\"limit\":"
                        "\"capabilities\",\"max\":256}}}");
        }
    }
    buf_init(&b, 65536);
    buf_printf(&b,
               "{\"type\":\"agent_register\",\"id\":\"r\",\"payload\":{\"agentId\":\"pi\",\"name\":"
               "\"\",\"type\":\"cli\",\"capabilities\":{},\"metadata\":{\"x\":\"%016384d\"}}}",
               0);
    room_say_bytes(r, client, buf_str(&b));
    buf_fini(&b);
    room_expect(r, client,
                "{\"payload\":{\"code\":\"LIMIT_REACHED\",\"details\":{\"limit\":"
                "\"registration_bytes\",\"max\":16384}}}");
    room_free(r);
}

/* --- heartbeat, unregister -------------------------------------------------------------------- */

static void test_status(void **state)
{
    struct room *r = room_new(NULL);
    int agent = room_control(r), other = room_control(r);

    (void)state;
    enlist(r, agent, "pi");
    room_say(r, agent, "{\"type\":\"agent_heartbeat\",\"id\":\"r\"}");
    expect_info(r, agent, "pi", "online");
    room_say(r, agent,
             "{\"type\":\"agent_heartbeat\",\"id\":\"r\",\"payload\":{\"status\":\"busy\"}}");
    expect_info(r, agent, "pi", "busy");
    room_say(r, agent, "{\"type\":\"agent_heartbeat\",\"id\":\"r\",\"payload\":{}}");
    expect_info(r, agent, "pi", "busy");
    expect_agents(r, HUB_AGENTS_CONNECTED, "pi pi gateway busy 1 here/;");
    room_say(r, agent,
             "{\"type\":\"agent_heartbeat\",\"id\":\"r\",\"payload\":{\"status\":\"offline\"}}");
    expect_error(r, agent, "INVALID_MESSAGE");
    room_say(r, agent,
             "{\"type\":\"agent_heartbeat\",\"id\":\"r\",\"payload\":{\"status\":\"online\"}}");
    expect_info(r, agent, "pi", "online");
    /* Unregistered it is nobody's, and nothing is remembered of it. */
    room_say(r, agent,
             "{\"type\":\"agent_unregister\",\"id\":\"r\",\"payload\":{\"agentId\":\"pi\"}}");
    expect_info(r, agent, "pi", "unregistered");
    expect_agents(r, HUB_AGENTS_ALL, "");
    enlist(r, other, "pi");
    expect_agents(r, HUB_AGENTS_ALL, "pi pi gateway online 1 here/;");
    room_free(r);
}

/* --- gone, remembered, replaced --------------------------------------------------------------- */

static void test_offline(void **state)
{
    struct hub_settings s;

    (void)state;
    hub_settings_init(&s);
    assert_int_equal(s.remember_ms, 24 * 3600 * 1000);
    assert_int_equal(s.max_remembered, 10000);
    s.remember_ms = 10000;
    struct room *r = room_new(&s);
    int agent = room_control(r), asker = room_control(r), world = room_join(r, "attic");

    enlist(r, agent, "pi");
    room_register(r, world, "w");
    room_abort(r, agent);
    room_abort(r, world);
    expect_agents(r, HUB_AGENTS_CONNECTED, "");
    expect_agents(r, HUB_AGENTS_OFFLINE,
                  "pi pi gateway offline 1 /;w custom world offline 1 /attic;");
    room_say(r, asker, "{\"type\":\"x\",\"id\":\"r\",\"target\":\"pi\"}");
    expect_error(r, asker, "TARGET_OFFLINE");
    room_say(r, asker, "{\"type\":\"x\",\"id\":\"r\",\"target\":\"w\"}");
    expect_error(r, asker, "TARGET_OFFLINE");
    room_say(r, asker, "{\"type\":\"x\",\"id\":\"r\",\"target\":\"po\"}");
    expect_error(r, asker, "TARGET_NOT_FOUND");
    /* One comes back, in the other dialect; the other is forgotten after a while. */
    room_advance(r, 1000);
    int back = room_join(r, "");
    room_register(r, back, "pi");
    expect_agents(r, HUB_AGENTS_ALL,
                  "pi custom world online 1 here/main;w custom world offline 1 /attic;");
    room_advance(r, 8900);
    expect_agents(r, HUB_AGENTS_OFFLINE, "w custom world offline 1 /attic;");
    room_advance(r, 100);
    expect_agents(r, HUB_AGENTS_OFFLINE, "");
    assert_int_equal(counts(r).agents_offline, 0);
    room_free(r);
}

static void test_remembered_are_few(void **state)
{
    struct hub_settings s;

    (void)state;
    hub_settings_init(&s);
    s.max_remembered = 2;
    struct room *r = room_new(&s);
    for (int i = 0; i < 4; i++) {
        char id[] = "a0";
        id[1] = (char)('0' + i);
        int agent = room_control(r);
        enlist(r, agent, id);
        room_abort(r, agent);
    }
    room_advance(r, 100);
    expect_agents(r, HUB_AGENTS_OFFLINE, "a2 pi gateway offline 1 /;a3 pi gateway offline 1 /;");
    assert_int_equal(counts(r).agents_offline, 2);
    /* Memory that is short is not spent on those who have gone. */
    s.max_memory = 1000;
    hub_reload(r->v.hub, &s);
    r->v.memory = 900;
    room_advance(r, 100);
    expect_agents(r, HUB_AGENTS_OFFLINE, "");
    room_free(r);
}

static void test_replaced(void **state)
{
    struct room *r = room_new(NULL);
    int one = room_control(r), two = room_control(r), world = room_join(r, "");
    int witness = room_join(r, "");

    (void)state;
    enlist(r, one, "pi");
    enlist(r, two, "pi");
    room_expect_close(r, one, 4409, "replaced by a newer connection of the same agent");
    expect_agents(r, HUB_AGENTS_ALL, "pi pi gateway online 1 here/;");
    /* From the other dialect, and back: there it has gone. */
    room_register(r, world, "pi");
    room_expect_close(r, two, 4409, "replaced by a newer connection of the same agent");
    room_expect(r, witness, "{\"type\":\"agent_joined\",\"agent_id\":\"pi\"}");
    int three = room_control(r);
    enlist(r, three, "pi");
    room_expect(r, witness, "{\"type\":\"agent_left\",\"agent_id\":\"pi\"}");
    expect_agents(r, HUB_AGENTS_ALL, "pi pi gateway online 1 here/;");
    assert_int_equal(counts(r).agents, 1);
    room_free(r);
}

/* The connection that was replaced ends long after the newer one has registered. */
static void test_late_goodbye(void **state)
{
    struct room *r = room_new(NULL);
    int one = room_control(r), two = room_control(r);

    (void)state;
    enlist(r, one, "pi");
    room_hold(r, one, 0);
    enlist(r, two, "pi");
    assert_non_null(r->clients[one].conn); /* its close frame is not written yet */
    room_abort(r, one);
    expect_agents(r, HUB_AGENTS_ALL, "pi pi gateway online 1 here/;");
    room_say(r, two, "{\"type\":\"agent_heartbeat\",\"id\":\"r\"}");
    expect_info(r, two, "pi", "online");
    room_free(r);
}

static void test_taken(void **state)
{
    struct room *r = room_with_tokens();
    struct evidence kit = from(1, CREDENTIAL_BEARER, "kit");
    struct evidence boss = from(1, CREDENTIAL_BEARER, "boss");
    int one = room_knock_at(r, DIALECT_GATEWAY, &kit);
    int two = room_knock_at(r, DIALECT_GATEWAY, &boss);

    (void)state;
    room_expect(r, one, "{\"type\":\"session_info\"}");
    room_expect(r, two, "{\"type\":\"session_info\"}");
    enlist(r, one, "pi");
    room_say(r, two, PI("pi", "\"capabilities\":{}"));
    expect_error(r, two, "AGENT_ID_TAKEN");
    room_abort(r, one); /* one that is only remembered is nobody's */
    enlist(r, two, "pi");
    room_free(r);
}

/* A token of one agent registers no other. */
static void test_grants(void **state)
{
    struct room *r = room_new(NULL);
    struct hub_credential own = credential("own", usual);

    (void)state;
    own.agent_id = STR("mine");
    set(r, HUB_AUTH_TOKEN, &own, 1);
    struct evidence e = from(1, CREDENTIAL_BEARER, "own");
    int client = room_knock_at(r, DIALECT_GATEWAY, &e);
    room_expect(r, client, "{\"type\":\"session_info\"}");
    room_say(r, client, PI("yours", "\"capabilities\":{}"));
    expect_error(r, client, "FORBIDDEN");
    enlist(r, client, "mine");
    room_free(r);
}

/* --- capabilities ----------------------------------------------------------------------------- */

struct offer_query {
    const struct hub *hub;
    struct str name;
    struct buf found;
};

static bool note_offer(void *ctx, const struct hub_agent_view *agent)
{
    struct offer_query *q = ctx;

    if (hub_agent_offers(q->hub, agent, q->name)) {
        buf_append_str(&q->found, agent->agent_id);
    }
    return true;
}

static void test_capabilities(void **state)
{
    static const struct {
        const char *name;
        const char *agents;
    } cases[] = {
        {"chat", "bc"},     {"streaming", ""},    {"grep", "abc"}, {"tools:grep", "abc"},
        {"modes:grep", ""}, {"modes:dream", "b"}, {"dream", "b"},  {"fly", "b"},
        {"swim", ""},       {"tools:fly", ""},    {"unknown", ""}, {"", ""},
    };
    struct room *r = room_new(NULL);
    int a = room_join(r, ""), b = room_control(r), c = room_control(r);

    (void)state;
    room_say(r, a,
             "{\"type\":\"agent_register\",\"agentId\":\"a\",\"capabilities\":[\"grep\","
             "\"\\u0067rep\"]}");
    room_say(r, b,
             PI("b", "\"capabilities\":{\"chat\":true,\"tools\":[\"grep\"],\"modes\":[\"dream\"],"
                     "\"custom\":{\"fly\":1,\"swim\":0}}"));
    room_say(r, c, PI("c", "\"capabilities\":{\"chat\":true,\"tools\":[\"grep\"]}"));
    for (int round = 0; round < 2; round++) { /* the second time all but one have gone */
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct offer_query q = {.hub = r->v.hub, .name = str_from_z(cases[i].name)};
            buf_init(&q.found, 64);
            hub_each_agent(r->v.hub, 0, HUB_AGENTS_ALL, STR(""), note_offer, &q);
            buf_append_char(&q.found, '\0');
            size_t found = 0;
            for (size_t j = 0; q.found.data[j] != '\0'; j++) {
                found += strchr(cases[i].agents, q.found.data[j]) != NULL;
            }
            if (found != strlen(cases[i].agents) || q.found.len != found + 1) {
                fail_msg("%s: %s", cases[i].name, q.found.data);
            }
            buf_fini(&q.found);
        }
        if (round == 0) {
            room_abort(r, a);
            room_abort(r, b);
        }
    }
    /* What an update does not name any more is not offered any more. */
    room_say(r, c, PI("c", "\"capabilities\":{\"chat\":false}"));
    struct offer_query q = {.hub = r->v.hub, .name = STR("chat")};
    buf_init(&q.found, 64);
    hub_each_agent(r->v.hub, 0, HUB_AGENTS_CONNECTED, STR(""), note_offer, &q);
    assert_int_equal(q.found.len, 0);
    buf_fini(&q.found);
    room_free(r);
}

/* --- without memory --------------------------------------------------------------------------- */

/* Whichever allocation fails, the registration is whole or there is none, and it can be repeated.
 */
static void test_famine(void **state)
{
    bool registered = false;

    (void)state;
    for (int n = 0; !registered; n++) {
        struct room *r = room_new(NULL);
        int client = room_control(r);
        struct str text = STR(PI("pi", "\"capabilities\":{\"chat\":true,\"tools\":[\"a\",\"b\"]}"));

        assert_true(n < 200);
        assert_true(virtual_send(&r->v, r->clients[client].conn, text));
        famine_after = n;
        (void)virtual_up(&r->v, conn_reactor(r->clients[client].conn->handle), 1);
        registered = famine_after >= 0;
        famine_after = -1;
        room_advance(r, 200);
        if (r->clients[client].conn == NULL) { /* told to come again */
            assert_int_equal(r->clients[client].close_code, 1013);
            client = room_control(r);
        }
        while (room_next(r, client) != NULL) {
        }
        room_say_bytes(r, client, text);
        expect_info(r, client, "pi", "registered");
        expect_agents(r, HUB_AGENTS_CONNECTED, "pi pi gateway online 1 here/;");
        room_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_register),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_much),     cmocka_unit_test(test_status),
        cmocka_unit_test(test_offline),      cmocka_unit_test(test_remembered_are_few),
        cmocka_unit_test(test_replaced),     cmocka_unit_test(test_late_goodbye),
        cmocka_unit_test(test_taken),        cmocka_unit_test(test_grants),
        cmocka_unit_test(test_capabilities), cmocka_unit_test(test_famine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
