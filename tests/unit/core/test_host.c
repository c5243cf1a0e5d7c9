#include <stdio.h>

#include "attach.h"
#include "door.h"
#include "famine.h"

/*
 * The program that embeds the hub, where memory ends and where it does not answer; what it hears
 * and can do otherwise is in test_library.py.
 */

/* What the host was told. */
static unsigned told[HUB_EVENTS_LOST + 1];
static uint64_t lost;
static uint64_t asked; /* the last job */
static struct hub *kicks_in;

static void on_event(void *owner, const struct hub_event *event)
{
    (void)owner;
    told[event->kind]++;
    lost += event->kind == HUB_EVENTS_LOST ? event->count : 0;
    if (kicks_in != NULL && event->kind == HUB_SESSION_JOINED) {
        char id[32];
        (void)snprintf(id, sizeof(id), "%.*s", STR_ARG(event->client));
        (void)hub_kick(kicks_in, str_from_z(id), STR(""));
    }
}

static void on_check(void *owner, uint64_t job, struct str secret, bool is_password,
                     const uint8_t address[16])
{
    (void)owner;
    (void)secret;
    (void)is_password;
    (void)address;
    asked = job;
}

static struct room *room_with_host(void)
{
    struct room *r = room_new(NULL);

    memset(told, 0, sizeof(told));
    lost = 0;
    kicks_in = NULL;
    attach(r->v.hub, on_event, on_check);
    return r;
}

static unsigned sum_told(void)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < HUB_EVENTS_LOST; i++) {
        sum += told[i];
    }
    return sum;
}

static void test_events_are_told_or_counted(void **state)
{
    bool whole = false;

    (void)state;
    for (int n = 0; !whole; n++) {
        struct room *r = room_with_host();
        struct hub_event event = {.kind = HUB_SESSION_ENDED, .session = STR("room")};
        famine_after = n;
        for (int i = 0; i < 40; i++) {
            host_note(r->v.hub, &event);
        }
        whole = famine_after >= 0;
        famine_after = -1;
        hub_tell_host(r->v.hub);
        assert_int_equal(told[HUB_SESSION_ENDED] + lost, 40);
        assert_true(whole || lost > 0);
        /* And it goes on. */
        host_note(r->v.hub, &event);
        hub_tell_host(r->v.hub);
        assert_int_equal(told[HUB_SESSION_ENDED] + lost, 41);
        room_free(r);
    }
}

/* What a host does in answer to an event is told behind the events that were there before. */
static void test_events_of_events(void **state)
{
    struct room *r = room_with_host();

    (void)state;
    kicks_in = r->v.hub;
    int client = room_enter(r, "main");
    virtual_settle(&r->v);
    assert_int_equal(r->clients[client].close_code, 4408);
    assert_int_equal(told[HUB_CLIENT_CONNECTED], 1);
    assert_int_equal(told[HUB_CLIENT_DISCONNECTED], 1);
    assert_int_equal(told[HUB_SESSION_LEFT], 1);
    assert_int_equal(sum_told(), 5); /* it had authenticated and joined, too */
    room_free(r);
}

static void test_saying_without_memory(void **state)
{
    bool whole = false;

    (void)state;
    for (int n = 0; !whole; n++) {
        struct room *r = room_with_host();
        int world = room_join(r, "main"), control = room_control(r);
        struct hub_saying saying = {.type = STR("greet"), .payload = STR("{\"n\":1}")};
        uint64_t receivers;
        famine_after = n;
        enum hub_done one = hub_say_to(r->v.hub, str_from_z(r->clients[world].id), &saying);
        enum hub_done all = hub_say_each(r->v.hub, NULL, NULL, &saying, &receivers);
        whole = famine_after >= 0;
        famine_after = -1;
        virtual_settle(&r->v);
        room_advance(r,
                     100); /* one that a message was lost for is closed, and hears nothing wrong */
        if (one == HUB_DONE && r->clients[world].conn != NULL) {
            room_expect(r, world, "{\"type\":\"greet\",\"data\":{\"n\":1}}");
        }
        if (all == HUB_DONE && r->clients[control].conn != NULL) {
            room_expect(r, control, "{\"type\":\"greet\",\"source\":\"gateway\"}");
        }
        assert_true(!whole || (one == HUB_DONE && all == HUB_DONE && receivers == 2));
        room_free(r);
    }
}

static bool make_texts(void *ctx, const struct hub_client_view *client)
{
    struct hub_saying saying = {.type = STR("other"), .payload = STR("{\"of\":\"somebody else\"}")};
    struct buf text;

    (void)client;
    buf_init(&text, 1000);
    assert_int_equal(hub_say_text(ctx, &saying, &text), HUB_DONE);
    buf_fini(&text);
    return true;
}

/* Who chooses the receivers may make messages meanwhile: that changes nothing. */
static void test_making_texts_while_choosing(void **state)
{
    struct room *r = room_with_host();
    int world = room_join(r, "main"), one = room_control(r), two = room_control(r);
    struct hub_saying saying = {.type = STR("greet"), .payload = STR("{\"n\":1}")};
    uint64_t receivers;

    (void)state;
    assert_int_equal(hub_say_each(r->v.hub, make_texts, r->v.hub, &saying, &receivers), HUB_DONE);
    assert_int_equal(receivers, 3);
    virtual_settle(&r->v);
    room_expect(r, world, "{\"type\":\"greet\",\"data\":{\"n\":1}}");
    room_expect(r, one, "{\"type\":\"greet\",\"payload\":{\"n\":1}}");
    room_expect(r, two, "{\"type\":\"greet\",\"payload\":{\"n\":1}}");
    room_free(r);
}

static void test_a_check_without_an_answer(void **state)
{
    struct room *r = room_with_host();
    struct evidence e = from(1, CREDENTIAL_BEARER, "token");
    struct hub_claims claims = {.name = STR("ann"), .grants = GRANTS_ALL};

    (void)state;
    set(r, HUB_AUTH_HOST, NULL, 0);
    assert_int_equal(room_knock(r, &e), ROOM_WAITS);
    uint64_t first = asked;
    assert_true(hub_credential_awaited(r->v.hub, first));
    room_advance(r, CHECK_MS - 1000);
    assert_true(hub_credential_awaited(r->v.hub, first));
    room_advance(r, 1100);
    assert_int_equal(room_knocked(r), ROOM_REFUSED);
    assert_int_equal(why(r), ERROR_AUTH_FAILED);
    assert_false(hub_credential_awaited(r->v.hub, first));
    hub_credential_checked(r->v.hub, first, &claims);
    assert_int_equal(counts(r).clients, 0);
    assert_int_equal(told[HUB_CREDENTIAL_REFUSED], 1);

    assert_int_equal(room_knock(r, &e), ROOM_WAITS);
    hub_credential_checked(r->v.hub, first, NULL); /* late, and of another */
    assert_true(hub_credential_awaited(r->v.hub, asked));
    hub_credential_checked(r->v.hub, asked, &claims);
    assert_true(room_knocked(r) >= 0);
    assert_int_equal(told[HUB_CLIENT_AUTHENTICATED], 1);
    room_free(r);
}

/* A token of the host's runs out like any other. */
static void test_a_login_that_runs_out(void **state)
{
    struct room *r = room_with_host();
    struct evidence e = from(1, CREDENTIAL_BEARER, "token");

    (void)state;
    set(r, HUB_AUTH_HOST, NULL, 0);
    assert_int_equal(room_knock(r, &e), ROOM_WAITS);
    struct hub_claims claims = {
        .name = STR("ann"), .grants = GRANTS_ALL, .expires_ms = hub_now(r->v.hub).wall_ms + 90000};
    hub_credential_checked(r->v.hub, asked, &claims);
    int client = room_knocked(r);
    (void)room_next(r, client);
    room_advance(r, 45000);
    /* What it is told to do is what there is to be done. */
    const char *warning = room_next(r, client);
    assert_non_null(strstr(warning, "AUTH_EXPIRING"));
    assert_null(strstr(warning, "authenticate with"));
    assert_non_null(strstr(warning, "open another"));
    room_advance(r, 60000);
    assert_int_equal(r->clients[client].close_code, 4401);
    room_free(r);
}

/* What the host said took so long that it is not so any more. */
static void test_a_login_that_has_run_out(void **state)
{
    struct room *r = room_with_host();
    struct evidence e = from(1, CREDENTIAL_BEARER, "token");

    (void)state;
    set(r, HUB_AUTH_HOST, NULL, 0);
    struct hub_claims claims = {
        .name = STR("ann"), .grants = GRANTS_ALL, .expires_ms = hub_now(r->v.hub).wall_ms + 1000};
    assert_int_equal(room_knock(r, &e), ROOM_WAITS);
    room_advance(r, 1000);
    hub_credential_checked(r->v.hub, asked, &claims);
    assert_int_equal(room_knocked(r), ROOM_REFUSED);
    assert_int_equal(why(r), ERROR_AUTH_FAILED);
    assert_int_equal(told[HUB_CREDENTIAL_REFUSED], 1);
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_are_told_or_counted),
        cmocka_unit_test(test_events_of_events),
        cmocka_unit_test(test_saying_without_memory),
        cmocka_unit_test(test_making_texts_while_choosing),
        cmocka_unit_test(test_a_check_without_an_answer),
        cmocka_unit_test(test_a_login_that_runs_out),
        cmocka_unit_test(test_a_login_that_has_run_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
