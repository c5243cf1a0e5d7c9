#include "unit.h"

#include "http/origin.h"
#include "net/policy.h"

static void test_copies_and_parses(void **state)
{
    char origins[] = "http://localhost:*, https://*.example.org ,";
    char hosts[] = "parley.example.org,[2001:db8::1]";
    char proxies[] = " 10.0.0.0/8 , ::1";
    struct net_policy_source source = {.origins = str_from_z(origins),
                                       .hosts = str_from_z(hosts),
                                       .proxies = str_from_z(proxies),
                                       .check_host = true,
                                       .wants_credential = true,
                                       .max_message_bytes = 1,
                                       .max_frame_bytes = 2,
                                       .max_backlog = 3};
    uint8_t address[16];
    struct buf error;

    (void)state;
    buf_init(&error, 1000);
    struct net_policy *p = net_policy_new(&source, &error);
    assert_non_null(p);
    assert_int_equal(0, error.len);
    memset(origins, 'x', sizeof(origins));
    memset(hosts, 'x', sizeof(hosts));
    memset(proxies, 'x', sizeof(proxies));
    assert_int_equal(2, p->origin_count);
    assert_true(http_origin_allowed(STR("https://a.example.org"), p->origins, p->origin_count));
    assert_int_equal(2, p->trust.host_count);
    assert_true(http_host_allowed(STR("[2001:db8::1]:80"), p->trust.hosts, p->trust.host_count));
    assert_int_equal(2, p->trust.proxy_count);
    assert_true(http_address_parse(STR("10.9.9.9"), address));
    assert_true(http_networks_have(p->trust.proxies, p->trust.proxy_count, address));
    assert_true(p->check_host);
    assert_true(p->wants_credential);
    assert_int_equal(1, p->max_message_bytes);
    assert_int_equal(2, p->max_frame_bytes);
    assert_int_equal(3, p->max_backlog);
    struct net_policy *again = net_policy_ref(p);
    net_policy_unref(p);
    assert_int_equal(2, again->origin_count);
    net_policy_unref(again);
    net_policy_unref(NULL);
}

static void test_defaults(void **state)
{
    struct net_policy_source source;
    struct buf error;

    (void)state;
    buf_init(&error, 1000);
    net_policy_source_init(&source);
    struct net_policy *p = net_policy_new(&source, &error);
    assert_non_null(p);
    assert_int_equal(3, p->origin_count);
    assert_int_equal(0, p->trust.proxy_count);
    assert_true(p->check_host);
    assert_false(p->wants_credential);
    assert_int_equal(1024 * 1024, p->max_message_bytes);
    net_policy_unref(p);
}

static void test_errors_name_the_element(void **state)
{
    static const struct {
        struct net_policy_source source;
        const char *error; /* how it begins */
    } cases[] = {
        {{.origins = {"http://a, null", 14}}, "origins: \"null\" is no origin; "},
        {{.origins = {"http://a/", 9}}, "origins: \"http://a/\" is no origin; "},
        {{.hosts = {"a, b:80", 7}}, "listen.hosts: \"b:80\" is no host name; "},
        {{.hosts = {"b:", 2}}, "listen.hosts: \"b:\" is no host name; "},
        {{.hosts = {"a b", 3}}, "listen.hosts: \"a b\" is no host name; "},
        {{.proxies = {"::1, proxy", 10}}, "trusted_proxies: \"proxy\" is no address or network; "},
        {{.proxies = {"10.0.0.1/8", 10}}, "trusted_proxies: \"10.0.0.1/8\" is no address or "},
    };
    struct buf error;

    (void)state;
    buf_init(&error, 1000);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_null(net_policy_new(&cases[i].source, &error));
        assert_memory_equal(cases[i].error, error.data, strlen(cases[i].error));
        buf_clear(&error);
    }
    buf_fini(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_and_parses),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_errors_name_the_element),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
