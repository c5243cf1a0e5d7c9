#include "door.h"

/* What is told to those at the edge of what a client of the gateway dialect may do. */

/* Enters the session `den`, which need not be there. */
static void enter(struct room *r, int client)
{
    room_say(r, client,
             "{\"type\":\"session_create\",\"id\":\"c\",\"payload\":{\"sessionId\":\"den\"}}");
    room_expect(r, client, "{\"type\":\"session_info\",\"sessionId\":\"den\"}");
}

/* An `auth` that cannot be read is a failure too: so many, and the stranger is closed. */
static void test_auth_unread(void **state)
{
    struct room *r = room_with_tokens();
    struct evidence e = from(1, CREDENTIAL_NONE, "");
    int client = room_knock_at(r, DIALECT_GATEWAY, &e);

    (void)state;
    room_expect(r, client, "{\"type\":\"session_info\"}");
    for (int i = 0; i < 5; i++) {
        room_say(r, client, "{\"type\":\"auth\",\"id\":\"a\",\"payload\":{\"token\":7}}");
        room_expect(
            r, client,
            "{\"type\":\"error\",\"replyTo\":\"a\",\"payload\":{\"code\":\"INVALID_MESSAGE\"}}");
    }
    room_expect_close(r, client, 4401, "not authenticated: connect again with a valid credential");
    room_free(r);
}

/* Who lags is told so in its own dialect, and then which sessions there are. */
static void test_slow(void **state)
{
    struct hub_settings s;

    (void)state;
    hub_settings_init(&s);
    s.max_send_queue_bytes = 2000;
    struct room *r = room_new(&s);
    int one = room_control(r), two = room_control(r);
    enter(r, one);
    enter(r, two);
    room_expect(r, one, "{\"type\":\"presence\"}");
    room_hold(r, two, 10);
    for (int i = 0; i < 40; i++) {
        room_say(r, one,
                 "{\"type\":\"chat\",\"id\":\"m-%d\",\"sessionId\":\"den\",\"payload\":{\"pad\":"
                 "\"%0100d\"}}",
                 i, 0);
    }
    room_hold(r, two, SIZE_MAX);
    unsigned heard = 0;
    const char *text = room_next(r, two);
    for (; text != NULL && strstr(text, "\"type\":\"chat\"") != NULL; text = room_next(r, two)) {
        heard++;
    }
    r->clients[two].heard_from--;
    room_expect_exact(
        r, two,
        "{\"type\":\"error\",\"id\":\"*\",\"payload\":{\"code\":\"SLOW_CLIENT\",\"message\":\"*\","
        "\"details\":{\"dropped\":\"*\",\"limit\":2000}},\"timestamp\":\"*\"}");
    json_t *slow = json_loads(text, 0, NULL);
    json_t *details = json_object_get(json_object_get(slow, "payload"), "details");
    assert_int_equal(heard + json_integer_value(json_object_get(details, "dropped")), 40);
    json_decref(slow);
    room_expect(r, two, "{\"type\":\"session_info\",\"payload\":{\"sessions\":\"*\",\"total\":2}}");
    room_expect_nothing(r, two);
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auth_unread),
        cmocka_unit_test(test_slow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
