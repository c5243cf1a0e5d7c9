#include "unit.h"

#include "settings.h"

/* A setting besides the defaults. */
struct setting {
    const char *key;
    const char *value;
};

enum { MAX_SETTINGS = 3 };

/* Sets keys, as many as have a name, and checks; *said gets the sentence and then the warnings. */
static bool check_all(const struct setting settings[MAX_SETTINGS], struct buf *said)
{
    struct config c;
    struct buf warnings;

    assert_true(config_init(&c));
    for (size_t i = 0; i < MAX_SETTINGS && settings[i].key != NULL; i++) {
        assert_true(set_flag(&c, settings[i].key, settings[i].value));
    }
    buf_init(&warnings, CONFIG_MAX_ERROR);
    bool ok = config_check(&c, &warnings, said);
    assert_int_equal(ok, said->len == 0);
    assert_true(ok || warnings.len == 0);
    buf_append_str(said, buf_str(&warnings));
    buf_fini(&warnings);
    config_fini(&c);
    return ok;
}

static bool check_with(const char *key, const char *value, struct buf *said)
{
    return check_all((struct setting[MAX_SETTINGS]){{key, value}}, said);
}

static void test_defaults(void **state)
{
    struct buf said;

    (void)state;
    buf_init(&said, CONFIG_MAX_ERROR);
    assert_true(check_all((struct setting[MAX_SETTINGS]){{NULL, NULL}}, &said));
    assert_int_equal(said.len, 0);
    buf_fini(&said);
}

static void test_bind(void **state)
{
    static const char *const loopback[] = {"loopback",  "localhost", "127.0.0.1",
                                           "127.0.0.2", "::1",       "::ffff:127.0.0.1"};
    static const char *const others[] = {
        "all", "0.0.0.0", "::", "192.168.1.2", "fd00::1", "::ffff:10.0.0.1"};
    static const char *const wrong[] = {"example.org", "", "[::1]", "127.1", "1.2.3.4:80", "*"};
    struct buf said;

    (void)state;
    buf_init(&said, CONFIG_MAX_ERROR);
    for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++) {
        assert_true(check_with("listen.bind", loopback[i], &said));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(check_with("listen.bind", others[i], &said));
        assert_non_null(memmem(said.data, said.len, "--allow-anonymous", 17));
        buf_clear(&said);
        assert_true(check_all((struct setting[MAX_SETTINGS]){{"listen.bind", others[i]},
                                                             {"auth.allow_anonymous", "true"}},
                              &said));
        assert_true(check_all((struct setting[MAX_SETTINGS]){{"listen.bind", others[i]},
                                                             {"auth.mode", "token"},
                                                             {"auth.token_file", "f"}},
                              &said));
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(check_all((struct setting[MAX_SETTINGS]){{"listen.bind", wrong[i]},
                                                              {"auth.allow_anonymous", "true"}},
                               &said));
        assert_non_null(memmem(said.data, said.len, "\" is no address; it takes ", 26));
        buf_clear(&said);
    }
    assert_int_equal(said.len, 0);
    buf_fini(&said);
}

/* Each rule about values, with the whole sentence. */
static void test_sentences(void **state)
{
    static const struct {
        struct setting settings[MAX_SETTINGS];
        const char *said;
    } cases[] = {
        {{{"listen.bind", "all"}},
         "listen.bind: \"all\" lets other machines in, and nobody is asked who they are; set a "
         "token (--token-file FILE), or let everybody in (--allow-anonymous)"},
        {{{"listen.bind", "here"}},
         "listen.bind: \"here\" is no address; it takes loopback, all, or an IPv4 or IPv6 address"},
        {{{"listen.bind", "tailscale"}},
         "listen.bind: \"tailscale\" is no address, and Parley does not look for networks by name; "
         "set it to the address that this machine has there, with auth.mode token, or leave it out "
         "and list the proxy in front in trusted_proxies"},
        {{{"listen.status_port", "8765"}},
         "listen.status_port: \"8765\" is listen.port as well; choose another, or 0 for none"},
        {{{"auth.mode", "token"}},
         "auth.mode: \"token\" needs tokens, and there are none; name a file of them "
         "(auth.token_file), list them (auth.tokens), or give one that all share (--token-file "
         "FILE)"},
        {{{"auth.mode", "password"}},
         "auth.mode: \"password\" needs a password; set auth.password_hash to what `parley "
         "password "
         "hash` prints"},
        {{{"auth.password_hash", "s3cret"}},
         "auth.password_hash: this is no argon2id hash ($argon2id$v=...); set it to what `parley "
         "password hash` prints"},
        {{{"auth.mode", "jwt"}},
         "auth.mode: \"jwt\" needs the keys that tokens are signed with, and there are none; list "
         "them (auth.jwt.keys)"},
        {{{"auth.jwt.keys", "HS256 /k iss=me,EdDSA /l"}},
         "auth.jwt.keys: \"EdDSA /l\" does not say whose tokens it is for; add iss=ISSUER, or set "
         "auth.jwt.issuer"},
        {{{"auth.jwt.keys", "none /k"}, {"auth.jwt.issuer", "me"}},
         "auth.jwt.keys: \"none /k\" does not begin with one of HS256, RS256, ES256 and EdDSA"},
        {{{"listen.world_paths", "/a,/health"}},
         "listen.world_paths: \"/health\" cannot be the path of a world; it begins with / and is "
         "none that the gateway serves otherwise"},
        {{{"listen.echo_path", "/ws"}},
         "listen.echo_path: \"/ws\" cannot be the path that echoes; it begins with / and is none "
         "of "
         "listen.world_paths, nor listen.gateway_path, nor one that the gateway serves otherwise"},
        {{{"listen.echo_path", "/echo"}, {"auth.mode", "token"}, {"auth.tokens", "sha256:00 a"}},
         "listen.echo_path: \"/echo\" would let everybody in beside auth.mode; it is for "
         "development: leave one of them out"},
        {{{"listen.hosts", "a.example:80"}},
         "listen.hosts: \"a.example:80\" is no host; it takes names and addresses (IPv6 in "
         "brackets), without scheme and port"},
        {{{"origins", "https://a.example/"}},
         "origins: \"https://a.example/\" is no origin; it takes SCHEME://HOST, "
         "SCHEME://HOST:PORT or *, without a path"},
        {{{"trusted_proxies", "10.0.0.0/33"}},
         "trusted_proxies: \"10.0.0.0/33\" is no address and no network; it takes those like "
         "10.0.0.7, 10.0.0.0/8 and fd00::/8"},
        {{{"listen.tls_cert", "/c.pem"}},
         "listen.tls_cert: \"/c.pem\" needs its private key; name that in listen.tls_key"},
        {{{"listen.tls_key", "/k.pem"}},
         "listen.tls_key: \"/k.pem\" needs its certificate; name that in listen.tls_cert"},
        {{{"listen.public_url", "parley.example"}},
         "listen.public_url: \"parley.example\" is no URL; it takes http://HOST, https://HOST, "
         "ws://HOST or wss://HOST, perhaps with a port and a path"},
    };
    struct buf said;

    (void)state;
    buf_init(&said, CONFIG_MAX_ERROR);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(check_all(cases[i].settings, &said));
        expect_error(&said, cases[i].said);
    }
    buf_fini(&said);
}

static void test_warnings(void **state)
{
    static const char *const hash = "$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$aGFzaA";
    const struct {
        struct setting settings[MAX_SETTINGS];
        const char *said;
    } cases[] = {
        {{{"auth.token_file", "f"}}, "auth.token_file: is not used: auth.mode is not token\n"},
        {{{"auth.tokens", "x"}, {"auth.password_hash", hash}, {"auth.mode", "password"}},
         "auth.tokens: is not used: auth.mode is not token\n"},
        {{{"auth.password_hash", hash}},
         "auth.password_hash: is not used: auth.mode is not password\n"},
        {{{"origins", "https://a.example,*"}, {"auth.mode", "token"}, {"auth.token_file", "f"}},
         "origins: \"*\" lets the pages of every site connect with the credentials that they get "
         "hold of; list the sites instead\n"},
        {{{"auth.jwt.keys", "HS256 /k iss=me"}},
         "auth.jwt.keys: is not used: auth.mode is not jwt\n"},
        {{{"auth.jwt.issuer", "me"}, {"auth.jwt.audience", "us"}},
         "auth.jwt.issuer: is not used: auth.mode is not jwt\n"
         "auth.jwt.audience: is not used: auth.mode is not jwt\n"},
        {{{"auth.mode", "jwt"}, {"auth.jwt.issuer", "me"}, {"auth.jwt.keys", "HS256 /k"}}, ""},
        {{{"origins", "*"}}, ""},
        {{{"auth.mode", "token"}, {"auth.tokens", "x"}}, ""},
    };
    struct buf said;

    (void)state;
    buf_init(&said, CONFIG_MAX_ERROR);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(check_all(cases[i].settings, &said));
        expect_error(&said, cases[i].said);
    }
    buf_fini(&said);
}

static void test_world_paths(void **state)
{
    static const char *const wrong[] = {
        "/health", "/a,/metrics", "/",    "/api/gateway/x", "/api/gateway/status",
        "ws",      "/a?b",        "/a b", "/a#b",           "/a,/",
    };
    struct buf said;

    (void)state;
    buf_init(&said, CONFIG_MAX_ERROR);
    assert_true(check_with("listen.world_paths", "/a, /b ,/healthy", &said));
    /* A comma at the very end separates nothing. */
    assert_true(check_with("listen.world_paths", "/a,", &said));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(check_with("listen.world_paths", wrong[i], &said));
        buf_clear(&said);
    }
    buf_fini(&said);
}

static void test_order(void **state)
{
    struct buf said;

    (void)state;
    buf_init(&said, CONFIG_MAX_ERROR);
    assert_true(check_with("limits.frame_bytes", "1MiB", &said));
    assert_false(check_with("limits.frame_bytes", "1023KiB", &said));
    expect_error(&said, "limits.message_bytes (1MiB) must be at most limits.frame_bytes (1023KiB)");
    assert_true(check_with("heartbeat.interval", "59s", &said));
    assert_false(check_with("heartbeat.interval", "1m", &said));
    expect_error(&said, "heartbeat.interval (1m) must be shorter than heartbeat.timeout (60s)");
    buf_fini(&said);
}

static void test_list(void **state)
{
    struct str rest = STR(" /a ,,/b"), element;

    (void)state;
    assert_true(config_next_element(&rest, &element));
    assert_true(str_equal(element, STR("/a")));
    assert_true(config_next_element(&rest, &element));
    assert_true(str_equal(element, STR("")));
    assert_true(config_next_element(&rest, &element));
    assert_true(str_equal(element, STR("/b")));
    assert_false(config_next_element(&rest, &element));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),    cmocka_unit_test(test_bind),
        cmocka_unit_test(test_sentences),   cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_world_paths), cmocka_unit_test(test_order),
        cmocka_unit_test(test_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
