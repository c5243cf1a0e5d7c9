#include "core/admin.h"
#include "door.h"

/* Tickets: good once, not for long, and not for more than their maker may. */

static void test_tickets(void **state)
{
    struct room *r = room_with_tokens();
    struct hub_ticket_request request = {.grants = usual, .ttl_ms = 60000};
    char ticket[TICKET_SIZE + 1] = "";
    struct evidence e = from(5, CREDENTIAL_TICKET, ticket);

    (void)state;
    assert_int_equal(new_ticket(r, principal_of(r, "kit"), &request, ticket), ERROR_NONE);
    assert_int_equal(counts(r).tickets, 1);
    e.credential = str_from_z(ticket);
    assert_true(knock(r, &e) >= 0);
    struct hub_client_view view;
    const struct room_client *guest = &r->clients[r->count - 1];
    assert_true(hub_find_client(r->v.hub, str_from_z(guest->id), &view));
    assert_true(str_equal(view.user_id, STR("kit")));
    /* Once. */
    assert_int_equal(knock(r, &e), ROOM_REFUSED);
    assert_int_equal(counts(r).auth_failures[AUTH_FAILURE_TICKET], 1);
    assert_int_equal(counts(r).tickets, 0);
    /* Not for long. */
    request.ttl_ms = 1000;
    assert_int_equal(new_ticket(r, principal_of(r, "kit"), &request, ticket), ERROR_NONE);
    room_advance(r, 1000);
    assert_int_equal(counts(r).tickets, 0);
    assert_int_equal(knock(r, &e), ROOM_REFUSED);
    /* Not for more than the maker may. */
    request.grants = GRANTS_ALL;
    assert_int_equal(new_ticket(r, principal_of(r, "kit"), &request, ticket), ERROR_FORBIDDEN);
    request.ttl_ms = TICKET_MAX_MS + 1;
    assert_int_equal(new_ticket(r, principal_of(r, "boss"), &request, ticket), ERROR_FORBIDDEN);
    /* A bearer is no ticket, and the other way round. */
    request.ttl_ms = 1000;
    assert_int_equal(new_ticket(r, principal_of(r, "boss"), &request, ticket), ERROR_NONE);
    e.kind = CREDENTIAL_BEARER;
    assert_int_equal(knock(r, &e), ROOM_REFUSED);
    e = from(5, CREDENTIAL_TICKET, "boss");
    assert_int_equal(knock(r, &e), ROOM_REFUSED);
    room_free(r);
}

/* What a maker's ticket opened is shut with the maker. */
static void test_ticket_of_one_withdrawn(void **state)
{
    struct room *r = room_with_tokens();
    struct hub_ticket_request request = {.grants = usual, .ttl_ms = 60000};
    struct hub_credential only = credential("boss", GRANTS_ALL);
    char used[TICKET_SIZE + 1] = "", unused[TICKET_SIZE + 1] = "";
    struct evidence e = from(5, CREDENTIAL_TICKET, used);

    (void)state;
    assert_int_equal(new_ticket(r, principal_of(r, "kit"), &request, used), ERROR_NONE);
    assert_int_equal(new_ticket(r, principal_of(r, "kit"), &request, unused), ERROR_NONE);
    e.credential = str_from_z(used);
    int client = knock(r, &e);
    assert_true(client >= 0);
    set(r, HUB_AUTH_TOKEN, &only, 1);
    assert_int_equal(r->clients[client].close_code, 4401);
    assert_int_equal(counts(r).tickets, 0);
    e.credential = str_from_z(unused);
    assert_int_equal(knock(r, &e), ROOM_REFUSED);
    room_free(r);
}

/* The bearer of a ticket may make the next one. However long that goes on, no row of makers grows
   that would have to be walked or taken down one by one. */
static void test_tickets_of_tickets(void **state)
{
    struct room *r = room_with_tokens();
    struct hub_ticket_request request = {.grants = GRANTS_ALL, .ttl_ms = 60000};
    char ticket[TICKET_SIZE];
    struct evidence e = {
        .near = true, .kind = CREDENTIAL_TICKET, .credential = {ticket, sizeof(ticket)}};
    uint32_t maker = principal_of(r, "boss");

    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct hub_asker asker;
        assert_int_equal(new_ticket(r, maker, &request, ticket), ERROR_NONE);
        assert_true(hub_judge(r->v.hub, 1, &e, STR(""), 0, &asker));
        maker = asker.principal;
        assert_true(maker != HUB_NOBODY);
        /* Two are in use at a time: this one, and for a moment the one that made it. */
        assert_in_range(maker, 0, 8);
    }
    assert_int_equal(new_ticket(r, maker, &request, ticket), ERROR_NONE);
    room_advance(r, 60000);
    assert_int_equal(counts(r).tickets, 0);
    room_free(r);
}

static void test_ticket_for_an_agent(void **state)
{
    struct room *r = room_with_tokens();
    struct hub_ticket_request request = {
        .grants = usual, .agent_id = STR("timmy"), .ttl_ms = 60000};
    int clients[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        char ticket[TICKET_SIZE + 1] = "";
        assert_int_equal(new_ticket(r, principal_of(r, "boss"), &request, ticket), ERROR_NONE);
        struct evidence e = from(5, CREDENTIAL_TICKET, ticket);
        clients[i] = knock(r, &e);
        assert_true(clients[i] >= 0);
    }
    room_say(r, clients[0], "{\"type\":\"agent_register\",\"agentId\":\"tom\"}");
    room_expect_error(r, clients[0], "FORBIDDEN");
    room_register(r, clients[0], "timmy");
    room_expect(r, clients[1], "{\"type\":\"agent_joined\"}");
    room_register(r, clients[1], "timmy"); /* the same agent, come again with its next ticket */
    assert_int_equal(r->clients[clients[0]].close_code, 4409);
    room_free(r);
}

static enum error_code ask_for(struct room *r, const char *maker, const char *act_as,
                               const char *agent_id)
{
    struct hub_ticket_request request = {
        .grants = usual, .agent_id = str_from_z(agent_id), .ttl_ms = 60000};
    char ticket[TICKET_SIZE];

    request.grants.act_as = str_from_z(act_as);
    return new_ticket(r, principal_of(r, maker), &request, ticket);
}

/* A ticket that is bound to no id could be anybody: who is bound cannot make one. */
static void test_ticket_of_one_bound(void **state)
{
    struct room *r = room_new(NULL);
    struct hub_credential list[] = {credential("door", usual), credential("bots", usual),
                                    credential("boss", GRANTS_ALL)};

    (void)state;
    list[0].agent_id = STR("door");
    list[1].grants.act_as = STR("bot-*");
    set(r, HUB_AUTH_TOKEN, list, 3);
    assert_int_equal(ask_for(r, "door", "", ""), ERROR_FORBIDDEN);
    assert_int_equal(ask_for(r, "door", "", "window"), ERROR_FORBIDDEN);
    assert_int_equal(ask_for(r, "door", "bot-*", ""), ERROR_FORBIDDEN);
    assert_int_equal(ask_for(r, "door", "", "door"), ERROR_NONE);
    assert_int_equal(ask_for(r, "bots", "", ""), ERROR_FORBIDDEN);
    assert_int_equal(ask_for(r, "bots", "", "door"), ERROR_FORBIDDEN);
    assert_int_equal(ask_for(r, "bots", "", "bot-1"), ERROR_NONE);
    assert_int_equal(ask_for(r, "bots", "bot-1*", ""), ERROR_NONE);
    assert_int_equal(ask_for(r, "boss", "", ""), ERROR_NONE);
    room_free(r);
}

/* A reload that takes a grant from the maker takes it from the tickets as well. */
static void test_ticket_of_one_who_may_less_now(void **state)
{
    struct room *r = room_with_tokens();
    struct hub_ticket_request request = {.grants = usual, .ttl_ms = 60000};
    struct hub_credential list[] = {credential("kit", usual), credential("boss", usual)};
    char kept[TICKET_SIZE + 1] = "", lost[TICKET_SIZE + 1] = "", unused[TICKET_SIZE + 1] = "";
    struct evidence e = from(5, CREDENTIAL_TICKET, kept);

    (void)state;
    assert_int_equal(new_ticket(r, principal_of(r, "boss"), &request, kept), ERROR_NONE);
    request.grants.admin = true;
    assert_int_equal(new_ticket(r, principal_of(r, "boss"), &request, lost), ERROR_NONE);
    assert_int_equal(new_ticket(r, principal_of(r, "boss"), &request, unused), ERROR_NONE);
    e.credential = str_from_z(kept);
    int stays = knock(r, &e);
    e.credential = str_from_z(lost);
    int goes = knock(r, &e);
    assert_true(stays >= 0 && goes >= 0);
    set(r, HUB_AUTH_TOKEN, list, 2);
    assert_int_equal(r->clients[stays].close_code, 0);
    assert_int_equal(r->clients[goes].close_code, 4401);
    assert_int_equal(counts(r).tickets, 0);
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tickets),
        cmocka_unit_test(test_ticket_of_one_withdrawn),
        cmocka_unit_test(test_tickets_of_tickets),
        cmocka_unit_test(test_ticket_for_an_agent),
        cmocka_unit_test(test_ticket_of_one_bound),
        cmocka_unit_test(test_ticket_of_one_who_may_less_now),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
