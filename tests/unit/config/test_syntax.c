#include "unit.h"

#include "config/syntax.h"

/* Lists of texts end in NULL. */
static void expect_all(bool (*is_right)(struct str text), bool right, const char *const *texts)
{
    for (; *texts != NULL; texts++) {
        if (is_right(str_from_z(*texts)) != right) {
            fail_msg("%s is taken for %s", *texts, right ? "wrong" : "right");
        }
    }
}

static void test_host(void **state)
{
    static const char *const right[] = {"localhost", "a.example",  "10.0.0.1", "[::1]",
                                        "a_b-c",     "[fd00::1a]", NULL};
    static const char *const wrong[] = {"",    "a.example:80", "http://a", "a b",
                                        "::1", "[10.1.1.1]",   "[]",       "[::1",
                                        "a/b", "*.example",    "\xc3\xa4", NULL};

    (void)state;
    expect_all(syntax_is_host, true, right);
    expect_all(syntax_is_host, false, wrong);
}

static void test_origin(void **state)
{
    static const char *const right[] = {"*",
                                        "http://localhost:*",
                                        "http://[::1]:*",
                                        "https://*.a.example",
                                        "https://a",
                                        "https://a.example:1",
                                        "app+x.y-z://a:9",
                                        "HTTPS://A.EXAMPLE",
                                        "http://*:*",
                                        "http://10.0.0.1:8080",
                                        NULL};
    static const char *const wrong[] = {
        "",           "null",       "localhost",   "http://",        "http:/a",    "http://a/",
        "http://a:",  "http://a:0", "http://a:**", "http://a:80:90", "http://a b", "://a",
        "1http://a",  "http://a?b", "http://a#b",  "http://u@a",     "**",         "http://a:65536",
        "http://::1", "http://[*]", "http://[::1", "http://a:8*",    "ht*p://a",   NULL};

    (void)state;
    expect_all(syntax_is_origin, true, right);
    expect_all(syntax_is_origin, false, wrong);
}

static void test_url(void **state)
{
    static const char *const right[] = {"http://a",      "https://a.example:8443/x/y",
                                        "ws://[::1]:1/", "wss://10.0.0.1",
                                        "HTTPS://A",     NULL};
    static const char *const wrong[] = {"",           "ftp://a",     "a.example",  "https://",
                                        "https:///x", "https://a:x", "https://*",  "http://a?q",
                                        "http://a/?", "http://a/#",  "http://a/ ", "http://a/\"",
                                        "http://u@a", "http://a:",   NULL};

    (void)state;
    expect_all(syntax_is_url, true, right);
    expect_all(syntax_is_url, false, wrong);
}

static void test_network(void **state)
{
    static const char *const right[] = {
        "10.0.0.1", "10.0.0.0/8",          "0.0.0.0/0",      "10.1.2.3/32", "::1",
        "fd00::/8", "::ffff:10.0.0.1/104", "2001:db8::/128", "::/0",        NULL};
    static const char *const wrong[] = {"",
                                        "10.0.0",
                                        "10.0.0.0/33",
                                        "::/129",
                                        "10.0.0.0/",
                                        "10.0.0.0/-1",
                                        "10.0.0.0/8/8",
                                        "/8",
                                        "a.example",
                                        "[::1]",
                                        "10.0.0.1:80",
                                        "10.0.0.256",
                                        "fe80::1%lo",
                                        "10.0.0.0/ 8",
                                        "*",
                                        NULL};

    (void)state;
    expect_all(syntax_is_network, true, right);
    expect_all(syntax_is_network, false, wrong);
    assert_false(syntax_is_network(STR("10.0.0.1\0")));
}

static void test_argon2id(void **state)
{
    static const char *const right[] = {"$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHQ$aGFzaA+/",
                                        NULL};
    static const char *const wrong[] = {"",
                                        "password",
                                        "$argon2i$v=19$m=65536,t=3,p=1$c2FsdA$aGFzaA",
                                        "$argon2id$v=19$m=65536,t=3,p=1$c2FsdA",
                                        "$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$",
                                        "$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$a$b",
                                        "$argon2id$v=19$m=65536,t=3,p=1$c2 FsdA$a",
                                        "x$argon2id$v=19$m=1,t=3,p=1$c2FsdA$a",
                                        NULL};

    (void)state;
    expect_all(syntax_is_argon2id, true, right);
    expect_all(syntax_is_argon2id, false, wrong);
    assert_false(syntax_is_argon2id(STR("$argon2id$v=19$m=1,t=3,p=1$c2FsdA$a\0")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host),    cmocka_unit_test(test_origin),   cmocka_unit_test(test_url),
        cmocka_unit_test(test_network), cmocka_unit_test(test_argon2id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
