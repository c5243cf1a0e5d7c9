#include "unit.h"

#include "cli/banner.h"

static void expect_banner(const struct banner *banner, const char *text)
{
    struct buf out;

    buf_init(&out, 8192);
    banner_append(&out, banner);
    buf_append_char(&out, '\0');
    assert_string_equal(out.data, text);
    buf_fini(&out);
}

static void test_plain(void **state)
{
    const struct banner banner = {.program = "build/parley",
                                  .bind = "loopback",
                                  .mode = "none",
                                  .world_path = "/ws/matrix",
                                  .gateway_path = "/ws",
                                  .address = "127.0.0.1",
                                  .port = 8765};

    (void)state;
    expect_banner(&banner, "parley " PARLEY_VERSION "   loopback only, no authentication\n"
                           "\n"
                           "  World      ws://127.0.0.1:8765/ws/matrix\n"
                           "  Gateway    ws://127.0.0.1:8765/ws\n"
                           "  Status     http://127.0.0.1:8765/api/gateway/status\n"
                           "\n"
                           "  In another terminal:\n"
                           "    build/parley tail                                        "
                           "watch everything\n"
                           "    build/parley agent run demo.upper --exec 'tr a-z A-Z'    "
                           "become an agent in one line\n"
                           "    build/parley call demo.upper '\"hello\"'                   "
                           "ask whoever can do demo.upper\n"
                           "\n");
}

static void test_tls(void **state)
{
    const struct banner banner = {.program = "build/parley",
                                  .bind = "loopback",
                                  .mode = "none",
                                  .world_path = "/ws/matrix",
                                  .gateway_path = "/ws",
                                  .address = "127.0.0.1",
                                  .port = 8765,
                                  .is_tls = true};

    (void)state;
    expect_banner(
        &banner,
        "parley " PARLEY_VERSION "   loopback only, no authentication\n"
        "\n"
        "  World      wss://127.0.0.1:8765/ws/matrix\n"
        "  Gateway    wss://127.0.0.1:8765/ws\n"
        "  Status     https://127.0.0.1:8765/api/gateway/status\n"
        "\n"
        "  In another terminal:\n"
        "    build/parley tail --url https://127.0.0.1:8765           "
        "watch everything\n"
        "    build/parley agent run --url https://127.0.0.1:8765 demo.upper --exec 'tr a-z A-Z'   "
        "become an agent in one line\n"
        "    build/parley call --url https://127.0.0.1:8765 demo.upper '\"hello\"'   "
        "ask whoever can do demo.upper\n"
        "\n");
}

static void test_elsewhere(void **state)
{
    const struct banner banner = {.program = "/my programs/it's",
                                  .bind = "::1",
                                  .mode = "none",
                                  .world_path = "/w",
                                  .gateway_path = "/g",
                                  .echo_path = "/echo",
                                  .address = "127.0.0.1",
                                  .port = 9,
                                  .unix_path = "/run/a\033b"};

    (void)state;
    expect_banner(&banner,
                  "parley " PARLEY_VERSION "   loopback only, no authentication\n"
                  "\n"
                  "  World      ws://127.0.0.1:9/w\n"
                  "  Gateway    ws://127.0.0.1:9/g\n"
                  "  Status     http://127.0.0.1:9/api/gateway/status\n"
                  "  Echo       ws://127.0.0.1:9/echo   (for development: anybody may use it)\n"
                  "  Local      unix:/run/a\\x1bb\n"
                  "\n"
                  "  In another terminal:\n"
                  "    '/my programs/it'\\''s' tail --url ws://127.0.0.1:9/w     "
                  "watch everything\n"
                  "    '/my programs/it'\\''s' agent run --url ws://127.0.0.1:9/g demo.upper "
                  "--exec 'tr a-z A-Z'   become an agent in one line\n"
                  "    '/my programs/it'\\''s' call --url ws://127.0.0.1:9/g demo.upper "
                  "'\"hello\"'   ask whoever can do demo.upper\n"
                  "\n");
}

/* The first line says who can reach it and what they need. */
static void expect_first(const char *bind, const char *mode, const char *address, const char *first)
{
    const struct banner banner = {.program = "parley",
                                  .bind = bind,
                                  .mode = mode,
                                  .world_path = "/w",
                                  .gateway_path = "/g",
                                  .address = address,
                                  .port = 8765};
    struct buf out;

    buf_init(&out, 8192);
    banner_append(&out, &banner);
    size_t end = str_find(buf_str(&out), '\n');
    out.data[end] = '\0';
    assert_string_equal(out.data, first);
    buf_fini(&out);
}

static void test_first_line(void **state)
{
    (void)state;
    expect_first("all", "token", "127.0.0.1",
                 "parley " PARLEY_VERSION "   all addresses, token required");
    expect_first("all", "none", "127.0.0.1",
                 "parley " PARLEY_VERSION "   all addresses, no authentication");
    expect_first("192.0.2.7", "password", "192.0.2.7",
                 "parley " PARLEY_VERSION "   192.0.2.7 only, password required");
    expect_first("127.0.0.1", "token", "127.0.0.1",
                 "parley " PARLEY_VERSION "   loopback only, token required");
    expect_first(NULL, "token", "127.0.0.1",
                 "parley " PARLEY_VERSION "   sockets of the service manager, token required");
}

/* Commands name an address that they would not find by themselves; IPv6 stands in brackets. */
static void test_address(void **state)
{
    const struct banner banner = {.program = "parley",
                                  .bind = "fd00::7",
                                  .mode = "token",
                                  .world_path = "/ws/matrix",
                                  .gateway_path = "/g",
                                  .address = "fd00::7",
                                  .port = 8765};
    struct buf out;

    (void)state;
    buf_init(&out, 8192);
    banner_append(&out, &banner);
    buf_append_char(&out, '\0');
    assert_non_null(strstr(out.data, "ws://[fd00::7]:8765/ws/matrix\n"));
    assert_non_null(strstr(out.data, "ws://[fd00::7]:8765/g\n"));
    assert_non_null(strstr(out.data, "parley tail --url http://[fd00::7]:8765 "));
    assert_non_null(strstr(out.data, "parley call --url ws://[fd00::7]:8765/g "));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),     cmocka_unit_test(test_tls),
        cmocka_unit_test(test_elsewhere), cmocka_unit_test(test_first_line),
        cmocka_unit_test(test_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
