#include "unit.h"

#include "proto/member.h"

static void expect_raw(const struct parley_message_info *info, const char *text, const char *name,
                       const char *expected)
{
    struct str raw = member_raw(info, str_from_z(text), str_from_z(name));

    assert_int_equal(raw.len, strlen(expected));
    assert_memory_equal(raw.ptr, expected, raw.len);
}

static void as_it_is_written(void **state)
{
    const struct parley_message_info *info = &parley_agent_register_info;

    (void)state;
    expect_raw(info, "{\"agentId\":\"a\",\"capabilities\" : { \"x\":1E2 } }", "capabilities",
               "{ \"x\":1E2 }");
    expect_raw(info, "{\"agentId\":\"a\",\"n\\u0061me\":\"\\u0061\"}", "name", "\"\\u0061\"");
    expect_raw(info, "{\"agentId\":\"a\"}", "capabilities", "");
}

/* At the top first, null or not; then in the body. */
static void where_it_stands(void **state)
{
    const struct parley_message_info *info = &parley_agent_register_info;

    (void)state;
    expect_raw(info, "{\"data\":{\"name\":\"in\"},\"name\":\"top\"}", "name", "\"top\"");
    expect_raw(info, "{\"data\":{\"name\":\"in\"},\"name\":null}", "name", "null");
    expect_raw(info, "{\"data\":{\"name\":\"in\"}}", "name", "\"in\"");
    expect_raw(info, "{\"data\":{\"token\":\"in\"}}", "token", "");
    expect_raw(&parley_gateway_agent_register_info, "{\"payload\":{\"name\":\"in\"},\"name\":1}",
               "name", "\"in\"");
}

static void by_its_other_names(void **state)
{
    (void)state;
    expect_raw(&parley_agent_register_info, "{\"agentId\":\"a\"}", "agent_id", "\"a\"");
    expect_raw(&parley_agent_state_info, "{\"data\":{\"status\":\"b\"}}", "state", "\"b\"");
    expect_raw(&parley_agent_state_info, "{\"data\":{\"status\":\"b\",\"state\":\"a\"}}", "state",
               "\"a\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_it_is_written),
        cmocka_unit_test(where_it_stands),
        cmocka_unit_test(by_its_other_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
