#include "attach.h"
#include "core/admin.h"
#include "famine.h"
#include "room.h"
#include "unit.h"

/* What an administrator sees and does, and the limits that are the hub's. */

static struct room *room_with(struct hub_settings *s)
{
    return room_new(s);
}

static struct hub_counts counts(const struct room *r)
{
    struct hub_counts c;

    hub_counts(r->v.hub, &c);
    return c;
}

static int come_from(struct room *r, const uint8_t address[16])
{
    struct evidence e = {.near = false};

    memcpy(e.address, address, sizeof(e.address));
    int client = room_knock(r, &e);
    if (client >= 0) {
        room_expect(r, client, "{\"type\":\"connection_ack\"}");
    }
    return client;
}

/* --- limits ----------------------------------------------------------------------------------- */

static void test_per_address(void **state)
{
    static const uint8_t four[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};
    static const uint8_t loopback[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
    uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8};
    struct hub_settings s;
    int clients[3];

    (void)state;
    hub_settings_init(&s);
    s.max_clients_per_address = 3;
    struct room *r = room_with(&s);
    for (int i = 0; i < 3; i++) {
        clients[i] = come_from(r, four);
        assert_true(clients[i] >= 0);
        six[15] = (uint8_t)i; /* all of one network count as one */
        assert_true(come_from(r, six) >= 0);
    }
    assert_int_equal(come_from(r, four), ROOM_REFUSED);
    assert_int_equal(r->clients[r->count - 1].why, ERROR_LIMIT_REACHED);
    assert_int_equal(come_from(r, six), ROOM_REFUSED);
    six[7] = 1; /* another network */
    assert_true(come_from(r, six) >= 0);
    assert_int_equal(counts(r).limits_hit[LIMIT_ADDRESS], 2);
    room_abort(r, clients[0]);
    assert_true(come_from(r, four) >= 0);
    assert_int_equal(come_from(r, four), ROOM_REFUSED);
    for (int i = 0; i < 5; i++) {
        assert_true(come_from(r, loopback) >= 0);
    }
    room_free(r);
}

static void test_rate(void **state)
{
    struct hub_settings s;

    (void)state;
    hub_settings_init(&s);
    s.max_rate = 5;
    struct room *r = room_with(&s);
    int loud = room_join(r, ""), ear = room_join(r, "");
    for (int second = 0; second < 3; second++) {
        for (int i = 0; i < 20; i++) {
            room_say(r, loud, "{\"type\":\"bark\"}");
        }
        for (int i = 0; i < 5; i++) {
            room_expect_text(r, ear, "{\"type\":\"bark\"}");
        }
        room_expect_nothing(r, ear);
        room_expect(r, loud,
                    "{\"type\":\"error\",\"data\":{\"code\":\"RATE_LIMITED\",\"details\":"
                    "{\"limit\":\"rate\",\"max\":5,\"retry_after_ms\":1000}}}");
        room_expect_nothing(r, loud); /* told once */
        /* Another client is not held to account for it. */
        room_say(r, ear, "{\"type\":\"ping\"}");
        room_expect_text(r, ear, "{\"type\":\"pong\"}");
        room_advance(r, 1000);
    }
    assert_int_equal(counts(r).messages_rate_limited, 45);
    room_free(r);
}

/* A sign of life that is no message begins no new second. */
static void test_rate_and_pongs(void **state)
{
    struct hub_settings s;

    (void)state;
    hub_settings_init(&s);
    s.max_rate = 2;
    struct room *r = room_with(&s);
    int loud = room_join(r, ""), ear = room_join(r, "");
    for (int i = 0; i < 4; i++) {
        room_say(r, loud, "{\"type\":\"bark\"}");
        virtual_alive(&r->v, r->clients[loud].conn);
    }
    room_expect_text(r, ear, "{\"type\":\"bark\"}");
    room_expect_text(r, ear, "{\"type\":\"bark\"}");
    room_expect_nothing(r, ear);
    room_free(r);
}

static void test_memory(void **state)
{
    struct hub_settings s;

    (void)state;
    hub_settings_init(&s);
    s.max_memory = 1000000;
    s.reactors = 2;
    struct room *r = room_with(&s);
    r->v.memory = 899999;
    int early = room_join(r, "");
    room_advance(r, 100);
    assert_true(room_join(r, "") >= 0);
    assert_false(r->v.is_short[0] || r->v.is_short[1]);
    r->v.memory = 900000;
    room_advance(r, 100);
    assert_int_equal(room_enter(r, ""), ROOM_REFUSED);
    assert_int_equal(r->clients[r->count - 1].why, ERROR_LIMIT_REACHED);
    assert_int_equal(r->v.shed[0] + r->v.shed[1], 0);
    assert_true(r->v.is_short[0] && r->v.is_short[1]);
    assert_non_null(r->clients[early].conn);
    r->v.memory = 1000000;
    room_advance(r, 100);
    assert_int_equal(r->v.shed[0], 1);
    assert_int_equal(r->v.shed[1], 1);
    assert_int_equal(counts(r).memory_bytes, 1000000);
    r->v.memory = 1000;
    room_advance(r, 100);
    assert_false(r->v.is_short[0] || r->v.is_short[1]);
    assert_true(room_join(r, "") >= 0);
    assert_int_equal(r->v.shed[0], 1);
    room_free(r);
}

/* Whoever could not be told of a shortage for want of memory: none goes on to believe in it. */
static void test_memory_and_famine(void **state)
{
    struct hub_settings s;
    bool told = false;

    (void)state;
    hub_settings_init(&s);
    s.max_memory = 1000000;
    s.reactors = 2;
    for (int n = 0; !told; n++) {
        struct room *r = room_with(&s);
        assert_true(n < 100);
        /* What was reserved at the start is used up. */
        r->v.memory = 900000;
        room_advance(r, 100);
        r->v.memory = 1000;
        room_advance(r, 100);
        r->v.memory = 900000;
        famine_after = n;
        virtual_tick(&r->v, 100);
        told = famine_after >= 0;
        famine_after = -1;
        virtual_settle(&r->v);
        r->v.memory = 1000;
        room_advance(r, 100);
        assert_false(r->v.is_short[0] || r->v.is_short[1]);
        r->v.memory = 900000;
        room_advance(r, 100);
        assert_true(r->v.is_short[0] && r->v.is_short[1]);
        room_free(r);
    }
}

/* --- views, kicks ----------------------------------------------------------------------------- */

struct seen {
    int count;
    struct hub_client_view last;
    char names[256];
};

static void see_client(void *ctx, const struct hub_client_view *view)
{
    struct seen *s = ctx;

    s->count++;
    s->last = *view;
}

static void see_name(void *ctx, struct str name)
{
    struct seen *s = ctx;

    assert_true(name.len < sizeof(s->names));
    memcpy(s->names, name.ptr, name.len);
    s->names[name.len] = '\0';
    s->count++;
}

static void see_session(void *ctx, const struct hub_session_view *view)
{
    struct seen *s = ctx;

    see_name(ctx, view->name);
    assert_true(view->agents <= view->members);
    s->last.dropped += view->members;
}

/* Where the tenths of a second do not begin with the gateway, it is not heard before it came. */
static void test_heard_since_it_came(void **state)
{
    struct room *r = room_new(NULL);
    struct hub_client_view view;

    (void)state;
    room_advance(r, 50);
    attach_started(r->v.hub);
    room_advance(r, 100);
    int one = room_join(r, "");
    room_advance(r, 50);
    assert_true(hub_find_client(r->v.hub, str_from_z(r->clients[one].id), &view));
    assert_int_equal(view.connected_ms, r->v.now.wall_ms - 50);
    assert_int_equal(view.heard_ms, view.connected_ms);
    room_free(r);
}

/* A gateway that stood still has not heard anybody meanwhile. */
static void test_heard_before_a_pause(void **state)
{
    struct room *r = room_new(NULL);
    int one = room_join(r, ""), two = room_join(r, "");
    struct hub_client_view view;

    (void)state;
    room_advance(r, 1000);
    virtual_tick(&r->v, 20000);
    virtual_settle(&r->v);
    room_say(r, two, "{\"type\":\"hello\"}");
    room_advance(r, 1000);
    assert_true(hub_find_client(r->v.hub, str_from_z(r->clients[one].id), &view));
    assert_int_equal(view.heard_ms, r->v.now.wall_ms - 22000);
    assert_true(hub_find_client(r->v.hub, str_from_z(r->clients[two].id), &view));
    assert_int_equal(view.heard_ms, r->v.now.wall_ms - 1000);
    room_free(r);
}

static void test_views(void **state)
{
    struct room *r = room_new(NULL);
    int one = room_join(r, ""), two = room_join(r, "lab");
    struct seen seen = {0};

    (void)state;
    room_register(r, two, "timmy");
    room_advance(r, 5000);
    hub_each_client(r->v.hub, STR(""), 10, see_client, &seen);
    assert_int_equal(seen.count, 2);
    hub_each_client(r->v.hub, STR(""), 1, see_client, &seen);
    assert_int_equal(seen.count, 3);
    struct hub_client_view view;
    assert_true(hub_find_client(r->v.hub, STR("timmy"), &view));
    assert_string_equal(view.client_id, r->clients[two].id);
    assert_string_equal(view.dialect, "world");
    assert_true(str_equal(view.agent_id, STR("timmy")));
    assert_true(str_equal(view.user_id, STR("anonymous")));
    assert_int_equal(view.connected_ms, r->v.now.wall_ms - 5000);
    assert_int_equal(view.heard_ms, r->v.now.wall_ms - 5000);
    seen = (struct seen){0};
    hub_each_session_of(r->v.hub, view.index, see_name, &seen);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.names, "world:lab");
    assert_true(hub_find_client(r->v.hub, str_from_z(r->clients[one].id), &view));
    assert_false(hub_find_client(r->v.hub, STR("nobody"), &view));
    seen = (struct seen){0};
    assert_int_equal(hub_each_session(r->v.hub, 0, STR(""), 10, see_session, &seen), 2);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.last.dropped, 2);
    assert_int_equal(hub_each_session(r->v.hub, 0, STR(""), 1, see_session, &seen), 2);
    assert_int_equal(seen.count, 3);
    assert_int_equal(hub_each_session(r->v.hub, HUB_NOBODY, STR(""), 10, see_session, &seen), 0);
    room_free(r);
}

/* As they began: where many have ended nobody walks over their places, which others take. */
static void test_order_of_sessions(void **state)
{
    static const char *const order[] = {"world:main", "world:b", "world:d", "world:x", "world:y"};
    struct room *r = room_new(NULL);
    int a = room_join(r, "a");

    (void)state;
    (void)room_join(r, "b");
    int c = room_join(r, "c");
    (void)room_join(r, "d");
    room_abort(r, c);
    room_abort(r, a);
    (void)room_join(r, "x");
    (void)room_join(r, "y");
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        struct seen seen = {0};
        assert_int_equal(hub_each_session(r->v.hub, 0, str_from_z(order[i]), 1, see_session, &seen),
                         5);
        assert_string_equal(seen.names, order[i]);
        seen = (struct seen){0};
        (void)hub_each_session(r->v.hub, 0, STR(""), (uint32_t)i + 1, see_session, &seen);
        assert_string_equal(seen.names, order[i]);
        assert_int_equal(seen.count, i + 1);
    }
    room_free(r);
}

static void test_kick(void **state)
{
    struct room *r = room_new(NULL);
    int one = room_join(r, ""), two = room_join(r, "");

    (void)state;
    room_register(r, one, "timmy");
    room_expect(r, two, "{\"type\":\"agent_joined\"}");
    assert_false(hub_kick(r->v.hub, STR("nobody"), STR("")));
    assert_true(hub_kick(r->v.hub, STR("timmy"), STR("be kind")));
    virtual_settle(&r->v);
    room_expect_close(r, one, 4408, "be kind");
    room_expect(r, two, "{\"type\":\"agent_left\"}");
    assert_false(hub_kick(r->v.hub, STR("timmy"), STR("")));
    assert_true(hub_kick(r->v.hub, str_from_z(r->clients[two].id), STR("")));
    virtual_settle(&r->v);
    room_expect_close(r, two, 4408, "kicked by an administrator");
    room_free(r);
}

/* --- publications ----------------------------------------------------------------------------- */

static enum error_code publish(struct room *r, const char *message, const char *target,
                               const char *session, uint64_t *ret_delivered)
{
    struct hub_publication p = {.message = str_from_z(message),
                                .target = str_from_z(target),
                                .session = str_from_z(session)};
    struct buf details;

    buf_init(&details, 4096);
    *ret_delivered = 0;
    enum error_code code = hub_publish(r->v.hub, 0, &p, ret_delivered, &details);
    assert_true(code == ERROR_NONE || details.len >= 2);
    buf_fini(&details);
    virtual_settle(&r->v);
    return code;
}

static void test_publish(void **state)
{
    struct hub_settings s;
    uint64_t delivered;

    (void)state;
    hub_settings_init(&s);
    s.max_message_bytes = 2048;
    s.verify_sender = true;
    struct room *r = room_with(&s);
    int one = room_join(r, ""), two = room_join(r, ""), lab = room_join(r, "lab");
    room_register(r, one, "timmy");
    room_expect(r, two, "{\"type\":\"agent_joined\"}");
    assert_int_equal(publish(r, "{\"type\":\"bark\", \"n\":1E2}", "", "world:main", &delivered),
                     ERROR_NONE);
    assert_int_equal(delivered, 2);
    room_expect_text(r, one, "{\"type\":\"bark\", \"n\":1E2}");
    room_expect_text(r, two, "{\"type\":\"bark\", \"n\":1E2}");
    assert_int_equal(publish(r, "{\"type\":\"bark\"}", "timmy", "", &delivered), ERROR_NONE);
    assert_int_equal(delivered, 1);
    room_expect_text(r, one, "{\"type\":\"bark\"}");
    assert_int_equal(publish(r, "{\"type\":\"bark\"}", "nobody", "", &delivered),
                     ERROR_TARGET_NOT_FOUND);
    assert_int_equal(publish(r, "{\"type\":\"bark\"}", "", "world:nowhere", &delivered),
                     ERROR_SESSION_NOT_FOUND);
    assert_int_equal(publish(r, "{\"type\":\"agent_left\"}", "", "world:main", &delivered),
                     ERROR_FORBIDDEN);
    assert_int_equal(publish(r, "{\"type\":\"subscribe\"}", "", "world:main", &delivered),
                     ERROR_FORBIDDEN);
    assert_int_equal(publish(r, "{\"type\":\"route_request\"}", "", "world:main", &delivered),
                     ERROR_FORBIDDEN);
    assert_int_equal(
        publish(r, "{\"type\":\"bark\",\"agent_id\":\"timmy\"}", "", "world:main", &delivered),
        ERROR_SENDER_MISMATCH);
    assert_int_equal(publish(r, "{\"type\":7}", "", "world:main", &delivered),
                     ERROR_INVALID_MESSAGE);
    assert_int_equal(publish(r, "{", "", "world:main", &delivered), ERROR_PARSE_ERROR);
    static char long_one[2049];
    memset(long_one, ' ', sizeof(long_one) - 1);
    memcpy(long_one, "{\"type\":\"bark\"}", 15);
    assert_int_equal(publish(r, long_one, "", "world:main", &delivered), ERROR_NONE);
    assert_non_null(room_next(r, one));
    assert_non_null(room_next(r, two));
    struct hub_publication p = {.message = str_make(long_one, 2049), .session = STR("world:main")};
    struct buf details;
    buf_init(&details, 4096);
    assert_int_equal(hub_publish(r->v.hub, 0, &p, &delivered, &details), ERROR_MESSAGE_TOO_LARGE);
    buf_fini(&details);
    room_expect_nothing(r, one);
    room_expect_nothing(r, two);
    room_expect_nothing(r, lab);
    room_free(r);
}

/*
 * The goodbye of an agent and the reason of its close are written one after the other; wherever in
 * them the piece of memory that is written to ends, both arrive.
 */
static void test_kick_at_the_end_of_a_segment(void **state)
{
    char text[64 * 1024];

    (void)state;
    for (size_t left = 24; left < 600; left += 8) {
        struct room *r = room_new(NULL);
        int here = room_join(r, ""), there = room_join(r, "");
        size_t header = 10; /* of a frame of this length */

        room_register(r, there, "timmy");
        room_expect(r, here, "{\"type\":\"agent_joined\"}");
        /* Whatever was written before, this begins a new one, and leaves so much of it. */
        for (int i = 0; i < 2; i++) {
            size_t len = i == 0 ? sizeof(text) - header : sizeof(text) - header - left;
            memset(text, ' ', len);
            memcpy(text, "{\"type\":\"bark\"}", 15);
            room_say_bytes(r, here, str_make(text, len));
            assert_non_null(room_next(r, there));
        }
        assert_true(hub_kick(r->v.hub, STR("timmy"), STR("it is time to go")));
        virtual_settle(&r->v);
        room_expect_close(r, there, 4408, "it is time to go");
        room_expect(r, here, "{\"type\":\"agent_left\",\"agentId\":\"timmy\"}");
        room_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kick_at_the_end_of_a_segment),
        cmocka_unit_test(test_per_address),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_rate_and_pongs),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_memory_and_famine),
        cmocka_unit_test(test_heard_since_it_came),
        cmocka_unit_test(test_heard_before_a_pause),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_order_of_sessions),
        cmocka_unit_test(test_kick),
        cmocka_unit_test(test_publish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
