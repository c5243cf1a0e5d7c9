#include "unit.h"

#include "base/buf.h"
#include "parley/protocol.h"

#include <math.h>
#include <stdlib.h>

static struct parley_visitor_state visitor;
static struct parley_problem problem;

static int begin(void **state)
{
    (void)state;
    parley_visitor_state_init(&visitor);
    visitor.agent_id.is = PARLEY_NULL;
    visitor.ts = parley_number(1);
    visitor.data.event = parley_string_z("enter");
    return 0;
}

static void expect_refusal(enum parley_fault fault, const char *path)
{
    problem.fault = PARLEY_FINE;
    assert_false(parley_visitor_state_validate(&visitor, &problem));
    assert_int_equal(problem.fault, fault);
    assert_string_equal(problem.path, path);
}

static void what_is_said(void **state)
{
    static const struct parley_text others[] = {{"\"a\" : 1", 7}, {"\"b\":[]", 6}};
    char *text = NULL;
    size_t len = 0;

    (void)state;
    visitor.data.device = parley_choice(PARLEY_VISITOR_STATE_DEVICE_MOBILE);
    visitor.data.viewport.is = PARLEY_SET;
    visitor.data.viewport.w = parley_number(1024);
    visitor.data.viewport.h = parley_number(768.5);
    visitor.data.count = parley_integer(3);
    visitor.data.more = (struct parley_members){others, 2};
    assert_true(parley_visitor_state_to_json(&visitor, &text, &len, &problem));
    assert_string_equal(
        text, "{\"type\":\"visitor_state\",\"agent_id\":null,\"data\":{\"event\":\"enter\","
              "\"device\":\"mobile\",\"viewport\":{\"w\":1024,\"h\":768.5},\"count\":3,"
              "\"a\" : 1,\"b\":[]},\"ts\":1}");
    assert_int_equal(len, strlen(text));
    free(text);
}

static void numbers_that_are_none(void **state)
{
    (void)state;
    visitor.data.duration_seconds = parley_number(NAN);
    expect_refusal(PARLEY_OUT_OF_RANGE, "data.duration_seconds");
    visitor.data.duration_seconds = parley_number(INFINITY);
    expect_refusal(PARLEY_OUT_OF_RANGE, "data.duration_seconds");
}

static void text_that_is_none(void **state)
{
    (void)state;
    visitor.data.event = parley_string("a\xff", 2);
    expect_refusal(PARLEY_NOT_JSON, "data.event");
    visitor.data.event = parley_string(NULL, 0);
    assert_true(parley_visitor_state_validate(&visitor, NULL));
    visitor.data.event = parley_string("a\0b", 3);
    assert_true(parley_visitor_state_validate(&visitor, NULL));
}

static void choices_that_are_none(void **state)
{
    (void)state;
    visitor.data.device = parley_choice(3);
    expect_refusal(PARLEY_WRONG_WORD, "data.device");
    visitor.data.device = parley_choice(-1);
    expect_refusal(PARLEY_WRONG_WORD, "data.device");
}

/* Nobody smuggles members or values in. */
static void members_that_are_none(void **state)
{
    static const char *const wrong[] = {"",
                                        "\"a\"",
                                        "\"a\":",
                                        "\"a\":1,\"b\":2",
                                        "\"a\":1}",
                                        "a:1",
                                        "\"event\":\"x\"",
                                        "\"a\":\"\xff\"",
                                        "1",
                                        "\"a\":1 \"b\":2"};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct parley_text other = {wrong[i], strlen(wrong[i])};
        visitor.data.more = (struct parley_members){&other, 1};
        assert_false(parley_visitor_state_validate(&visitor, &problem));
    }
}

static void json_that_is_none(void **state)
{
    static const char *const wrong[] = {"", "{", "{},\"a\":1", "[]", "nul", "{}}"};
    struct parley_error error;

    (void)state;
    parley_error_init(&error);
    error.agent_id.is = PARLEY_NULL;
    error.ts = parley_number(1);
    error.data.code = parley_string_z("X");
    error.data.message = parley_string_z("x");
    error.data.details = parley_json("{ \"a\":1 }", 9);
    assert_true(parley_error_validate(&error, NULL));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        error.data.details = parley_json(wrong[i], strlen(wrong[i]));
        assert_false(parley_error_validate(&error, &problem));
        assert_string_equal(problem.path, "data.details");
    }
}

static void lists(void **state)
{
    const struct parley_text types[] = {{"bark", 4}, {"\xc3", 1}};
    struct parley_subscribe subscribe;
    char *text = NULL;
    size_t len = 0;

    (void)state;
    parley_subscribe_init(&subscribe);
    subscribe.data.is = PARLEY_ABSENT;
    subscribe.types = (struct parley_strings){PARLEY_SET, types, 1};
    assert_true(parley_subscribe_to_json(&subscribe, &text, &len, NULL));
    assert_string_equal(text, "{\"type\":\"subscribe\",\"types\":[\"bark\"]}");
    free(text);
    subscribe.types.count = 2;
    assert_false(parley_subscribe_validate(&subscribe, &problem));
    assert_string_equal(problem.path, "types[1]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_said, begin),
        cmocka_unit_test_setup(numbers_that_are_none, begin),
        cmocka_unit_test_setup(text_that_is_none, begin),
        cmocka_unit_test_setup(choices_that_are_none, begin),
        cmocka_unit_test_setup(members_that_are_none, begin),
        cmocka_unit_test_setup(json_that_is_none, begin),
        cmocka_unit_test_setup(lists, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
