#include "unit.h"

#include "proto/table.h"

static void every_type_is_found_by_its_name(void **state)
{
    size_t count[] = {0, 0};

    (void)state;
    for (int i = PARLEY_TYPE_NONE + 1; i < PARLEY_TYPE_COUNT; i++) {
        enum parley_type type = (enum parley_type)i;
        const char *name = parley_type_name(type);
        assert_int_equal(parley_type_find(parley_type_dialect(type), name, strlen(name)), type);
        assert_int_equal(parley_type_info(type)->id, type);
        assert_true(parley_type_size(type) > sizeof(void *));
        count[parley_type_dialect(type)]++;
    }
    assert_int_equal(count[PARLEY_WORLD], type_index_table[PARLEY_WORLD].count);
    assert_int_equal(count[PARLEY_GATEWAY], type_index_table[PARLEY_GATEWAY].count);
}

static void names_that_are_none(void **state)
{
    static const char *const names[] = {"", "b", "bar", "barks", "Bark", "bark ", "zzzz", "aaaa"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(parley_type_find(PARLEY_WORLD, names[i], strlen(names[i])),
                         PARLEY_TYPE_NONE);
    }
    assert_int_equal(parley_type_find(PARLEY_WORLD, NULL, 0), PARLEY_TYPE_NONE);
    assert_int_equal(parley_type_find(PARLEY_WORLD, "bark\0", 5), PARLEY_TYPE_NONE);
}

static void dialects_are_apart(void **state)
{
    (void)state;
    assert_int_equal(parley_type_find(PARLEY_WORLD, "error", 5), PARLEY_TYPE_ERROR);
    assert_int_equal(parley_type_find(PARLEY_GATEWAY, "error", 5), PARLEY_TYPE_GATEWAY_ERROR);
    assert_int_equal(parley_type_find(PARLEY_GATEWAY, "bark", 4), PARLEY_TYPE_NONE);
    assert_int_equal(parley_type_find(PARLEY_WORLD, "hello_ok", 8), PARLEY_TYPE_NONE);
}

/* Whose agent_id is the sender's: these and no others. */
static void senders(void **state)
{
    static const enum parley_type expected[] = {
        PARLEY_TYPE_AGENT_STATE,  PARLEY_TYPE_BARK,       PARLEY_TYPE_THOUGHT,
        PARLEY_TYPE_MEMORY_FLASH, PARLEY_TYPE_AGENT_MOVE, PARLEY_TYPE_AGENT_BEHAVIOR,
        PARLEY_TYPE_AGENT_MESSAGE};
    size_t found = 0;

    (void)state;
    for (int i = PARLEY_TYPE_NONE + 1; i < PARLEY_TYPE_COUNT; i++) {
        found += parley_type_agent_id((enum parley_type)i) == PARLEY_ID_SENDER;
    }
    assert_int_equal(found, sizeof(expected) / sizeof(expected[0]));
    for (size_t i = 0; i < found; i++) {
        assert_int_equal(parley_type_agent_id(expected[i]), PARLEY_ID_SENDER);
    }
}

/* Sent by the gateway alone: these and no others. */
static void only_from_the_gateway(void **state)
{
    static const char *const expected[2][8] = {
        {"connection_ack", "agent_joined", "agent_left", "pong"},
        {"hello_ok", "auth_success", "auth_error", "session_info", "agent_info", "pong"}};
    size_t found = 0;

    (void)state;
    for (int i = PARLEY_TYPE_NONE + 1; i < PARLEY_TYPE_COUNT; i++) {
        found += parley_type_direction((enum parley_type)i) == PARLEY_FROM_GATEWAY;
    }
    assert_int_equal(found, 4 + 6);
    for (int dialect = 0; dialect < 2; dialect++) {
        for (size_t i = 0; expected[dialect][i] != NULL; i++) {
            const char *name = expected[dialect][i];
            enum parley_type type =
                parley_type_find((enum parley_dialect)dialect, name, strlen(name));
            assert_int_equal(parley_type_direction(type), PARLEY_FROM_GATEWAY);
        }
    }
}

static void typed(void **state)
{
    (void)state;
    assert_true(parley_type_is_typed(PARLEY_TYPE_BARK));
    assert_false(parley_type_is_typed(PARLEY_TYPE_SCENE_ADD));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_found_by_its_name),
        cmocka_unit_test(names_that_are_none),
        cmocka_unit_test(dialects_are_apart),
        cmocka_unit_test(senders),
        cmocka_unit_test(only_from_the_gateway),
        cmocka_unit_test(typed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
