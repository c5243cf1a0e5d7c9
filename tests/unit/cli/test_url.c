#include "unit.h"

#include "cli/url.h"

static void expect_url(const char *text, const char *host, unsigned port, const char *authority)
{
    struct url url;
    struct buf error;

    buf_init(&error, 1024);
    assert_true(url_parse(str_from_z(text), &url, &error));
    assert_true(str_equal(url.host, str_from_z(host)));
    assert_true(str_equal(url.authority, str_from_z(authority)));
    assert_int_equal(url.port, port);
    assert_int_equal(url.path.len, 0);
    buf_fini(&error);
}

static void test_tcp(void **state)
{
    (void)state;
    expect_url("http://127.0.0.1:8765", "127.0.0.1", 8765, "127.0.0.1:8765");
    expect_url("http://localhost", "localhost", 8765, "localhost");
    expect_url("HTTP://localhost:1/", "localhost", 1, "localhost:1");
    expect_url("http://a:1/x", "a", 1, "a:1");
    expect_url("ws://[::1]:65535", "::1", 65535, "[::1]:65535");
    expect_url("WSS://a:443/ws", "a", 443, "a:443");
}

static void test_tls(void **state)
{
    static const struct {
        const char *text;
        bool is_tls;
    } cases[] = {{"https://a", true},
                 {"wss://a:1/ws", true},
                 {"http://a", false},
                 {"ws://a", false},
                 {"unix:/s", false}};
    struct url url;
    struct buf error;

    (void)state;
    buf_init(&error, 1024);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(url_parse(str_from_z(cases[i].text), &url, &error));
        assert_int_equal(cases[i].is_tls, url.is_tls);
    }
}

static void test_unix(void **state)
{
    struct url url;
    struct buf error;

    (void)state;
    buf_init(&error, 1024);
    assert_true(url_parse(STR("unix:/run/parley.sock"), &url, &error));
    assert_true(str_equal(url.path, STR("/run/parley.sock")));
    assert_true(str_equal(url.authority, STR("localhost")));
    buf_fini(&error);
}

static void test_wrong(void **state)
{
    static const char *const wrong[] = {
        "",
        "localhost",
        "localhost:8765",
        "http://",
        "http://:1",
        "http://a:",
        "http://a:0",
        "http://a:65536",
        "http://[::1]:",
        "http://a:/",
        "http://a:1/x y",
        "http://a:1/x\r\nHost: b",
        "http://a:1/x#y",
        "http://a:1/\xc3\xa4",
        "http://a?x=y",
        "unix::/ws",
        "unix:/s:/a b",
        "http://a:x",
        "unix:",
        "https://",
        "wss:///ws",
        "http://u@a:1",
        "http://a b",
    };
    struct url url;
    struct buf error;

    (void)state;
    buf_init(&error, 1024);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(url_parse(str_from_z(wrong[i]), &url, &error));
        assert_true(error.len > 0);
        buf_clear(&error);
    }
    buf_fini(&error);
}

static void expect_refused(const char *text, const char *why)
{
    struct url url;
    struct buf error;

    buf_init(&error, 1024);
    assert_false(url_parse(str_from_z(text), &url, &error));
    buf_append_char(&error, '\0');
    assert_non_null(strstr(error.data, why));
    buf_fini(&error);
}

/* A port that is none does not make the host unknown. */
static void test_wrong_port(void **state)
{
    static const char range[] = "has no port from 1 to 65535";

    (void)state;
    expect_refused("http://a:65536", range);
    expect_refused("ws://[::1]:99999/ws", range);
    expect_refused("http://a:x", range);
    expect_refused("http://a:b:1", "names no host");
}

/* What is asked for at an address: by the world's dialect in a world, and by the gateway's. */
static void expect_paths(const char *text, const char *world, const char *gateway)
{
    struct url url;
    struct buf out;

    buf_init(&out, 1024);
    assert_true(url_parse(str_from_z(text), &url, &out));
    url_append_world(&out, &url, STR("garden"));
    assert_true(str_equal(buf_str(&out), str_from_z(world)));
    buf_clear(&out);
    url_append_gateway(&out, &url);
    assert_true(str_equal(buf_str(&out), str_from_z(gateway)));
    buf_fini(&out);
}

static void test_paths(void **state)
{
    (void)state;
    expect_paths("ws://a", "/ws/matrix?world=garden", "/ws");
    expect_paths("ws://a:1/", "/ws/matrix?world=garden", "/ws");
    expect_paths("ws://a:1/hub/", "/hub/?world=garden", "/hub/");
    expect_paths("ws://a/x?y=1", "/x?y=1&world=garden", "/x?y=1");
    expect_paths("unix:/s", "/ws/matrix?world=garden", "/ws");
    expect_paths("unix:/s:/hub", "/hub?world=garden", "/hub");
    expect_paths("unix:/a:/b:/hub", "/hub?world=garden", "/hub");
}

static void test_world(void **state)
{
    char longest[123];
    struct url url = {.port = 1};
    struct buf out;

    (void)state;
    memset(longest, 'a', sizeof(longest));
    assert_true(url_world_valid(STR("a.b_c:d@e-9Z")));
    assert_true(url_world_valid(str_make(longest, 122)));
    assert_false(url_world_valid(str_make(longest, 123)));
    assert_false(url_world_valid(STR("")));
    assert_false(url_world_valid(STR("a b")));
    assert_false(url_world_valid(STR("a&b")));
    assert_false(url_world_valid(STR("a\0")));
    buf_init(&out, 256);
    url_append_world(&out, &url, STR(""));
    url_append_world(&out, &url, STR("garden"));
    assert_true(str_equal(buf_str(&out), STR("/ws/matrix/ws/matrix?world=garden")));
    buf_fini(&out);
}

static void test_query(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 256);
    buf_append_str(&out, STR("/a"));
    url_append_query(&out, STR("x"), STR("tools:b c&d=\xc3\xa4%"));
    url_append_query(&out, STR("y"), STR(""));
    assert_true(str_equal(buf_str(&out), STR("/a?x=tools:b%20c%26d%3D%C3%A4%25&y=")));
    buf_fini(&out);
}

static void test_id(void **state)
{
    char longest[129];

    (void)state;
    memset(longest, 'a', sizeof(longest));
    assert_true(url_id_valid(str_make(longest, 128)));
    assert_false(url_id_valid(str_make(longest, 129)));
    assert_true(url_id_valid(STR("c-a.b_c:d@e")));
    assert_false(url_id_valid(STR("")));
    assert_false(url_id_valid(STR("a/b")));
    assert_false(url_id_valid(STR("a%")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp),        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_unix),       cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_wrong_port), cmocka_unit_test(test_world),
        cmocka_unit_test(test_paths),      cmocka_unit_test(test_query),
        cmocka_unit_test(test_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
