#include "room.h"
#include "unit.h"

/* world.validation and world.identity: what is asked of messages that are relayed. */

static struct room *room_with(enum hub_validation validation, bool verify_sender)
{
    struct hub_settings settings;

    hub_settings_init(&settings);
    settings.validation = (uint8_t)validation;
    settings.verify_sender = verify_sender;
    struct room *r = room_new(&settings);
    assert_int_equal(room_join(r, ""), 0);
    assert_int_equal(room_join(r, ""), 1);
    return r;
}

/* Client 0 says it; client 1 hears it. */
static void passes(struct room *r, const char *message)
{
    room_say(r, 0, "%s", message);
    room_expect(r, 1, message);
    room_expect_nothing(r, 0);
}

static void is_refused(struct room *r, const char *message, const char *error)
{
    room_say(r, 0, "%s", message);
    room_expect(r, 0, error);
    room_expect_nothing(r, 1);
}

static void test_off(void **state)
{
    struct room *r = room_with(VALIDATE_OFF, false);

    (void)state;
    passes(r, "{\"type\":\"bark\",\"data\":7}");
    passes(r, "{\"type\":\"bark\",\"agent_id\":\"anybody\"}");
    room_free(r);
}

static void test_known(void **state)
{
    struct room *r = room_with(VALIDATE_KNOWN, false);

    (void)state;
    passes(r, "{\"type\":\"bark\",\"data\":{\"text\":\"hi\",\"more\":0.10}}");
    passes(r, "{\"type\":\"agent_state\",\"agent_id\":\"x\",\"data\":{\"status\":\"idle\"}}");
    passes(r, "{\"type\":\"scene_add\",\"data\":{\"anything\":[1]}}");
    passes(r, "{\"type\":\"nobody_knows\",\"data\":7}");
    is_refused(r, "{\"type\":\"bark\",\"data\":{}}",
               "{\"type\":\"error\",\"data\":{\"code\":\"VALIDATION_FAILED\","
               "\"details\":{\"path\":\"data.text\"}}}");
    is_refused(
        r, "{\"type\":\"agent_state\",\"data\":{\"state\":\"x\",\"energy\":1.5}}",
        "{\"data\":{\"code\":\"VALIDATION_FAILED\",\"details\":{\"path\":\"data.energy\"}}}");
    is_refused(r, "{\"type\":\"scene_add\",\"data\":7}",
               "{\"data\":{\"code\":\"VALIDATION_FAILED\",\"details\":{\"path\":\"data\"}}}");
    /* Directed messages are relayed too. */
    is_refused(r, "{\"type\":\"bark\",\"target_id\":\"nobody\",\"data\":{}}",
               "{\"data\":{\"code\":\"VALIDATION_FAILED\"}}");
    room_free(r);
}

static void test_strict(void **state)
{
    struct room *r = room_with(VALIDATE_STRICT, false);

    (void)state;
    passes(r, "{\"type\":\"bark\",\"data\":{\"text\":\"hi\"}}");
    is_refused(r, "{\"type\":\"nobody_knows\",\"data\":{}}",
               "{\"data\":{\"code\":\"VALIDATION_FAILED\",\"details\":{\"path\":\"type\"}}}");
    room_free(r);
}

static void test_identity(void **state)
{
    struct room *r = room_with(VALIDATE_OFF, true);
    const char *mismatch = "{\"type\":\"error\",\"data\":{\"code\":\"SENDER_MISMATCH\"}}";

    (void)state;
    is_refused(r, "{\"type\":\"bark\",\"agent_id\":\"timmy\"}", mismatch);
    passes(r, "{\"type\":\"bark\",\"agent_id\":null}");
    passes(r, "{\"type\":\"thought\"}");
    room_register(r, 0, "timmy");
    room_expect(r, 1, "{\"type\":\"agent_joined\"}");
    passes(r, "{\"type\":\"bark\",\"agent_id\":\"timmy\"}");
    passes(r, "{\"type\":\"bark\",\"agentId\":\"t\\u0069mmy\"}");
    is_refused(r, "{\"type\":\"agent_move\",\"agentId\":\"ada\"}", mismatch);
    is_refused(r, "{\"type\":\"bark\",\"agent_id\":\"ada\",\"target_id\":\"timmy\"}", mismatch);
    /* Here the id is not the sender's, by the table of messages. */
    passes(r, "{\"type\":\"task_update\",\"agent_id\":\"ada\"}");
    passes(r, "{\"type\":\"nobody_knows\",\"agent_id\":\"ada\"}");
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_identity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
