#include "unit.h"

#include "http/origin.h"

static const struct str defaults[] = {
    {"http://localhost:*", 18}, {"http://127.0.0.1:*", 18}, {"http://[::1]:*", 14}};

static bool allowed(const char *origin)
{
    return http_origin_allowed(str_from_z(origin), defaults, 3);
}

static bool matches(const char *origin, const char *pattern)
{
    return http_origin_matches(str_from_z(origin), str_from_z(pattern));
}

static void test_defaults(void **state)
{
    (void)state;
    assert_true(allowed("http://localhost:3000"));
    assert_true(allowed("HTTP://LocalHost:1"));
    assert_true(allowed("http://127.0.0.1:8765"));
    assert_true(allowed("http://[::1]:8765"));

    assert_false(allowed("http://localhost:8080.evil.com"));
    assert_false(allowed("http://localhost.evil.com:3000"));
    assert_false(allowed("http://localhost"));
    assert_false(allowed("null"));
    assert_false(allowed(""));
    assert_false(allowed("https://localhost:3000"));
    assert_false(allowed("http://localhost:"));
    assert_false(allowed("http://localhost:*"));
    assert_false(allowed("http://localhost:80a"));
    assert_false(allowed("http://localhost:3000/"));
    assert_false(allowed("http://user@localhost:3000"));
    assert_false(allowed("http://evil.com:3000"));
    assert_false(allowed("http://[::1]"));
    assert_false(allowed("http://[::1:3000"));
    assert_false(allowed("http://[::1]x:3000"));
    assert_false(allowed("http://[::2]:3000"));
    assert_false(allowed("http://:3000"));
    assert_false(allowed("://localhost:3000"));
    assert_false(allowed("localhost:3000"));
    assert_false(allowed("http:/localhost:3000"));
}

static void test_ports(void **state)
{
    (void)state;
    assert_true(matches("https://a.example", "https://a.example"));
    assert_false(matches("https://a.example:443", "https://a.example"));
    assert_false(matches("https://a.example", "https://a.example:443"));
    assert_true(matches("https://a.example:443", "https://a.example:443"));
    assert_false(matches("https://a.example:0443", "https://a.example:443"));
    assert_true(matches("https://a.example:0443", "https://a.example:*"));
}

static void test_wildcards(void **state)
{
    (void)state;
    assert_true(matches("https://a.example.com", "https://*.example.com"));
    assert_true(matches("https://A.b-1.EXAMPLE.com", "https://*.example.com"));
    assert_false(matches("https://example.com", "https://*.example.com"));
    assert_false(matches("https://.example.com", "https://*.example.com"));
    assert_false(matches("https://a.example.com.evil.org", "https://*.example.com"));
    assert_false(matches("https://a_b.example.com", "https://*.example.com"));
    assert_true(matches("https://a.example.example.com", "https://*.example.com"));
    assert_true(matches("https://app-1.x.app-2", "https://app-*.app-*"));
    assert_false(matches("https://app-.app-2", "https://app-*.app-*"));
    assert_true(matches("https://abab", "https://a*b"));
    assert_false(matches("https://ab", "https://a*b"));
    assert_false(matches("https://[::1]", "https://*"));
    assert_true(matches("https://anything.at-all", "*"));
    assert_true(matches("moz-extension://0a1b", "*"));
    assert_false(matches("null", "*"));
    assert_false(matches("http://a b", "*"));
}

static void test_patterns(void **state)
{
    static const char *const good[] = {
        "*",
        "http://localhost:*",
        "http://[::1]:*",
        "https://*.example.com",
        "https://app-*.a.example:8443",
        "moz-extension://0a1b",
        "https://*",
    };
    static const char *const bad[] = {
        "",          "null",        "localhost",      "localhost:3000", "http://",    "http://a/",
        "http://a:", "http://a:x",  "http://a:65536", "http://a:8*",    "http://u@a", "http://a b",
        "*://a",     "http://[::1", "http://[*]:80",  "http://[::g]",   "http//a",    "http://a?",
        "**",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(http_origin_pattern_valid(str_from_z(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (http_origin_pattern_valid(str_from_z(bad[i]))) {
            fail_msg("a pattern: %s", bad[i]);
        }
    }
}

/* No prefix or extension of a matching origin matches, but those that are origins themselves. */
static void test_every_cut(void **state)
{
    (void)state;
    const char origin[] = "http://127.0.0.1:8765";
    char longer[sizeof(origin) + 1];

    for (size_t len = 0; len < sizeof(origin) - 1; len++) {
        bool whole = len > strlen("http://127.0.0.1:");
        assert_int_equal(whole, http_origin_allowed(str_make(origin, len), defaults, 3));
    }
    for (int c = 0; c < 256; c++) {
        memcpy(longer, origin, sizeof(origin) - 1);
        longer[sizeof(origin) - 1] = (char)c;
        assert_int_equal(c >= '0' && c <= '9',
                         http_origin_allowed(str_make(longer, sizeof(origin)), defaults, 3));
    }
}

static bool host(const char *value)
{
    static const struct str names[] = {{"box.lan", 7}};
    return http_host_allowed(str_from_z(value), names, 1);
}

static void test_hosts(void **state)
{
    (void)state;
    assert_true(host("localhost"));
    assert_true(host("LOCALHOST:8765"));
    assert_true(host("127.0.0.1:8765"));
    assert_true(host("127.1.2.3"));
    assert_true(host("[::1]"));
    assert_true(host("[::1]:8765"));
    assert_true(host("box.lan:80"));
    assert_true(host("BOX.lan"));

    assert_false(host(""));
    assert_false(host("evil.com"));
    assert_false(host("evil.com:8765"));
    assert_false(host("localhost.evil.com"));
    assert_false(host("127.0.0.1.evil.com"));
    assert_false(host("127.evil.com"));
    assert_false(host("192.168.0.1"));
    assert_false(host("[::2]"));
    assert_false(host("localhost:port"));
    assert_false(host("box.lan.evil"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),  cmocka_unit_test(test_ports),
        cmocka_unit_test(test_wildcards), cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_every_cut), cmocka_unit_test(test_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
