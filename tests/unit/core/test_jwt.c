#include "door.h"

/* Signed tokens: a connection lives no longer than its token, unless it brings the next one. */

static struct room *room_with_keys(void)
{
    struct room *r = room_new(NULL);

    set_signed(r, true);
    return r;
}

static void test_come_and_expire(void **state)
{
    struct room *r = room_with_keys();
    struct evidence wrong = from(1, CREDENTIAL_BEARER, "no token");
    int timmy = come(r, "timmy/120"), tom = come(r, "tom/3600");
    struct hub_client_view view;

    (void)state;
    assert_int_equal(knock(r, &wrong), ROOM_REFUSED);
    assert_int_equal(why(r), ERROR_AUTH_FAILED);
    assert_true(hub_find_client(r->v.hub, str_from_z(r->clients[timmy].id), &view));
    assert_true(str_equal(view.user_id, STR("timmy")));
    room_advance(r, 58 * 1000);
    room_expect_nothing(r, timmy);
    room_advance(r, 3 * 1000);
    room_expect(r, timmy,
                "{\"type\":\"error\",\"data\":{\"code\":\"AUTH_EXPIRING\",\"details\":"
                "{\"expires_in_ms\":\"*\"}}}");
    room_advance(r, 57 * 1000);
    room_expect_nothing(r, timmy); /* told once */
    assert_non_null(r->clients[timmy].conn);
    room_advance(r, 3 * 1000);
    room_expect_close(r, timmy, 4401, "the token has run out: connect again with a new one");
    assert_non_null(r->clients[tom].conn);
    assert_int_equal(counts(r).auth_failures[AUTH_FAILURE_EXPIRED], 1);
    room_free(r);
}

static void test_renewed_in_a_world(void **state)
{
    struct room *r = room_with_keys();
    int timmy = come(r, "timmy/120");

    (void)state;
    room_register(r, timmy, "timmy");
    room_advance(r, 70 * 1000);
    room_expect_error(r, timmy, "AUTH_EXPIRING");
    room_say(r, timmy, "{\"type\":\"agent_register\",\"agentId\":\"timmy\",\"token\":\"tom/600\"}");
    room_expect_error(r, timmy, "FORBIDDEN");
    room_say(r, timmy, "{\"type\":\"agent_register\",\"agentId\":\"timmy\",\"token\":\"x\"}");
    room_expect_error(r, timmy, "AUTH_FAILED");
    room_say(r, timmy,
             "{\"type\":\"agent_register\",\"agentId\":\"timmy\",\"token\":\"timmy/600\"}");
    room_expect(r, timmy, "{\"type\":\"connection_ack\"}");
    room_advance(r, 400 * 1000);
    room_expect_nothing(r, timmy);
    room_advance(r, 75 * 1000);
    room_expect_error(r, timmy, "AUTH_EXPIRING"); /* the new one is warned about, too */
    room_free(r);
}

/* A registration that brings a token is judged by that one. */
static void test_renewed_for_another_agent(void **state)
{
    struct room *r = room_with_keys();
    int timmy = come(r, "timmy=door/120");

    (void)state;
    room_say(r, timmy, "{\"type\":\"agent_register\",\"agentId\":\"lamp\"}");
    room_expect_error(r, timmy, "FORBIDDEN");
    room_say(r, timmy,
             "{\"type\":\"agent_register\",\"agentId\":\"lamp\",\"token\":\"timmy=lamp/600\"}");
    room_expect(r, timmy, "{\"type\":\"connection_ack\",\"data\":{\"agent_id\":\"lamp\"}}");
    room_free(r);
}

static void test_renewed_by_auth(void **state)
{
    struct room *r = room_with_keys();
    struct evidence e = from(1, CREDENTIAL_BEARER, "timmy/120");
    int timmy = room_knock_at(r, DIALECT_GATEWAY, &e);

    (void)state;
    room_expect(r, timmy, "{\"type\":\"session_info\"}");
    room_advance(r, 70 * 1000);
    room_expect(r, timmy, "{\"type\":\"error\",\"payload\":{\"code\":\"AUTH_EXPIRING\"}}");
    room_say(r, timmy, "{\"type\":\"auth\",\"id\":\"a\",\"payload\":{\"token\":\"timmy/600\"}}");
    room_expect(r, timmy,
                "{\"type\":\"auth_success\",\"replyTo\":\"a\",\"payload\":{\"userId\":\"timmy\"}}");
    room_say(r, timmy, "{\"type\":\"auth\",\"id\":\"a\",\"payload\":{\"token\":\"tom/600\"}}");
    room_expect(r, timmy, "{\"type\":\"error\",\"payload\":{\"code\":\"FORBIDDEN\"}}");
    room_advance(r, 100 * 1000);
    room_say(r, timmy, "{\"type\":\"ping\",\"id\":\"p\"}");
    room_expect(r, timmy, "{\"type\":\"pong\"}");
    room_free(r);
}

/* The same subject comes again with another token: the same agent. */
static void test_same_subject(void **state)
{
    struct room *r = room_with_keys();
    int one = come(r, "timmy/120"), two = come(r, "timmy/600"), tom = come(r, "tom/600");

    (void)state;
    room_register(r, one, "robot");
    room_expect(r, two, "{\"type\":\"agent_joined\"}");
    room_expect(r, tom, "{\"type\":\"agent_joined\"}");
    room_say(r, tom, "{\"type\":\"agent_register\",\"agentId\":\"robot\"}");
    room_expect_error(r, tom, "AGENT_ID_TAKEN");
    room_register(r, two, "robot");
    room_expect_close(r, one, 4409, "replaced by a newer connection of the same agent");
    room_free(r);
}

static void test_key_withdrawn(void **state)
{
    struct room *r = room_with_keys();
    int timmy = come(r, "timmy/600");

    (void)state;
    set_signed(r, true);
    assert_non_null(r->clients[timmy].conn);
    set_signed(r, false);
    room_expect_close(r, timmy, 4401,
                      "the credential was withdrawn: authenticate with another one");
    room_free(r);
}

/* Who asks with a ticket; HUB_NOBODY: it is refused. */
static uint32_t ask_by_ticket(struct room *r, const char *ticket)
{
    struct evidence e = {
        .near = true, .kind = CREDENTIAL_TICKET, .credential = str_make(ticket, TICKET_SIZE)};
    struct hub_asker asker;

    assert_true(hub_judge(r->v.hub, 1, &e, STR(""), 0, &asker));
    assert_int_equal(asker.refused, asker.principal == HUB_NOBODY ? ERROR_AUTH_FAILED : ERROR_NONE);
    return asker.principal;
}

static const struct hub_ticket_request minute = {.grants = USUAL, .ttl_ms = TICKET_MAX_MS};

/* A ticket is not good for longer than the token of who has made it, nor is its client. */
static void test_ticket_ends_with_its_token(void **state)
{
    struct room *r = room_with_keys();
    char used[TICKET_SIZE + 1] = "", unused[TICKET_SIZE];
    uint64_t until_ms, begin_ms = hub_now(r->v.hub).wall_ms;
    struct evidence e = from(5, CREDENTIAL_TICKET, used);

    (void)state;
    assert_int_equal(hub_ticket_new(r->v.hub, principal_of(r, "boss/30"), &minute, used, &until_ms),
                     ERROR_NONE);
    assert_int_equal(until_ms - begin_ms, 30 * 1000);
    assert_int_equal(
        hub_ticket_new(r->v.hub, principal_of(r, "boss/600"), &minute, unused, &until_ms),
        ERROR_NONE);
    assert_int_equal(until_ms - begin_ms, TICKET_MAX_MS);
    assert_int_equal(new_ticket(r, principal_of(r, "boss/30"), &minute, unused), ERROR_NONE);
    e.credential = str_from_z(used);
    int client = knock(r, &e);
    room_advance(r, 29 * 1000);
    room_expect_error(r, client, "AUTH_EXPIRING");
    assert_int_equal(counts(r).tickets, 2);
    room_advance(r, 2 * 1000);
    assert_int_equal(r->clients[client].close_code, 4401);
    assert_int_equal(counts(r).tickets, 1);
    assert_int_equal(ask_by_ticket(r, unused), HUB_NOBODY);
    room_free(r);
}

/* However many tickets are made of tickets, the last one ends with the token of the first. */
static void test_tickets_of_tickets_end(void **state)
{
    struct room *r = room_with_keys();
    char ticket[TICKET_SIZE];
    uint32_t maker = principal_of(r, "boss/30");

    (void)state;
    for (int seconds = 0; seconds < 30; seconds += 5) {
        assert_int_equal(new_ticket(r, maker, &minute, ticket), ERROR_NONE);
        room_advance(r, 5 * 1000);
        maker = ask_by_ticket(r, ticket);
        assert_true((maker != HUB_NOBODY) == (seconds < 25));
    }
    assert_int_equal(counts(r).tickets, 0);
    room_free(r);
}

/* By the clock of the token, which somebody may set while a ticket waits or its maker is at work.
 */
static void test_ticket_of_one_who_has_run_out(void **state)
{
    struct room *r = room_with_keys();
    struct hub_time now = hub_now(r->v.hub);
    char ticket[TICKET_SIZE];
    uint32_t maker = principal_of(r, "boss/30");

    (void)state;
    assert_int_equal(new_ticket(r, maker, &minute, ticket), ERROR_NONE);
    now.wall_ms += 30 * 1000;
    hub_set_time(r->v.hub, now);
    assert_int_equal(new_ticket(r, maker, &minute, ticket), ERROR_AUTH_FAILED);
    assert_int_equal(ask_by_ticket(r, ticket), HUB_NOBODY);
    assert_int_equal(counts(r).tickets, 0);
    room_free(r);
}

/* A client of an agent whose connection broke comes with its next ticket, of the same maker. */
static void test_ticket_for_an_agent(void **state)
{
    static const char *const makers[] = {"boss/600", "boss/900", "tom/600"};
    struct hub_ticket_request request = {
        .grants = usual, .agent_id = STR("visitor"), .ttl_ms = TICKET_MAX_MS};
    struct room *r = room_with_keys();
    int clients[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        char ticket[TICKET_SIZE + 1] = "";
        struct evidence e = from(5, CREDENTIAL_TICKET, ticket);
        assert_int_equal(new_ticket(r, principal_of(r, makers[i]), &request, ticket), ERROR_NONE);
        e.credential = str_from_z(ticket);
        clients[i] = knock(r, &e);
        assert_true(clients[i] >= 0);
    }
    room_register(r, clients[0], "visitor");
    room_expect(r, clients[2], "{\"type\":\"agent_joined\"}");
    room_say(r, clients[2], "{\"type\":\"agent_register\",\"agentId\":\"visitor\"}");
    room_expect_error(r, clients[2], "AGENT_ID_TAKEN");
    room_expect(r, clients[1], "{\"type\":\"agent_joined\"}");
    room_register(r, clients[1], "visitor");
    assert_int_equal(r->clients[clients[0]].close_code, 4409);
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_come_and_expire),
        cmocka_unit_test(test_renewed_in_a_world),
        cmocka_unit_test(test_renewed_for_another_agent),
        cmocka_unit_test(test_renewed_by_auth),
        cmocka_unit_test(test_same_subject),
        cmocka_unit_test(test_key_withdrawn),
        cmocka_unit_test(test_ticket_ends_with_its_token),
        cmocka_unit_test(test_tickets_of_tickets_end),
        cmocka_unit_test(test_ticket_of_one_who_has_run_out),
        cmocka_unit_test(test_ticket_for_an_agent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
