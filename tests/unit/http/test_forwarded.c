#include "unit.h"

#include <stdio.h>

#include "http/forwarded.h"

/* Trusted: 10.0.0.0/8, 2001:db8::/32, and the peer, 127.0.0.1. Our names: ours.example. */
static const struct {
    const char *fields; /* F: Forwarded, X: X-Forwarded-For, P: -Proto, H: -Host; lines end in \n */
    const char *caller; /* NULL: refused */
    bool foreign;
} cases[] = {
    {"", "127.0.0.1", false},
    {"X 192.0.2.1\n", "192.0.2.1", false},
    {"X 192.0.2.1:1234\n", "192.0.2.1", false},
    {"X 203.0.113.5, 192.0.2.1\n", "192.0.2.1", false},
    {"X 203.0.113.5\nX 192.0.2.1\n", "192.0.2.1", false},
    {"X 192.0.2.1, 10.0.0.1\n", "192.0.2.1", false},
    {"X 192.0.2.1\nX 10.0.0.1, 2001:db8::9\n", "192.0.2.1", false},
    {"X 10.0.0.2, 10.0.0.1\n", "10.0.0.2", false},
    {"X 127.0.0.1\n", "127.0.0.1", false},
    {"X ::ffff:10.0.0.1\n", "10.0.0.1", false},
    {"X 192.0.2.1, ::ffff:10.0.0.1\n", "192.0.2.1", false},
    {"X 2001:db9::1\n", "2001:db9::1", false},
    {"X [2001:db9::1]\n", "2001:db9::1", false},
    {"X [2001:db9::1]:80\n", "2001:db9::1", false},
    {"X unknown, 192.0.2.1\n", "192.0.2.1", false},
    {"X ,192.0.2.1,\n", "192.0.2.1", false},
    {"X unknown\n", NULL, false},
    {"X 192.0.2.1, unknown\n", NULL, false},
    {"X 192.0.2.1, unknown, 10.0.0.1\n", NULL, false},
    {"X \n", NULL, false},
    {"X ,\n", NULL, false},
    {"X 192.0.2.1 192.0.2.2\n", NULL, false},
    {"X nonsense, 192.0.2.1\n", NULL, false},
    {"X 192.0.2.256\n", NULL, false},
    {"X 192.0.2.1:\n", NULL, false},
    {"X 192.0.2.1:65536\n", NULL, false},
    {"X 192.0.2.1:80x\n", NULL, false},
    {"X [192.0.2.1]\n", NULL, false},
    {"X [2001:db9::1\n", NULL, false},
    {"X [2001:db9::1]80\n", NULL, false},
    {"X \"192.0.2.1\"\n", NULL, false},

    {"F for=192.0.2.1\n", "192.0.2.1", false},
    {"F For=\"192.0.2.1\"\n", "192.0.2.1", false},
    {"F for=\"192.0.2.1:80\";proto=https;by=_me\n", "192.0.2.1", false},
    {"F for=\"[2001:db9::1]:80\"; host=ours.example\n", "2001:db9::1", false},
    {"F for=\"[2001:db9::1]\", for=10.0.0.1\n", "2001:db9::1", false},
    {"F for=203.0.113.5\nF for=192.0.2.1;secret=x\n", "192.0.2.1", false},
    {"F for=\"_a.b-c\", for=192.0.2.1\n", "192.0.2.1", false},
    {"F for=\"192.0.2.1:_port\"\n", "192.0.2.1", false},
    {"F for=203.0.113.5;by=\"a, for=1.2.3.4\", for=192.0.2.1\n", "192.0.2.1", false},
    {"F for=192.0.2.1;\n", "192.0.2.1", false},
    {"F for=_hidden\n", NULL, false},
    {"F for=unknown\n", NULL, false},
    {"F proto=https\n", NULL, false},
    {"F for=192.0.2.1, proto=https\n", NULL, false},
    {"F for=192.0.2.1;for=192.0.2.2\n", NULL, false},
    {"F for=192.0.2.1;host=ours.example;host=ours.example\n", NULL, false},
    {"F for=[2001:db9::1]\n", NULL, false},
    {"F for=\"2001:db9::1\"\n", NULL, false},
    {"F for=\"192.0.2.1\n", NULL, false},
    {"F for=\"192.0.2.1\"x\n", NULL, false},
    {"F for=\"192.0.2.\\1\"\n", NULL, false},
    {"F for = 192.0.2.1\n", NULL, false},
    {"F for\n", NULL, false},
    {"F for=\n", NULL, false},
    {"F =192.0.2.1\n", NULL, false},
    {"F for=\"\"\n", NULL, false},
    {"F for=\"_\"\n", NULL, false},
    {"F 192.0.2.1\n", NULL, false},
    {"F \n", NULL, false},
    {"F for=192.0.2.1;proto=gopher\n", NULL, false},
    {"F for=192.0.2.1;host=\"a b\"\n", NULL, false},

    {"F for=192.0.2.1\nX 192.0.2.1\n", "192.0.2.1", false},
    {"F for=203.0.113.5, for=192.0.2.1\nX 192.0.2.1, 10.0.0.1\n", "192.0.2.1", false},
    {"F for=192.0.2.1\nX 192.0.2.2\n", NULL, false},
    {"F for=10.0.0.1\nX 192.0.2.2\n", NULL, false},

    {"P https\n", "127.0.0.1", false},
    {"X 192.0.2.1\nP https, http\nH ours.example:443\n", "192.0.2.1", false},
    {"X 192.0.2.1\nH localhost\n", "192.0.2.1", false},
    {"X 192.0.2.1\nH evil.example\n", "192.0.2.1", true},
    {"X 192.0.2.1\nH evil.example, ours.example\n", "192.0.2.1", true},
    {"F for=192.0.2.1;host=evil.example\n", "192.0.2.1", true},
    {"F for=192.0.2.1;host=\"ours.example:80\"\n", "192.0.2.1", false},
    {"P gopher\n", NULL, false},
    {"P \n", NULL, false},
    {"H a b\n", NULL, false},
    {"H \n", NULL, false},
};

static const struct str own[] = {{"ours.example", 12}};

static void parse(const char *fields, char text[1024], struct http_head *ret_head)
{
    size_t len = (size_t)snprintf(text, 1024, "GET / HTTP/1.1\r\nHost: a\r\n");
    const char *reason;

    while (*fields != '\0') {
        const char *name = *fields == 'F'   ? "Forwarded"
                           : *fields == 'X' ? "X-Forwarded-For"
                           : *fields == 'P' ? "X-Forwarded-Proto"
                                            : "X-Forwarded-Host";
        size_t end = str_find(str_from_z(fields), '\n');
        len += (size_t)snprintf(text + len, 1024 - len, "%s: %.*s\r\n", name, (int)end - 2,
                                fields + 2);
        fields += end + 1;
    }
    len += (size_t)snprintf(text + len, 1024 - len, "\r\n");
    http_request_init(ret_head);
    assert_int_equal(len, http_parse_head(ret_head, text, len, &reason));
}

static void test_cases(void **state)
{
    struct http_network proxies[3];
    struct http_trust trust = {proxies, 3, own, 1};
    uint8_t peer[16], caller[16];

    (void)state;
    assert_true(http_network_parse(STR("10.0.0.0/8"), &proxies[0]));
    assert_true(http_network_parse(STR("2001:db8::/32"), &proxies[1]));
    assert_true(http_network_parse(STR("127.0.0.1"), &proxies[2]));
    assert_true(http_address_parse(STR("127.0.0.1"), peer));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1024];
        struct http_head head;
        struct http_forwarded have;
        parse(cases[i].fields, text, &head);
        const char *wrong = http_forwarded_read(&head, text, &trust, peer, &have);
        if ((wrong != NULL) != (cases[i].caller == NULL)) {
            fail_msg("%s: %s", cases[i].fields, wrong != NULL ? wrong : "taken");
        }
        assert_int_equal(cases[i].fields[0] != '\0', http_is_forwarded(&head));
        if (wrong == NULL) {
            assert_true(http_address_parse(str_from_z(cases[i].caller), caller));
            if (memcmp(caller, have.address, 16) != 0 || have.foreign_host != cases[i].foreign) {
                fail_msg("another caller, or host: %s", cases[i].fields);
            }
        }
    }
}

/* Further fields that say that somebody stands between. */
static void test_signs_of_a_proxy(void **state)
{
    static const char *const signs[] = {"X-Real-IP: 1.2.3.4", "Via: 1.1 a", "forwarded: x",
                                        "X-FORWARDED-FOR: x"};
    char text[256];
    const char *reason;

    (void)state;
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        struct http_head head;
        size_t len = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n",
                                      signs[i]);
        http_request_init(&head);
        assert_int_equal(len, http_parse_head(&head, text, len, &reason));
        assert_true(http_is_forwarded(&head));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_signs_of_a_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
