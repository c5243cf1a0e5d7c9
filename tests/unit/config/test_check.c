#include "unit.h"

#include "settings.h"

/* Sets one key besides the defaults and checks them; *ret_said gets the sentence. */
static bool check_with(const char *key, const char *value, struct buf *ret_said)
{
    struct config c;

    assert_true(config_init(&c));
    assert_true(set_flag(&c, key, value));
    bool ok = config_check(&c, ret_said);
    config_fini(&c);
    return ok;
}

static void test_defaults(void **state)
{
    struct config c;
    struct buf said;

    (void)state;
    buf_init(&said, CONFIG_MAX_ERROR);
    assert_true(config_init(&c));
    assert_true(config_check(&c, &said));
    config_fini(&c);
    buf_fini(&said);
}

static void test_bind(void **state)
{
    static const char *const loopback[] = {"loopback", "localhost", "127.0.0.1", "::1"};
    static const char *const others[] = {
        "all",         "0.0.0.0", "::",        "127.0.0.2",       "192.168.1.2",
        "example.org", "",        "tailscale", "::ffff:127.0.0.1"};
    struct buf said;

    (void)state;
    buf_init(&said, CONFIG_MAX_ERROR);
    for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++) {
        assert_true(check_with("listen.bind", loopback[i], &said));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(check_with("listen.bind", others[i], &said));
        assert_non_null(memmem(said.data, said.len, "no authentication by token yet", 30));
        buf_clear(&said);
    }
    assert_false(check_with("listen.bind", "all", &said));
    expect_error(
        &said, "listen.bind: \"all\": this build has no authentication by token yet and so serves "
               "loopback only: leave listen.bind out, or set it to loopback");
    buf_fini(&said);
}

static void test_world_paths(void **state)
{
    static const char *const wrong[] = {
        "/health", "/a,/metrics", "/",   "/api/gateway/x", "ws", "/a?b",
        "/a b",    "/a#b",        "/a,", "/a,,/b",         ",",
    };
    struct buf said;

    (void)state;
    buf_init(&said, CONFIG_MAX_ERROR);
    assert_true(check_with("listen.world_paths", "/a, /b ,/healthy", &said));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        bool ok = check_with("listen.world_paths", wrong[i], &said);
        /* A comma at the very end separates nothing. */
        assert_int_equal(ok, strcmp(wrong[i], "/a,") == 0);
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
        cmocka_unit_test(test_world_paths), cmocka_unit_test(test_order),
        cmocka_unit_test(test_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
