#include "unit.h"

#include <arpa/inet.h>

#include "base/ip.h"

/* As people write it; IPv4 as it is mapped. */
static void parse(const char *text, uint8_t ret_address[IP_SIZE])
{
    assert_int_equal(1, inet_pton(AF_INET6, text, ret_address));
}

static void expect_text(const char *address, const char *text)
{
    uint8_t bytes[IP_SIZE];
    struct buf out;

    parse(address, bytes);
    buf_init(&out, 100);
    ip_append(&out, bytes);
    buf_append_char(&out, '\0');
    assert_string_equal(text, out.data);
    buf_fini(&out);
}

/* RFC 5952, 4.2: the longest run of zeros is left out, the first of equals, and never one alone. */
static void test_text(void **state)
{
    (void)state;
    expect_text("::ffff:192.0.2.7", "192.0.2.7");
    expect_text("::", "::");
    expect_text("::1", "::1");
    expect_text("2001:db8::", "2001:db8::");
    expect_text("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
    expect_text("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
    expect_text("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");
}

static bool same(const char *a, const char *b)
{
    uint8_t first[IP_SIZE], second[IP_SIZE];

    parse(a, first);
    parse(b, second);
    struct ip_network x = ip_network_of(first), y = ip_network_of(second);
    return memcmp(&x, &y, sizeof(x)) == 0;
}

static void test_networks(void **state)
{
    uint8_t bytes[IP_SIZE];

    (void)state;
    assert_true(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::"));
    assert_false(same("2001:db8:1:2::1", "2001:db8:1:3::1"));
    assert_true(same("::ffff:192.0.2.7", "::ffff:192.0.2.7"));
    assert_false(same("::ffff:192.0.2.7", "::ffff:192.0.2.8"));
    assert_false(same("::ffff:0.0.0.1", "::1"));
    parse("::ffff:192.0.2.7", bytes);
    assert_true(ip_is_v4(bytes));
    parse("::192.0.2.7", bytes);
    assert_false(ip_is_v4(bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_networks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
