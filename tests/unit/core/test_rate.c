#include "errand.h"

/* limits.rate: tests/scenario/rate.txt has what is said; here is how much. */

enum { RATE = 2, ABOVE = MOST + 10 };

static struct room *room_with_rate(void)
{
    struct hub_settings settings;

    hub_settings_init(&settings);
    settings.max_rate = RATE;
    return room_new(&settings);
}

/* Each question above the limit is refused by its id, so many as may be under way; then silence. */
static void test_each_question_is_refused(void **state)
{
    struct room *r = room_with_rate();
    int client = room_control(r);

    (void)state;
    for (int second = 0; second < 2; second++) {
        for (int i = 0; i < RATE + ABOVE; i++) {
            room_say(r, client, "{\"type\":\"ping\",\"id\":\"p%d\"}", i);
        }
        for (int i = 0; i < RATE; i++) {
            room_expect(r, client, "{\"type\":\"pong\"}");
        }
        for (int i = RATE; i < RATE + MOST; i++) {
            char pattern[200];
            (void)snprintf(pattern, sizeof(pattern),
                           "{\"type\":\"error\",\"payload\":{\"code\":\"RATE_LIMITED\",\"details\":"
                           "{\"limit\":\"rate\",\"max\":2,\"retry_after_ms\":1000}},\"replyTo\":"
                           "\"p%d\"}",
                           i);
            room_expect(r, client, pattern);
        }
        room_expect_nothing(r, client);
        assert_int_equal(counts(r).messages_rate_limited, (uint64_t)(second + 1) * ABOVE);
        room_advance(r, 1000);
    }
    room_free(r);
}

/* An asker that is refused so sends it again, and it is answered once. */
static void test_what_was_refused_can_be_sent_again(void **state)
{
    struct room *r = room_with_rate();
    int agent = agent_of(r, "pi", "grep", 9), asker = room_control(r);

    (void)state;
    ask(r, asker, "a", FOR_GREP);
    ask(r, asker, "b", FOR_GREP);
    ask(r, asker, "c", FOR_GREP);
    room_expect(r, asker,
                "{\"type\":\"error\",\"payload\":{\"code\":\"RATE_LIMITED\"},\"replyTo\":\"c\"}");
    assert_int_equal(counts(r).requests, 2);
    room_advance(r, 1000);
    ask(r, asker, "c", FOR_GREP);
    (void)take(r, agent);
    (void)take(r, agent);
    answer(r, agent, take(r, agent), true);
    expect_answer(r, asker, "c", "pi", true);
    room_free(r);
}

/* Of a stranger only the first one is refused: it has nothing under way. */
static void test_strangers(void **state)
{
    struct room *r = room_with_rate();
    struct evidence nobody = from(1, CREDENTIAL_NONE, "");
    struct hub_credential kit = credential("kit", usual);

    (void)state;
    set(r, HUB_AUTH_TOKEN, &kit, 1);
    int client = room_knock_at(r, DIALECT_GATEWAY, &nobody);
    room_expect(r, client, "{\"type\":\"session_info\",\"payload\":{\"authRequired\":true}}");
    for (int i = 0; i < RATE + 5; i++) {
        room_say(r, client, "{\"type\":\"ping\",\"id\":\"p%d\"}", i);
    }
    room_expect(r, client, "{\"type\":\"pong\"}");
    room_expect(r, client, "{\"type\":\"pong\"}");
    room_expect(r, client, "{\"type\":\"error\",\"payload\":{\"code\":\"RATE_LIMITED\"}}");
    room_expect_nothing(r, client);
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_question_is_refused),
        cmocka_unit_test(test_what_was_refused_can_be_sent_again),
        cmocka_unit_test(test_strangers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
