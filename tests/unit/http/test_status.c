#include "vectors.h"

static void test_reason(void **state)
{
    (void)state;
    assert_string_equal(http_reason(101), "Switching Protocols");
    assert_string_equal(http_reason(200), "OK");
    assert_string_equal(http_reason(404), "Not Found");
    assert_string_equal(http_reason(426), "Upgrade Required");
    assert_string_equal(http_reason(511), "Network Authentication Required");
    assert_string_equal(http_reason(299), "Unknown");
    assert_string_equal(http_reason(0), "Unknown");
    assert_string_equal(http_reason(-404), "Unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reason)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
