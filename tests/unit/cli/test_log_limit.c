#include "unit.h"

#include <stdio.h>

#include "cli/log_limit.h"

static void expect_written(struct log_limit *l, const char *event, uint64_t now_ms,
                           uint64_t left_out)
{
    uint64_t got;

    assert_true(log_limit_pass(l, event, now_ms, &got));
    assert_int_equal(left_out, got);
}

static void expect_left_out(struct log_limit *l, const char *event, uint64_t now_ms)
{
    uint64_t got;

    assert_false(log_limit_pass(l, event, now_ms, &got));
}

static void test_so_many_in_a_second(void **state)
{
    struct log_limit l = {0};

    (void)state;
    for (unsigned i = 0; i < LOG_LIMIT_LINES; i++) {
        expect_written(&l, "auth_failed", 5000 + i, 0);
    }
    expect_left_out(&l, "auth_failed", 5500);
    expect_left_out(&l, "auth_failed", 5999);
    expect_written(&l, "auth_failed", 6000, 2);
    for (unsigned i = 1; i < LOG_LIMIT_LINES; i++) {
        expect_written(&l, "auth_failed", 6001, 0);
    }
    expect_left_out(&l, "auth_failed", 6002);
    expect_written(&l, "auth_failed", 60000, 1);
}

static void test_each_event_for_itself(void **state)
{
    struct log_limit l = {0};
    char name[] = "client_lagged"; /* the same text elsewhere */

    (void)state;
    for (unsigned i = 0; i < LOG_LIMIT_LINES; i++) {
        expect_written(&l, "client_lagged", 0, 0);
    }
    expect_written(&l, "client_resumed", 0, 0);
    expect_left_out(&l, name, 0);
}

static void test_more_events_than_are_told_apart(void **state)
{
    static char names[LOG_LIMIT_EVENTS][16];
    struct log_limit l = {0};

    (void)state;
    for (unsigned i = 0; i < LOG_LIMIT_EVENTS; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "event_%u", i);
        expect_written(&l, names[i], 0, 0);
    }
    for (unsigned i = 0; i < 2 * LOG_LIMIT_LINES; i++) {
        expect_written(&l, "one_more", 0, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_so_many_in_a_second),
        cmocka_unit_test(test_each_event_for_itself),
        cmocka_unit_test(test_more_events_than_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
