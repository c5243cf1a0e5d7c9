#include "unit.h"

#include <stdio.h>

#include "desk.h"

static const char kick_path[] = "/api/gateway/clients/tim/kick";

static void test_kick(void **state)
{
    struct desk d;
    struct hub_client_view client;

    (void)state;
    desk_begin(&d);
    (void)desk_client(&d, "{\"type\":\"agent_register\",\"agentId\":\"tim\"}");
    assert_true(hub_find_client(d.hub, STR("tim"), &client));
    expect_text(desk_post(&d, 200, kick_path, "", "{\"reason\":\"too \\u006coud\"}"),
                "{\"kicked\":\"tim\"}");
    assert_false(hub_find_client(d.hub, STR("tim"), &client));
    expect_error(desk_post(&d, 404, kick_path, "", ""), "TARGET_NOT_FOUND", "{\"id\":\"tim\"}");
    desk_end(&d);
}

/* By the client's id, escaped, and without a body. */
static void test_kick_client(void **state)
{
    struct desk d;
    struct hub_client_view client;
    char path[192];

    (void)state;
    desk_begin(&d);
    (void)desk_client(&d, "{\"type\":\"agent_register\",\"agentId\":\"tim\"}");
    assert_true(hub_find_client(d.hub, STR("tim"), &client));
    (void)snprintf(path, sizeof(path), "/api/gateway/clients/%%63%s/kick", client.client_id + 1);
    assert_true(has_text(desk_post(&d, 200, path, "", ""), client.client_id));
    desk_end(&d);
}

static void test_kick_reasons(void **state)
{
    struct desk d;
    char body[256];

    (void)state;
    desk_begin(&d);
    (void)desk_client(&d, "{\"type\":\"agent_register\",\"agentId\":\"tim\"}");
    (void)snprintf(body, sizeof(body), "{\"reason\":\"%0*d\"}", 124, 0);
    expect_error(desk_post(&d, 400, kick_path, "", body), "INVALID_MESSAGE", NULL);
    expect_error(desk_post(&d, 400, kick_path, "", "{\"reason\":\"a\\nb\"}"), "INVALID_MESSAGE",
                 NULL);
    (void)snprintf(body, sizeof(body), "{\"reason\":\"%0*d\"}", 123, 0);
    (void)desk_post(&d, 200, kick_path, "", body);
    desk_end(&d);
}

static void test_long_id(void **state)
{
    struct desk d;
    char path[256];

    (void)state;
    desk_begin(&d);
    (void)snprintf(path, sizeof(path), "/api/gateway/clients/%0*d", 128, 0);
    expect_error(desk_get(&d, 404, path), "TARGET_NOT_FOUND", NULL);
    (void)snprintf(path, sizeof(path), "/api/gateway/clients/%0*d", 129, 0);
    expect_error(desk_get(&d, 400, path), "INVALID_MESSAGE", NULL);
    desk_end(&d);
}

/* However often it is asked for: a second stop would end the gateway at once. */
static void test_drain(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    for (unsigned i = 0; i < 3; i++) {
        expect_text(desk_post(&d, 202, "/api/gateway/drain", "", ""), "{\"status\":\"draining\"}");
        assert_int_equal(d.stops, 1);
    }
    expect_error(desk_post(&d, 400, "/api/gateway/drain", "", "{\"over_ms\":1}"), "INVALID_MESSAGE",
                 "{\"path\":\"over_ms\"}");
    desk_end(&d);
}

static void test_drain_while_draining(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    hub_drain(d.hub, 1000);
    (void)desk_post(&d, 202, "/api/gateway/drain", "", "{}");
    assert_int_equal(d.stops, 0);
    desk_end(&d);
}

/* --- tickets ---------------------------------------------------------------------------------- */

/* What a ticket of this body may do. */
static struct hub_verdict ticket_may(struct desk *d, const char *body, enum hub_action action,
                                     struct str object)
{
    static char ticket[TICKET_SIZE];
    struct str text;
    struct hub_asker asker;

    assert_true(json_string_plain(
        json_get(desk_post(d, 201, "/api/gateway/tickets", "", body), STR("ticket")), &text));
    assert_int_equal(text.len, TICKET_SIZE);
    memcpy(ticket, text.ptr, sizeof(ticket));
    struct evidence evidence = {
        .near = true, .kind = CREDENTIAL_TICKET, .credential = str_make(ticket, sizeof(ticket))};
    assert_true(hub_judge(d->hub, 1, &evidence, STR(""), 0, &asker));
    assert_int_equal(asker.refused, ERROR_NONE);
    return hub_may(d->hub, asker.principal, action, object);
}

static void test_ticket_grants(void **state)
{
    static const struct {
        const char *body;
        enum hub_action action;
        const char *object;
        bool may;
    } cases[] = {
        {"{}", MAY_PUBLISH, "bark", true},
        {"{}", MAY_ENTER, "world:attic", true},
        {"{}", MAY_ADMIN, "", false},
        {"{}", MAY_SPEAK_AS, "tim", false},
        {"{\"publish\":[\"bark\",\"scene_*\"]}", MAY_PUBLISH, "scene_add", true},
        {"{\"publish\":[\"bark\",\"scene_*\"]}", MAY_PUBLISH, "thought", false},
        {"{\"publish\":\"bark|thought\"}", MAY_PUBLISH, "thought", true},
        {"{\"publish\":[\"bark\"]}", MAY_ENTER, "world:main", false},
        {"{\"sessions\":[\"world:main\"]}", MAY_ENTER, "world:main", true},
        {"{\"sessions\":[]}", MAY_PUBLISH, "bark", false},
        {"{\"act_as\":[\"tim\"]}", MAY_SPEAK_AS, "tim", true},
        {"{\"agent_id\":\"tim\"}", MAY_REGISTER, "tim", true},
        {"{\"agent_id\":\"tim\"}", MAY_REGISTER, "tom", false},
        {"{\"agent_id\":\"tim\"}", MAY_PUBLISH, "bark", true},
        {"{\"admin\":true}", MAY_ADMIN, "", true},
        {"{\"admin\":false}", MAY_PUBLISH, "bark", false},
        {"{\"broadcast\":true}", MAY_BROADCAST, "", true},
    };
    struct desk d;

    (void)state;
    desk_begin(&d);
    desk_lock(&d);
    d.token = STR("root");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hub_verdict verdict =
            ticket_may(&d, cases[i].body, cases[i].action, str_from_z(cases[i].object));
        if ((verdict.code == ERROR_NONE) != cases[i].may) {
            fail_msg("%s: %d %s", cases[i].body, (int)cases[i].action, cases[i].object);
        }
    }
    desk_end(&d);
}

static void test_ticket_time(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    desk_lock(&d);
    d.token = STR("root");
    expect_member(desk_post(&d, 201, "/api/gateway/tickets", "", ""), "expires_at",
                  "1700000063.623");
    expect_member(desk_post(&d, 201, "/api/gateway/tickets", "", "{\"ttl_ms\":1500}"), "expires_at",
                  "1700000005.123");
    (void)desk_post(&d, 201, "/api/gateway/tickets", "", "{\"ttl_ms\":60000}");
    expect_error(desk_post(&d, 400, "/api/gateway/tickets", "", "{\"ttl_ms\":60001}"),
                 "INVALID_MESSAGE",
                 "{\"path\":\"ttl_ms\",\"expected\":\"a whole number from 1 to 60000\","
                 "\"found\":\"a number\"}");
    desk_end(&d);
}

/* A signed token that has less time left than its ticket is to have. */
static void test_ticket_of_a_brief_token(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    desk_lock_by_keys(&d);
    d.token = STR("brief");
    expect_member(desk_post(&d, 201, "/api/gateway/tickets", "", "{\"ttl_ms\":9000}"), "expires_at",
                  "1700000012.623");
    expect_member(desk_post(&d, 201, "/api/gateway/tickets", "", ""), "expires_at",
                  "1700000013.623");
    desk_wait(&d, 9999);
    expect_member(desk_post(&d, 201, "/api/gateway/tickets", "", ""), "expires_at",
                  "1700000013.623");
    desk_wait(&d, 1);
    (void)desk_post(&d, 401, "/api/gateway/tickets", "", "");
    desk_end(&d);
}

/* "chief" is an administrator who may say little else; a ticket is not a way around that. */
static void test_ticket_within(void **state)
{
    struct desk d;

    (void)state;
    desk_begin(&d);
    desk_lock(&d);
    d.token = STR("chief");
    expect_error(desk_post(&d, 403, "/api/gateway/tickets", "", "{}"), "FORBIDDEN",
                 "{\"rule\":\"ticket:within\"}");
    expect_error(desk_post(&d, 403, "/api/gateway/tickets", "", "{\"publish\":[\"thought\"]}"),
                 "FORBIDDEN", NULL);
    (void)desk_post(&d, 201, "/api/gateway/tickets", "",
                    "{\"publish\":[\"bark\"],\"sessions\":[\"world:main\"],\"admin\":true}");
    desk_end(&d);
}

static void test_ticket_limit(void **state)
{
    struct desk d;
    struct hub_counts counts;

    (void)state;
    desk_begin(&d);
    desk_lock(&d);
    d.token = STR("root");
    for (unsigned i = 0; i < TICKETS_MAX; i++) {
        (void)desk_post(&d, 201, "/api/gateway/tickets", "", "{}");
        hub_end_turn(d.hub);
    }
    expect_error(desk_post(&d, 503, "/api/gateway/tickets", "", "{}"), "LIMIT_REACHED",
                 "{\"limit\":\"tickets\"}");
    hub_counts(d.hub, &counts);
    assert_int_equal(counts.limits_hit[LIMIT_TICKETS], 1);
    desk_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kick),
        cmocka_unit_test(test_kick_client),
        cmocka_unit_test(test_kick_reasons),
        cmocka_unit_test(test_long_id),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_while_draining),
        cmocka_unit_test(test_ticket_grants),
        cmocka_unit_test(test_ticket_time),
        cmocka_unit_test(test_ticket_of_a_brief_token),
        cmocka_unit_test(test_ticket_within),
        cmocka_unit_test(test_ticket_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
