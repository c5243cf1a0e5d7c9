#include "vectors.h"

struct host_case {
    const char *host;
    const char *name; /* NULL: refused */
    const char *port;
};

static const struct host_case cases[] = {
    {"localhost", "localhost", ""},
    {"localhost:8765", "localhost", "8765"},
    {"a:", "a", ""},
    {"a:0", "a", "0"},
    {"a:65535", "a", "65535"},
    {"a:00080", "a", "00080"},
    {"127.0.0.1:80", "127.0.0.1", "80"},
    {"1.2.3", "1.2.3", ""},
    {"a-b_c~d.e!$&'()*+,;=", "a-b_c~d.e!$&'()*+,;=", ""},
    {"a%2Fb:1", "a%2Fb", "1"},
    {"[::]", "[::]", ""},
    {"[::1]", "[::1]", ""},
    {"[::1]:", "[::1]", ""},
    {"[::1]:8765", "[::1]", "8765"},
    {"[1::]", "[1::]", ""},
    {"[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", ""},
    {"[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7::]", ""},
    {"[::2:3:4:5:6:7:8]", "[::2:3:4:5:6:7:8]", ""},
    {"[2001:DB8::aBcD]:1", "[2001:DB8::aBcD]", "1"},
    {"[::ffff:192.0.2.255]", "[::ffff:192.0.2.255]", ""},
    {"[1:2:3:4:5:6:0.10.99.200]", "[1:2:3:4:5:6:0.10.99.200]", ""},
    {"", NULL, NULL},
    {":", NULL, NULL},
    {":80", NULL, NULL},
    {"a:b", NULL, NULL},
    {"a:+1", NULL, NULL},
    {"a:1:2", NULL, NULL},
    {"a:65536", NULL, NULL},
    {"a:99999999999999999999999", NULL, NULL},
    {"a b", NULL, NULL},
    {"a/", NULL, NULL},
    {"a?", NULL, NULL},
    {"a#", NULL, NULL},
    {"a\\", NULL, NULL},
    {"u@a", NULL, NULL},
    {"a%", NULL, NULL},
    {"a%4", NULL, NULL},
    {"a%4g", NULL, NULL},
    {"\xc3\xa9", NULL, NULL},
    {"a[::1]", NULL, NULL},
    {"::1", NULL, NULL},
    {"[", NULL, NULL},
    {"[]", NULL, NULL},
    {"[::1", NULL, NULL},
    {"[::1]a", NULL, NULL},
    {"[::1]:b", NULL, NULL},
    {"[:]", NULL, NULL},
    {"[:1]", NULL, NULL},
    {"[1:]", NULL, NULL},
    {"[1]", NULL, NULL},
    {"[:::]", NULL, NULL},
    {"[1:::2]", NULL, NULL},
    {"[1::2::3]", NULL, NULL},
    {"[::1::]", NULL, NULL},
    {"[::12345]", NULL, NULL},
    {"[::g]", NULL, NULL},
    {"[1:2:3:4:5:6:7]", NULL, NULL},
    {"[1:2:3:4:5:6:7:8:9]", NULL, NULL},
    {"[1:2:3:4:5:6:7:8::]", NULL, NULL},
    {"[::1:2:3:4:5:6:7:8]", NULL, NULL},
    {"[1:2:3:4:5:6:7:]", NULL, NULL},
    {"[fe80::1%25eth0]", NULL, NULL},
    {"[v1.a:b]", NULL, NULL},
    {"[127.0.0.1]", NULL, NULL},
    {"[1:2:3:4:5:6:7:1.2.3.4]", NULL, NULL},
    {"[1:2:3:4:5:1.2.3.4]", NULL, NULL},
    {"[::1.2.3.4:5]", NULL, NULL},
    {"[::1.2.3]", NULL, NULL},
    {"[::1.2.3.]", NULL, NULL},
    {"[::1.2.3.4.5]", NULL, NULL},
    {"[::1.2.3.256]", NULL, NULL},
    {"[::1.2.3.1000]", NULL, NULL},
    {"[::1.2.3.04]", NULL, NULL},
    {"[::1..3.4]", NULL, NULL},
};

static void test_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct host_case *c = &cases[i];
        size_t len = strlen(c->host);
        char *host = copy_exactly(c->host, len);
        struct str name = STR("untouched"), port = STR("untouched");
        bool ok = http_host_split(str_make(host, len), &name, &port);
        if (ok != (c->name != NULL)) {
            fail_msg("%s is %s", c->host, ok ? "taken" : "refused");
        }
        assert_true(str_equal(name, str_from_z(ok ? c->name : "untouched")));
        assert_true(str_equal(port, str_from_z(ok ? c->port : "untouched")));
        free(host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_split)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
