#include "unit.h"

#include <stdio.h>

#include "http/address.h"

static const struct {
    const char *text;
    const char *hex; /* NULL: not an address */
} addresses[] = {
    {"127.0.0.1", "00000000000000000000ffff7f000001"},
    {"255.0.10.99", "00000000000000000000ffffff000a63"},
    {"::", "00000000000000000000000000000000"},
    {"::1", "00000000000000000000000000000001"},
    {"1::", "00010000000000000000000000000000"},
    {"2001:DB8::aBcD", "20010db800000000000000000000abcd"},
    {"1:2:3:4:5:6:7:8", "00010002000300040005000600070008"},
    {"1:2:3:4:5:6:7::", "00010002000300040005000600070000"},
    {"::2:3:4:5:6:7:8", "00000002000300040005000600070008"},
    {"1:2::7:8", "00010002000000000000000000070008"},
    {"::ffff:127.0.0.1", "00000000000000000000ffff7f000001"},
    {"::ffff:7f00:1", "00000000000000000000ffff7f000001"},
    {"1:2:3:4:5:6:1.2.3.4", "00010002000300040005000601020304"},
    {"64:ff9b::192.0.2.33", "0064ff9b0000000000000000c0000221"},
    {"", NULL},
    {"127.0.0", NULL},
    {"127.0.0.1.", NULL},
    {"127.0.0.01", NULL},
    {"127.0.0.256", NULL},
    {"0x7f.0.0.1", NULL},
    {"127.1", NULL},
    {"2130706433", NULL},
    {" 127.0.0.1", NULL},
    {":", NULL},
    {":::", NULL},
    {":1", NULL},
    {"1:", NULL},
    {"1::2::3", NULL},
    {"1:2:3:4:5:6:7", NULL},
    {"1:2:3:4:5:6:7:8:9", NULL},
    {"1:2:3:4:5:6:7:8::", NULL},
    {"::1:2:3:4:5:6:7:8", NULL},
    {"1:2:3:4:5:6:7:1.2.3.4", NULL},
    {"::12345", NULL},
    {"::g", NULL},
    {"[::1]", NULL},
    {"fe80::1%lo", NULL},
    {"::1.2.3.4:5", NULL},
    {"localhost", NULL},
};

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        uint8_t bytes[16];
        char hex[33] = "";
        bool is = http_address_parse(str_from_z(addresses[i].text), bytes);
        if (is != (addresses[i].hex != NULL)) {
            fail_msg("%s: %d", addresses[i].text, is);
        }
        for (int j = 0; is && j < 16; j++) {
            (void)snprintf(hex + (size_t)2 * (size_t)j, 3, "%02x", bytes[j]);
        }
        assert_string_equal(is ? addresses[i].hex : "", hex);
    }
}

static void test_loopback(void **state)
{
    static const char *const loopback[] = {"127.0.0.1", "127.255.0.3", "::1", "::ffff:127.0.0.1"};
    static const char *const others[] = {"126.0.0.1", "128.0.0.1", "::", "::2", "::7f00:1", "1::1"};
    uint8_t bytes[16];

    (void)state;
    for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++) {
        assert_true(http_address_parse(str_from_z(loopback[i]), bytes));
        assert_true(http_address_is_loopback(bytes));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_true(http_address_parse(str_from_z(others[i]), bytes));
        assert_false(http_address_is_loopback(bytes));
    }
}

static const struct {
    const char *network;
    const char *inside;  /* or NULL */
    const char *outside; /* or NULL */
} networks[] = {
    {"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
    {"10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"},
    {"::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"},
    {"192.0.2.128/25", "192.0.2.129", "192.0.2.127"},
    {"192.0.2.1", "192.0.2.1", "192.0.2.0"},
    {"192.0.2.1/32", "192.0.2.1", "192.0.2.0"},
    {"0.0.0.0/0", "203.0.113.9", "2001:db8::1"},
    {"::/0", "203.0.113.9", NULL},
    {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"},
    {"::1", "::1", "::"},
    {"2001:db8::/32", "2001:db8:ffff::", "10.0.0.1"},
};

static const char *const no_networks[] = {
    "",      "/8",     "10.0.0.0/",      "10.0.0.0/33", "10.0.0.1/8",         "10.0.0.0/8/8",
    "10/8",  "::/129", "2001:db8::1/64", "10.0.0.0/-1", "10.0.0.0/255.0.0.0", "10.0.0.0 /8",
    "[::1]", "proxy",  "10.0.0.0/8 ",
};

static void test_networks(void **state)
{
    struct http_network n;
    uint8_t bytes[16];

    (void)state;
    for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
        assert_true(http_network_parse(str_from_z(networks[i].network), &n));
        assert_true(http_address_parse(str_from_z(networks[i].inside), bytes));
        assert_true(http_network_has(&n, bytes));
        if (networks[i].outside != NULL) {
            assert_true(http_address_parse(str_from_z(networks[i].outside), bytes));
            assert_false(http_network_has(&n, bytes));
        }
    }
    for (size_t i = 0; i < sizeof(no_networks) / sizeof(no_networks[0]); i++) {
        if (http_network_parse(str_from_z(no_networks[i]), &n)) {
            fail_msg("a network: %s", no_networks[i]);
        }
    }
}

/* Each prefix length, against the bit that is the last to count and the first that is not. */
static void test_every_prefix(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits <= 128; bits++) {
        struct http_network n = {.bits = (uint8_t)bits};
        for (unsigned bit = 0; bit < 128; bit++) {
            uint8_t address[16] = {0};
            address[bit / 8] = (uint8_t)(0x80 >> bit % 8);
            assert_int_equal(bit >= bits, http_network_has(&n, address));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_every_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
